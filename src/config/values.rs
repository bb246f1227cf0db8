//! Forms of values that several concerns share: secrets, durations, ratios, PEM.
//!
//! An error says which form is expected and never repeats the value, because it may be a secret.

use std::fmt;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// A value that no log, error or `Debug` output shows.
///
/// Settings of this type can be read from a file, by `NAME_FILE`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the value.
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

/// Returns a URL without the text of its query, which may be a token. Any other value stays as it is.
pub(super) fn masked_query(value: String) -> String {
    match value.split_once('?') {
        Some((url, query)) if !query.is_empty() && url.contains("://") => format!("{url}?(set)"),
        _ => value,
    }
}

/// The longest duration. A longer one, added to the current time, could be later than any time that jiff knows.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// Parses a duration such as `250ms`, `30s`, `5m`, `1h30m` or `30d`, or `0`.
///
/// jiff parses it as a `Span`, because `SignedDuration` does not accept days. jiff requires a unit, so `0` without a unit
/// is parsed here.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let is_zero = !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    if is_zero {
        return Ok(Duration::ZERO);
    }

    // A day has 24 hours here: no setting is about a calendar.
    let parsed = || text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    let duration = parsed().and_then(|duration| Duration::try_from(duration).ok());
    // Redis counts in milliseconds: a finer duration would become zero there.
    let duration = duration.filter(|duration| duration.subsec_nanos() % 1_000_000 == 0);
    match duration {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err("longer than a hundred years".to_owned()),
        None => Err("not a duration such as 30s, 5m, 1h30m or 30d".to_owned()),
    }
}

/// Parses a duration that cannot be zero, because it is the lifetime of something.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() {
        return Err("must be longer than zero".to_owned());
    }
    Ok(duration)
}

/// Parses a ratio. The parser of the standard library would also accept infinity, negative numbers and NaN.
pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio: &f64| ratio.is_finite() && (0.0..=1000.0).contains(ratio));
    ratio.ok_or_else(|| "not a ratio such as 0.3".to_owned())
}

/// Parses a share of a whole, from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    ratio(text).ok().filter(|share| *share <= 1.0).ok_or_else(|| "not a share from 0 to 1, such as 0.5".to_owned())
}

/// Replaces `\n` by line breaks, because a file of environment variables has one line a value.
pub(super) fn pem(text: &str) -> String {
    text.replace("\\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_numbers_and_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(duration("30d"), Ok(Duration::from_hours(30 * 24)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("36500d"), Ok(LONGEST));
        for zero in ["0", "0s", "0d", "00"] {
            assert_eq!(duration(zero), Ok(Duration::ZERO));
            assert!(lifetime(zero).is_err(), "{zero}");
        }
        assert_eq!(lifetime("1ms"), Ok(Duration::from_millis(1)));
    }

    #[test]
    fn other_durations_are_refused() {
        let wrong =
            ["", "s", "30", "-1s", "1s ago", "５s", "9999999999999999999d", "99999999d", "36501d", "999999h", "1us"];
        for wrong in wrong.into_iter().chain(["1y", "1mo", "1M", "soon", "30s5"]) {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
