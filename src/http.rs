//! HTTP: the router and what lies around every request.
//!
//! Each request has an id, in its log lines and in the answer's `x-request-id`. A panic is answered, not passed on.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tracing::Instrument;
use uuid::Uuid;

use crate::graphql::{ApiSchema, Services};
use crate::tokens::Tokens;

mod accept;
mod client_ip;
mod graphql;
mod health;
pub(crate) mod metrics;
mod playground;

pub(crate) use health::Readiness;
pub(crate) use playground::Playground;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const JWKS_CACHE: &str = "public, max-age=300";

/// What the routes need.
pub(crate) struct HttpState {
    pub(crate) schema: ApiSchema,
    pub(crate) services: Arc<Services>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) readiness: Readiness,
    /// Operations that run, also those whose client has hung up.
    pub(crate) operations: TaskTracker,
    /// The page at `/`, where it is on.
    pub(crate) playground: Option<Arc<Playground>>,
}

/// A request's id, for logs and for the client.
#[derive(Debug, Clone)]
struct RequestId(String);

/// The routes of the server.
pub(crate) fn router(state: Arc<HttpState>) -> Router {
    let page = state.playground.clone().map(playground::routes).unwrap_or_default();
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post).fallback(graphql::method_not_allowed))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/.well-known/jwks.json", get(jwks))
        .with_state(state)
        .merge(page)
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CatchPanicLayer::custom(graphql::panicked))
        .layer(from_fn(identify))
}

/// Gives the request its id and its span. A client's own id is not taken: it would be written to logs.
async fn identify(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    let span = tracing::info_span!("request", request.id = %id, http.method = %request.method(), http.path = request.uri().path());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn jwks(State(state): State<Arc<HttpState>>) -> Response {
    ([(header::CACHE_CONTROL, JWKS_CACHE)], Json(state.tokens.jwks())).into_response()
}

/// An answer with a status and nothing else to say.
fn plain(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
