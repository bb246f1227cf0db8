//! The `/graphql` endpoint (GraphQL over HTTP, draft): POST with a JSON body, GET for queries, no batches. Subscriptions run
//! over a WebSocket.
//!
//! Owns the way of a request to the executor; `request` reads it, `answer` writes its answer, and
//! `socket` serves subscriptions. Each operation runs in
//! its own task, so that a client that disconnects cannot interrupt a sign-in halfway. No GraphQL rule belongs here.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Response as Outcome;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use self::request::{Parameters, Rejection};
use super::accept::{MediaType, accepts_html};
use super::client_ip::client_address;
use super::compression;
use super::playground::EXPLORER;
use super::{HttpState, RequestId};
use crate::graphql::{Authorization, ErrorCode, Prepared, RequestContext, Transport, error_code, is_introspection};
use crate::locale::Locale;
use crate::metrics;
use crate::store;
use crate::tokens::Tokens;

mod answer;
mod cookies;
mod request;
mod socket;

pub(crate) use socket::Sockets;

/// Longer than the sum of an operation's own time-outs. An operation that takes longer continues without a client.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The name, in logs and metrics, of an operation that the bounds or the parser reject.
const REJECTED: &str = "rejected";

pub(super) async fn post(State(state): State<Arc<HttpState>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Some(media_type) = MediaType::negotiate(&parts.headers) else {
        return not_acceptable();
    };

    match request::read_post(&parts.headers, body).await {
        Ok(parameters) => {
            let Some(place) = place(&state) else {
                return answer::busy(media_type);
            };
            match prepare(&state, parameters) {
                Ok(operation) => run(state, &parts, operation, media_type, place).await,
                Err(rejected) => rejected_operation(&rejected, media_type),
            }
        }
        Err(rejection) => answer::rejection(rejection, media_type),
    }
}

pub(super) async fn get(State(state): State<Arc<HttpState>>, request: Request<Body>) -> Response {
    let (mut parts, _) = request.into_parts();
    if socket::is_wanted(&parts.headers) {
        return socket::open(state, &mut parts).await;
    }
    // A person who opens the endpoint in a browser wants to try it.
    let is_opened = parts.uri.query().is_none_or(str::is_empty) && accepts_html(&parts.headers);
    if is_opened && state.playground.is_some() {
        return Redirect::to(EXPLORER).into_response();
    }

    let Some(media_type) = MediaType::negotiate(&parts.headers) else {
        return not_acceptable();
    };

    let parameters = match request::read_get(&mut parts).await {
        Ok(parameters) => parameters,
        Err(rejection) => return answer::rejection(rejection, media_type),
    };
    let Some(place) = place(&state) else {
        return answer::busy(media_type);
    };
    match prepare(&state, parameters) {
        Ok(operation) if operation.is_mutation() => method_not_allowed().await,
        Ok(operation) => run(state, &parts, operation, media_type, place).await,
        Err(rejected) => rejected_operation(&rejected, media_type),
    }
}

/// Answers a request whose operation did not run.
fn rejected_operation(rejected: &Outcome, media_type: MediaType) -> Response {
    note(REJECTED, &error_code(rejected).unwrap_or_default(), Instant::now());
    answer::outcome(rejected, media_type)
}

/// Notes the operation and its outcome in the request's span and in the metrics.
fn note(operation: &'static str, outcome: &str, started: Instant) {
    Span::current().record("graphql.operation", operation).record("graphql.outcome", outcome);
    metrics::operation_ended(operation, outcome, started);
}

pub(super) async fn method_not_allowed() -> Response {
    let rejection = Rejection(StatusCode::METHOD_NOT_ALLOWED, "Send mutations by POST, and queries by POST or GET.");
    let mut response = answer::rejection(rejection, MediaType::Json);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
    response
}

/// Logs a panic and returns an answer that does not contain its cause.
#[expect(clippy::needless_pass_by_value, reason = "`CatchPanicLayer` calls a function of this type")]
pub(super) fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let cause = cause.downcast_ref::<&str>().map(|text| (*text).to_owned()).or(cause.downcast_ref::<String>().cloned());
    tracing::error!(panic = cause, "a request panicked");
    answer::internal_error(None)
}

/// Takes a place for an operation, after its body has arrived: a client that sends slowly must not hold one. Returns `None` if
/// `MAX_OPERATIONS` run already. Then the request costs no more than its body, so that a burst cannot delay requests that
/// were accepted.
fn place(state: &HttpState) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(&state.places).try_acquire_owned().ok();
    if place.is_none() {
        metrics::request_shed("operations");
    }
    place
}

/// Checks the operation against the bounds and rules for requests. If it is rejected, no part of it has run.
fn prepare(state: &HttpState, parameters: Parameters) -> Result<Prepared, Box<Outcome>> {
    let prepared = state.executor.prepare(parameters.0, Transport::Http);
    prepared.map_err(|error| Box::new(Outcome::from_errors(vec![*error])))
}

async fn run(
    state: Arc<HttpState>,
    parts: &Parts,
    operation: Prepared,
    media_type: MediaType,
    place: OwnedSemaphorePermit,
) -> Response {
    let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let authorization = authorize(&state.services.tokens, &parts.headers);
    let client = client_address(&state, parts);
    let languages = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let locale = languages.and_then(Locale::preferred);
    let context = RequestContext::new(authorization, client, locale, id.clone(), Arc::clone(&state.services));
    let context = match cookies::read(parts, &state.cors) {
        Ok(cookies) => context.with_cookies(cookies),
        Err(rejection) => return answer::rejection(rejection, media_type),
    };

    // Dropping this future, because the client disconnected or the time is up, does not drop the task.
    let executor = state.executor.clone();
    let (label, started) = (operation.label(), Instant::now());
    // The future of an operation is large, and each layer around it would move it again: so it gets its place at once.
    let task = store::with_budget(Box::pin(async move {
        let _place = place;
        let executed = executor.run(operation, context).await;
        note(label, &executed.outcome, started);
        executed
    }));
    match timeout(OPERATION_TIMEOUT, state.operations.spawn(task.in_current_span())).await {
        Ok(Ok(executed)) => {
            let mut response = answer::executed(&executed, media_type);
            if is_introspection(label) {
                compression::allow(&mut response);
            }
            cookies::write(&mut response, &executed.cookies, state.services.clock.now());
            response
        }
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an operation panicked");
            answer::internal_error(Some(&id))
        }
        Err(_) => {
            let message = "The request took too long.";
            answer::error(StatusCode::GATEWAY_TIMEOUT, ErrorCode::Unavailable, message, media_type, Some(&id))
        }
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

fn not_acceptable() -> Response {
    let message = "The answer can be application/graphql-response+json or application/json.";
    answer::rejection(Rejection(StatusCode::NOT_ACCEPTABLE, message), MediaType::Json)
}
