//! `Code`: the one-time code that a user receives by SMS and types in.
//!
//! `Debug` never shows the digits, and there is no `Display`.

use std::fmt;

use rand::{CryptoRng, RngExt};

/// Six decimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// The number of digits in a code.
    pub const DIGITS: usize = 6;

    /// Draws a code from `source`. Each of the million codes is equally likely.
    #[must_use]
    pub fn random(source: &mut impl CryptoRng) -> Self {
        let number: u32 = source.random_range(0..1_000_000);
        Self(format!("{number:06}"))
    }

    /// Parses user input: exactly six ASCII digits.
    #[must_use]
    pub fn parse(input: &str) -> Option<Self> {
        (input.len() == Self::DIGITS && input.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(input.to_owned()))
    }

    /// Returns the digits, for the SMS and for the keyed hash. They must not be logged.
    #[must_use]
    pub fn expose_digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(******)")
    }
}
