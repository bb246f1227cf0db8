//! The forms of values: durations, offsets, lists, secrets.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use crate::captcha::{CaptchaMode, OnOutage};
use crate::phone::Region;
use crate::sms::tencent::TemplateParam;

/// A value that no log or error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The regions that codes are sent to; `None` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions(pub(super) Option<Vec<Region>>);

impl Regions {
    /// Whether the region is among them.
    pub(super) fn has(&self, code: &str) -> bool {
        self.0.as_ref().is_none_or(|regions| regions.iter().any(|region| region.to_string() == code))
    }
}

impl FromStr for Regions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "*" {
            return Ok(Self(None));
        }
        let regions: Result<Vec<Region>, _> = text.split(',').map(|region| region.trim().parse()).collect();
        regions.map(|regions| Self(Some(regions))).map_err(|_| "not region codes such as CN,HK, nor *".to_owned())
    }
}

/// A fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOffset(pub(super) SignedDuration);

impl FromStr for DayOffset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (sign, digits) = match text.split_at_checked(1)? {
                ("+", digits) => (1, digits),
                ("-", digits) => (-1, digits),
                _ => return None,
            };
            let (hours, minutes) = digits.split_once(':')?;
            let two_digits = |part: &str| {
                (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<i64>().ok())?
            };
            let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
            (hours <= 14 && minutes < 60).then(|| SignedDuration::from_mins(sign * (hours * 60 + minutes)))
        };
        parsed().map(Self).ok_or_else(|| "not an offset from UTC such as +08:00".to_owned())
    }
}

/// Reads a duration of one number and one unit: `250ms`, `30s`, `5m`, `1h`, `30d`; or `0`, which turns a limit off.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration such as 30s, 5m, 1h or 30d".to_owned();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        "" if number == 0 => 0,
        _ => return Err(wrong()),
    };
    // A hundred years: beyond it, times cannot be reckoned with.
    let longest = Duration::from_hours(100 * 365 * 24);
    let duration = number.checked_mul(milliseconds).map(Duration::from_millis);
    duration.filter(|duration| *duration <= longest).ok_or_else(|| "longer than a hundred years".to_owned())
}

/// Reads how long something is good: a duration that cannot be zero, because nothing would be good at all.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() {
        return Err("must be longer than zero: nothing would be good for any time".to_owned());
    }
    Ok(duration)
}

/// Reads a ratio.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio: &f64| ratio.is_finite() && (0.0..=1000.0).contains(ratio));
    ratio.ok_or_else(|| "not a ratio such as 0.3".to_owned())
}

/// Reads a yes or no.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("not true or false".to_owned()),
    }
}

/// Reads when a captcha is needed.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn captcha_mode(text: &str) -> Result<CaptchaMode, String> {
    match text {
        "off" => Ok(CaptchaMode::Off),
        "always" => Ok(CaptchaMode::Always),
        "challenge" => Ok(CaptchaMode::Challenge),
        _ => Err("not one of off, always, challenge".to_owned()),
    }
}

/// Reads what an outage of the captcha means.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn on_outage(text: &str) -> Result<OnOutage, String> {
    match text {
        "refuse" => Ok(OnOutage::Refuse),
        "allow" => Ok(OnOutage::Allow),
        _ => Err("not one of refuse, allow".to_owned()),
    }
}

/// Reads the id of a captcha application.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn captcha_app_id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "not a number such as 190000000".to_owned())
}

/// Undoes the `\n` of PEM blocks in an environment file, which has one line a value.
pub(super) fn pem(text: &str) -> String {
    text.replace("\\n", "\n")
}

/// Reads one of a template's parameters.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn template_param(text: &str) -> Result<TemplateParam, String> {
    TemplateParam::parse(text.trim()).ok_or_else(|| "not a list of `code` and `minutes`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("30d"), Ok(Duration::from_hours(30 * 24)));
        for zero in ["0", "0s", "0d", "00"] {
            assert_eq!(duration(zero), Ok(Duration::ZERO));
            assert!(lifetime(zero).is_err(), "{zero}");
        }
        assert_eq!(lifetime("1ms"), Ok(Duration::from_millis(1)));
        for wrong in ["", "s", "30", "-1s", "1.5h", "1h30m", "５s", "9999999999999999999d", "99999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn offsets_have_a_sign_hours_and_minutes() {
        assert_eq!("+08:00".parse(), Ok(DayOffset(SignedDuration::from_hours(8))));
        assert_eq!("-03:30".parse(), Ok(DayOffset(SignedDuration::from_mins(-210))));
        for wrong in ["", "8", "08:00", "+8:00", "+08:60", "+15:00", "+08", "é08:00", "+०८:००"] {
            assert!(wrong.parse::<DayOffset>().is_err(), "{wrong}");
        }
    }
}
