//! The mapping of failed mutations to problems, in this one place.
//!
//! A client can expect some failures of a mutation, such as a wrong code. They are data: a `Problem`. All other failures are
//! GraphQL errors. Every mapping is a total match and has no effects. If a problem is the server's or the provider's fault,
//! its cause travels beside it to the log and never to the client.

use std::sync::Arc;

use async_graphql::{Enum, ID, SimpleObject};
use jiff::{SignedDuration, Timestamp};

use super::error::{ApiError, ErrorCode, Fault, STORE_RETRY_SECONDS};
use super::problems::Summary;
use super::scalars::DateTime;
use crate::accounts::AccountError;
use crate::captcha::CaptchaError;
use crate::limits::{Limit, RateLimited};
use crate::phone::PhoneError;
use crate::proofs::ProofError;
use crate::sessions::{RefreshError, SignInError};
use crate::store::StoreError;
use crate::tokens::TokenError;
use crate::verification::{AttemptError, RequestCodeError};

/// A failure that the client can expect. The fields that do not apply to its code are null.
#[derive(SimpleObject)]
pub(super) struct Problem {
    /// The kind of failure. Choose the text for your users by it.
    code: ErrorCode,
    /// One English sentence for developers. Show your users your own text instead.
    message: String,
    /// The numeric code, such as -1102. Each code has its own.
    number: i32,
    /// The path of the argument that is wrong, such as `input.phone`.
    field: Option<String>,
    /// How many attempts this code has left, with `CODE_INCORRECT`.
    attempts_remaining: Option<i32>,
    /// The rate limit that rejected the request, with `RATE_LIMITED`.
    limit: Option<RateLimit>,
    /// The earliest time at which a retry can succeed, with every problem that has `retryAfterSeconds`.
    retry_at: Option<DateTime>,
    /// After how many seconds to retry. If the mutation is the only field of the request, the header `Retry-After` has the
    /// same number.
    pub(super) retry_after_seconds: Option<i32>,
    /// The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    captcha_app_id: Option<String>,
    /// The id of the request in the server's log, if the server or the SMS provider is at fault. Report it to the operator.
    request_id: Option<ID>,
}

/// A rate limit that can reject a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Limit")]
pub(super) enum RateLimit {
    /// The minimum time between two codes for one phone.
    Cooldown,
    /// The number of codes for one phone in a calendar day.
    PhoneDaily,
    /// The number of unverified codes for one client address in an hour. A code that is used does not count.
    IpHourly,
    /// The number of unverified codes for one client address in a day. A code that is used does not count.
    IpDaily,
    /// The number of consecutive wrong codes for one phone.
    FailedAttempts,
    /// The number of wrong codes from one client address in an hour.
    IpAttempts,
    /// The number of codes in a calendar day over all phones.
    TotalDaily,
    /// The price of all messages of a calendar day.
    SpendDaily,
    /// The guard against SMS pumping.
    Guard,
    /// A limit of the SMS provider.
    Provider,
}

/// A failed mutation.
pub(super) enum Failure {
    /// The client can expect it: the mutation returns it as data. The second part is the cause for the log.
    Problem(Box<Problem>, Option<Fault>),
    /// Any other failure, which is a GraphQL error.
    Error(ApiError),
}

impl Problem {
    fn new(code: ErrorCode, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            number: code.number(),
            field: None,
            attempts_remaining: None,
            limit: None,
            retry_at: None,
            retry_after_seconds: None,
            captcha_app_id: None,
            request_id: None,
        }
    }

    fn at(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)), ..self }
    }

    /// Returns what the request's log line, metrics and headers say of the problem.
    pub(super) const fn summary(&self) -> Summary {
        Summary { code: self.code, retry_after_seconds: self.retry_after_seconds }
    }

    /// Adds the time of the retry, if the problem only says after how many seconds it is.
    pub(super) fn dated(self, now: Timestamp) -> Self {
        let after = self.retry_after_seconds.map(|seconds| DateTime(now + SignedDuration::from_secs(seconds.into())));
        Self { retry_at: self.retry_at.or(after), ..self }
    }

    /// Adds the id of the request, so that an operator can find the cause in the log.
    pub(super) fn in_request(self, request_id: &str) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }
}

impl Failure {
    /// Returns the problem of a malformed argument.
    pub(super) fn bad_input(field: &str, message: &str) -> Self {
        Problem::new(ErrorCode::BadInput, message).at(field).into()
    }

    fn token(error: TokenError) -> Self {
        let (code, message) = ErrorCode::of_token(error);
        Problem::new(code, message).into()
    }

    fn because(self, message: &'static str, cause: Arc<dyn std::error::Error + Send + Sync>) -> Self {
        match self {
            Self::Problem(problem, _) => Self::Problem(problem, Some(Fault { message, cause })),
            Self::Error(error) => Self::Error(error),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem), None)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<RateLimited> for Failure {
    fn from(limited: RateLimited) -> Self {
        let problem = Problem::new(ErrorCode::RateLimited, "Too many requests. Try again later.");
        let (limit, retry_at) = (Some(limited.limit.into()), Some(DateTime(limited.retry_at)));
        Problem { limit, retry_at, ..problem.retry_after(limited.retry_after_seconds) }.into()
    }
}

impl From<PhoneError> for Failure {
    fn from(_: PhoneError) -> Self {
        invalid_phone()
    }
}

impl From<RequestCodeError> for Failure {
    fn from(error: RequestCodeError) -> Self {
        match error {
            RequestCodeError::MissingPhone => Self::bad_input("input.phone", "This purpose requires a phone."),
            RequestCodeError::NotOwnPhone => {
                Self::bad_input("input.phone", "A code for this purpose is sent only to the account's own phone.")
            }
            RequestCodeError::BadAppHash => {
                Self::bad_input("input.appHash", "The app hash must have 11 characters of base64.")
            }
            RequestCodeError::CallBeforeSms => {
                Self::bad_input("input.resendOf", "A call needs a valid challenge of an earlier SMS to the same phone.")
            }
            RequestCodeError::BadReference => Self::bad_input(
                "input.reference",
                "A reference is only for the purpose VERIFY and has 1 to 128 characters.",
            ),
            RequestCodeError::BadIdempotencyKey => bad_idempotency_key(),
            RequestCodeError::IdempotencyMismatch => reused_idempotency_key(),
            RequestCodeError::RegionNotAllowed => {
                Problem::new(ErrorCode::RegionNotAllowed, "The server sends no codes to this region.").into()
            }
            RequestCodeError::Captcha(error) => error.into(),
            RequestCodeError::InvalidPhone => invalid_phone(),
            RequestCodeError::NumberBlocked => {
                Problem::new(ErrorCode::NumberBlocked, "The carrier or the SMS provider blocks this number.").into()
            }
            RequestCodeError::Limited(limited) => limited.into(),
            RequestCodeError::SendFailed { retry_after, source } => {
                let message = "The SMS could not be sent. Request a new code later.";
                let problem = Problem::new(ErrorCode::SmsSendFailed, message).retry_after(retry_after.as_secs());
                Self::from(problem).because("an SMS could not be sent", Arc::new(source))
            }
            RequestCodeError::Store(error) => error.into(),
        }
    }
}

impl From<CaptchaError> for Failure {
    fn from(error: CaptchaError) -> Self {
        // The app id is a string because the captcha's client library expects one.
        let with_app = |problem, app_id: u64| Problem { captcha_app_id: Some(app_id.to_string()), ..problem };
        match error {
            CaptchaError::Required { app_id } => {
                with_app(Problem::new(ErrorCode::CaptchaRequired, "A captcha is required."), app_id).into()
            }
            CaptchaError::Failed { app_id } | CaptchaError::Unverified { app_id } => {
                let message = "The captcha was not passed. Solve a new one.";
                with_app(Problem::new(ErrorCode::CaptchaFailed, message), app_id).into()
            }
            CaptchaError::BadTicket => Self::bad_input("input.captcha.ticket", "The captcha ticket is malformed."),
            CaptchaError::BadRandstr => Self::bad_input("input.captcha.randstr", "The captcha's randstr is malformed."),
        }
    }
}

impl From<AttemptError> for Failure {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Malformed => Self::bad_input("input.code", "A code has six digits."),
            AttemptError::Mismatch => {
                let message = "The challengeId was not issued for this phone and purpose. Request a new code.";
                Problem::new(ErrorCode::ChallengeMismatch, message).into()
            }
            AttemptError::Expired => {
                Problem::new(ErrorCode::CodeExpired, "The code is no longer valid. Request a new one.").into()
            }
            AttemptError::Incorrect { attempts_remaining } => {
                let attempts_remaining = i32::try_from(attempts_remaining).ok();
                Problem { attempts_remaining, ..Problem::new(ErrorCode::CodeIncorrect, "The code is wrong.") }.into()
            }
            AttemptError::Limited(limited) => limited.into(),
            AttemptError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for Failure {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::BadDeviceName => Self::bad_input(
                "input.deviceName",
                "A device name has 1 to 64 characters, at least one of them visible, and no control characters.",
            ),
            SignInError::BadIdempotencyKey => bad_idempotency_key(),
            SignInError::IdempotencyKeyReused => reused_idempotency_key(),
            SignInError::Attempt(error) => error.into(),
            SignInError::Banned => Problem::new(ErrorCode::AccountDisabled, "This account is disabled.").into(),
            SignInError::Store(StoreError::Refused(cause)) => {
                let message = "The sign-in could not be stored. Try again with the same code.";
                let problem = Problem::new(ErrorCode::SignupFailed, message).retry_after(STORE_RETRY_SECONDS);
                Self::from(problem).because("a sign-in could not be stored", cause.into())
            }
            SignInError::Store(error @ StoreError::Unavailable(_)) => error.into(),
            SignInError::Token(error) => Self::Error(ApiError::internal(Arc::new(error))),
        }
    }
}

impl From<RefreshError> for Failure {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::BadIdempotencyKey => bad_idempotency_key(),
            RefreshError::IdempotencyKeyReused => reused_idempotency_key(),
            RefreshError::Token(error) => Self::token(error),
            RefreshError::Store(error) => error.into(),
            RefreshError::Key(error) => Self::Error(ApiError::internal(Arc::new(error))),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::BadName => Self::bad_input(
                "input.name",
                "A name has 1 to 32 characters, at least one of them visible, and no control characters.",
            ),
            AccountError::BadAvatar => {
                Self::bad_input("input.avatar", "An avatar is an https URL of at most 512 characters.")
            }
            AccountError::ReauthenticationRequired => {
                let message = "The session signed in too long ago for this. Reauthenticate first.";
                Problem::new(ErrorCode::ReauthenticationRequired, message).into()
            }
            // The access token is at fault here, which every operation answers with an error.
            AccountError::Gone => Self::Error(TokenError::Invalid.into()),
            AccountError::PhoneTaken => Problem::new(ErrorCode::PhoneTaken, "Another account has this phone.").into(),
            AccountError::Attempt(error) => error.into(),
            AccountError::Store(error) => error.into(),
            AccountError::Token(error) => Self::Error(ApiError::internal(Arc::new(error))),
        }
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Attempt(error) => error.into(),
            ProofError::Key(error) => Self::Error(ApiError::internal(Arc::new(error))),
        }
    }
}

fn bad_idempotency_key() -> Failure {
    Failure::bad_input("input.idempotencyKey", "An idempotency key has 16 to 128 characters.")
}

fn reused_idempotency_key() -> Failure {
    Failure::bad_input("input.idempotencyKey", "This idempotency key was already used with other arguments.")
}

fn invalid_phone() -> Failure {
    Problem::new(ErrorCode::InvalidPhone, "This is not a valid mobile phone number.").at("input.phone").into()
}
