//! The playground: the page at `/`, for signing in and trying queries.
//!
//! Owns the page's routes and headers; `files` serves its files, and `same_machine` decides who may read the inbox. The
//! page and everything that it loads come from this server. The inbox holds one-time codes, so it must only be served
//! to the page itself, in a browser on this machine or with a random token.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::set_header::SetResponseHeaderLayer;

use super::plain;
use crate::phone::Region;
use crate::sms::inbox::Inbox;

mod files;
mod inbox_key;
mod same_machine;

use self::inbox_key::InboxKey;

/// The page's view in which a user can try queries.
pub(super) const EXPLORER: &str = "/#explorer";
const INBOX: &str = "/dev/inbox";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";
const NOT_BUILT: &str = include_str!("playground/not_built.html");

/// The Explorer's editor sets inline styles. Avatars can be on any host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The same, with the hosts of Tencent Captcha's script and of the frame that it opens.
const POLICY_WITH_CAPTCHA: &str = "default-src 'none'; \
    script-src 'self' https://turing.captcha.qcloud.com https://turing.captcha.gtimg.com; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; \
    connect-src 'self' https://turing.captcha.qcloud.com https://turing.captcha.gtimg.com; \
    frame-src https://turing.captcha.qcloud.com https://turing.captcha.gtimg.com; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The facts about the server that the page needs, and the inbox if there is one.
pub(crate) struct Playground {
    about: Value,
    inbox: Option<Arc<Inbox>>,
    /// Opens the inbox for a phone in the local network.
    inbox_key: Option<InboxKey>,
    policy: &'static str,
}

impl Playground {
    /// Creates the page of a server that sends codes to these regions, and if `calls` is true also speaks them. `inbox` is for
    /// servers that print messages.
    pub(crate) fn new(
        default_region: Region,
        allowed_regions: Option<&[Region]>,
        calls: bool,
        inbox: Option<Arc<Inbox>>,
    ) -> Self {
        let allowed: Option<Vec<_>> = allowed_regions.map(|regions| regions.iter().map(Region::to_string).collect());
        let about = json!({
            "defaultRegion": default_region.to_string(),
            "allowedRegions": allowed,
            "calls": calls,
            "inbox": inbox.as_ref().map(|_| INBOX),
        });
        Self { about, inbox, inbox_key: None, policy: CONTENT_SECURITY_POLICY }
    }

    /// Returns the same page, which can show the captcha.
    pub(crate) fn with_captcha(self) -> Self {
        Self { policy: POLICY_WITH_CAPTCHA, ..self }
    }

    /// Returns the same page, whose inbox a client with a random token can also read.
    pub(crate) fn with_inbox_token(self) -> Self {
        Self { inbox_key: Some(InboxKey::generate()), ..self }
    }

    /// Returns the random token of the inbox, if there is one.
    pub(crate) fn inbox_token(&self) -> Option<&str> {
        self.inbox_key.as_ref().map(InboxKey::token)
    }

    fn shows_inbox(&self, request: &Request) -> bool {
        same_machine::is_from_own_page(request) || self.inbox_key.as_ref().is_some_and(|key| key.opens(request))
    }
}

/// Returns the routes of the page, with one for the inbox if there is an inbox.
pub(super) fn routes(playground: Arc<Playground>) -> Router {
    let header = |name: HeaderName, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let mut routes = Router::new()
        .route("/", get(index))
        .route("/favicon.svg", get(favicon))
        .route("/assets/{*path}", get(asset))
        .route("/playground.json", get(about));
    if playground.inbox.is_some() {
        routes = routes.route(INBOX, get(inbox));
    }

    let policy = playground.policy;
    routes
        .with_state(playground)
        .route_layer(header(header::CONTENT_SECURITY_POLICY, policy))
        .route_layer(header(header::REFERRER_POLICY, "no-referrer"))
        .route_layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .route_layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
}

async fn index(headers: HeaderMap) -> Response {
    if files::are_embedded() { files::serve("index.html", REVALIDATE, &headers) } else { not_built() }
}

/// Explains how to build the page, for servers that were built without it.
fn not_built() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, NOT_BUILT).into_response()
}

async fn favicon(headers: HeaderMap) -> Response {
    files::serve("favicon.svg", REVALIDATE, &headers)
}

/// Serves a file whose name contains the hash of its contents.
async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    files::serve(&format!("assets/{path}"), IMMUTABLE, &headers)
}

async fn about(State(playground): State<Arc<Playground>>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(playground.about.clone())).into_response()
}

async fn inbox(State(playground): State<Arc<Playground>>, request: Request) -> Response {
    match &playground.inbox {
        Some(inbox) if playground.shows_inbox(&request) => {
            ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "messages": inbox.messages() }))).into_response()
        }
        _ => plain(StatusCode::FORBIDDEN, "only the page at / on this machine can read the inbox\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_without_the_page_explains_how_to_build_it() {
        let response = not_built();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        assert!(String::from_utf8_lossy(&body).contains("<code>make run</code>"));
    }
}
