//! Ending sessions before their expiry. Each ending is one transaction with its event.

use jiff::Timestamp;
use uuid::Uuid;

use super::locks::retried;
use super::{AccountStore, statements};
use crate::database::{Param, SqlError, with_list};
use crate::events::{Actor, Event, EventKind};
use crate::store::StoreError;

impl AccountStore {
    /// Ends a session because its refresh token was used a second time. Does nothing if it has ended already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_session(&self, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let event = Event::new(EventKind::TokenReused, None, now).with("sessionId", id.to_string());
        Ok(self.end_with(statements::END_SESSION, id, now, &event).await?)
    }

    /// Ends a session that no client has a token of, and forgets its idempotency key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn undo_session(&self, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let event = Event::new(EventKind::SessionsEnded, None, now).with("sessionsEnded", 1);
        let event = event.with("sessionId", id.to_string()).with("reason", "sign-in failed");
        Ok(self.end_with(statements::UNDO_SESSION, id, now, &event).await?)
    }

    async fn end_with(&self, update: &'static str, id: Uuid, now: Timestamp, event: &Event) -> Result<(), SqlError> {
        retried(|| async {
            let mut transaction = self.database.begin().await?;
            if transaction.execute(update, &[Param::Time(now), Param::Uuid(id)]).await? > 0 {
                self.write_of_session(&mut transaction, id, event).await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Ends live sessions of the user, either all or those with these ids. Returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_user_sessions(
        &self,
        user_id: Uuid,
        ids: Option<&[Uuid]>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // An empty list is not valid in MySQL.
        if ids.is_some_and(<[Uuid]>::is_empty) {
            return Ok(0);
        }
        let mut params = vec![Param::Time(now), Param::Uuid(user_id), Param::Time(now)];
        params.extend(ids.unwrap_or_default().iter().copied().map(Param::Uuid));

        let ended = retried(|| async {
            let mut transaction = self.database.begin().await?;
            self.lock_user(&mut transaction, user_id).await?;
            let ended = match ids {
                None => transaction.execute(statements::END_ALL_SESSIONS, &params).await?,
                Some(ids) => {
                    transaction.execute(with_list(statements::END_LISTED_SESSIONS, ids.len()), &params).await?
                }
            };
            if ended > 0 {
                let event = Event::new(EventKind::SessionsEnded, user_id, now).with("sessionsEnded", ended).by(by);
                self.write(&mut transaction, &event).await?;
            }
            transaction.commit().await?;
            Ok(ended)
        });
        Ok(ended.await?)
    }
}
