//! The pumping guard: a send is suspect if there are more unverified sends than verified traffic explains.
//!
//! In SMS pumping, an attacker requests codes for numbers whose owners earn money for each SMS, and never uses the codes.
//! The guard therefore compares unverified sends (the code is not used yet) with a budget that follows verified traffic, for
//! the region and for the number's prefix, over an hour and over a day. It uses the rule that Authgear publishes for its SMS
//! fraud protection. This module has the rule alone; the stores count the traffic.

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
    /// The number of distinct regions that one address may send to in a day. Zero turns this check off.
    pub regions_per_address: u32,
}

/// The traffic of a region or a prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Traffic {
    pub(super) unverified_hour: u32,
    pub(super) unverified_day: u32,
    pub(super) verified_day: u32,
    pub(super) highest_verified_day: u32,
}

impl GuardPolicy {
    /// Returns whether the budget is used up: one more unverified send would be more than this traffic explains.
    pub(super) fn is_spent(&self, traffic: Traffic) -> bool {
        let verified = f64::from(traffic.verified_day.max(traffic.highest_verified_day));
        let daily = f64::from(self.daily_floor).max(self.daily_ratio * verified);
        let hourly = f64::from(self.hourly_floor).max(self.hourly_ratio * verified / HOURS_OF_A_DAY);

        f64::from(traffic.unverified_day) >= daily || f64::from(traffic.unverified_hour) >= hourly
    }
}
