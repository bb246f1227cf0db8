//! The code that a person types, and what it is good for.
//!
//! Owns how codes are made and read. A `Code` never shows its digits by `Debug`, and has no `Display`.

use std::fmt;

use rand::RngExt;

use crate::random;

/// Six decimal digits, from the operating system's random source.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// How many digits a code has.
    pub const DIGITS: usize = 6;

    /// Draws a code, each of the million equally likely.
    ///
    /// # Panics
    /// If the operating system has no randomness to give.
    #[must_use]
    pub fn random() -> Self {
        let number: u32 = random::source().random_range(0..1_000_000);
        Self(format!("{number:06}"))
    }

    /// Reads what a person typed: exactly six ASCII digits.
    #[must_use]
    pub fn parse(input: &str) -> Option<Self> {
        (input.len() == Self::DIGITS && input.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(input.to_owned()))
    }

    /// The digits themselves, for the SMS and for the keyed hash. Never for a log.
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

/// What a code is good for. A code asked for one purpose is refused for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing up or in.
    Login,
    /// Moving an account to the phone that gets the code.
    ChangePhone,
    /// Deleting the account of the phone that gets the code.
    DeleteAccount,
    /// Showing another service that the phone is held.
    Verify,
}

impl Purpose {
    /// The name in keyed hashes, keys and logs. It is stored: it must not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::ChangePhone => "change_phone",
            Self::DeleteAccount => "delete_account",
            Self::Verify => "verify",
        }
    }

    /// Whether only a signed-in user may ask for such a code, which then is good for that user alone.
    #[must_use]
    pub const fn needs_user(self) -> bool {
        match self {
            Self::ChangePhone | Self::DeleteAccount => true,
            Self::Login | Self::Verify => false,
        }
    }
}
