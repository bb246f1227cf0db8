//! Whether a request comes from the playground page in a browser on this machine.
//!
//! Rejects clients on other machines, pages of other origins, pages whose host name an attacker resolves to this
//! machine (DNS rebinding), and every client behind a proxy or a tunnel on this machine. If in doubt, the answer must
//! be no.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, header, uri::Authority};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers that proxies and tunnels add to a request.
const FORWARDED: [&str; 12] = [
    "cdn-loop",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-real-ip",
    "x-request-start",
];

/// Prefixes of such headers: the common one, and those of Cloudflare, Envoy, AWS, Azure and Google Cloud.
const FORWARDED_PREFIXES: [&str; 6] = ["x-forwarded", "cf-", "x-envoy-", "x-amzn-", "x-azure-", "x-appengine-"];

/// Whether the playground page of this server, in a browser on this machine, sent the request.
pub(super) fn is_from_own_page(request: &Request) -> bool {
    is_from_this_machine(request) && is_same_origin(request.headers())
}

/// Whether a page of this origin sent the request. Browsers set `Sec-Fetch-Site` themselves and pages cannot change it
/// (<https://www.w3.org/TR/fetch-metadata/>). So a request without it does not come from such a page.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none()
}

/// Whether the client runs on this machine and uses a host name that cannot belong to another machine.
fn is_from_this_machine(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    // HTTP/2 has `:authority`, which is in the URI, instead of `Host`.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(Authority::as_str));

    peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback())
        && host.is_some_and(is_loopback_host)
        && !is_forwarded(request.headers())
}

/// Whether a proxy or a tunnel forwarded the request, so that the peer is not the client.
fn is_forwarded(headers: &HeaderMap) -> bool {
    let is_from_proxy =
        |name: &str| FORWARDED.contains(&name) || FORWARDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    headers.keys().any(|name| is_from_proxy(name.as_str()))
}

fn is_loopback_host(host: &str) -> bool {
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
}
