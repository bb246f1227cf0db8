//! The queue of events in SQL: the events that wait for delivery, and the lease of the server that delivers.
//!
//! A writer marks a new event by its `due_at`. The holder of the lease moves it to `pending_events`, which only the holder
//! changes, so that delivery never waits for a sign-in. Each step can be repeated: if the server is killed between two of
//! them, the next holder moves or delivers the event once more.

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::{BacklogColumns, EventColumns, LeaseColumns, SequenceColumns};
use super::{AccountStore, statements};
use crate::database::{Param, instant, with_list};
use crate::events::StoredEvent;
use crate::store::StoreError;

/// The maximum number of events that are moved to the queue, or made due again, by one statement.
const BATCH: u32 = 500;
/// The maximum number of waiting events that are counted, so that counting stays fast.
const MAX_COUNTED: i64 = 100_000;
/// The longest failure, in bytes.
const MAX_FAILURE: usize = 200;

/// The outcome of one attempt to deliver an event.
#[derive(Debug, Clone)]
pub enum DeliveryOutcome {
    /// The receiver accepted the event.
    Delivered,
    /// The attempt failed, and the next one is due.
    Retry {
        /// When the next attempt is due.
        due_at: Timestamp,
        /// Why this one failed.
        failure: String,
    },
    /// The attempt failed, and there is no next one.
    GivenUp {
        /// Why this one failed.
        failure: String,
    },
}

/// The events that wait for delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventBacklog {
    /// Their number, of which at most 200,000 are counted.
    pub pending: u32,
    /// When the oldest one was written.
    pub oldest: Option<Timestamp>,
}

impl AccountStore {
    /// Takes or renews the lease of delivering events. Returns false if another holder has it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_event_lease(
        &self,
        holder: Uuid,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let holder = Param::Uuid(holder);
        let params = [holder, Param::Time(expires_at), holder, Param::Time(now)];
        Ok(self.database.execute(statements::TAKE_EVENT_LEASE, &params).await? == 1)
    }

    /// Returns when the latest lease of delivering events expires or expired. 1970 if no server has ever delivered.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn event_lease_expiry(&self) -> Result<Timestamp, StoreError> {
        let row: Option<LeaseColumns> = self.database.fetch_optional(statements::SELECT_EVENT_LEASE, &[]).await?;
        Ok(row.map_or(Ok(Timestamp::UNIX_EPOCH), |row| instant(row.expires_at))?)
    }

    /// Returns at most `limit` events whose delivery is due, at most one of each user: an event is due only if all earlier
    /// events of its user are delivered or given up. Only the holder of the lease may call this.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let params = [Param::Time(now), Param::Integer(limit.into())];
        loop {
            let rows: Vec<EventColumns> = self.database.fetch_all(statements::SELECT_DUE_EVENTS, &params).await?;

            // An earlier event of the same user may be among the new ones, so the rows count only if there are no new ones.
            if self.queue_new_events().await? == 0 {
                return Ok(rows.into_iter().map(StoredEvent::from).collect());
            }
        }
    }

    /// Moves new events to the queue. Returns their number.
    async fn queue_new_events(&self) -> Result<usize, StoreError> {
        let params = [Param::Integer(BATCH.into())];
        let new: Vec<SequenceColumns> = self.database.fetch_all(statements::SELECT_NEW_EVENTS, &params).await?;
        if new.is_empty() {
            return Ok(0);
        }

        let params: Vec<Param> = new.iter().map(|row| Param::Integer(row.sequence)).collect();
        self.database.execute(with_list(statements::INSERT_PENDING_EVENTS, new.len()), &params).await?;
        self.database.execute(with_list(statements::CLEAR_NEW_EVENTS, new.len()), &params).await?;
        Ok(new.len())
    }

    /// Records the outcome of an attempt to deliver an event.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_delivery(
        &self,
        event: &StoredEvent,
        outcome: &DeliveryOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (delivered_at, dead_at, failure) = match outcome {
            DeliveryOutcome::Delivered => (Some(now), None, None),
            DeliveryOutcome::Retry { failure, .. } => (None, None, Some(shortened(failure))),
            DeliveryOutcome::GivenUp { failure } => (None, Some(now), Some(shortened(failure))),
        };
        let sequence = Param::Integer(event.sequence);
        let params =
            [Param::OptionalTime(delivered_at), Param::OptionalTime(dead_at), Param::OptionalText(failure), sequence];
        self.database.execute(statements::RECORD_DELIVERY, &params).await?;

        if let DeliveryOutcome::Retry { due_at, .. } = outcome {
            let queue = Param::Uuid(event.user_id.unwrap_or(event.id));
            self.database.execute(statements::POSTPONE_QUEUE, &[Param::Time(*due_at), queue]).await?;
        } else {
            self.database.execute(statements::DELETE_PENDING_EVENT, &[sequence]).await?;
        }
        Ok(())
    }

    /// Makes an event whose delivery was given up due again. Returns false if there is no such event.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retry_event(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.database.execute(statements::RETRY_EVENT, &[Param::Uuid(id)]).await? == 1)
    }

    /// Makes at most 500 events whose delivery was given up due again. Returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retry_dead_events(&self) -> Result<u64, StoreError> {
        let update = statements::RETRY_DEAD_EVENTS.of(&self.database);
        Ok(self.database.execute(update, &[Param::Integer(BATCH.into())]).await?)
    }

    /// Returns how many events wait for delivery, and since when.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn event_backlog(&self) -> Result<EventBacklog, StoreError> {
        let params = [Param::Integer(MAX_COUNTED), Param::Integer(MAX_COUNTED)];
        let row: Option<BacklogColumns> = self.database.fetch_optional(statements::SELECT_BACKLOG, &params).await?;
        Ok(row.map(EventBacklog::try_from).transpose()?.unwrap_or(EventBacklog { pending: 0, oldest: None }))
    }
}

fn shortened(failure: &str) -> &str {
    &failure[..failure.floor_char_boundary(MAX_FAILURE)]
}
