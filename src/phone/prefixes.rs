//! `PhonePrefixes`: kinds of phone numbers, by their first digits.

use std::str::FromStr;

use super::PhoneNumber;

/// The most digits of a prefix. A number has no more of them.
const MAX_DIGITS: usize = 15;

/// Beginnings of phone numbers in E.164, such as `+86` and `+85251`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhonePrefixes(Vec<String>);

impl PhonePrefixes {
    /// Returns whether the number begins with one of the prefixes.
    #[must_use]
    pub fn match_number(&self, phone: &PhoneNumber) -> bool {
        self.0.iter().any(|prefix| phone.e164().starts_with(prefix.as_str()))
    }
}

/// A text is not a list of prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not prefixes of phone numbers such as +86,+85251")]
pub struct PrefixError;

impl FromStr for PhonePrefixes {
    type Err = PrefixError;

    /// Parses a comma-separated list. A prefix without `+` is refused, because `86` may mean `+86` or a national number.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let prefixes = text.split(',').map(str::trim);
        let is_prefix = |prefix: &str| {
            let digits = prefix.strip_prefix('+').unwrap_or_default();
            let is_long_enough = (1..=MAX_DIGITS).contains(&digits.len());
            is_long_enough && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        prefixes
            .map(|prefix| is_prefix(prefix).then(|| prefix.to_owned()).ok_or(PrefixError))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_a_plus_and_digits() {
        let prefixes: PhonePrefixes = "+86, +85251".parse().expect("prefixes");
        for (number, matches) in
            [("+8613711112222", true), ("+85251234567", true), ("+85261234567", false), ("+12025550123", false)]
        {
            let number = PhoneNumber::from_e164(number.to_owned()).expect("a number");
            assert_eq!(prefixes.match_number(&number), matches, "{number}");
        }
        for wrong in ["", "+", "86", "+0", "+86,", "+86x", "+8 6", "*", "+1234567890123456"] {
            assert_eq!(wrong.parse::<PhonePrefixes>(), Err(PrefixError), "{wrong}");
        }
    }
}
