//! The errors of verification: why a code is not sent, and why a submitted code is rejected.

use std::time::Duration;

use crate::captcha::CaptchaError;
use crate::limits::{CountError, RateLimited};
use crate::sms::SendError;
use crate::store::StoreError;

/// Why a code is not sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestCodeError {
    /// The request names no phone, and the code is not for the account's own phone.
    #[error("the phone is missing")]
    MissingPhone,
    /// The code to reauthenticate or to delete an account goes to the account's phone only.
    #[error("this is not the account's own phone")]
    NotOwnPhone,
    /// A reference is for `Purpose::Verify` only, and has 1 to 128 characters.
    #[error("the reference is not allowed here, or is malformed")]
    BadReference,
    /// An app hash has 11 characters of base64.
    #[error("the app hash is malformed")]
    BadAppHash,
    /// A call can only replace a challenge that was issued for the same phone, purpose and user.
    #[error("a call was requested without an earlier SMS")]
    CallBeforeSms,
    /// An idempotency key has 16 to 128 characters.
    #[error("the idempotency key is malformed")]
    BadIdempotencyKey,
    /// The idempotency key belongs to a request for the same phone with other arguments.
    #[error("the idempotency key was used with other arguments")]
    IdempotencyMismatch,
    /// Codes are not sent to the phone's region.
    #[error("the region is not allowed")]
    RegionNotAllowed,
    /// A captcha is needed or was not passed.
    #[error(transparent)]
    Captcha(#[from] CaptchaError),
    /// The provider does not accept the number as a phone number.
    #[error("the provider does not accept this number")]
    InvalidPhone,
    /// The carrier or the provider blocks the number.
    #[error("the number is blocked")]
    NumberBlocked,
    /// A limit rejects the request.
    #[error("limited by {}", .0.limit.name())]
    Limited(RateLimited),
    /// The provider did not confirm the send. The code is void, even if the SMS still arrives.
    #[error("the SMS was not sent")]
    SendFailed {
        /// After how long the client may retry.
        retry_after: Duration,
        /// The provider's failure.
        #[source]
        source: SendError,
    },
    /// The code store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RequestCodeError {
    /// Returns the label for metrics.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::MissingPhone
            | Self::NotOwnPhone
            | Self::BadReference
            | Self::BadAppHash
            | Self::CallBeforeSms
            | Self::BadIdempotencyKey
            | Self::IdempotencyMismatch => "bad_input",
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

/// Why a submitted code is rejected.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The submitted text is not six digits. Nothing was counted.
    #[error("the code is not six digits")]
    Malformed,
    /// The challenge id was not issued for this phone, purpose and user. Nothing was counted.
    #[error("the challenge id belongs to another phone, purpose or user")]
    Mismatch,
    /// There is no such challenge, or it is expired, used or out of attempts.
    #[error("the code has expired or was used")]
    Expired,
    /// The digits are wrong.
    #[error("the code is wrong")]
    Incorrect {
        /// Attempts left with this challenge.
        attempts_remaining: u32,
    },
    /// A limit rejects the request.
    #[error("limited by {}", .0.limit.name())]
    Limited(RateLimited),
    /// The code store failed. The server refunds what it can.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AttemptError {
    /// Returns the label for metrics.
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

impl From<CountError> for RequestCodeError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limited(limited) => Self::Limited(limited),
            CountError::Store(error) => Self::Store(error),
        }
    }
}
