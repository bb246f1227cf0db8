//! Delivery receipts by HTTP: `/callbacks/tencent/{secret}` and `/callbacks/webhook/{route}`.
//!
//! Owns who may send receipts. Tencent does not sign its calls, so its path contains a secret, which must not appear in logs: see
//! `logged_path`. A call is answered with success only after its receipts are stored, because providers repeat what fails.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde_json::json;
use tokio::time::timeout;

use super::{HttpState, plain};
use crate::deliveries::{ProviderReceipt, receipts};
use crate::standard_webhooks::{ID, SIGNATURE, SignedHeaders, TIMESTAMP, WebhookSecret};

const MAX_BODY_BYTES: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const PREFIX: &str = "/callbacks/";
const WEBHOOKS: &str = "webhook/";

/// Who may send receipts.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    tencent: Option<PathSecret>,
    webhooks: HashMap<String, WebhookSecret>,
}

/// The secret in Tencent's path. `Debug` does not show it.
struct PathSecret(Vec<u8>);

impl std::fmt::Debug for PathSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PathSecret(..)")
    }
}

impl Callbacks {
    /// Accepts receipts of Tencent if there is a secret, and receipts of webhook routes by the secrets of their names.
    pub(crate) fn new(tencent: Option<&str>, webhooks: HashMap<String, WebhookSecret>) -> Self {
        Self { tencent: tencent.map(|secret| PathSecret(secret.as_bytes().to_vec())), webhooks }
    }

    /// Compares the secret of a path in constant time.
    fn is_tencent(&self, secret: &str) -> bool {
        self.tencent.as_ref().is_some_and(|right| verify_slices_are_equal(&right.0, secret.as_bytes()).is_ok())
    }
}

pub(super) fn routes() -> Router<Arc<HttpState>> {
    Router::new().route("/callbacks/tencent/{secret}", any(tencent)).route("/callbacks/webhook/{route}", any(webhook))
}

/// Returns a path without its secret, for logs. Also masks every other path that may contain one by mistake.
pub(super) fn logged_path(path: &str) -> Cow<'_, str> {
    match path.split_once(PREFIX) {
        Some((_, rest)) if !rest.starts_with(WEBHOOKS) => Cow::Borrowed("/callbacks/(masked)"),
        Some(_) | None => Cow::Borrowed(path),
    }
}

/// The answer for a wrong secret, and for another method than POST, is that for an unknown path.
fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

async fn tencent(
    method: Method,
    State(state): State<Arc<HttpState>>,
    Path(secret): Path<String>,
    body: Body,
) -> Response {
    if method != Method::POST || !state.callbacks.is_tencent(&secret) {
        return not_found();
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(rejected) => return rejected,
    };
    match receipts::tencent(&body) {
        Ok(receipts) => store(&state, &receipts, Json(json!({ "result": 0, "errmsg": "OK" }))).await,
        Err(_) => plain(StatusCode::BAD_REQUEST, "not an array of receipts\n"),
    }
}

async fn webhook(
    method: Method,
    State(state): State<Arc<HttpState>>,
    Path(route): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(secret) = state.callbacks.webhooks.get(&route).filter(|_| method == Method::POST) else {
        return not_found();
    };
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(rejected) => return rejected,
    };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = SignedHeaders { id: header(ID), timestamp: header(TIMESTAMP), signatures: header(SIGNATURE) };
    if !secret.verify(&signed, &body, state.services.clock.now()) {
        return plain(StatusCode::UNAUTHORIZED, "the signature is wrong or too old\n");
    }
    match receipts::webhook(&route, &body) {
        Ok(receipt) => store(&state, &[receipt], Json(json!({}))).await,
        Err(_) => plain(StatusCode::BAD_REQUEST, "not a receipt\n"),
    }
}

async fn store(state: &HttpState, receipts: &[ProviderReceipt], done: Json<serde_json::Value>) -> Response {
    match state.services.deliveries.receive(receipts).await {
        Ok(()) => {
            tracing::debug!(receipts = receipts.len(), "delivery receipts stored");
            ([(header::CACHE_CONTROL, "no-store")], done).into_response()
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "delivery receipts could not be stored");
            plain(StatusCode::SERVICE_UNAVAILABLE, "the receipts could not be stored\n")
        }
    }
}

async fn read_body(body: Body) -> Result<Bytes, Response> {
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB\n"))
        }
        Ok(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "the body did not arrive completely\n")),
        Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_logged_without_its_secret() {
        for secret in
            ["/callbacks/tencent/secret", "/callbacks/Tencent/secret", "//callbacks/secret", "/callbacks/secret/"]
        {
            assert_eq!(logged_path(secret), "/callbacks/(masked)", "{secret}");
        }
        for plain in ["/graphql", "/callbacks", "/callbacks/webhook/own"] {
            assert_eq!(logged_path(plain), plain);
        }
    }
}
