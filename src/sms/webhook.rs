//! The sender that posts each message to the operator's own gateway, by HTTP.
//!
//! Owns the contract of the request and the meaning of answers; `outbound` makes the call. Requests are signed as the
//! Standard Webhooks specification says: <https://github.com/standard-webhooks/standard-webhooks>. Phone number and code are
//! only ever in the request, never in an error.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::{
    Acceptance, CodeMessage, MessageSender, Notice, NoticeKind, Progress, ProviderWait, SendError, SendOutcome,
};
use crate::channel::Channel;
use crate::clock::Clock;
pub use crate::outbound::WebhookUrl;
use crate::outbound::{Answer, Client, ClientError, Request, Timeouts};
pub use crate::standard_webhooks::WebhookSecret;

/// The wait after `rate_limited` without `retry_after`.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The longest wait. A longer one is most likely a mistake of the gateway.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The settings of the sender.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The address that receives messages.
    pub url: WebhookUrl,
    /// The key of signatures.
    pub secret: WebhookSecret,
    /// The notices that the gateway sends.
    pub notices: Vec<NoticeKind>,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// The body of a request.
#[derive(Serialize)]
struct Payload<'a> {
    id: &'a str,
    phone: &'a str,
    code: &'a str,
    purpose: String,
    locale: Option<&'a str>,
    expires_at: String,
    reference: Option<&'a str>,
    app_hash: Option<&'a str>,
    /// Absent for an SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
}

/// The body of a request for a notice.
#[derive(Serialize)]
struct NoticePayload<'a> {
    id: &'a str,
    phone: &'a str,
    notice: &'static str,
    locale: Option<&'a str>,
}

/// The body of an answer that rejects a message.
#[derive(Deserialize)]
struct Rejection {
    reason: String,
    retry_after: Option<u64>,
}

/// The gateway's answer does not say whether it sent the message.
#[derive(Debug, thiserror::Error)]
#[error("the webhook answered HTTP {0}")]
struct UnclearAnswer(u16);

/// Posts messages to a gateway.
pub struct WebhookSms {
    client: Client,
    url: Url,
    secret: WebhookSecret,
    notices: Vec<NoticeKind>,
    clock: Arc<dyn Clock>,
}

impl WebhookSms {
    /// Creates a sender. It connects at the first call.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn new(config: WebhookConfig, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let WebhookConfig { url, secret, notices, timeouts } = config;
        Ok(Self { client: Client::new(timeouts)?, url: url.into(), secret, notices, clock })
    }

    async fn deliver(&self, id: &str, payload: &impl Serialize) -> Result<SendOutcome, SendError> {
        // Text and numbers always have a form in JSON.
        let body = serde_json::to_string(payload).map_err(|error| SendError::Unreachable(error.into()))?;
        interpret(&self.post(id, &body).await?)
    }

    async fn post(&self, id: &str, body: &str) -> Result<Answer, SendError> {
        Ok(self.client.post(|| self.signed(id, body)).await?)
    }

    fn signed(&self, id: &str, body: &str) -> Request<'_> {
        let mut headers = vec![("Content-Type", "application/json".to_owned())];
        headers.extend(self.secret.headers(id, body.as_bytes(), self.clock.now()));
        Request { url: &self.url, headers, body: body.to_owned() }
    }
}

#[async_trait]
impl MessageSender for WebhookSms {
    fn name(&self) -> &'static str {
        "webhook"
    }

    /// Posts `{"id": …, "check": true}`, which a gateway accepts without a message if the signature is correct.
    async fn check(&self) -> Result<(), SendError> {
        let id = Uuid::new_v4().to_string();
        let answer = self.post(&id, &serde_json::json!({ "id": id, "check": true }).to_string()).await?;
        match interpret(&answer)? {
            SendOutcome::Accepted(_) => Ok(()),
            SendOutcome::InvalidPhone
            | SendOutcome::NumberBlocked
            | SendOutcome::RegionNotAllowed
            | SendOutcome::RateLimited(_) => Err(failed(answer.status)),
        }
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let payload = Payload {
            id: message.id,
            phone: message.phone.e164(),
            code: message.code.expose_digits(),
            purpose: message.purpose.name().to_uppercase(),
            locale: message.locale.map(crate::locale::Locale::as_str),
            expires_at: message.expires_at.to_string(),
            reference: message.reference,
            app_hash: message.app_hash,
            channel: (message.channel == Channel::Voice).then(|| message.channel.name()),
        };
        let mut outcome = self.deliver(message.id, &payload).await?;
        if let SendOutcome::Accepted(accepted) = &mut outcome {
            // The gateway's receipt names the message by our own id.
            accepted.serial = Some(message.id.to_owned());
        }
        Ok(outcome)
    }

    fn sends_notices(&self, kind: NoticeKind) -> bool {
        self.notices.contains(&kind)
    }

    async fn notify(&self, notice: &Notice<'_>) -> Result<SendOutcome, SendError> {
        let payload = NoticePayload {
            id: notice.id,
            phone: notice.phone.e164(),
            notice: notice.kind.name(),
            locale: notice.locale.map(crate::locale::Locale::as_str),
        };
        self.deliver(notice.id, &payload).await
    }
}

/// Interprets an answer: the contract of webhooks in `docs/messages.md`.
fn interpret(answer: &Answer) -> Result<SendOutcome, SendError> {
    let status = answer.status;
    match status {
        202 => Ok(SendOutcome::Accepted(Acceptance { progress: Progress::Queued, ..Acceptance::default() })),
        200..=299 => Ok(SendOutcome::Accepted(Acceptance::default())),
        400..=499 => match rejection(&answer.body) {
            Some(outcome) => Ok(outcome),
            None if status == 429 => Err(failed(status)),
            None => Err(SendError::NeedsOperator { code: format!("HTTP {status}"), request_id: String::new() }),
        },
        503 => Err(failed(status)),
        _ => Err(SendError::Ambiguous(Box::new(UnclearAnswer(status)))),
    }
}

fn rejection(body: &[u8]) -> Option<SendOutcome> {
    let Rejection { reason, retry_after } = serde_json::from_slice(body).ok()?;
    match reason.as_str() {
        "invalid_phone" => Some(SendOutcome::InvalidPhone),
        "number_blocked" => Some(SendOutcome::NumberBlocked),
        "region_not_allowed" => Some(SendOutcome::RegionNotAllowed),
        "rate_limited" => {
            let wait = retry_after.map_or(DEFAULT_WAIT, Duration::from_secs).min(LONGEST_WAIT);
            Some(SendOutcome::RateLimited(ProviderWait::For(wait)))
        }
        _ => None,
    }
}

fn failed(status: u16) -> SendError {
    SendError::Failed { code: format!("HTTP {status}"), request_id: String::new() }
}
