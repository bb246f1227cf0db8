//! GraphQL errors: the failures that generic client code handles for every operation, and the codes of all failures.
//!
//! Every error has a code, a number and one fixed sentence. Nothing internal may reach a client: if the server is at
//! fault, the client gets the request's id, and the log gets the cause, once for each request. Conversions here have no
//! effects; `log_faults` logs at the end of the request. `problem` maps the expected failures of mutations.

use std::any::Any;
use std::error::Error;
use std::sync::Arc;

use async_graphql::{Enum, ErrorExtensionValues, ServerError, Value};

use super::bounds::Refusal;
use super::execute::Transport;
use crate::store::StoreError;
use crate::tokens::TokenError;

pub(super) const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
pub(super) const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";

/// After how many seconds a client can repeat a request that a store did not complete.
pub(super) const STORE_RETRY_SECONDS: u64 = 2;
/// A claim that a store's failure left behind blocks its code for this long.
const UNAVAILABLE_RETRY_SECONDS: u64 = 10;

/// The result of a resolver.
pub(super) type ApiResult<T> = Result<T, ApiError>;

/// The codes of failures: `code` of a `Problem`, and `extensions.code` of a GraphQL error, whose `extensions.errorCode` has
/// the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ErrorCode {
    /// -1001: a value is missing, too long or malformed. `field` is the path of the argument, such as `input.code`.
    BadInput,
    /// -1002: the phone is not a possible mobile number. `field` is the path of the argument.
    InvalidPhone,
    /// -1003: the SMS provider did not confirm the send. If the SMS still arrives, its code is void. Request a new one
    /// after `retryAfterSeconds`.
    SmsSendFailed,
    /// -1005: the access or refresh token is malformed, forged or revoked.
    TokenInvalid,
    /// -1006: the access or refresh token has expired.
    TokenExpired,
    /// -1008: the field needs sign-in, but the request has no access token.
    Unauthenticated,
    /// -1009: the session signed in too long ago for this. Use `reauthenticate` first.
    ReauthenticationRequired,
    /// -1100: the code has expired, was already used, or has no attempts left. Request a new one.
    CodeExpired,
    /// -1102: the digits are wrong. `attemptsRemaining` says how many attempts are left for this code.
    CodeIncorrect,
    /// -1103: the `challengeId` was not issued for this phone and purpose, or not for this user. This costs no attempt.
    ChallengeMismatch,
    /// -1201: the sign-in could not be stored. The code stays valid: send it again after `retryAfterSeconds`.
    SignupFailed,
    /// -1203: another account has this phone. The code is used up.
    PhoneTaken,
    /// -1204: an operator has disabled the account. The code is used up.
    AccountDisabled,
    /// -1301: a rate limit, which `limit` names, rejects the request. Try again after `retryAfterSeconds`, at
    /// `retryAt`.
    RateLimited,
    /// -1302: a captcha is required. `captchaAppId` is the app id for the captcha's client library.
    CaptchaRequired,
    /// -1303: the captcha was not passed, or the captcha service is unavailable. Let the user solve a new one, now or
    /// later, with the app id `captchaAppId`.
    CaptchaFailed,
    /// -1304: the server sends no codes to the phone's region.
    RegionNotAllowed,
    /// -1305: the carrier or the SMS provider blocks this number.
    NumberBlocked,
    /// -1401: the request is too deep, too complex or too large, or it has more than one field that accepts a
    /// phone, a code or a refresh token.
    QueryTooComplex,
    /// -1501: a store is unavailable or too slow. The server refunds what it can. Try again after `retryAfterSeconds`.
    Unavailable,
    /// -1599: the server has a fault. Report it with the `requestId`.
    Internal,
}

impl ErrorCode {
    /// Returns the number. Errors that Tencent's smsLogin demo also has keep its numbers.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::BadInput => -1001,
            Self::InvalidPhone => -1002,
            Self::SmsSendFailed => -1003,
            Self::TokenInvalid => -1005,
            Self::TokenExpired => -1006,
            Self::Unauthenticated => -1008,
            Self::ReauthenticationRequired => -1009,
            Self::CodeExpired => -1100,
            Self::CodeIncorrect => -1102,
            Self::ChallengeMismatch => -1103,
            Self::SignupFailed => -1201,
            Self::PhoneTaken => -1203,
            Self::AccountDisabled => -1204,
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

    /// Returns the code and the sentence for a token that is rejected.
    pub(super) const fn of_token(error: TokenError) -> (Self, &'static str) {
        match error {
            TokenError::Invalid => (Self::TokenInvalid, "The token is invalid. Sign in again."),
            TokenError::Expired => (Self::TokenExpired, "The token has expired."),
        }
    }

    /// Returns the name, as in the schema.
    pub(crate) fn name(self) -> String {
        async_graphql::resolver_utils::enum_value(self).to_string()
    }
}

/// A client's error.
#[derive(Clone)]
pub(super) struct ApiError {
    code: ErrorCode,
    message: &'static str,
    more: Vec<(&'static str, Value)>,
    fault: Option<Fault>,
}

/// The log message and cause of an error that is the server's fault. It is part of the error, so that conversions have
/// no effects and the end of the request can log it.
#[derive(Clone)]
pub(super) struct Fault {
    pub(super) message: &'static str,
    pub(super) cause: Arc<dyn Error + Send + Sync>,
}

/// Logs the faults of one request in one line: the first cause, and how many fields failed. The client chooses the
/// number of fields, so one line for each field would let attackers fill the log.
pub(super) fn log_faults(of_problems: &[Fault], errors: &[ServerError]) {
    let mut faults = of_problems.iter().chain(errors.iter().filter_map(ServerError::source::<Fault>));
    if let Some(Fault { message, cause }) = faults.next() {
        tracing::error!(error = cause.as_ref() as &dyn Error, failed_fields = 1 + faults.count(), "{message}");
    }
}

impl ApiError {
    fn new(code: ErrorCode, message: &'static str) -> Self {
        Self { code, message, more: Vec::new(), fault: None }
    }

    fn because(mut self, message: &'static str, cause: Arc<dyn Error + Send + Sync>) -> Self {
        self.fault = Some(Fault { message, cause });
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// Returns the error for a malformed value of an argument.
    pub(super) fn bad_input(field: &'static str, message: &'static str) -> Self {
        Self::new(ErrorCode::BadInput, message).with("field", field)
    }

    /// Returns the error for a field that needs sign-in, if the request has no token.
    pub(super) fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "This operation needs sign-in: send an access token.")
    }

    /// Returns the error for a store that is unavailable.
    fn unavailable(cause: Arc<dyn Error + Send + Sync>) -> Self {
        Self::new(ErrorCode::Unavailable, "The service is temporarily unavailable. Try again later.")
            .with("retryAfterSeconds", UNAVAILABLE_RETRY_SECONDS)
            .because("a store is unavailable", cause)
    }

    /// Returns the error for a fault of the server.
    pub(super) fn internal(cause: Arc<dyn Error + Send + Sync>) -> Self {
        Self::new(ErrorCode::Internal, "The server has an internal error.").because("internal fault", cause)
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

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        let (code, message) = ErrorCode::of_token(error);
        Self::new(code, message)
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

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let too_complex = |sentence| whole_request(ApiError::new(ErrorCode::QueryTooComplex, sentence));
        match refusal {
            Refusal::OpenString => document_error("A string is not closed.", PARSE_FAILED),
            Refusal::DuplicateInputField => {
                document_error("An input object sets the same field twice.", VALIDATION_FAILED)
            }
            Refusal::Cycle => document_error("A fragment uses itself.", VALIDATION_FAILED),
            Refusal::UnknownFragment => {
                document_error("The document uses a fragment that it does not define.", VALIDATION_FAILED)
            }
            Refusal::UnknownDirective => {
                document_error("Only the directives @skip and @include are supported.", VALIDATION_FAILED)
            }
            Refusal::TypenameMisuse => {
                document_error("The field __typename accepts no arguments and no selections.", VALIDATION_FAILED)
            }
            Refusal::SubscriptionRoot => document_error(
                "A subscription selects exactly one field, without a fragment or a directive.",
                VALIDATION_FAILED,
            ),
            Refusal::IntrospectionOff => document_error("Introspection is disabled on this server.", VALIDATION_FAILED),
            Refusal::Tokens => too_complex("The document has more than 1000 tokens."),
            Refusal::Nesting => too_complex("The document nests brackets more than 50 deep."),
            Refusal::LongName => too_complex("A name is longer than 256 bytes."),
            Refusal::Operations => too_complex("The document has more than 16 operations."),
            Refusal::VariableValues => too_complex("The variables hold more than 1000 values."),
            Refusal::Credentials => too_complex(
                "An operation may contain only one of requestCode, login, refreshSession, reauthenticate, changePhone, deleteAccount and verifyCode.",
            ),
            Refusal::Selections => {
                too_complex("The document has more than 1000 selections after its fragments are expanded.")
            }
            Refusal::Depth => too_complex("The document nests fields more than 8 deep."),
            Refusal::Complexity => too_complex(
                "The document selects more than 200 fields; the fields of a list count ten times, and codeDelivery counts twenty.",
            ),
            Refusal::InputSize => too_complex(
                "The arguments, with every variable replaced by its value, are larger than 10000 units of 64 bytes.",
            ),
            Refusal::Introspection => {
                too_complex("The introspection query exceeds 500 fields, a depth of 20, or two nested lists.")
            }
        }
    }
}

/// Returns the error for a variable of a non-null type without a value (GraphQL 6.1.2).
pub(super) fn missing_variable(name: &str) -> ServerError {
    document_error(format!("The variable ${name} requires a value."), VALIDATION_FAILED)
}

/// Returns the error for an operation that another transport carries.
pub(super) fn wrong_transport(transport: Transport) -> ServerError {
    let message = match transport {
        Transport::Http => "Subscriptions need a WebSocket at this URL with the subprotocol graphql-transport-ws.",
        Transport::WebSocket => "Send queries and mutations by POST.",
    };
    document_error(message, VALIDATION_FAILED)
}

/// Returns the error for an id of a document, if the server has no trusted documents. Apollo's persisted-query link looks for
/// this message, and then sends the document itself.
pub(super) fn persisted_queries_not_supported() -> ServerError {
    document_error("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
}

/// Returns the error for an id that no trusted document has. Apollo's persisted-query link looks for this message, and then
/// sends the document itself.
pub(super) fn persisted_query_not_found() -> ServerError {
    document_error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
}

/// Returns the error for a document that the operator does not trust, if only trusted documents run.
pub(super) fn untrusted_document() -> ServerError {
    document_error("This server runs only the documents of its applications.", "DOCUMENT_NOT_TRUSTED")
}

/// Returns whether an error asks the client to send the document itself. HTTP's status is 200 then: Apollo's link takes others
/// for failures of the server.
pub(crate) fn asks_for_document(error: &ServerError) -> bool {
    ["PersistedQueryNotSupported", "PersistedQueryNotFound"].contains(&error.message.as_str())
}

/// Returns the error for one subscription more than a connection can have.
pub(crate) fn too_many_subscriptions() -> ServerError {
    whole_request(ApiError::new(ErrorCode::QueryTooComplex, "A connection can have at most 10 subscriptions."))
}

/// Returns the error for a subscription that the server has no capacity for.
pub(crate) fn server_busy() -> ServerError {
    let error = ApiError::new(ErrorCode::Unavailable, "The server is busy. Try again later.");
    whole_request(error.with("retryAfterSeconds", STORE_RETRY_SECONDS))
}

/// Returns the error for a response that is larger than any client needs.
pub(super) fn answer_too_large() -> ServerError {
    whole_request(ApiError::new(
        ErrorCode::QueryTooComplex,
        "The response is larger than 256 KiB. Request fewer fields.",
    ))
}

/// Returns an error of the document, which does not belong to a field.
fn document_error(message: impl Into<String>, code: &'static str) -> ServerError {
    let mut error = ServerError::new(message, None);
    mark_document_error(&mut error, code);
    error
}

/// Returns an error of the whole request, which does not belong to a field.
fn whole_request(error: ApiError) -> ServerError {
    let async_graphql::Error { message, extensions, .. } = error.into();
    let mut error = ServerError::new(message, None);
    error.extensions = extensions;
    error
}

/// Returns the error for a query that exceeded its time-out.
pub(super) fn query_timed_out() -> ServerError {
    let message = "The query took too long. Try again.";
    let error = ApiError::new(ErrorCode::Unavailable, message).with("retryAfterSeconds", STORE_RETRY_SECONDS);
    whole_request(error)
}

/// Adds the code of an error of the document to an error of the library.
pub(super) fn mark_document_error(error: &mut ServerError, code: &'static str) {
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code);
    extensions.set("errorCode", ErrorCode::BadInput.number());
}

/// Adds the request's id to the error of a fault, so that operators can find the cause in the log.
pub(super) fn name_request(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_default();
    if matches!(extensions.get("code"), Some(Value::String(code)) if is_fault(code)) {
        extensions.set("requestId", request_id);
    }
}

fn is_fault(code: &str) -> bool {
    [ErrorCode::Unavailable, ErrorCode::Internal].iter().any(|fault| fault.name() == code)
}
