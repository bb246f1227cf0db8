//! One signed call to a Tencent Cloud API 3.0 product over a kept-alive connection.
//!
//! Owns the HTTP client, its time limits and the rule on trying again: only a connection that was never made is
//! tried once more; a request that may have arrived never is. It knows nothing of what is asked or answered.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, InvalidHeaderValue};
use reqwest::{Client, Response, Url, redirect};
use tokio::time::error::Elapsed;

use crate::clock::Clock;
use crate::tencent::tc3::{self, Credentials, SigningInput};

/// The most of an answer that is read. A real one is below a kilobyte.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Below the 60 s after which servers commonly drop an idle connection, so that a request does not meet one that is
/// just being closed: whether that request arrived could not be told.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// A dead HTTP/2 connection is found by pings; else each request would be put on it and time out, for minutes.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For one attempt to connect. Below half of `whole`, so that a failure to connect is known for what it is.
    pub connect: Duration,
    /// For all of it: both attempts to connect, the request and the answer.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), whole: Duration::from_secs(5) }
    }
}

/// Where and as whom to call.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The product's name in signatures: `sms`, `captcha`.
    pub service: &'static str,
    /// The product's API version, a date.
    pub version: &'static str,
    /// The product's address. API 3.0 has no path.
    pub endpoint: Url,
    /// Whose calls these are.
    pub credentials: Credentials,
    /// The region, for products that have one.
    pub region: Option<String>,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// Why a client cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The endpoint has no host, or has a path, a query or a user.
    #[error("a Tencent Cloud endpoint is an http or https address without a path")]
    Endpoint,
    /// The region cannot be sent in a header.
    #[error("the Tencent Cloud region is not plain text")]
    Region(#[source] InvalidHeaderValue),
    /// The secret id cannot be sent in a header.
    #[error("the Tencent Cloud secret id is not plain text")]
    SecretId(#[source] InvalidHeaderValue),
    /// The HTTP client cannot be set up, for instance for want of root certificates.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection was made, so nothing was asked.
    #[error("no connection could be made")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// Time ran out. The request may have arrived.
    #[error("no answer came in time")]
    TimedOut(#[source] Elapsed),
    /// The connection broke. The request may have arrived.
    #[error("the connection broke before the whole answer came")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is larger than any real one. The request did arrive.
    #[error("the answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
}

/// What came back, not yet understood.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most 64 KiB.
    pub body: Vec<u8>,
}

/// A client of one product. It keeps its connections.
pub struct Api {
    http: Client,
    config: ApiConfig,
    host: String,
    region: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
}

impl Api {
    /// Sets up the client. Nothing is connected yet.
    ///
    /// # Errors
    /// `BuildError` where a setting cannot be used.
    pub fn new(config: ApiConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let host = host_header(&config.endpoint).ok_or(BuildError::Endpoint)?;
        let region = config.region.as_deref().map(HeaderValue::from_str).transpose().map_err(BuildError::Region)?;
        HeaderValue::from_str(config.credentials.secret_id()).map_err(BuildError::SecretId)?;
        let http = Client::builder()
            .user_agent(concat!("sms-login/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.timeouts.connect)
            .pool_idle_timeout(POOL_IDLE)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| BuildError::Client(error.without_url()))?;
        Ok(Self { http, config, host, region, clock })
    }

    /// Asks for `action` with the JSON `payload`.
    ///
    /// # Errors
    /// `CallError` where no answer came back; it tells whether the request may have arrived.
    pub async fn call(&self, action: &'static str, payload: &str) -> Result<Answer, CallError> {
        tokio::time::timeout(self.config.timeouts.whole, self.exchange(action, payload))
            .await
            .map_err(CallError::TimedOut)?
    }

    async fn exchange(&self, action: &'static str, payload: &str) -> Result<Answer, CallError> {
        let response = match self.post(action, payload).await {
            Err(CallError::Unreachable(_)) => self.post(action, payload).await?,
            other => other?,
        };
        read(response).await
    }

    async fn post(&self, action: &'static str, payload: &str) -> Result<Response, CallError> {
        let timestamp = self.clock.now();
        let authorization = self.config.credentials.authorization(&SigningInput {
            service: self.config.service,
            host: &self.host,
            payload: payload.as_bytes(),
            timestamp,
        });
        let mut request = self
            .http
            .post(self.config.endpoint.clone())
            .header(CONTENT_TYPE, tc3::CONTENT_TYPE)
            .header(AUTHORIZATION, authorization)
            .header("X-TC-Action", action)
            .header("X-TC-Version", self.config.version)
            .header("X-TC-Timestamp", timestamp.as_second())
            .body(payload.to_owned());
        if let Some(region) = &self.region {
            request = request.header("X-TC-Region", region);
        }
        request.send().await.map_err(|error| {
            let error = error.without_url();
            if error.is_connect() { CallError::Unreachable(error.into()) } else { CallError::Broken(error.into()) }
        })
    }
}

async fn read(mut response: Response) -> Result<Answer, CallError> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| CallError::Broken(error.without_url().into()))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// The `Host` header that goes out for an endpoint, for the signature covers it. `None` where the endpoint is not one.
fn host_header(endpoint: &Url) -> Option<String> {
    let plain = matches!(endpoint.scheme(), "http" | "https")
        && endpoint.path() == "/"
        && endpoint.query().is_none()
        && endpoint.username().is_empty()
        && endpoint.password().is_none();
    let host = endpoint.host_str().filter(|_| plain)?;
    Some(match endpoint.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
