//! One HTTP/1.1 connection that stays open.

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A request to a target.
pub(crate) struct Call {
    pub(crate) path: &'static str,
    /// The JSON body. Without one, the request is a GET.
    pub(crate) body: Option<String>,
    pub(crate) token: Option<String>,
    /// The address of the user, as a proxy passes it on.
    pub(crate) client: String,
}

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_owned() })
    }

    /// Sends a request and returns the JSON of its answer.
    pub(crate) async fn call(&mut self, call: Call) -> Result<Value> {
        let (status, bytes) = self.exchange(call).await?;
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        if status != 200 {
            bail!("HTTP {status}: {}", text());
        }
        serde_json::from_slice(&bytes).with_context(text)
    }

    /// Sends a request and returns the status and the body of its answer.
    pub(crate) async fn exchange(&mut self, call: Call) -> Result<(u16, Bytes)> {
        let method = if call.body.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder().method(method).uri(call.path).header("host", &self.host);
        request = request.header("x-forwarded-for", call.client).header("content-type", "application/json");
        if let Some(token) = call.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::from(call.body.unwrap_or_default()))?;

        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
