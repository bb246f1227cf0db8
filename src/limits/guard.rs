//! The pumping guard: a send is suspect if there are more unverified sends than verified traffic explains.
//!
//! SMS pumping sends codes to numbers whose owners earn money for each SMS, and never uses the codes. The guard therefore
//! compares unverified sends (sent, and not used yet) with a budget that follows verified traffic, for the region and for
//! the number's prefix, over an hour and over a day. A second rule is about wrong codes over all phones: spraying.
//!
//! The rule for sends follows the one that Authgear publishes, in `docs/specs/fraud-protection.md` of
//! authgear/authgear-server, and differs in three points. It also counts the number's prefix. In its hourly budget, the last
//! 24 hours count like a day of the past fortnight. And the budget from the past hour is added to the floor, not compared
//! with it: in a small launch, three unlucky users in an hour must not make the next one suspect.

use std::time::Duration;

/// The wait before a client may retry a send that the guard rejected. It is the length of the shortest bucket: the budget
/// can change when a bucket begins.
pub(super) const RETRY_AFTER: Duration = Duration::from_mins(5);

/// A busy hour may have one sixth of a day's traffic.
pub(super) const HOURS_OF_A_DAY: f64 = 6.0;

/// The lengths of the buckets in which the guard counts traffic.
pub(super) const FIVE_MINUTES_MS: i64 = 5 * 60 * 1000;
pub(super) const HOUR_MS: i64 = 60 * 60 * 1000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// The number of five-minute buckets that are summed for the last hour.
pub(super) const FIVES_SUMMED: i64 = 12;
/// The number of one-hour buckets that are summed for the last day.
pub(super) const HOURS_SUMMED: i64 = 24;
/// The number of days before the current one among which the guard looks for the day with the most verified sends.
pub(super) const DAYS_COMPARED: i64 = 14;

/// What happens to a suspect send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardMode {
    /// The guard counts nothing.
    Off,
    /// The send is allowed, logged and counted in a metric.
    Record,
    /// The send needs a captcha.
    Challenge,
    /// The send is rejected.
    Deny,
}

impl GuardMode {
    /// Returns the name in settings, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Record => "record",
            Self::Challenge => "challenge",
            Self::Deny => "deny",
        }
    }
}

/// The guard's rule.
#[derive(Debug, Clone)]
pub struct GuardPolicy {
    /// What happens to a suspect send.
    pub mode: GuardMode,
    /// The highest ratio of unverified to verified sends over a day.
    pub daily_ratio: f64,
    /// The highest ratio of unverified to verified sends over an hour.
    pub hourly_ratio: f64,
    /// Unverified sends in a day that are never suspect.
    pub daily_floor: u32,
    /// Unverified sends in an hour that are never suspect.
    pub hourly_floor: u32,
    /// Distinct regions in a day for one address, regions aside in which it has used a code on that day. Zero turns this
    /// part off.
    pub regions_per_address: u32,
    /// When the wrong codes of all phones look like spraying.
    pub spraying: SprayPolicy,
}

/// When the wrong codes of all phones look like spraying: a few guesses for each of many phones, from many addresses, so that
/// no limit of a phone or an address notices.
#[derive(Debug, Clone, Copy)]
pub struct SprayPolicy {
    /// The attempts in an hour below which nothing is concluded. Zero turns this part off.
    pub min_attempts: u32,
    /// The highest share of wrong codes in all attempts of an hour.
    pub ratio: f64,
}

/// The codes that all users submitted in the past hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubmittedCodes {
    /// Wrong codes, and the attempts that are not decided yet.
    pub wrong: u32,
    /// Codes that were used.
    pub right: u32,
}

impl SubmittedCodes {
    /// Returns the share of wrong codes, from 0 to 1.
    pub(super) fn share_of_wrong(self) -> f64 {
        let attempts = self.wrong.saturating_add(self.right);
        if attempts == 0 { 0.0 } else { f64::from(self.wrong) / f64::from(attempts) }
    }
}

impl SprayPolicy {
    /// Returns whether these codes look like spraying.
    pub(super) fn is_exceeded(self, codes: SubmittedCodes) -> bool {
        let attempts = codes.wrong.saturating_add(codes.right);
        attempts >= self.min_attempts && f64::from(codes.wrong) > self.ratio * f64::from(attempts)
    }
}

/// The traffic of a region or a prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Traffic {
    pub(super) unverified_hour: u32,
    pub(super) unverified_day: u32,
    pub(super) verified_hour: u32,
    pub(super) verified_day: u32,
    pub(super) highest_verified_day: u32,
}

impl GuardPolicy {
    /// Returns whether the budget is used up: one more unverified send would be more than this traffic explains.
    pub(super) fn is_spent(&self, traffic: Traffic) -> bool {
        let verified = f64::from(traffic.verified_day.max(traffic.highest_verified_day));
        let daily = f64::from(self.daily_floor).max(self.daily_ratio * verified);
        let now = f64::from(self.hourly_floor) + self.hourly_ratio * f64::from(traffic.verified_hour);
        let hourly = now.max(self.hourly_ratio * verified / HOURS_OF_A_DAY);

        f64::from(traffic.unverified_day) >= daily || f64::from(traffic.unverified_hour) >= hourly
    }
}
