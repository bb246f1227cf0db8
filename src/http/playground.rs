//! The page at `/`: its files, which are in the binary, and what it is told of the server.
//!
//! The page and everything that it loads have this origin. The inbox holds one-time codes, so only the page itself, in a
//! browser on this machine, can read it. Another machine cannot, nor a page of another origin, nor a page whose name an
//! attacker points at this machine (DNS rebinding), nor any client behind a proxy or a tunnel on this machine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::set_header::SetResponseHeaderLayer;

use super::plain;
use crate::phone::Region;
use crate::sms::inbox::Inbox;

/// The files that `build.rs` found.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/playground_files.rs"));

const INBOX: &str = "/dev/inbox";
const NEVER_CHANGES: &str = "public, max-age=31536000, immutable";
const ASK_FIRST: &str = "no-cache";
const NOT_BUILT: &str = include_str!("playground/not_built.html");
/// GraphiQL's editor sets styles of its own; its fonts come inside its style sheet. Avatars are anybody's pictures.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";
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
/// How the names begin of families of such headers: the common one, Cloudflare's, Envoy's, and those of clouds.
const FORWARDED_FAMILIES: [&str; 6] = ["x-forwarded", "cf-", "x-envoy-", "x-amzn-", "x-azure-", "x-appengine-"];

/// A file of the page, in the forms that a client may take.
struct File {
    path: &'static str,
    plain: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// What the page is served from.
pub(crate) struct Playground {
    about: Value,
    inbox: Option<Arc<Inbox>>,
}

impl Playground {
    /// A page for a server that sends to these regions, with an inbox where messages are printed.
    pub(crate) fn new(default_region: Region, allowed_regions: Option<&[Region]>, inbox: Option<Arc<Inbox>>) -> Self {
        let allowed: Option<Vec<_>> = allowed_regions.map(|regions| regions.iter().map(Region::to_string).collect());
        let about = json!({
            "defaultRegion": default_region.to_string(),
            "allowedRegions": allowed,
            "inbox": inbox.as_ref().map(|_| INBOX),
        });
        Self { about, inbox }
    }
}

/// The routes of the page. The inbox has one only where there is an inbox.
pub(super) fn routes(playground: Arc<Playground>) -> Router {
    let header = |name: HeaderName, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let mut routes = Router::new()
        .route("/", get(index))
        .route("/favicon.svg", get(|headers: HeaderMap| async move { serve("favicon.svg", ASK_FIRST, &headers) }))
        .route("/assets/{*path}", get(asset))
        .route("/playground.json", get(about));
    if playground.inbox.is_some() {
        routes = routes.route(INBOX, get(inbox));
    }
    routes
        .with_state(playground)
        .route_layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .route_layer(header(header::REFERRER_POLICY, "no-referrer"))
        .route_layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .route_layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
}

async fn index(headers: HeaderMap) -> Response {
    if FILES.is_empty() {
        return not_built();
    }
    serve("index.html", ASK_FIRST, &headers)
}

/// What stands at `/` where the binary was built without the page.
fn not_built() -> Response {
    ([(header::CONTENT_TYPE, content_type("not_built.html")), (header::CACHE_CONTROL, "no-store")], NOT_BUILT)
        .into_response()
}

/// A file whose name has the hash of what is in it.
async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    serve(&format!("assets/{path}"), NEVER_CHANGES, &headers)
}

async fn about(State(playground): State<Arc<Playground>>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(playground.about.clone())).into_response()
}

async fn inbox(State(playground): State<Arc<Playground>>, request: Request) -> Response {
    match &playground.inbox {
        Some(inbox) if is_this_machine(&request) && is_same_origin(request.headers()) => {
            ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "messages": inbox.messages() }))).into_response()
        }
        _ => plain(StatusCode::FORBIDDEN, "only the page at / on this machine can read the inbox\n"),
    }
}

/// Whether a page of this origin sent the request. Browsers set the header themselves, and no page can change it
/// (<https://www.w3.org/TR/fetch-metadata/>). A request without it is not from such a page.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none()
}

/// Whether a proxy or a tunnel passed the request on: its peer is then not the client.
fn is_forwarded(headers: &HeaderMap) -> bool {
    let adds = |name: &str| {
        FORWARDED.contains(&name) || FORWARDED_FAMILIES.iter().any(|beginning| name.starts_with(beginning))
    };
    headers.keys().any(|name| adds(name.as_str()))
}

/// Whether the client runs on this machine, and named it by an address that no other machine can have.
fn is_this_machine(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback())
        && host.is_some_and(is_loopback_host)
        && !is_forwarded(request.headers())
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn serve(path: &str, cache: &'static str, headers: &HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.path == path) else {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    };
    let accepted = Encodings::accepted(headers);
    let (body, encoding) = match file {
        File { brotli: Some(body), .. } if accepted.brotli => (body, Some("br")),
        File { gzip: Some(body), .. } if accepted.gzip => (body, Some("gzip")),
        File { plain: Some(body), .. } => (body, None),
        _ => return plain(StatusCode::NOT_ACCEPTABLE, "this file comes in br and gzip only\n"),
    };
    let mut response = (
        [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, cache), (header::VARY, "accept-encoding")],
        *body,
    )
        .into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ttf") => "font/ttf",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Which content codings a client takes.
#[derive(Debug, PartialEq, Eq)]
struct Encodings {
    brotli: bool,
    gzip: bool,
}

impl Encodings {
    /// Reads `accept-encoding`; without it a client takes any (RFC 9110 12.5.3), and gzip is the one that most know.
    fn accepted(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
        if values.peek().is_none() {
            return Self { brotli: false, gzip: true };
        }
        let codings: Vec<&str> =
            values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        let takes = |name: &str| {
            let quality = |coding: &&str| {
                let (coding, parameter) = coding.split_once(';').unwrap_or((coding, ""));
                let refused = parameter.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
                coding.trim().eq_ignore_ascii_case(name).then_some(!refused)
            };
            codings.iter().find_map(quality)
        };
        let any = takes("*").unwrap_or(false);
        Self { brotli: takes("br").unwrap_or(any), gzip: takes("gzip").unwrap_or(any) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_always_this_machine_get_the_inbox() {
        for host in ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com:8000", "127.0.0.1.example.com", "192.168.0.2:8000"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[tokio::test]
    async fn a_server_without_the_page_says_how_to_get_it() {
        let response = not_built();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        assert!(String::from_utf8_lossy(&body).contains("<code>make run</code>"));
    }

    #[test]
    fn a_client_gets_a_coding_that_it_takes() {
        let none = Encodings { brotli: false, gzip: false };
        assert_eq!(Encodings::accepted(&HeaderMap::new()), Encodings { brotli: false, gzip: true });
        for (accept, expected) in [
            ("gzip, deflate, br", Encodings { brotli: true, gzip: true }),
            ("gzip;q=0.5, br;q=0", Encodings { brotli: false, gzip: true }),
            ("*", Encodings { brotli: true, gzip: true }),
            ("*, br; q=0.0", Encodings { brotli: false, gzip: true }),
            ("identity", none),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
            assert_eq!(Encodings::accepted(&headers), expected, "{accept}");
        }
    }
}
