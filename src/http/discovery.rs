//! What other services load to verify tokens: the public keys, and the document that says where they are.
//!
//! `tokens` decides what is in them. Both can be cached, so a new key must be listed before it signs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{HttpState, plain};

const CACHE: &str = "public, max-age=300";

pub(super) async fn jwks(State(state): State<Arc<HttpState>>) -> Response {
    ([(header::CACHE_CONTROL, CACHE)], Json(state.services.tokens.jwks())).into_response()
}

pub(super) async fn configuration(State(state): State<Arc<HttpState>>) -> Response {
    match state.services.tokens.discovery() {
        Some(discovery) => ([(header::CACHE_CONTROL, CACHE)], Json(discovery)).into_response(),
        None => plain(StatusCode::NOT_FOUND, "the issuer of the tokens is not a URL, or a shared secret signs them\n"),
    }
}
