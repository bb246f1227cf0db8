//! The one place where failures become clients' errors.
//!
//! Each has a code, a number and one plain sentence. Nothing internal gets out: for a fault the client has a fixed
//! sentence and the request's id, the log has the cause, once.

use std::error::Error;
use std::sync::Arc;

use async_graphql::{Enum, ErrorExtensionValues, ServerError, Value};

use super::limits::Excess;
use crate::accounts::AccountError;
use crate::captcha::CaptchaError;
use crate::limits::RateLimited;
use crate::phone::PhoneError;
use crate::proofs::ProofError;
use crate::sessions::{RefreshError, SignInError};
use crate::store::StoreError;
use crate::tokens::TokenError;
use crate::verification::{AttemptError, RequestCodeError};

pub(super) const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
pub(super) const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";

const STORE_RETRY_SECONDS: u64 = 2;
/// As long as a claim holds that a store's failure left behind.
const UNAVAILABLE_RETRY_SECONDS: u64 = 10;

/// What a resolver answers with.
pub(super) type ApiResult<T> = Result<T, ApiError>;

/// Every `extensions.code` of an error. `extensions.errorCode` has the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ErrorCode {
    /// -1001: a value is missing, too long, or not of its form; `field` names it.
    BadInput,
    /// -1002: not a possible mobile number; `field` names it.
    InvalidPhone,
    /// -1003: the SMS provider refused or could not be reached; the code is void. See `retryAfterSeconds`.
    SmsSendFailed,
    /// -1005: a bad, forged or revoked token.
    TokenInvalid,
    /// -1006: an expired token.
    TokenExpired,
    /// -1008: the field needs sign-in and there is no token.
    Unauthenticated,
    /// -1100: no such code, too old, used, or its attempts are spent.
    CodeExpired,
    /// -1102: wrong digits; `attemptsRemaining` are left.
    CodeIncorrect,
    /// -1103: the `sessionId` was not given out for this phone and purpose, or for this user.
    SessionMismatch,
    /// -1201: the account could not be stored; the code stays good. See `retryAfterSeconds`.
    SignupFailed,
    /// -1203: another user has this phone.
    PhoneTaken,
    /// -1301: a limit, named by `limit`; come again after `retryAfterSeconds`, at `retryAt`.
    RateLimited,
    /// -1302: a captcha is needed, for the app `captchaAppId`.
    CaptchaRequired,
    /// -1303: the captcha was not passed.
    CaptchaFailed,
    /// -1304: the phone's region is not served.
    RegionNotAllowed,
    /// -1305: the carrier or the provider refuses this number.
    NumberBlocked,
    /// -1401: the request is too deep, too complex or too large, or has more than one credential field.
    QueryTooComplex,
    /// -1501: a store is down or too slow; nothing was used up. Try again after `retryAfterSeconds`.
    Unavailable,
    /// -1599: a fault of the server's.
    Internal,
}

impl ErrorCode {
    /// The number, which keeps those of Tencent's smsLogin demo where it has one.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::BadInput => -1001,
            Self::InvalidPhone => -1002,
            Self::SmsSendFailed => -1003,
            Self::TokenInvalid => -1005,
            Self::TokenExpired => -1006,
            Self::Unauthenticated => -1008,
            Self::CodeExpired => -1100,
            Self::CodeIncorrect => -1102,
            Self::SessionMismatch => -1103,
            Self::SignupFailed => -1201,
            Self::PhoneTaken => -1203,
            Self::RateLimited => -1301,
            Self::CaptchaRequired => -1302,
            Self::CaptchaFailed => -1303,
            Self::RegionNotAllowed => -1304,
            Self::NumberBlocked => -1305,
            Self::QueryTooComplex => -1401,
            Self::Unavailable => -1501,
            Self::Internal => -1599,
        }
    }

    /// The name, as in the schema.
    pub(crate) fn name(self) -> String {
        async_graphql::resolver_utils::enum_value(self).to_string()
    }
}

/// An error on its way to a client.
#[derive(Clone)]
pub(super) struct ApiError {
    code: ErrorCode,
    message: &'static str,
    more: Vec<(&'static str, Value)>,
}

impl ApiError {
    fn new(code: ErrorCode, message: &'static str) -> Self {
        Self { code, message, more: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// A value that is not of its form.
    pub(super) fn bad_input(field: &'static str, message: &'static str) -> Self {
        Self::new(ErrorCode::BadInput, message).with("field", field)
    }

    /// No token where one is needed.
    pub(super) fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "Sign in first.")
    }

    /// A store that is away. The log gets the cause.
    fn unavailable(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "a store is unavailable");
        Self::new(ErrorCode::Unavailable, "The service is not available at the moment. Nothing was used up; try again.")
            .with("retryAfterSeconds", UNAVAILABLE_RETRY_SECONDS)
    }

    /// A fault of ours. The log gets the cause.
    fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "internal fault");
        Self::new(ErrorCode::Internal, "Something went wrong on the server.")
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.name());
        extensions.set("errorCode", error.code.number());
        for (name, value) in error.more {
            extensions.set(name, value);
        }
        Self { message: error.message.to_owned(), source: None, extensions: Some(extensions) }
    }
}

impl From<PhoneError> for ApiError {
    fn from(_: PhoneError) -> Self {
        invalid_phone()
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::new(ErrorCode::TokenInvalid, "The token is not valid. Sign in again."),
            TokenError::Expired => Self::new(ErrorCode::TokenExpired, "The token has expired."),
        }
    }
}

impl From<&Arc<StoreError>> for ApiError {
    fn from(error: &Arc<StoreError>) -> Self {
        match error.as_ref() {
            StoreError::Unavailable(_) => Self::unavailable(error.as_ref()),
            StoreError::Refused(_) => Self::internal(error.as_ref()),
        }
    }
}

impl From<Arc<StoreError>> for ApiError {
    fn from(error: Arc<StoreError>) -> Self {
        Self::from(&error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(&Arc::new(error))
    }
}

impl From<RequestCodeError> for ApiError {
    fn from(error: RequestCodeError) -> Self {
        match error {
            RequestCodeError::SignInNeeded => Self::unauthenticated(),
            RequestCodeError::NotOwnPhone => {
                Self::bad_input("input.phone", "The code to delete an account goes to the account's own phone.")
            }
            RequestCodeError::BadReference => Self::bad_input(
                "input.reference",
                "A reference goes with the purpose VERIFY alone, and has 1 to 128 characters.",
            ),
            RequestCodeError::RegionNotAllowed => {
                Self::new(ErrorCode::RegionNotAllowed, "Codes are not sent to this region.")
            }
            RequestCodeError::Captcha(error) => error.into(),
            RequestCodeError::InvalidPhone => invalid_phone(),
            RequestCodeError::NumberBlocked => {
                Self::new(ErrorCode::NumberBlocked, "This number does not take messages from us.")
            }
            RequestCodeError::Limited(limited) => rate_limited(limited),
            RequestCodeError::SendFailed { retry_after, source } => {
                tracing::error!(error = &source as &dyn Error, "an SMS was not sent");
                Self::new(ErrorCode::SmsSendFailed, "The message could not be sent. Ask for a new code in a moment.")
                    .with("retryAfterSeconds", retry_after.as_secs())
            }
            RequestCodeError::Store(error) => error.into(),
        }
    }
}

impl From<CaptchaError> for ApiError {
    fn from(error: CaptchaError) -> Self {
        // A string: that is what the client library takes.
        match error {
            CaptchaError::Required { app_id } => Self::new(ErrorCode::CaptchaRequired, "Solve the captcha first.")
                .with("captchaAppId", app_id.to_string()),
            CaptchaError::Failed { app_id } => {
                Self::new(ErrorCode::CaptchaFailed, "The captcha was not passed. Solve another.")
                    .with("captchaAppId", app_id.to_string())
            }
            CaptchaError::BadTicket => Self::bad_input("input.captcha.ticket", "This is not a captcha's ticket."),
            CaptchaError::BadRandstr => {
                Self::bad_input("input.captcha.randstr", "This is not a captcha's random string.")
            }
        }
    }
}

impl From<AttemptError> for ApiError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Malformed => Self::bad_input("input.code", "The code is six digits."),
            AttemptError::Mismatch => Self::new(
                ErrorCode::SessionMismatch,
                "The sessionId was not given out for this phone and purpose. Ask for a new code.",
            ),
            AttemptError::Expired => {
                Self::new(ErrorCode::CodeExpired, "The code is not good any more. Ask for a new one.")
            }
            AttemptError::Incorrect { attempts_remaining } => {
                Self::new(ErrorCode::CodeIncorrect, "The code is wrong.").with("attemptsRemaining", attempts_remaining)
            }
            AttemptError::Limited(limited) => rate_limited(limited),
            AttemptError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::BadDeviceName => Self::bad_input(
                "input.deviceName",
                "A device name has at most 64 characters, at least one of them visible, and no control characters.",
            ),
            SignInError::Attempt(error) => error.into(),
            SignInError::Store(StoreError::Refused(cause)) => {
                tracing::error!(error = cause.as_ref() as &dyn Error, "a sign-in could not be stored");
                Self::new(ErrorCode::SignupFailed, "The sign-in could not be stored. Try again with the same code.")
                    .with("retryAfterSeconds", STORE_RETRY_SECONDS)
            }
            SignInError::Store(error @ StoreError::Unavailable(_)) => error.into(),
            SignInError::Token(error) => Self::internal(&error),
        }
    }
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Token(error) => error.into(),
            RefreshError::Store(error) => error.into(),
            RefreshError::Key(error) => Self::internal(&error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::BadName => {
                Self::bad_input("input.name", "A name has 1 to 32 characters, and no control characters.")
            }
            AccountError::BadAvatar => {
                Self::bad_input("input.avatar", "An avatar is an https URL of at most 512 characters.")
            }
            AccountError::Gone => TokenError::Invalid.into(),
            AccountError::PhoneTaken => Self::new(ErrorCode::PhoneTaken, "Another account has this phone."),
            AccountError::Attempt(error) => error.into(),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for ApiError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Attempt(error) => error.into(),
            ProofError::Key(error) => Self::internal(&error),
        }
    }
}

fn invalid_phone() -> ApiError {
    ApiError::new(ErrorCode::InvalidPhone, "This is not a mobile phone number.").with("field", "input.phone")
}

fn rate_limited(limited: RateLimited) -> ApiError {
    ApiError::new(ErrorCode::RateLimited, "Too many requests. Try again later.")
        .with("limit", limited.limit.name())
        .with("retryAfterSeconds", limited.retry_after_seconds)
        .with("retryAt", limited.retry_at.to_string())
}

impl From<Excess> for ServerError {
    fn from(excess: Excess) -> Self {
        let too_complex = |sentence| whole_request(ApiError::new(ErrorCode::QueryTooComplex, sentence));
        match excess {
            Excess::OpenString => document_error("A string has no end.", PARSE_FAILED),
            Excess::Cycle => document_error("A fragment uses itself.", VALIDATION_FAILED),
            Excess::Tokens => too_complex("The document has more than 1000 tokens."),
            Excess::Nesting => too_complex("The document has more than 50 brackets open at once."),
            Excess::Credentials => too_complex(
                "A request may have one of requestCode, login, refreshSession, changePhone, deleteAccount and verifyCode.",
            ),
            Excess::Depth => too_complex("The document asks for fields that lie more than 8 deep."),
            Excess::Complexity => {
                too_complex("The document asks for more than 200 fields; those of a list of sessions count ten times.")
            }
            Excess::Introspection => too_complex(
                "The document asks for more of the schema than 500 fields, 20 deep, with two lists in one another.",
            ),
        }
    }
}

/// An error of the document itself.
fn document_error(message: &'static str, code: &'static str) -> ServerError {
    let mut error = ServerError::new(message, None);
    mark_document_error(&mut error, code);
    error
}

/// An error that is not one field's.
fn whole_request(error: ApiError) -> ServerError {
    let async_graphql::Error { message, extensions, .. } = error.into();
    let mut error = ServerError::new(message, None);
    error.extensions = extensions;
    error
}

/// A query that was given up.
pub(super) fn query_timed_out() -> ServerError {
    tracing::error!("a query took too long and was given up");
    let message = "The query took too long. Nothing was used up; try again.";
    let error = ApiError::new(ErrorCode::Unavailable, message).with("retryAfterSeconds", STORE_RETRY_SECONDS);
    whole_request(error)
}

/// Marks an error of the document itself.
pub(super) fn mark_document_error(error: &mut ServerError, code: &'static str) {
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code);
    extensions.set("errorCode", ErrorCode::BadInput.number());
}

/// A fault's error names the request, so that it can be found in the log.
pub(super) fn name_request(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_default();
    if matches!(extensions.get("code"), Some(Value::String(code)) if is_fault(code)) {
        extensions.set("requestId", request_id);
    }
}

fn is_fault(code: &str) -> bool {
    [ErrorCode::SmsSendFailed, ErrorCode::Unavailable, ErrorCode::Internal].iter().any(|fault| fault.name() == code)
}
