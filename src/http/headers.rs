//! Headers for browsers: which pages may call the API (CORS), and how browsers must treat answers.
//!
//! The defaults forbid everything. A route that needs more sets the header itself.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::REQUEST_ID;

const PREFLIGHT_CACHE: Duration = Duration::from_mins(10);
const DEFAULTS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // This only applies to requests without CORS, so pages of `CORS_ORIGINS` can still call (Fetch, 3.7).
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// Adds the default headers that the route has not set.
pub(super) async fn secure(mut response: Response) -> Response {
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Allows pages of these origins to call. `None` if there are no origins. Credentials are not allowed, because tokens
/// are in a header and not in cookies.
pub(super) fn cors(origins: &[String]) -> Option<CorsLayer> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION])
        .expose_headers([header::RETRY_AFTER, REQUEST_ID])
        .vary([header::ORIGIN])
        .max_age(PREFLIGHT_CACHE);
    (!origins.is_empty()).then_some(layer)
}
