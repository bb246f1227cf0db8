//! Whether a request comes from the playground page in a browser on this machine.
//!
//! Rejects clients on other machines, pages of other origins, pages whose host name an attacker resolves to this
//! machine (DNS rebinding), and every client behind a proxy or a tunnel on this machine. If in doubt, the answer must
//! be no.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;

use crate::http::origin::{host, is_loopback_host, is_same_origin};

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

/// Whether the client runs on this machine and uses a host name that cannot belong to another machine.
fn is_from_this_machine(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let host = host(request.headers(), request.uri());

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
