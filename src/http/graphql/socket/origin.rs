//! Which pages may open a WebSocket. Browsers do not apply CORS to WebSockets, so the server has to check the origin.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::http::CorsPolicy;

/// Returns whether the request comes from a page of this server, from a page that may call it, or from no page at all: only
/// browsers send an origin.
pub(super) fn is_allowed(headers: &HeaderMap, cors: &CorsPolicy) -> bool {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        cors.allows(origin)
            || authority(origin).is_some_and(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host)))
    })
}

/// Returns the host of an origin, and its port if that is not the default of the scheme. `Host` has the same form.
fn authority(origin: &HeaderValue) -> Option<&[u8]> {
    let origin = origin.as_bytes();
    origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_and_listed_pages_may_open_a_socket() {
        let policy = |origin: &str| CorsPolicy { origins: vec![origin.to_owned()], loopback: false, cookies: false };
        let listed = policy("https://app.example.com");
        for (origins, host, expected) in [
            (&[][..], "api.example.com", true),
            (&["https://api.example.com"], "api.example.com", true),
            (&["http://LOCALHOST:8000"], "localhost:8000", true),
            (&["https://app.example.com"], "api.example.com", true),
            (&["http://localhost:8001"], "localhost:8000", false),
            (&["http://localhost"], "localhost:8000", false),
            (&["https://evil.example"], "api.example.com", false),
            (&["https://api.example.com.evil.example"], "api.example.com", false),
            (&["https://app.example.com", "https://evil.example"], "api.example.com", false),
            (&["null"], "api.example.com", false),
            (&["api.example.com"], "api.example.com", false),
            (&["file://api.example.com"], "api.example.com", false),
            (&[""], "", false),
        ] {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            for origin in origins {
                headers.append(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_allowed(&headers, &listed), expected, "{origins:?} at {host}");
            assert!(is_allowed(&headers, &policy("*")));
        }
    }
}
