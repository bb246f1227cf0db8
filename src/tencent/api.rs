//! A signed call to one product of Tencent Cloud's API 3.0.
//!
//! Owns the headers that API 3.0 requires. `outbound` sends the request and `tc3` signs it; the caller owns the JSON of
//! the request and of the answer.

use std::sync::Arc;

use url::Url;

use crate::clock::Clock;
use crate::outbound::{
    Answer, CallError, Client, ClientError, InvalidHeaderValue, Request, Timeouts, check_header_value,
};
use crate::tencent::tc3::{self, Credentials, SigningInput};

/// The settings of a client for one product.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The product's name in signatures: `sms`, `captcha`.
    pub service: &'static str,
    /// The version of the product's API, a date.
    pub version: &'static str,
    /// The product's address. API 3.0 has no path.
    pub endpoint: Url,
    /// The API key.
    pub credentials: Credentials,
    /// The region, if the product has regions.
    pub region: Option<String>,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// A client cannot be created from its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The endpoint has no host, or has a path, a query or a user.
    #[error("a Tencent Cloud endpoint is an http or https address without a path")]
    Endpoint,
    /// The region has characters that a header cannot have.
    #[error("the Tencent Cloud region is not plain text")]
    Region(#[source] InvalidHeaderValue),
    /// The secret id has characters that a header cannot have.
    #[error("the Tencent Cloud secret id is not plain text")]
    SecretId(#[source] InvalidHeaderValue),
    /// The HTTP client cannot be created.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A client of one product.
pub struct Api {
    client: Client,
    config: ApiConfig,
    host: String,
    clock: Arc<dyn Clock>,
}

impl Api {
    /// Creates a client. It connects at the first call.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(config: ApiConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let host = host_header(&config.endpoint).ok_or(BuildError::Endpoint)?;
        config.region.as_deref().map_or(Ok(()), check_header_value).map_err(BuildError::Region)?;
        check_header_value(config.credentials.secret_id()).map_err(BuildError::SecretId)?;

        let client = Client::new(config.timeouts)?;
        Ok(Self { client, config, host, clock })
    }

    /// Calls `action` with the JSON `payload`.
    ///
    /// # Errors
    /// If no complete answer arrives in time.
    pub async fn call(&self, action: &'static str, payload: &str) -> Result<Answer, CallError> {
        self.client.post(|| self.signed(action, payload)).await
    }

    fn signed(&self, action: &'static str, payload: &str) -> Request<'_> {
        let timestamp = self.clock.now();
        let authorization = self.config.credentials.authorization(&SigningInput {
            service: self.config.service,
            host: &self.host,
            payload: payload.as_bytes(),
            timestamp,
        });

        let mut headers = vec![
            ("Content-Type", tc3::CONTENT_TYPE.to_owned()),
            ("Authorization", authorization),
            ("X-TC-Action", action.to_owned()),
            ("X-TC-Version", self.config.version.to_owned()),
            ("X-TC-Timestamp", timestamp.as_second().to_string()),
        ];
        if let Some(region) = &self.config.region {
            headers.push(("X-TC-Region", region.clone()));
        }
        Request { url: &self.config.endpoint, headers, body: payload.to_owned() }
    }
}

/// The `Host` header of requests to an endpoint, which the signature covers. `None` if the endpoint cannot be used.
fn host_header(endpoint: &Url) -> Option<String> {
    let is_plain = matches!(endpoint.scheme(), "http" | "https")
        && endpoint.path() == "/"
        && endpoint.query().is_none()
        && endpoint.username().is_empty()
        && endpoint.password().is_none();
    let host = endpoint.host_str().filter(|_| is_plain)?;

    Some(match endpoint.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
