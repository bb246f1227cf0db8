//! Where the page that sent a request comes from: this server, this machine, or somewhere else.
//!
//! If in doubt, the answer must be no.

use std::net::IpAddr;

use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns the host that the request names. HTTP/2 has `:authority`, which is in the URI, instead of `Host`.
pub(super) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(Authority::as_str))
}

/// Returns whether a page of this server sent the request. Browsers set `Sec-Fetch-Site` themselves and pages cannot
/// change it (<https://www.w3.org/TR/fetch-metadata/>). So a request without it does not come from such a page.
pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none()
}

/// Returns whether `Origin` is the server's own, for browsers that do not send `Sec-Fetch-Site` too. `host` is the host
/// that the request names.
pub(super) fn is_own(headers: &HeaderMap, host: Option<&str>) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let authority = origin.and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    is_same_origin(headers) || (authority.is_some() && authority == host)
}

/// Returns whether another server on this machine served the page, without TLS: `http://localhost:5173`, for example.
pub(super) fn is_loopback(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    host.is_some_and(is_loopback_host)
}

/// Returns whether a host always means this machine, with or without a port.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_always_mean_this_machine_are_accepted() {
        for host in ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com:8000", "127.0.0.1.example.com", "192.168.0.2:8000"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn only_origins_on_this_machine_are_loopback() {
        for origin in ["http://localhost:5173", "http://localhost", "http://127.0.0.1:3000", "http://[::1]:8080"] {
            assert!(is_loopback(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "null",
            "localhost:5173",
            "https://localhost.evil.example",
            "http://localhost.evil.example:5173",
            "http://localhost:5173@evil.example",
            "http://192.168.0.2:5173",
            "file://localhost",
        ] {
            assert!(!is_loopback(&HeaderValue::from_static(origin)), "{origin}");
        }
    }
}
