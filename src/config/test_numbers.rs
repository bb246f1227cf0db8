//! The forms of `TEST_NUMBERS` and `TEST_NUMBERS_UNTIL`, and whether they fit the rest.

use std::collections::HashMap;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{ConfigError, Settings, SmsConfig};
use crate::code::Code;
use crate::phone::PhoneNumber;
use crate::verification::test_numbers::TestNumbers;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Numbers and their fixed codes, `+8613800000000=123456`, comma-separated. `Debug` shows neither.
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

/// A number that `requestCode` takes, and written as it is stored. The region is not looked at, since there is a `+`.
fn e164(text: &str) -> Option<PhoneNumber> {
    let phone = PhoneNumber::parse(text, "CN".parse().ok()?).ok()?;
    (phone.e164() == text).then_some(phone)
}

/// The last day, or the instant from which on there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To the end of this day in `DAY_OFFSET`.
    Day(Date),
    /// To this instant.
    Instant(Timestamp),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || (text.len() == "2026-12-31".len()).then(|| text.parse().ok()).flatten().map(Self::Day);
        let instant = || text.parse().ok().map(Self::Instant);
        let wrong = || "not a date such as 2026-12-31, nor an instant such as 2026-12-31T18:00:00+08:00".to_owned();
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

pub(super) fn read(settings: &Settings, sms: &SmsConfig) -> Result<TestNumbers, ConfigError> {
    let Some(NumbersWithCodes(codes)) = &settings.test_numbers else {
        return Ok(TestNumbers::default());
    };
    let allowed =
        |phone: &PhoneNumber| phone.region().is_some_and(|region| settings.allowed_regions.has(&region.to_string()));
    if !codes.keys().all(allowed) {
        return Err(ConfigError::new("TEST_NUMBERS", "a number is of a region that is not in ALLOWED_REGIONS"));
    }
    let end = match settings.test_numbers_until {
        Some(until) => Some(
            until
                .end(settings.day_offset.0)
                .ok_or_else(|| ConfigError::new("TEST_NUMBERS_UNTIL", "too far away to be reckoned with"))?,
        ),
        None if sms.leaves_this_machine() => {
            let reason = "needed with TEST_NUMBERS: whoever knows a number and its code signs in with it";
            return Err(ConfigError::new("TEST_NUMBERS_UNTIL", reason));
        }
        None => None,
    };
    Ok(TestNumbers::new(codes.clone(), end))
}
