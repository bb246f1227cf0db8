//! Settings of rate limits, and of the time at which a day begins for them.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use jiff::fmt::strtime;

use super::values::duration;
use super::{ConfigError, SmsConfig};
use crate::limits::{GuardPolicy, LimitPolicy};
use crate::price::Price;
use crate::verification::store::FailureLimits;

/// Settings of rate limits.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rate limits")]
pub struct LimitSettings {
    /// Minimum time between two sends to one phone; 0 for no limit
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub send_cooldown: Duration,
    /// Sends to one phone a day; 0 for no limit
    #[arg(long, default_value = "10")]
    pub send_daily_limit: u32,
    /// Sends to one phone a day from one client address, out of SEND_DAILY_LIMIT; 0 for no limit
    #[arg(long, default_value = "5")]
    pub send_daily_limit_per_address: u32,
    /// Sends for one client address in an hour, not counting sends whose code was verified; 0 for no limit
    #[arg(long, default_value = "20")]
    pub send_ip_hourly_limit: u32,
    /// Sends for one client address in a day, not counting sends whose code was verified; 0 for no limit
    #[arg(long, default_value = "100")]
    pub send_ip_daily_limit: u32,
    /// Sends to all phones a day, which limits the bill; 0 for no limit
    #[arg(long, default_value = "0")]
    pub send_total_daily_limit: u32,
    /// Price of all messages a day, by the prices of the routes; 0 for no limit
    #[arg(long, value_name = "PRICE", default_value = "0")]
    pub spend_daily: Price,
    /// Wrong codes from one client address in an hour; 0 for no limit
    #[arg(long, default_value = "60")]
    pub attempt_ip_hourly_limit: u32,
    /// Consecutive wrong codes for one phone from one client address before it has to wait; 0 for no limit
    #[arg(long, default_value = "5")]
    pub attempts_before_wait: u32,
    /// Consecutive wrong codes for one phone from all client addresses before they have to wait; 0 for no limit
    #[arg(long, default_value = "50")]
    pub attempts_before_wait_total: u32,
    /// Offset from UTC at which a day begins
    #[arg(long, value_name = "OFFSET", default_value = "+08:00", allow_hyphen_values = true)]
    pub day_offset: DayOffset,
}

impl LimitSettings {
    /// Refuses a ceiling of the bill that would never be reached.
    pub(super) fn check(&self, sms: &SmsConfig) -> Result<(), ConfigError> {
        let is_free = sms.routes.iter().all(|route| route.price == Price::ZERO);
        if self.spend_daily > Price::ZERO && is_free {
            return Err(ConfigError::new("SPEND_DAILY", "set, but no message route has a price"));
        }
        Ok(())
    }

    pub(super) fn policy(&self, guard: GuardPolicy) -> LimitPolicy {
        LimitPolicy {
            ip_hourly: self.send_ip_hourly_limit,
            ip_daily: self.send_ip_daily_limit,
            ip_attempts: self.attempt_ip_hourly_limit,
            total_daily: self.send_total_daily_limit,
            spend_daily: self.spend_daily,
            guard,
        }
    }

    pub(super) fn failures(&self) -> FailureLimits {
        FailureLimits { by_address: self.attempts_before_wait, in_all: self.attempts_before_wait_total }
    }
}

/// A fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOffset(pub(super) SignedDuration);

/// The largest offset in use on Earth is +14:00, so an offset of 15 hours is a mistake. jiff accepts up to 25 hours.
const TOO_LARGE: SignedDuration = SignedDuration::from_hours(15);

impl FromStr for DayOffset {
    type Err = String;

    /// Parses `+08:00`. Parsing as `jiff::tz::Offset` would also accept `+8` and `+0800`, which may be mistakes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let offset = strtime::parse("%:z", text).ok().and_then(|parsed| parsed.offset());
        let offset = offset.map(|offset| SignedDuration::from_secs(offset.seconds().into()));
        let is_allowed = |offset: &SignedDuration| offset.abs() < TOO_LARGE && offset.as_secs() % 60 == 0;
        offset.filter(is_allowed).map(Self).ok_or_else(|| "not an offset from UTC such as +08:00".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_a_sign_hours_and_minutes() {
        assert_eq!("+08:00".parse(), Ok(DayOffset(SignedDuration::from_hours(8))));
        assert_eq!("-03:30".parse(), Ok(DayOffset(SignedDuration::from_mins(-210))));
        for wrong in ["", "8", "08:00", "+8:00", "+08:60", "+15:00", "+08", "é08:00", "+०८:००", "+08:00:01", "+08:00 "]
        {
            assert!(wrong.parse::<DayOffset>().is_err(), "{wrong}");
        }
    }
}
