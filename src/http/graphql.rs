//! `/graphql`, as the GraphQL-over-HTTP draft has it: POST with JSON, GET for queries, no batches.
//!
//! An operation runs in a task of its own: a client that hangs up cannot cut a sign-in in half.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request as Operation, Response as Outcome, Value as GraphQlValue};
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::json;
use tokio::time::timeout;
use tracing::Instrument;

use super::accept::MediaType;
use super::client_ip::client_address;
use super::{HttpState, RequestId};
use crate::graphql::bounds::BoundedVariables;
use crate::graphql::{Authorization, ErrorCode, Prepared, RequestContext, too_large};
use crate::tokens::Tokens;

const MAX_BODY_BYTES: usize = 256 * 1024;
const MAX_ANSWER_BYTES: usize = 256 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than all that an operation's own bounds add up to; what passes it goes on unwatched.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The parameters of a request (GraphQL over HTTP, "Request Parameters").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: String,
    operation_name: Option<String>,
    #[serde(default)]
    variables: BoundedVariables,
    /// Nothing is read from them, but they must be a map.
    #[serde(rename = "extensions")]
    _extensions: Option<AnyMap>,
}

/// A JSON object that is read past.
struct AnyMap;

impl<'de> Deserialize<'de> for AnyMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadPast;

        impl<'de> Visitor<'de> for ReadPast {
            type Value = AnyMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyMap, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnyMap)
            }
        }

        deserializer.deserialize_map(ReadPast)
    }
}

/// The same in a URL, where maps are JSON text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlParameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// Why a request is refused before any GraphQL is looked at.
struct Refusal(StatusCode, &'static str);

pub(super) async fn post(State(state): State<Arc<HttpState>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Some(media_type) = MediaType::negotiate(&parts.headers) else {
        return not_acceptable();
    };
    match read_post(&parts.headers, body).await {
        Ok(parameters) => match prepare(&state, parameters) {
            Ok(operation) => run(state, &parts, operation, media_type).await,
            Err(refused) => answer(&refused, media_type),
        },
        Err(refusal) => refuse(refusal, media_type),
    }
}

pub(super) async fn get(State(state): State<Arc<HttpState>>, request: Request<Body>) -> Response {
    let (mut parts, _) = request.into_parts();
    let Some(media_type) = MediaType::negotiate(&parts.headers) else {
        return not_acceptable();
    };
    let parameters = match read_get(&mut parts).await {
        Ok(parameters) => parameters,
        Err(refusal) => return refuse(refusal, media_type),
    };
    match prepare(&state, parameters) {
        Ok(operation) if operation.is_mutation() => method_not_allowed().await,
        Ok(operation) => run(state, &parts, operation, media_type).await,
        Err(refused) => answer(&refused, media_type),
    }
}

pub(super) async fn method_not_allowed() -> Response {
    let refusal = Refusal(StatusCode::METHOD_NOT_ALLOWED, "Send mutations by POST, and queries by POST or GET.");
    let mut response = refuse(refusal, MediaType::Json);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
    response
}

/// What a client gets for a panic; the log gets the cause.
#[expect(clippy::needless_pass_by_value, reason = "the form that the layer calls")]
pub(super) fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let cause = cause.downcast_ref::<&str>().map(|text| (*text).to_owned()).or(cause.downcast_ref::<String>().cloned());
    tracing::error!(panic = cause, "a request panicked");
    fault(None)
}

/// Checks the operation against the bounds and the rules for requests. Nothing has run if it is refused.
fn prepare(state: &HttpState, parameters: Parameters) -> Result<Prepared, Box<Outcome>> {
    let mut request = Operation::new(parameters.query);
    request.operation_name = parameters.operation_name.filter(|name| !name.is_empty());
    state.executor.prepare(request, parameters.variables).map_err(|error| Box::new(Outcome::from_errors(vec![*error])))
}

async fn run(state: Arc<HttpState>, parts: &Parts, operation: Prepared, media_type: MediaType) -> Response {
    let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let authorization = authorize(&state.tokens, &parts.headers);
    let client = client_address(&parts.extensions, &parts.headers, &state.trusted_proxies);
    let context = RequestContext::new(authorization, client, Arc::clone(&state.services));
    let executor = state.executor.clone();
    let request_id = id.clone();
    let task = async move { executor.run(operation, context, &request_id).await }.in_current_span();
    let outcome = match timeout(OPERATION_TIMEOUT, state.operations.spawn(task)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an operation panicked");
            return fault(Some(&id));
        }
        Err(_) => {
            let message = "The request took too long.";
            return fail(StatusCode::GATEWAY_TIMEOUT, ErrorCode::Unavailable, message, media_type, Some(&id));
        }
    };
    answer(&outcome, media_type)
}

/// The status is 400 for what failed before anything ran, for clients that know the draft's media type; 503 where that
/// was no fault of the request's.
fn answer(outcome: &Outcome, media_type: MediaType) -> Response {
    let request_error = outcome.data == GraphQlValue::Null && outcome.errors.iter().any(|error| error.path.is_empty());
    let status = match media_type {
        MediaType::GraphQlResponse if request_error && has_code(outcome, "UNAVAILABLE") => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        MediaType::GraphQlResponse if request_error => StatusCode::BAD_REQUEST,
        MediaType::GraphQlResponse | MediaType::Json => StatusCode::OK,
    };
    let mut body = BoundedBody::default();
    let written = if request_error {
        serde_json::to_writer(&mut body, &json!({ "errors": outcome.errors }))
    } else {
        serde_json::to_writer(&mut body, outcome)
    };
    if body.is_full {
        return answer(&too_large(), media_type);
    }
    if written.is_err() {
        return fault(None);
    }
    let mut response = respond(status, media_type, body.bytes);
    if let Some(seconds) = retry_after(outcome) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn has_code(outcome: &Outcome, code: &str) -> bool {
    let codes = outcome.errors.iter().filter_map(|error| error.extensions.as_ref()?.get("code"));
    codes.into_iter().any(|found| *found == GraphQlValue::from(code))
}

/// How many seconds to wait, where a limit refused the whole request.
fn retry_after(outcome: &Outcome) -> Option<u64> {
    let [error] = outcome.errors.as_slice() else {
        return None;
    };
    let refused = outcome.data == GraphQlValue::Null && has_code(outcome, "RATE_LIMITED");
    match error.extensions.as_ref()?.get("retryAfterSeconds") {
        Some(GraphQlValue::Number(seconds)) if refused => seconds.as_u64(),
        _ => None,
    }
}

fn authorize(tokens: &Tokens, headers: &HeaderMap) -> Authorization {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Authorization::Anonymous;
    };
    let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = match bearer {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => "",
    };
    match tokens.verify_access(token) {
        Ok(claims) => Authorization::Verified(claims),
        Err(error) => Authorization::Refused(error),
    }
}

/// Collects an answer of at most `MAX_ANSWER_BYTES`.
#[derive(Default)]
struct BoundedBody {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Write for BoundedBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_ANSWER_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn read_post(headers: &HeaderMap, body: Body) -> Result<Parameters, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json."));
    }
    let body = match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(TOO_LARGE);
        }
        Ok(Err(_)) => return Err(Refusal(StatusCode::BAD_REQUEST, "The body did not arrive whole.")),
        Err(_) => return Err(Refusal(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.")),
    };
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Refusal(StatusCode::BAD_REQUEST, "Batches are not taken: send one operation a request."));
    }
    // The parameters are read without a tree of JSON values between, which could take a hundred times the body's size.
    serde_json::from_slice(&body).map_err(|error| match error.classify() {
        Category::Data => MALFORMED,
        Category::Syntax | Category::Eof | Category::Io => Refusal(StatusCode::BAD_REQUEST, "The body is not JSON."),
    })
}

const TOO_LARGE: Refusal = Refusal(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 256 KiB.");

const MALFORMED: Refusal = Refusal(
    StatusCode::BAD_REQUEST,
    "Send `query` as a string, and `variables`, `extensions` and `operationName` as an object, an object and a string.",
);

async fn read_get(parts: &mut Parts) -> Result<Parameters, Refusal> {
    let Ok(Query(url)) = Query::<UrlParameters>::from_request_parts(parts, &()).await else {
        return Err(MALFORMED);
    };
    Ok(Parameters {
        query: url.query.ok_or(MALFORMED)?,
        operation_name: url.operation_name,
        variables: read_map(url.variables)?.unwrap_or_default(),
        _extensions: read_map(url.extensions)?,
    })
}

fn read_map<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, Refusal> {
    let text = text.filter(|text| !text.is_empty());
    text.map_or(Ok(None), |text| serde_json::from_str(&text).map_err(|_| MALFORMED))
}

fn not_acceptable() -> Response {
    let refusal =
        Refusal(StatusCode::NOT_ACCEPTABLE, "Answers come as application/graphql-response+json or application/json.");
    refuse(refusal, MediaType::Json)
}

fn refuse(Refusal(status, message): Refusal, media_type: MediaType) -> Response {
    let too_large = status == StatusCode::PAYLOAD_TOO_LARGE;
    let code = if too_large { ErrorCode::QueryTooComplex } else { ErrorCode::BadInput };
    fail(status, code, message, media_type, None)
}

fn fault(request_id: Option<&str>) -> Response {
    let message = "Something went wrong on the server.";
    fail(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message, MediaType::Json, request_id)
}

/// An answer of one error, for what GraphQL did not get to say.
fn fail(
    status: StatusCode,
    code: ErrorCode,
    message: &str,
    media_type: MediaType,
    request_id: Option<&str>,
) -> Response {
    let mut extensions = json!({ "code": code.name(), "errorCode": code.number() });
    if let Some(request_id) = request_id {
        extensions["requestId"] = json!(request_id);
    }
    let body = json!({ "errors": [{ "message": message, "extensions": extensions }] });
    respond(status, media_type, body.to_string().into_bytes())
}

fn respond(status: StatusCode, media_type: MediaType, body: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type.content_type()), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}
