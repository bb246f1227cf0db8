//! The log of security events: deleting old events, and delivering events as webhooks.
//!
//! The account store writes events; this service only reads them and records their delivery.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::account_store::AccountStore;
use crate::cleanup;
use crate::clock::Clock;
use crate::events::StoredEvent;
use crate::outbound::WebhookUrl;
use crate::standard_webhooks::WebhookSecret;
use crate::store::StoreError;

mod outbox;

pub use outbox::Outbox;

/// How long events are kept, and where they are delivered.
#[derive(Debug, Clone)]
pub struct EventConfig {
    /// How long events are kept. Zero turns the limit off.
    pub ttl: Duration,
    /// The webhook that receives events, if any.
    pub webhook: Option<EventWebhook>,
}

/// A webhook that receives events.
#[derive(Debug, Clone)]
pub struct EventWebhook {
    /// The address.
    pub url: WebhookUrl,
    /// The key of signatures.
    pub secret: WebhookSecret,
}

/// The service of stored events.
pub struct EventLog {
    store: Arc<AccountStore>,
    ttl: Duration,
    clock: Arc<dyn Clock>,
}

impl EventLog {
    /// Creates the service.
    #[must_use]
    pub fn new(store: Arc<AccountStore>, ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { store, ttl, clock }
    }

    /// Deletes old events until the future is dropped.
    pub async fn clean_up_forever(&self) {
        cleanup::repeat("events", || self.clean_up_batch()).await;
    }

    /// Deletes one batch of events that are older than the retention. Returns their number.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn clean_up_batch(&self) -> Result<u64, StoreError> {
        if self.ttl.is_zero() {
            return Ok(0);
        }
        self.store.purge_events(self.clock.now() - self.ttl).await
    }

    /// Returns the events whose delivery was given up, at most 100, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn dead(&self) -> Result<Vec<StoredEvent>, StoreError> {
        self.store.list_dead_events().await
    }

    /// Makes an event whose delivery was given up due again. Returns false if there is no such event.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn retry(&self, id: Uuid) -> Result<bool, StoreError> {
        self.store.retry_event(id, self.clock.now()).await
    }
}
