//! The pumping guard's rule: more unverified sends than verified traffic explains are suspect.
//!
//! SMS pumping sends codes to numbers that earn somebody money, and never uses them. So unverified sends (sent, and not
//! yet or never used) are held against a budget that follows verified traffic, for the region and for the number's
//! prefix, over an hour and a day. The rule is the one that Authgear publishes for its SMS fraud protection.

use std::time::Duration;

/// When a send that the guard denied may be tried again: the rule looks at five-minute buckets.
pub(super) const RETRY_AFTER: Duration = Duration::from_mins(5);

/// An hour's share of the highest day: a busy hour has a sixth of it.
pub(super) const HOURS_OF_A_DAY: f64 = 6.0;
/// How many days the highest is taken from.
pub(super) const DAYS: i64 = 14;

/// What becomes of a suspect send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardMode {
    /// Nothing is counted.
    Off,
    /// It goes; the log and a metric say so.
    Record,
    /// It needs a captcha.
    Challenge,
    /// It is refused.
    Deny,
}

impl GuardMode {
    /// The setting's word.
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
    /// What becomes of a suspect send.
    pub mode: GuardMode,
    /// Unverified to verified, over a day.
    pub daily_ratio: f64,
    /// The same over an hour.
    pub hourly_ratio: f64,
    /// Unverified sends a day that are never suspect.
    pub daily_floor: u32,
    /// The same an hour.
    pub hourly_floor: u32,
    /// Distinct regions a day for one address.
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
    /// Whether one more unverified send would be more than this traffic explains.
    pub(super) fn is_spent(&self, traffic: Traffic) -> bool {
        let verified = f64::from(traffic.verified_day.max(traffic.highest_verified_day));
        let daily = f64::from(self.daily_floor).max(self.daily_ratio * verified);
        let hourly = f64::from(self.hourly_floor).max(self.hourly_ratio * verified / HOURS_OF_A_DAY);
        f64::from(traffic.unverified_day) >= daily || f64::from(traffic.unverified_hour) >= hourly
    }
}
