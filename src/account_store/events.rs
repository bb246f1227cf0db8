//! Events in SQL: writing them in the transaction of a change, and the state of their delivery.

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::EventColumns;
use super::{AccountStore, PURGE_BATCH, statements};
use crate::database::{Param, SqlError, Transaction, with_rows};
use crate::events::{Event, StoredEvent};
use crate::store::StoreError;

/// The maximum number of events in a list.
const MAX_LISTED: i64 = 100;
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

impl AccountStore {
    /// Writes an event that reports no change in the database.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record(&self, event: &Event) -> Result<(), StoreError> {
        let facts = event.facts();
        let insert = with_rows(statements::INSERT_EVENTS, 1, EVENT_COLUMNS);
        self.database.execute(insert, &self.event_params(event, &facts)).await?;
        Ok(())
    }

    /// Writes an event in a transaction.
    pub(super) async fn write(&self, transaction: &mut Transaction, event: &Event) -> Result<(), SqlError> {
        self.write_all(transaction, std::slice::from_ref(event)).await
    }

    /// Writes events in a transaction, by one statement.
    pub(super) async fn write_all(&self, transaction: &mut Transaction, events: &[Event]) -> Result<(), SqlError> {
        if events.is_empty() {
            return Ok(());
        }
        let facts: Vec<String> = events.iter().map(Event::facts).collect();
        let params: Vec<Param<'_>> =
            events.iter().zip(&facts).flat_map(|(event, facts)| self.event_params(event, facts)).collect();
        let insert = with_rows(statements::INSERT_EVENTS, events.len(), EVENT_COLUMNS);
        transaction.execute(insert, &params).await.map(drop)
    }

    /// Writes an event about the user of a session, in a transaction.
    pub(super) async fn write_of_session(
        &self,
        transaction: &mut Transaction,
        session_id: Uuid,
        event: &Event,
    ) -> Result<(), SqlError> {
        let facts = event.facts();
        let [id, _, kind, facts, at, due_at] = self.event_params(event, &facts);
        let params = [id, kind, facts, at, due_at, Param::Uuid(session_id)];
        transaction.execute(statements::INSERT_EVENT_OF_SESSION, &params).await.map(drop)
    }

    fn event_params<'a>(&self, event: &'a Event, facts: &'a str) -> [Param<'a>; EVENT_COLUMNS] {
        [
            Param::Uuid(event.id),
            Param::OptionalUuid(event.user_id),
            Param::Text(event.kind.name()),
            Param::Text(facts),
            Param::Time(event.at),
            Param::OptionalTime(self.delivers_events.then_some(event.at)),
        ]
    }

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

    /// Returns at most `limit` events whose delivery is due, oldest first. An event is due only if all earlier events of its
    /// user are delivered or given up.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let params = [Param::Time(now), Param::Integer(limit.into())];
        let rows: Vec<EventColumns> = self.database.fetch_all(statements::SELECT_DUE_EVENTS, &params).await?;
        Ok(rows.into_iter().map(StoredEvent::try_from).collect::<Result<_, _>>()?)
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
        let (due_at, delivered_at, dead_at, failure) = match outcome {
            DeliveryOutcome::Delivered => (None, Some(now), None, None),
            DeliveryOutcome::Retry { due_at, failure } => (Some(*due_at), None, None, Some(shortened(failure))),
            DeliveryOutcome::GivenUp { failure } => (None, None, Some(now), Some(shortened(failure))),
        };
        let params = [
            Param::OptionalTime(due_at),
            Param::OptionalTime(delivered_at),
            Param::OptionalTime(dead_at),
            Param::OptionalText(failure),
            Param::Integer(event.sequence),
        ];
        self.database.execute(statements::RECORD_DELIVERY, &params).await?;
        Ok(())
    }

    /// Returns the user's events, at most 100, starting with the latest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_user_events(&self, user_id: Uuid) -> Result<Vec<StoredEvent>, StoreError> {
        let params = [Param::Uuid(user_id), Param::Integer(MAX_LISTED)];
        let rows: Vec<EventColumns> = self.database.fetch_all(statements::SELECT_USER_EVENTS, &params).await?;
        Ok(rows.into_iter().map(StoredEvent::try_from).collect::<Result<_, _>>()?)
    }

    /// Returns the events whose delivery was given up, at most 100, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_dead_events(&self) -> Result<Vec<StoredEvent>, StoreError> {
        let params = [Param::Integer(MAX_LISTED)];
        let rows: Vec<EventColumns> = self.database.fetch_all(statements::SELECT_DEAD_EVENTS, &params).await?;
        Ok(rows.into_iter().map(StoredEvent::try_from).collect::<Result<_, _>>()?)
    }

    /// Makes an event whose delivery was given up due again. Returns false if there is no such event.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retry_event(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let params = [Param::Time(now), Param::Uuid(id)];
        Ok(self.database.execute(statements::RETRY_EVENT, &params).await? == 1)
    }

    /// Deletes at most 500 events that were written before `before`. Returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let delete = statements::PURGE_EVENTS.of(&self.database);
        Ok(self.database.execute(delete, &[Param::Time(before), Param::Integer(PURGE_BATCH)]).await?)
    }
}

const EVENT_COLUMNS: usize = 6;

fn shortened(failure: &str) -> &str {
    &failure[..failure.floor_char_boundary(MAX_FAILURE)]
}
