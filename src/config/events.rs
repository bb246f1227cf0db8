//! Settings of security events: how long they are kept, and the webhook that receives them.

use std::time::Duration;

use clap::Args;

use super::values::duration;
use super::{ConfigError, Secret};
use crate::event_log::{EventConfig, EventWebhook};
use crate::outbound::WebhookUrl;
use crate::standard_webhooks::WebhookSecret;

/// Settings of security events.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Events")]
pub struct EventSettings {
    /// How long security events are kept; 0 for no limit
    #[arg(long, default_value = "90d", value_parser = duration)]
    pub events_ttl: Duration,
    /// URL that receives each security event as a signed webhook; http is accepted for loopback only [default: no webhook]
    #[arg(long, value_name = "URL")]
    pub events_webhook_url: Option<String>,
    /// Secret that signs the webhooks: `whsec_` and base64 of 24 to 64 bytes
    #[arg(long, value_name = "SECRET")]
    pub events_webhook_secret: Option<Secret>,
}

impl EventSettings {
    pub(super) fn config(&self) -> Result<EventConfig, ConfigError> {
        let webhook = match (&self.events_webhook_url, &self.events_webhook_secret) {
            (None, None) => None,
            (None, Some(_)) => return Err(ConfigError::new("EVENTS_WEBHOOK_URL", "needed with EVENTS_WEBHOOK_SECRET")),
            (Some(_), None) => return Err(ConfigError::new("EVENTS_WEBHOOK_SECRET", "needed with EVENTS_WEBHOOK_URL")),
            (Some(url), Some(secret)) => {
                let reason = "not an https:// URL; http:// is accepted for loopback only";
                let url = WebhookUrl::parse(url).ok_or_else(|| ConfigError::new("EVENTS_WEBHOOK_URL", reason))?;
                let reason = "not whsec_ and base64 of 24 to 64 bytes";
                let secret = WebhookSecret::parse(secret.expose());
                let secret = secret.ok_or_else(|| ConfigError::new("EVENTS_WEBHOOK_SECRET", reason))?;
                Some(EventWebhook { url, secret })
            }
        };
        Ok(EventConfig { ttl: self.events_ttl, webhook })
    }
}
