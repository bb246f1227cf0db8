//! The one place where failures become clients' errors.
//!
//! Each has a code, a number and one plain sentence. Nothing internal gets out: for a fault the client has a fixed
//! sentence and the request's id, the log has the cause, once.

use std::any::Any;
use std::error::Error;
use std::sync::Arc;

use async_graphql::{Enum, ErrorExtensionValues, ServerError, Value};

use super::bounds::Refusal;
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
    fault: Option<Fault>,
}

/// What the log says about an error that is not the client's. It travels with the error, so that a conversion has no
/// effects, and is logged where the request ends.
#[derive(Clone)]
struct Fault {
    what: &'static str,
    cause: Arc<dyn Error + Send + Sync>,
}

/// Logs the faults of one request in one line: the first cause, and how many fields failed. A client decides how many
/// fields there are, so a line a field would let strangers fill the log.
pub(super) fn log_faults(errors: &[ServerError]) {
    let mut faults = errors.iter().filter_map(ServerError::source::<Fault>);
    if let Some(Fault { what, cause }) = faults.next() {
        tracing::error!(error = cause.as_ref() as &dyn Error, failed_fields = 1 + faults.count(), "{what}");
    }
}

impl ApiError {
    fn new(code: ErrorCode, message: &'static str) -> Self {
        Self { code, message, more: Vec::new(), fault: None }
    }

    fn because(mut self, what: &'static str, cause: Arc<dyn Error + Send + Sync>) -> Self {
        self.fault = Some(Fault { what, cause });
        self
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

    /// A store that cannot be reached.
    fn unavailable(cause: Arc<dyn Error + Send + Sync>) -> Self {
        Self::new(ErrorCode::Unavailable, "The service is not available at the moment. Nothing was used up; try again.")
            .with("retryAfterSeconds", UNAVAILABLE_RETRY_SECONDS)
            .because("a store is unavailable", cause)
    }

    /// A fault of the server.
    fn internal(cause: Arc<dyn Error + Send + Sync>) -> Self {
        Self::new(ErrorCode::Internal, "Something went wrong on the server.").because("internal fault", cause)
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
        let source = error.fault.map(|fault| Arc::new(fault) as Arc<dyn Any + Send + Sync>);
        Self { message: error.message.to_owned(), source, extensions: Some(extensions) }
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
            StoreError::Unavailable(_) => Self::unavailable(Arc::clone(error) as _),
            StoreError::Refused(_) => Self::internal(Arc::clone(error) as _),
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
                Self::new(ErrorCode::SmsSendFailed, "The message could not be sent. Ask for a new code in a moment.")
                    .with("retryAfterSeconds", retry_after.as_secs())
                    .because("an SMS was not sent", Arc::new(source))
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
            CaptchaError::Failed { app_id } | CaptchaError::Unverified { app_id } => {
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
                Self::new(ErrorCode::SignupFailed, "The sign-in could not be stored. Try again with the same code.")
                    .with("retryAfterSeconds", STORE_RETRY_SECONDS)
                    .because("a sign-in could not be stored", cause.into())
            }
            SignInError::Store(error @ StoreError::Unavailable(_)) => error.into(),
            SignInError::Token(error) => Self::internal(Arc::new(error)),
        }
    }
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Token(error) => error.into(),
            RefreshError::Store(error) => error.into(),
            RefreshError::Key(error) => Self::internal(Arc::new(error)),
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
            ProofError::Key(error) => Self::internal(Arc::new(error)),
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

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let too_complex = |sentence| whole_request(ApiError::new(ErrorCode::QueryTooComplex, sentence));
        match refusal {
            Refusal::OpenString => document_error("A string has no end.", PARSE_FAILED),
            Refusal::DuplicateInputField => {
                document_error("An input object sets the same field twice.", VALIDATION_FAILED)
            }
            Refusal::Cycle => document_error("A fragment uses itself.", VALIDATION_FAILED),
            Refusal::UnknownFragment => {
                document_error("The document uses a fragment that it does not define.", VALIDATION_FAILED)
            }
            Refusal::UnknownDirective => {
                document_error("The only directives are @skip and @include.", VALIDATION_FAILED)
            }
            Refusal::TypenameMisuse => {
                document_error("The field __typename has no arguments and no fields of its own.", VALIDATION_FAILED)
            }
            Refusal::IntrospectionOff => document_error("Introspection is off on this server.", VALIDATION_FAILED),
            Refusal::Tokens => too_complex("The document has more than 1000 tokens."),
            Refusal::Nesting => too_complex("The document has more than 50 brackets open at once."),
            Refusal::LongName => too_complex("A name is longer than 256 bytes."),
            Refusal::Operations => too_complex("The document has more than 16 operations."),
            Refusal::VariableValues => too_complex("The variables hold more than 1000 values."),
            Refusal::Credentials => too_complex(
                "A request may have one of requestCode, login, refreshSession, changePhone, deleteAccount and verifyCode.",
            ),
            Refusal::Selections => {
                too_complex("The document has more than 1000 selections, with its fragments in place.")
            }
            Refusal::Depth => too_complex("The document asks for fields that are nested more than 8 deep."),
            Refusal::Complexity => {
                too_complex("The document asks for more than 200 fields; the fields of a list count ten times.")
            }
            Refusal::InputSize => too_complex(
                "The arguments are larger than 10000 units, with each variable in place of its uses; 64 bytes are a unit.",
            ),
            Refusal::Introspection => too_complex(
                "The document asks for more of the schema than 500 fields, 20 deep, with two lists in one another.",
            ),
        }
    }
}

/// A variable of a non-null type without a value (GraphQL 6.1.2).
pub(super) fn missing_variable(name: &str) -> ServerError {
    document_error(format!("The variable ${name} needs a value."), VALIDATION_FAILED)
}

/// An answer that is larger than any client needs.
pub(super) fn answer_too_large() -> ServerError {
    whole_request(ApiError::new(ErrorCode::QueryTooComplex, "The answer is larger than 256 KiB. Ask for less."))
}

/// An error of the document itself.
fn document_error(message: impl Into<String>, code: &'static str) -> ServerError {
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
