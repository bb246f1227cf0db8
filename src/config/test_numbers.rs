//! Settings of test numbers: phone numbers with a fixed code, to which no SMS is sent.
//!
//! Their codes are credentials: no message and no `Debug` output contains a number or its code.

use std::collections::HashMap;
use std::str::FromStr;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::limits::DayOffset;
use super::phones::Regions;
use super::{ConfigError, SmsConfig};
use crate::code::Code;
use crate::phone::PhoneNumber;
use crate::verification::test_numbers::TestNumbers;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Settings of test numbers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Test numbers")]
pub struct TestNumberSettings {
    /// Phone numbers with a fixed code, to which no SMS is sent, for app reviewers: +8613800000000=123456,
    /// comma-separated
    #[arg(long, value_name = "NUMBER=CODE,…")]
    pub test_numbers: Option<NumbersWithCodes>,
    /// The last day on which test numbers work (a day begins at DAY_OFFSET), or the exact time at which they stop; needed
    /// with an SMS provider
    #[arg(long, value_name = "DATE")]
    pub test_numbers_until: Option<Until>,
}

/// Phone numbers and their fixed codes, `+8613800000000=123456`, comma-separated. `Debug` hides both.
#[derive(Debug, Clone, Default)]
pub struct NumbersWithCodes(HashMap<PhoneNumber, Code>);

impl FromStr for NumbersWithCodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut codes = HashMap::new();
        for (place, entry) in (1..).zip(text.split(',')) {
            let (number, code) = entry
                .trim()
                .split_once('=')
                .ok_or_else(|| format!("entry {place} is not of the form +8613800000000=123456"))?;
            let phone = e164(number).ok_or_else(|| format!("entry {place} has no mobile number in E.164"))?;
            let code = Code::parse(code).ok_or_else(|| format!("entry {place} has no code of six digits"))?;
            if codes.insert(phone, code).is_some() {
                return Err(format!("entry {place} repeats a number"));
            }
        }
        Ok(Self(codes))
    }
}

/// Parses a number that `requestCode` accepts, written as it is stored. The region has no effect on a number with a `+`.
fn e164(text: &str) -> Option<PhoneNumber> {
    let phone = PhoneNumber::parse(text, "CN".parse().ok()?).ok()?;
    (phone.e164() == text).then_some(phone)
}

/// The end of the test numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The end of this day in `DAY_OFFSET`.
    Day(Date),
    /// This instant.
    Instant(Timestamp),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || (text.len() == "2026-12-31".len()).then(|| text.parse().ok()).flatten().map(Self::Day);
        let instant = || text.parse().ok().map(Self::Instant);
        let wrong = || "not a date such as 2026-12-31, or an instant such as 2026-12-31T18:00:00+08:00".to_owned();
        day().or_else(instant).ok_or_else(wrong)
    }
}

impl Until {
    fn end(self, day_offset: SignedDuration) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::Day(day) => {
                let midnight = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
                midnight.checked_add(DAY).ok()?.checked_sub(day_offset).ok()
            }
        }
    }
}

impl TestNumberSettings {
    pub(super) fn numbers(
        &self,
        allowed: &Regions,
        day_offset: DayOffset,
        sms: &SmsConfig,
    ) -> Result<TestNumbers, ConfigError> {
        let Some(NumbersWithCodes(codes)) = &self.test_numbers else {
            return Ok(TestNumbers::default());
        };
        let is_allowed = |phone: &PhoneNumber| phone.region().is_some_and(|region| allowed.has(&region.to_string()));
        if !codes.keys().all(is_allowed) {
            return Err(ConfigError::new("TEST_NUMBERS", "a number is of a region that is not in ALLOWED_REGIONS"));
        }

        let end = match self.test_numbers_until {
            Some(until) => {
                let too_far = || ConfigError::new("TEST_NUMBERS_UNTIL", "too far in the future");
                Some(until.end(day_offset.0).ok_or_else(too_far)?)
            }
            None if sms.sends_to_phones() => {
                let reason = "needed with TEST_NUMBERS: anybody who knows a number and its code can sign in with it";
                return Err(ConfigError::new("TEST_NUMBERS_UNTIL", reason));
            }
            None => None,
        };
        Ok(TestNumbers::new(codes.clone(), end))
    }
}
