//! Why no code is sent, and why one is not taken.

use std::time::Duration;

use crate::captcha::CaptchaError;
use crate::limits::{RateLimited, TakeError};
use crate::sms::SendError;
use crate::store::StoreError;

/// Why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestCodeError {
    /// The purpose needs sign-in.
    #[error("this purpose needs sign-in")]
    SignInNeeded,
    /// A deletion is confirmed by the account's own phone.
    #[error("this is not the account's own phone")]
    NotOwnPhone,
    /// Only a verification has a reference, of 1 to 128 characters.
    #[error("the reference is not allowed here, or not of its form")]
    BadReference,
    /// The phone's region is not served.
    #[error("the region is not allowed")]
    RegionNotAllowed,
    /// A captcha is needed, or was not passed. Nothing was counted.
    #[error(transparent)]
    Captcha(#[from] CaptchaError),
    /// The provider says that this is no phone number.
    #[error("the provider does not know this number")]
    InvalidPhone,
    /// The carrier or the provider refuses the number.
    #[error("the number is blocked")]
    NumberBlocked,
    /// A limit refuses.
    #[error("limited by {}", .0.limit.name())]
    Limited(RateLimited),
    /// The provider failed; the code is void.
    #[error("the SMS was not sent")]
    SendFailed {
        /// When to try again.
        retry_after: Duration,
        /// What happened.
        #[source]
        source: SendError,
    },
    /// The code store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RequestCodeError {
    /// The word in metrics.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::SignInNeeded => "sign_in_needed",
            Self::NotOwnPhone | Self::BadReference => "bad_input",
            Self::RegionNotAllowed => "region_not_allowed",
            Self::Captcha(error) => error.label(),
            Self::InvalidPhone => "invalid_phone",
            Self::NumberBlocked => "number_blocked",
            Self::Limited(limited) => limited.limit.name(),
            Self::SendFailed { .. } => "send_failed",
            Self::Store(_) => "unavailable",
        }
    }
}

/// Why a code is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Not six digits. Nothing was counted.
    #[error("the code is not six digits")]
    Malformed,
    /// The challenge id was not given out for this phone, purpose and user. Nothing was counted.
    #[error("the challenge id is not for this")]
    Mismatch,
    /// No such challenge, too old, used, or its attempts are spent.
    #[error("the code is past use")]
    Expired,
    /// Wrong digits.
    #[error("the code is wrong")]
    Incorrect {
        /// Tries left with this challenge.
        attempts_remaining: u32,
    },
    /// A limit refuses.
    #[error("limited by {}", .0.limit.name())]
    Limited(RateLimited),
    /// The code store failed; nothing was used up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AttemptError {
    /// The word in metrics.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Malformed => "bad_input",
            Self::Mismatch => "mismatch",
            Self::Expired => "expired",
            Self::Incorrect { .. } => "incorrect",
            Self::Limited(limited) => limited.limit.name(),
            Self::Store(_) => "unavailable",
        }
    }
}

impl From<TakeError> for RequestCodeError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Limited(limited) => Self::Limited(limited),
            TakeError::Store(error) => Self::Store(error),
        }
    }
}
