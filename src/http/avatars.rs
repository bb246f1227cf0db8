//! The default avatars of users, as pictures that pages on any host may load.

use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::plain;
use crate::users;

/// A week: the pictures may change with a new version of the server.
const CACHE: &str = "public, max-age=604800";
/// An SVG can contain scripts when a browser opens it as a page. These do not, and may not.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// Serves a picture.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Some(picture) = users::picture(&name) else {
        return plain(StatusCode::NOT_FOUND, "there is no such avatar\n");
    };
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, CACHE),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        // Pages of other origins show the avatars of their users.
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, picture).into_response()
}
