//! HTTP requests to other services, such as SMS and captcha providers.
//!
//! Owns the HTTP client, its time limits, the retry rule and the limit on the size of an answer. A request is retried
//! once if the connection for it was never made, and never if it may have arrived: an SMS must not be sent twice. This
//! module knows no provider: it adds no signature and reads no body. No error contains a URL or a body.

use std::error::Error;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderValue};
use reqwest::{Response, redirect};
use tokio::time::error::Elapsed;
use tracing::Instrument;
use url::{Host, Url};

pub use reqwest::header::InvalidHeaderValue;

const USER_AGENT: &str = concat!("sms-login/", env!("CARGO_PKG_VERSION"));

/// The most bytes of an answer's body. Real ones have less than a kilobyte.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Many servers close a connection that has been idle for 60 s. A request that is sent while the server closes it may
/// or may not have arrived, and must not be retried. So the client closes idle connections earlier.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Pings detect a dead HTTP/2 connection. Without them, every request would use it and time out, for minutes.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// One attempt to connect. Less than half of `whole`, so that two attempts fit and a failure to connect is reported
    /// as one.
    pub connect: Duration,
    /// The whole call: up to two attempts to connect, the request and the answer.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), whole: Duration::from_secs(5) }
    }
}

/// The HTTP client could not be created, for example because the root certificates could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be created")]
pub struct ClientError(#[source] reqwest::Error);

/// A call failed. The variants differ in whether the request may have arrived.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection was made: the request was not sent.
    #[error("could not connect")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The answer did not arrive in time. The request may have arrived.
    #[error("no answer arrived in time")]
    TimedOut(#[source] Elapsed),
    /// The connection broke. The request may have arrived.
    #[error("the connection broke before the whole answer arrived")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is larger than 64 KiB. The request has arrived.
    #[error("the answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
}

/// The address of an operator's own server, which receives webhooks.
#[derive(Debug, Clone)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// Parses an address. Webhooks must not travel unencrypted, so `http` is accepted for loopback only.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
        let is_loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
        is_safe.then_some(Self(url))
    }
}

impl AsRef<Url> for WebhookUrl {
    fn as_ref(&self) -> &Url {
        &self.0
    }
}

impl From<WebhookUrl> for Url {
    fn from(url: WebhookUrl) -> Self {
        url.0
    }
}

/// A POST request.
pub struct Request<'a> {
    /// The address of the service.
    pub url: &'a Url,
    /// Names and values. Check values that come from settings with [`check_header_value`] when the server starts.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// The answer to a request, of any HTTP status.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most 64 KiB.
    pub body: Vec<u8>,
}

/// An HTTP client that keeps its connections open between calls.
pub struct Client {
    http: reqwest::Client,
    whole: Duration,
}

impl Client {
    /// Creates a client. It connects at the first call.
    ///
    /// # Errors
    /// If the HTTP library cannot be set up.
    pub fn new(timeouts: Timeouts) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(POOL_IDLE)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            // A redirect would take the body, with its phone number and code, to another address.
            .redirect(redirect::Policy::none())
            // By default, `HTTP_PROXY` and the like decide where requests go. Here only the settings do.
            .no_proxy()
            .build()
            .map_err(|error| ClientError(error.without_url()))?;

        Ok(Self { http, whole: timeouts.whole })
    }

    /// Sends the request that `build` returns. `build` is called again for a retry, so that a signature is always made
    /// with the current time.
    ///
    /// # Errors
    /// If no complete answer arrives in time.
    pub async fn post<'a, F>(&self, build: F) -> Result<Answer, CallError>
    where
        F: Fn() -> Request<'a> + Send + Sync,
    {
        let call = tokio::time::timeout(self.whole, self.exchange(build));
        call.instrument(tracing::debug_span!("outbound")).await.map_err(CallError::TimedOut)?
    }

    /// Sends a request like [`post`](Self::post), and returns the HTTP status of the answer, whatever its body is.
    ///
    /// # Errors
    /// If no status arrives in time.
    pub async fn post_for_status<'a, F>(&self, build: F) -> Result<u16, CallError>
    where
        F: Fn() -> Request<'a> + Send + Sync,
    {
        let call = async {
            let started = Instant::now();
            let response = tokio::time::timeout(self.whole, self.send_or_retry(build)).await;
            let response = response.map_err(CallError::TimedOut)??;
            let status = response.status().as_u16();

            // The connection can be used again only after its body was read. If it is long or slow, a new one costs less.
            drop(tokio::time::timeout(self.whole.saturating_sub(started.elapsed()), read(response)).await);
            Ok(status)
        };
        call.instrument(tracing::debug_span!("outbound")).await
    }

    /// Returns the time on a server: the `Date` header of its answer, of any status, to a GET request.
    ///
    /// # Errors
    /// If no answer arrives in time.
    pub async fn server_time(&self, url: &Url) -> Result<Option<Timestamp>, CallError> {
        let get = self.http.get(url.clone()).send();
        let answer = tokio::time::timeout(self.whole, get).await.map_err(CallError::TimedOut)?;
        let answer = answer.map_err(|error| CallError::Unreachable(error.without_url().into()))?;
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        // The form of RFC 9110 5.6.7 is one of RFC 2822.
        Ok(date.and_then(|date| rfc2822::parse(date).ok()).map(|date| date.timestamp()))
    }

    async fn exchange<'a, F>(&self, build: F) -> Result<Answer, CallError>
    where
        F: Fn() -> Request<'a> + Send + Sync,
    {
        read(self.send_or_retry(build).await?).await
    }

    async fn send_or_retry<'a, F>(&self, build: F) -> Result<Response, CallError>
    where
        F: Fn() -> Request<'a> + Send + Sync,
    {
        match self.send(build()).await {
            Err(CallError::Unreachable(_)) => self.send(build()).await,
            other => other,
        }
    }

    async fn send(&self, request: Request<'_>) -> Result<Response, CallError> {
        let Request { url, headers, body } = request;
        let builder =
            headers.into_iter().fold(self.http.post(url.clone()), |builder, (name, value)| builder.header(name, value));

        builder.body(body).send().await.map_err(|error| {
            let error = error.without_url();
            if error.is_connect() { CallError::Unreachable(error.into()) } else { CallError::Broken(error.into()) }
        })
    }
}

/// Checks that a setting can be the value of a header.
///
/// # Errors
/// If the text contains a character that headers cannot have, such as a line break.
pub fn check_header_value(text: &str) -> Result<(), InvalidHeaderValue> {
    HeaderValue::from_str(text).map(drop)
}

async fn read(mut response: Response) -> Result<Answer, CallError> {
    let broken = |error: reqwest::Error| CallError::Broken(error.without_url().into());
    let status = response.status().as_u16();
    let mut body = Vec::new();

    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}
