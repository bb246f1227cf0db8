//! Events in SQL: writing them in the transaction of a change, reading and deleting them.

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::EventColumns;
use super::{AccountStore, PURGE_BATCH, statements};
use crate::database::{Param, SqlError, Transaction, with_rows};
use crate::events::{Event, StoredEvent};
use crate::store::StoreError;

/// The maximum number of events in a list.
const MAX_LISTED: i64 = 100;
/// The time at which a new event is due: at once. It is no time of a clock, because a clock that is ahead would delay the event.
const AT_ONCE: Timestamp = Timestamp::UNIX_EPOCH;

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
            Param::OptionalTime(self.delivers_events.then_some(AT_ONCE)),
        ]
    }

    /// Returns the user's events, at most 100, starting with the latest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_user_events(&self, user_id: Uuid) -> Result<Vec<StoredEvent>, StoreError> {
        let params = [Param::Uuid(user_id), Param::Integer(MAX_LISTED)];
        let rows: Vec<EventColumns> = self.database.fetch_all(statements::SELECT_USER_EVENTS, &params).await?;
        Ok(rows.into_iter().map(StoredEvent::from).collect())
    }

    /// Returns the events whose delivery was given up, at most 100, starting with the one that was given up first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_dead_events(&self) -> Result<Vec<StoredEvent>, StoreError> {
        let params = [Param::Integer(MAX_LISTED)];
        let rows: Vec<EventColumns> = self.database.fetch_all(statements::SELECT_DEAD_EVENTS, &params).await?;
        Ok(rows.into_iter().map(StoredEvent::from).collect())
    }

    /// Deletes at most 500 events that were written before `before`. Returns their number. Events that wait for delivery stay,
    /// if this store's events are delivered.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let delete = if self.delivers_events { statements::PURGE_EVENTS_NOT_PENDING } else { statements::PURGE_EVENTS };
        let params = [Param::Time(before), Param::Integer(PURGE_BATCH)];
        Ok(self.database.execute(delete.of(&self.database), &params).await?)
    }
}

const EVENT_COLUMNS: usize = 6;
