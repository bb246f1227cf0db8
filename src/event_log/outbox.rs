//! The outbox: delivers events as signed webhooks, at least once and in order for each user.
//!
//! The server that holds the lease delivers; the others wait for the lease to expire. An event is marked as delivered after
//! the receiver accepted it, so an event that was stored is never lost, but can be delivered twice. While the delivery of an
//! event is retried, later events of the same user wait, and those of other users do not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::EventWebhook;
use crate::account_store::{AccountStore, DeliveryOutcome};
use crate::clock::Clock;
use crate::events::StoredEvent;
use crate::metrics;
use crate::outbound::{Client, ClientError, Request, Timeouts};
use crate::random;
use crate::standard_webhooks::WebhookSecret;
use crate::store::StoreError;
use crate::text::in_full;

/// How long the lease is valid. After a server was killed, another one continues after this time.
const LEASE: Duration = Duration::from_secs(15);
/// The time limit of a batch. It ends before the lease, so that two servers never deliver at the same time.
const BATCH_TIMEOUT: Duration = Duration::from_secs(12);
/// The number of events that are delivered at the same time, each of another user.
const BATCH: u32 = 16;
/// The pause if no event is due, or another server has the lease.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause after the database failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The wait after the first failed attempt. Each later one is four times as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_hours(6);
/// The number of attempts. The last one is about 31 hours after the first.
const MAX_ATTEMPTS: u32 = 12;

/// The shortest time between two warnings of failed attempts: an outage would flood the log. Attempts that are given up are
/// always logged.
const WARNING_INTERVAL: Duration = Duration::from_mins(10);

/// Delivers events to a webhook.
pub struct Outbox {
    store: Arc<AccountStore>,
    client: Client,
    url: Url,
    secret: WebhookSecret,
    holder: Uuid,
    clock: Arc<dyn Clock>,
    silent_until: Mutex<Option<Timestamp>>,
}

/// Why an event was not delivered.
struct Failure {
    /// For the column of the failure, which is short.
    short: String,
    /// With all causes, for the log.
    reason: String,
}

impl<T: Into<String>> From<T> for Failure {
    fn from(text: T) -> Self {
        let short = text.into();
        Self { reason: short.clone(), short }
    }
}

impl Outbox {
    /// Creates the outbox of one server. It connects at the first delivery.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn new(webhook: EventWebhook, store: Arc<AccountStore>, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let client = Client::new(Timeouts::default())?;
        let EventWebhook { url, secret } = webhook;
        let holder = random::id(clock.now());
        Ok(Self { store, client, url: url.into(), secret, holder, clock, silent_until: Mutex::default() })
    }

    /// Delivers events until the future is dropped.
    pub async fn deliver_forever(&self) {
        loop {
            match self.deliver_batch().await {
                Ok(0) => sleep(PAUSE).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "events could not be delivered");
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Attempts to deliver the events that are due, at most one for each user and 16 in all. Returns the number of attempts,
    /// which is 0 if another server has the lease.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn deliver_batch(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        if !self.store.take_event_lease(self.holder, now, now + LEASE).await? {
            return Ok(0);
        }
        // A batch that takes too long is dropped: its events stay due.
        timeout(BATCH_TIMEOUT, self.deliver_due()).await.map_err(|late| StoreError::Unavailable(late.into()))?
    }

    /// Releases the lease, so that another server can continue at once.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn release(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store.take_event_lease(self.holder, now, now).await.map(drop)
    }

    async fn deliver_due(&self) -> Result<usize, StoreError> {
        let due = self.store.find_due_events(self.clock.now(), BATCH).await?;
        let outcomes = join_all(due.iter().map(|event| self.deliver(event))).await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(due.len())
    }

    async fn deliver(&self, event: &StoredEvent) -> Result<(), StoreError> {
        // No attempt would change facts that cannot be read.
        let is_readable = event.facts.is_object();
        let failure =
            if is_readable { self.post(event).await } else { Some(Failure::from("its facts are not a JSON object")) };

        let now = self.clock.now();
        let outcome = match failure {
            None => {
                metrics::event_delivery("delivered");
                DeliveryOutcome::Delivered
            }
            Some(Failure { short, reason }) if !is_readable || event.attempts.saturating_add(1) >= MAX_ATTEMPTS => {
                metrics::event_delivery("dead");
                tracing::warn!(event.id = %event.id, event.kind, failure = reason, "the delivery of an event was given up");
                DeliveryOutcome::GivenUp { failure: short }
            }
            Some(Failure { short, reason }) => {
                metrics::event_delivery("failed");
                let due_at = now + wait_after(event.attempts);
                self.log_failure(event, &reason, due_at);
                DeliveryOutcome::Retry { due_at, failure: short }
            }
        };
        self.store.record_delivery(event, &outcome, now).await
    }

    /// Logs a failed attempt: as a warning at most once in ten minutes, else at debug level.
    fn log_failure(&self, event: &StoredEvent, failure: &str, due_at: Timestamp) {
        let (id, attempt) = (event.id, event.attempts.saturating_add(1));
        if self.may_warn() {
            tracing::warn!(event.id = %id, event.kind, attempt, failure, retry_at = %due_at, "an event could not be delivered");
        } else {
            tracing::debug!(event.id = %id, event.kind, attempt, failure, retry_at = %due_at, "an event could not be delivered");
        }
    }

    fn may_warn(&self) -> bool {
        let now = self.clock.now();
        let mut silent_until = self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        let may_warn = silent_until.is_none_or(|until| until <= now);
        if may_warn {
            *silent_until = Some(now + WARNING_INTERVAL);
        }
        may_warn
    }

    /// Posts an event to the webhook. Returns why it failed, or `None` if the receiver accepted the event.
    async fn post(&self, event: &StoredEvent) -> Option<Failure> {
        let (id, body) = (event.id.to_string(), body(event));
        match self.client.post_for_status(|| self.request(&id, &body)).await {
            Ok(200..300) => None,
            Ok(status) => Some(Failure::from(format!("HTTP {status}"))),
            Err(error) => Some(Failure { short: error.to_string(), reason: in_full(&error) }),
        }
    }

    fn request(&self, id: &str, body: &str) -> Request<'_> {
        let mut headers = vec![("Content-Type", "application/json".to_owned())];
        headers.extend(self.secret.headers(id, body.as_bytes(), self.clock.now()));
        Request { url: &self.url, headers, body: body.to_owned() }
    }
}

/// Returns the body of a webhook, in the form that the Standard Webhooks specification recommends.
fn body(event: &StoredEvent) -> String {
    let mut data = event.facts.clone();
    if let (Some(data), Some(user_id)) = (data.as_object_mut(), event.user_id) {
        data.insert("userId".to_owned(), user_id.to_string().into());
    }
    json!({ "type": event.kind, "timestamp": event.created_at.to_string(), "data": data }).to_string()
}

/// Returns the wait after a failed attempt, with `attempts` attempts before it.
fn wait_after(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(4_u32.saturating_pow(attempts)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit() {
        assert_eq!([0, 1, 2, 6].map(|attempts| wait_after(attempts).as_secs()), [5, 20, 80, 20_480]);
        assert_eq!([7, 11, u32::MAX].map(wait_after), [LONGEST_WAIT; 3]);
    }
}
