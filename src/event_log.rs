//! The log of security events: deleting old events, and delivering events as webhooks.
//!
//! The account store writes events; this service only reads them and records their delivery.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::account_store::{AccountStore, EventBacklog};
use crate::cleanup;
use crate::clock::Clock;
use crate::events::StoredEvent;
use crate::metrics;
use crate::outbound::WebhookUrl;
use crate::standard_webhooks::WebhookSecret;
use crate::store::StoreError;

mod outbox;

pub use outbox::Outbox;

/// The time between two measurements of the events that wait for delivery.
const MEASURE_INTERVAL: Duration = Duration::from_secs(15);

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

    /// Returns the events whose delivery was given up, at most 100, starting with the one that was given up first.
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
        self.store.retry_event(id).await
    }

    /// Makes all events whose delivery was given up due again. Returns their number.
    ///
    /// # Errors
    /// If the store fails. Some events may be due again then.
    pub async fn retry_all(&self) -> Result<u64, StoreError> {
        let mut retried = 0;
        loop {
            match self.store.retry_dead_events().await? {
                0 => return Ok(retried),
                more => retried += more,
            }
        }
    }

    /// Measures the events that wait for delivery, for the metrics, until the future is dropped.
    pub async fn measure_forever(&self) {
        loop {
            match self.store.event_backlog().await {
                Ok(EventBacklog { pending, oldest }) => {
                    let age = oldest.map_or(0.0, |oldest| self.clock.now().duration_since(oldest).as_secs_f64());
                    metrics::event_backlog(pending, age.max(0.0));
                }
                Err(error) => tracing::warn!(error = &error as &dyn Error, "waiting events could not be counted"),
            }
            sleep(MEASURE_INTERVAL).await;
        }
    }
}
