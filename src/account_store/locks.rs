//! The locks of a change: first the user, then the session of the request.
//!
//! A request was authenticated before its change begins. Since then, an operator may have banned the user, or the session may
//! have ended. So a change by a user reads both again in its own transaction, with locks: it waits for a ban or an ending that
//! has begun before it. Every transaction that needs both locks takes them in this order, so they do not wait for each other
//! in a circle.

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::{LockedSessionColumns, LockedUserColumns};
use super::{AccountStore, TRIES, back_off, statements};
use crate::database::{Param, SqlError, Transaction, bounded};

impl AccountStore {
    /// Locks the user until the transaction ends. Returns false if the user does not exist any more, or is banned.
    pub(super) async fn lock_user(&self, transaction: &mut Transaction, id: Uuid) -> Result<bool, SqlError> {
        let select = statements::LOCK_USER.of(&self.database);
        let user: Option<LockedUserColumns> = transaction.fetch_optional(select, &[Param::Uuid(id)]).await?;
        Ok(user.is_some_and(|user| user.banned_at.is_none()))
    }

    /// Locks the user and the session of their request until the transaction ends. Returns false if the user may not change
    /// anything in this session any more: it has ended or expired, or the user is banned or deleted.
    pub(super) async fn lock_session(
        &self,
        transaction: &mut Transaction,
        user_id: Uuid,
        session_id: Uuid,
        now: Timestamp,
    ) -> Result<bool, SqlError> {
        if !self.lock_user(transaction, user_id).await? {
            return Ok(false);
        }
        let select = statements::LOCK_SESSION.of(&self.database);
        let params = [Param::Uuid(session_id), Param::Uuid(user_id)];
        let session: Option<LockedSessionColumns> = transaction.fetch_optional(select, &params).await?;
        Ok(session.is_some_and(|session| session.ended_at.is_none() && session.expires_at > now.as_millisecond()))
    }
}

/// Runs a transaction, and repeats it while it conflicts with others.
pub(super) async fn retried<T, F>(transaction: impl Fn() -> F) -> Result<T, SqlError>
where
    F: Future<Output = Result<T, SqlError>>,
{
    // On the heap: the drivers' futures are tens of kilobytes large.
    let tries = Box::pin(async {
        for number in 1..TRIES {
            match transaction().await {
                Err(SqlError::Deadlock(_)) => back_off(number).await,
                outcome => return outcome,
            }
        }
        transaction().await
    });
    bounded("transaction", tries).await
}
