//! Writes the answer to a GraphQL request: its status, headers and JSON.
//!
//! Owns the limit on the size of an answer. `graphql` decides the errors of an operation; this module only adds errors
//! for requests that did not get so far, and for faults.

use std::io::{self, Write};

use async_graphql::{Response as Outcome, Value};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::request::Rejection;
use crate::graphql::{ErrorCode, Executed, asks_for_document, too_large};
use crate::http::accept::MediaType;

const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// After how many seconds a client can repeat a request that found the server busy. An operation rarely takes longer.
const BUSY_RETRY_SECONDS: u32 = 2;

/// Answers with the outcome of an operation. If the operation did not run and the client accepts the draft's media
/// type, the status is 400, or 503 if the request itself was correct.
pub(super) fn outcome(outcome: &Outcome, media_type: MediaType) -> Response {
    let did_not_run = outcome.data == Value::Null && outcome.errors.iter().any(|error| error.path.is_empty());
    let status = match media_type {
        MediaType::GraphQlResponse if did_not_run && has_code(outcome, "UNAVAILABLE") => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        MediaType::GraphQlResponse if did_not_run && !outcome.errors.iter().any(asks_for_document) => {
            StatusCode::BAD_REQUEST
        }
        MediaType::GraphQlResponse | MediaType::Json => StatusCode::OK,
    };

    let mut body = BoundedBody::default();
    let written = if did_not_run {
        // An answer to a request error has no `data` entry (GraphQL, "Response Format"); the library would write
        // `null`.
        serde_json::to_writer(&mut body, &json!({ "errors": outcome.errors }))
    } else {
        serde_json::to_writer(&mut body, outcome)
    };
    if body.is_full {
        return self::outcome(&too_large(), media_type);
    }
    if written.is_err() {
        return internal_error(None);
    }

    respond(status, media_type, body.bytes)
}

/// Answers with the outcome of an operation that ran.
pub(super) fn executed(executed: &Executed, media_type: MediaType) -> Response {
    let mut response = outcome(&executed.response, media_type);
    if let Some(seconds) = executed.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Answers a request that was rejected before its GraphQL was parsed.
pub(super) fn rejection(Rejection(status, message): Rejection, media_type: MediaType) -> Response {
    let is_too_large = status == StatusCode::PAYLOAD_TOO_LARGE;
    let code = if is_too_large { ErrorCode::QueryTooComplex } else { ErrorCode::BadInput };
    error(status, code, message, media_type, None)
}

/// Answers a request that failed because of a fault of the server. The cause is only in the log.
pub(super) fn internal_error(request_id: Option<&str>) -> Response {
    let message = "Something went wrong on the server.";
    error(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message, MediaType::Json, request_id)
}

/// Answers a request that the server has no capacity for. No part of it has run.
pub(super) fn busy(media_type: MediaType) -> Response {
    let message = "The server is busy. Try again later.";
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message, media_type, None);
    response.headers_mut().insert(header::RETRY_AFTER, BUSY_RETRY_SECONDS.into());
    response
}

/// Answers with one error.
pub(super) fn error(
    status: StatusCode,
    code: ErrorCode,
    message: &str,
    media_type: MediaType,
    request_id: Option<&str>,
) -> Response {
    let mut extensions = json!({ "code": code.name(), "errorCode": code.number() });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        extensions["retryAfterSeconds"] = json!(BUSY_RETRY_SECONDS);
    }
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

fn has_code(outcome: &Outcome, code: &str) -> bool {
    let codes = outcome.errors.iter().filter_map(|error| error.extensions.as_ref()?.get("code"));
    codes.into_iter().any(|found| *found == Value::from(code))
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
