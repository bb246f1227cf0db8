//! Cookie mode: the refresh token and the device token of a browser in cookies that no script can read.
//!
//! A client asks for it with the header `X-SMS-Login-Cookies: 1`. A page of another origin cannot send this header without
//! a preflight request (Fetch 4.8), and the checks here do not rely on `SameSite` alone: only pages of this server, and
//! listed pages of the same site, may use the cookies.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;

use super::request::Rejection;
use crate::graphql::{CookieChange, CookieChanges, TokenCookies};
use crate::http::cors::{COOKIE_MODE, CorsPolicy};
use crate::http::origin;

/// The prefix `__Host-` makes browsers refuse the cookie unless it is `Secure`, has the path `/` and names no domain, so
/// another host of the same site cannot set it (RFC 6265bis 4.1.3.2).
const REFRESH: &str = "__Host-sms-login-refresh";
const DEVICE: &str = "__Host-sms-login-device";
const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";

/// Reads the cookies of a request that asks for cookie mode.
///
/// # Errors
/// If the server has no cookie mode, or the page must not use it.
pub(super) fn read(parts: &Parts, policy: &CorsPolicy) -> Result<TokenCookies, Rejection> {
    if !parts.headers.contains_key(COOKIE_MODE) {
        return Ok(TokenCookies::default());
    }
    if !policy.cookies {
        return Err(Rejection(StatusCode::BAD_REQUEST, "This server has no cookie mode: COOKIES is not true."));
    }
    if !policy.allows_cookies(&parts.headers, origin::host(&parts.headers, &parts.uri)) {
        let message = "Only pages of this server, and pages in CORS_ORIGINS of the same site, can use cookie mode.";
        return Err(Rejection(StatusCode::FORBIDDEN, message));
    }
    Ok(TokenCookies::new(find(&parts.headers, REFRESH), find(&parts.headers, DEVICE)))
}

/// Adds the changes of an operation to its answer.
pub(super) fn write(response: &mut Response, changes: &CookieChanges, now: Timestamp) {
    for (name, change) in [(REFRESH, &changes.refresh_token), (DEVICE, &changes.device_token)] {
        let cookie = match change {
            None => continue,
            Some(CookieChange::Clear) => format!("{name}=; Max-Age=0; {ATTRIBUTES}"),
            Some(CookieChange::Set(issued)) => {
                let seconds = issued.expires_at.duration_since(now).as_secs().max(0);
                format!("{name}={}; Max-Age={seconds}; {ATTRIBUTES}", issued.token)
            }
        };
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

/// Returns the value of a cookie. HTTP/2 clients can send several `Cookie` headers (RFC 9113 8.2.3).
fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty())
}
