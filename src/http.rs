//! HTTP: the router, and what applies to every request.
//!
//! Each request gets an id, which is in its log lines and in the `x-request-id` header of its answer. A panic becomes
//! an answer with status 500. Routes must not contain rules of the business: they call `graphql` or a service.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;

use crate::graphql::{Executor, Services};
use crate::telemetry;
use crate::tokens::JWKS_PATH;
use crate::users::AVATARS_PATH;

mod accept;
mod avatars;
mod callbacks;
mod client_ip;
mod compression;
mod cors;
pub(crate) mod descriptors;
mod discovery;
mod graphql;
mod headers;
mod health;
pub(crate) mod metrics;
mod origin;
mod playground;
mod serve;

pub(crate) use callbacks::Callbacks;
pub(crate) use cors::CorsPolicy;
pub(crate) use graphql::Sockets;
pub(crate) use health::Readiness;
pub(crate) use playground::Playground;
pub(crate) use serve::{ConnectionLimits, Connections, Patience, serve};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The state that all routes share.
pub(crate) struct HttpState {
    pub(crate) executor: Executor,
    pub(crate) services: Arc<Services>,
    pub(crate) readiness: Readiness,
    /// Running operations, including those whose client has disconnected.
    pub(crate) operations: TaskTracker,
    /// Who may send delivery receipts.
    pub(crate) callbacks: Callbacks,
    /// The places of running operations. A request that finds none is rejected instead of queued.
    pub(crate) places: Arc<Semaphore>,
    /// The page at `/`, if it is enabled.
    pub(crate) playground: Option<Arc<Playground>>,
    /// The proxies that are trusted to report the client's address.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The header in which they report it.
    pub(crate) client_address_header: String,
    /// The open WebSockets.
    pub(crate) sockets: Arc<Sockets>,
    /// The pages of other origins that may call `/graphql`.
    pub(crate) cors: CorsPolicy,
}

/// The id of a request, for logs and for the client.
#[derive(Debug, Clone)]
struct RequestId(String);

/// Returns the routes of the server.
pub(crate) fn router(state: Arc<HttpState>) -> Router {
    let api = get(graphql::get).post(graphql::post).fallback(graphql::method_not_allowed);
    let api: MethodRouter<Arc<HttpState>> = api.layer(compression::layer());
    let api = api.layer(option_layer(state.cors.layer()));
    let refused = Arc::new(cors::RefusedOrigins::new(state.cors.clone(), Arc::clone(&state.services.clock)));
    let api = api.layer(from_fn_with_state(refused, cors::log_refused));
    let page = state.playground.clone().map(playground::routes).unwrap_or_default();

    Router::new()
        .route("/graphql", api)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route(JWKS_PATH, get(discovery::jwks))
        .route("/.well-known/openid-configuration", get(discovery::configuration))
        .route(&format!("{AVATARS_PATH}/{{name}}"), get(avatars::serve))
        .merge(callbacks::routes())
        .with_state(state)
        .merge(page)
        .layer(CatchPanicLayer::custom(graphql::panicked))
        .layer(map_response(headers::secure))
        .layer(from_fn(identify))
}

/// Assigns an id and a tracing span to the request. An id that the client sends is ignored, because it would be written
/// to logs.
async fn identify(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    let path = callbacks::logged_path(request.uri().path());
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %request.method(),
        http.path = %path,
        http.status = Empty,
        graphql.operation = Empty,
        graphql.outcome = Empty,
        phone.masked = Empty,
        sms.route = Empty,
        trace.id = Empty,
    );
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    telemetry::continue_trace(&span, traceparent);
    request.extensions_mut().insert(RequestId(id.clone()));

    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("http.status", response.status().as_u16());
    span.in_scope(|| tracing::debug!(duration_ms = started.elapsed().as_secs_f64() * 1000.0, "answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Answers with a status and a line of text.
fn plain(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
