//! Which pages of other origins may call `/graphql` (CORS).
//!
//! Browsers report a refusal to the page's developer only in general words. So the log names the refused origin and the
//! setting, at most once a minute for each origin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

use super::{REQUEST_ID, origin};
use crate::clock::Clock;

const PREFLIGHT_CACHE: Duration = Duration::from_mins(10);
/// The most origins that are remembered. While all are recent, refusals of further origins are not logged.
const MAX_LOGGED: usize = 32;
const LOGGED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The header with which a client asks for cookie mode.
pub(super) const COOKIE_MODE: HeaderName = HeaderName::from_static("x-sms-login-cookies");

/// The pages that may call.
#[derive(Debug, Clone)]
pub(crate) struct CorsPolicy {
    /// The origins whose pages may call; `*` is every origin.
    pub(crate) origins: Vec<String>,
    /// Whether pages that another server on this machine serves may call, such as those of a development server.
    pub(crate) loopback: bool,
    /// Whether browsers can use cookie mode.
    pub(crate) cookies: bool,
}

impl CorsPolicy {
    fn allows_all(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }

    /// Returns whether pages of this origin may call.
    pub(super) fn allows(&self, origin: &HeaderValue) -> bool {
        self.allows_all() || self.names(origin)
    }

    /// Returns whether pages of exactly this origin are meant to call.
    fn names(&self, origin: &HeaderValue) -> bool {
        let is_listed = self.origins.iter().any(|listed| origin == listed.as_str());
        is_listed || (self.loopback && origin::is_loopback(origin))
    }

    /// Returns whether the page that sent a request may use cookies: a page of this server, or a named page of the same
    /// site. `host` is the host that the request names.
    pub(super) fn allows_cookies(&self, headers: &HeaderMap, host: Option<&str>) -> bool {
        let is_named = headers.get(header::ORIGIN).is_some_and(|origin| self.names(origin));
        let mut sites = headers.get_all(origin::SEC_FETCH_SITE).iter();
        match (sites.next(), sites.next()) {
            (Some(site), None) => site == "same-origin" || (site == "same-site" && is_named),
            // Older browsers do not send it, but they send `Origin` with each POST.
            (None, _) => is_named || origin::is_own(headers, host),
            (Some(_), Some(_)) => false,
        }
    }

    /// Returns the layer that answers browsers. `None` if no page of another origin may call. Credentials are only allowed
    /// for cookie mode, and never for every origin: other tokens are in a header.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let has_cookies = self.cookies && !self.allows_all();
        let allowed = if self.allows_all() {
            AllowOrigin::any()
        } else {
            let policy = self.clone();
            AllowOrigin::predicate(move |origin, _| policy.allows(origin))
        };
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(
                [header::CONTENT_TYPE, header::AUTHORIZATION]
                    .into_iter()
                    .chain(has_cookies.then_some(COOKIE_MODE))
                    .collect::<Vec<_>>(),
            )
            .allow_credentials(has_cookies)
            .expose_headers([header::DATE, header::RETRY_AFTER, REQUEST_ID])
            .vary([header::ORIGIN])
            .max_age(PREFLIGHT_CACHE);
        (self.loopback || !self.origins.is_empty()).then_some(layer)
    }
}

/// Logs origins whose pages are refused.
pub(super) struct RefusedOrigins {
    policy: CorsPolicy,
    clock: Arc<dyn Clock>,
    /// When each origin was last logged.
    logged: Mutex<HashMap<String, Timestamp>>,
}

impl RefusedOrigins {
    pub(super) fn new(policy: CorsPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { policy, clock, logged: Mutex::default() }
    }

    /// Returns the origin to log for a request, if its page is refused and the log did not name it in the last minute.
    fn to_log(&self, headers: &HeaderMap, own: Option<&str>) -> Option<String> {
        let origin = headers.get(header::ORIGIN)?;
        if self.policy.allows(origin) || origin::is_own(headers, own) {
            return None;
        }
        // The client chooses the header, so only a well-formed origin gets into the log.
        let url = Url::parse(origin.to_str().ok()?).ok()?;
        let origin = url.origin().is_tuple().then(|| url.origin().ascii_serialization())?;

        let now = self.clock.now();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, at| now.duration_since(*at) < LOGGED_EVERY);
        if logged.contains_key(&origin) || logged.len() >= MAX_LOGGED {
            return None;
        }
        logged.insert(origin.clone(), now);
        Some(origin)
    }
}

/// Logs the request's origin if its page may not read the answer.
pub(super) async fn log_refused(State(refused): State<Arc<RefusedOrigins>>, request: Request, next: Next) -> Response {
    let host = origin::host(request.headers(), request.uri());
    if let Some(origin) = refused.to_log(request.headers(), host) {
        tracing::warn!(
            origin,
            "a page of another origin called and was refused: CORS_ORIGINS lists the origins that may call"
        );
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn from(origin: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_str(origin).expect("a value"))])
    }

    fn refused() -> (Arc<ManualClock>, RefusedOrigins) {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let policy = CorsPolicy { origins: vec!["https://a.example".to_owned()], loopback: false, cookies: false };
        (Arc::clone(&clock), RefusedOrigins::new(policy, clock))
    }

    #[test]
    fn an_origin_is_logged_once_a_minute() {
        let (clock, refused) = refused();
        let log = |origin: &str| refused.to_log(&from(origin), Some("own.example:8000"));
        assert_eq!(log("https://b.example").as_deref(), Some("https://b.example"));
        assert_eq!(log("https://b.example"), None);
        assert_eq!(log("https://c.example").as_deref(), Some("https://c.example"));
        clock.advance(SignedDuration::from_secs(59));
        assert_eq!(log("https://b.example"), None);
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(log("https://b.example").as_deref(), Some("https://b.example"));
    }

    #[test]
    fn an_allowed_or_own_or_malformed_origin_is_not_logged() {
        let (_, refused) = refused();
        for origin in ["https://a.example", "https://own.example:8000", "null", "nonsense", "data:x"] {
            assert_eq!(refused.to_log(&from(origin), Some("own.example:8000")), None, "{origin}");
        }
        let mut same = from("https://proxied.example");
        assert!(refused.to_log(&same, None).is_some());
        same = from("https://also.example");
        same.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        assert_eq!(refused.to_log(&same, None), None, "the browser knows its own origin behind a proxy");
    }

    /// A client can invent any number of origins.
    #[test]
    fn the_number_of_logged_origins_is_bounded() {
        let (clock, refused) = refused();
        let flood =
            || (0..1000).filter(|n| refused.to_log(&from(&format!("https://{n}.example")), None).is_some()).count();
        assert_eq!((flood(), flood()), (MAX_LOGGED, 0));
        clock.advance(LOGGED_EVERY);
        assert_eq!(flood(), MAX_LOGGED);
    }
}
