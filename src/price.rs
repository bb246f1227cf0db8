//! `Price`: what messages cost, in the operator's own unit, such as yuan.
//!
//! A price is a whole number of millionths, so sums are exact in every store.

use std::fmt;
use std::ops::Mul;
use std::str::FromStr;

const MILLIONTHS: u32 = 1_000_000;

/// The highest price that a setting may have. Sums of 2^24 such prices are exact even as floating-point numbers, as Redis's
/// scripts have them.
const HIGHEST: f64 = 500.0;

/// An amount in the operator's unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(u64);

impl Price {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Returns the amount of so many millionths.
    #[must_use]
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// Returns the amount closest to `amount`, or `None` if it is negative or too large for a message.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
    pub fn of_message(amount: f64) -> Option<Self> {
        (0.0..=HIGHEST).contains(&amount).then(|| Self((amount * f64::from(MILLIONTHS)).round() as u64))
    }

    /// Returns the amount in the operator's unit, for a metric. It can have a rounding error.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a metric is a floating-point number")]
    pub fn units(self) -> f64 {
        self.0 as f64 / f64::from(MILLIONTHS)
    }

    /// Returns the amount in millionths.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }
}

/// A text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number such as 500 or 12.5, with at most 9 digits and 6 decimals")]
pub struct PriceError;

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(whole, 9) || !is_number(decimals, 6) {
            return Err(PriceError);
        }
        format!("{whole}{decimals:0<6}").parse().map(Self).map_err(|_| PriceError)
    }
}

impl Mul<u32> for Price {
    type Output = Self;

    fn mul(self, times: u32) -> Self {
        Self(self.0.saturating_mul(times.into()))
    }
}

impl fmt::Display for Price {
    /// Writes the amount as a decimal number without trailing zeros: `0.045`, `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / u64::from(MILLIONTHS), self.0 % u64::from(MILLIONTHS));
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let rest = format!("{rest:06}");
        write!(f, "{whole}.{}", rest.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_and_are_written_without_trailing_zeros() {
        let price = |amount| Price::of_message(amount).map(|price| (price.millionths(), price.to_string()));
        assert_eq!(price(0.045), Some((45_000, "0.045".to_owned())));
        assert_eq!(price(12.0), Some((12_000_000, "12".to_owned())));
        assert_eq!(price(0.000_001), Some((1, "0.000001".to_owned())));
        for wrong in [-0.1, 500.1, f64::NAN, f64::INFINITY] {
            assert_eq!(price(wrong), None, "{wrong}");
        }
        for (text, millionths) in [("0", 0), ("12.5", 12_500_000), ("0.000001", 1), ("999999999", 999_999_999_000_000)]
        {
            assert_eq!(text.parse(), Ok(Price(millionths)), "{text}");
        }
        for wrong in ["", ".5", "5.", "-1", "+1", "1e3", "1,5", "0.0000001", "1000000000", " 1"] {
            assert_eq!(wrong.parse::<Price>(), Err(PriceError), "{wrong}");
        }
        assert_eq!((Price::of_message(0.1).expect("a price") * 3).to_string(), "0.3");
    }
}
