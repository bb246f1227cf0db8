//! Changes of accounts: adding, changing the phone, banning and deleting. Each is one transaction with its event.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::PhoneColumns;
use super::sign_in::insert_users;
use super::{AccountStore, TRIES, back_off, statements};
use crate::database::{Param, SqlError, bounded, with_list};
use crate::events::{Actor, Event, EventKind};
use crate::store::StoreError;
use crate::users::{NewUser, PhoneChange, PhoneChangeOutcome, User};

/// The number of tries if a sign-up with one of the phones comes first.
const ADD_TRIES: usize = 4;

/// The nil id, which no session has.
const NO_SESSION: Param<'static> = Param::Uuid(Uuid::nil());

impl AccountStore {
    /// Stores users who have not signed in yet, except those whose phone has a user already. Returns the number of stored
    /// users.
    ///
    /// # Errors
    /// If the database fails. Nothing is stored then.
    pub async fn add_users(&self, new: &[NewUser], by: &Actor, now: Timestamp) -> Result<usize, StoreError> {
        // On the heap: the drivers' futures are tens of kilobytes large.
        let added = bounded(
            "transaction",
            Box::pin(async {
                for _ in 1..ADD_TRIES {
                    match self.try_add_users(new, by, now).await {
                        // A phone signed up meanwhile, or two phones are the same: the next try finds its user.
                        Err(SqlError::Taken(_) | SqlError::Deadlock(_)) => {}
                        outcome => return outcome,
                    }
                }
                self.try_add_users(new, by, now).await
            }),
        );
        Ok(added.await?)
    }

    async fn try_add_users(&self, new: &[NewUser], by: &Actor, now: Timestamp) -> Result<usize, SqlError> {
        if new.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.database.begin().await?;
        let phones: Vec<Param<'_>> = new.iter().map(|user| Param::Text(user.phone.e164())).collect();
        let select = with_list(statements::SELECT_PHONES, phones.len());
        let taken: Vec<PhoneColumns> = transaction.fetch_all(select, &phones).await?;

        let mut taken: HashSet<String> = taken.into_iter().map(|row| row.phone).collect();
        let free: Vec<NewUser> =
            new.iter().filter(|user| taken.insert(user.phone.e164().to_owned())).cloned().collect();
        if free.is_empty() {
            return Ok(0);
        }
        insert_users(&mut transaction, &free).await?;
        let events: Vec<Event> = free
            .iter()
            .map(|user| Event::new(EventKind::Added, user.id, now).with("phone", user.phone.to_string()).by(by))
            .collect();
        self.write_all(&mut transaction, &events).await?;
        transaction.commit().await?;
        Ok(free.len())
    }

    /// Changes the user's phone and ends their other sessions: both or nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_phone(&self, change: &PhoneChange) -> Result<PhoneChangeOutcome, StoreError> {
        let event = Event::new(EventKind::PhoneChanged, change.user_id, change.at);
        let event = event.with("phone", change.phone.to_string()).by(&change.by);
        // On the heap: the drivers' futures are tens of kilobytes large.
        let changed = bounded(
            "transaction",
            Box::pin(async {
                for number in 1..TRIES {
                    match self.try_change_phone(change, &event).await {
                        Err(SqlError::Deadlock(_)) => back_off(number).await,
                        outcome => return outcome,
                    }
                }
                self.try_change_phone(change, &event).await
            }),
        );
        Ok(changed.await?)
    }

    async fn try_change_phone(&self, change: &PhoneChange, event: &Event) -> Result<PhoneChangeOutcome, SqlError> {
        let user_id = Param::Uuid(change.user_id);
        let mut transaction = self.database.begin().await?;

        let params = [Param::Text(change.phone.e164()), user_id];
        match transaction.execute(statements::UPDATE_PHONE, &params).await {
            Ok(0) => return Ok(PhoneChangeOutcome::Gone),
            Ok(_) => {}
            Err(SqlError::Taken(_)) => return Ok(PhoneChangeOutcome::Taken),
            Err(error) => return Err(error),
        }
        let kept_session = change.kept_session.map_or(NO_SESSION, Param::Uuid);
        let params = [Param::Time(change.at), user_id, kept_session];
        transaction.execute(statements::END_OTHER_SESSIONS, &params).await?;
        self.write(&mut transaction, event).await?;

        transaction.commit().await?;
        Ok(PhoneChangeOutcome::Changed)
    }

    /// Bans the user and ends their sessions: both or nothing. Returns false if the user is banned already, or does not exist
    /// any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ban_user(&self, id: Uuid, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        let (at, user_id) = (Param::Time(now), Param::Uuid(id));
        // On the heap: the drivers' futures are tens of kilobytes large.
        let banned = bounded(
            "transaction",
            Box::pin(async {
                let mut transaction = self.database.begin().await?;
                // This comes first: it waits for a sign-in that has locked the user, whose session the next statement then ends.
                if transaction.execute(statements::BAN_USER, &[at, user_id]).await? == 0 {
                    return Ok(false);
                }
                transaction.execute(statements::END_OTHER_SESSIONS, &[at, user_id, NO_SESSION]).await?;
                self.write(&mut transaction, &Event::new(EventKind::Banned, id, now).by(by)).await?;
                transaction.commit().await?;
                Ok(true)
            }),
        );
        Ok(banned.await?)
    }

    /// Ends the user's ban. Returns false if the user is not banned, or does not exist any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unban_user(&self, id: Uuid, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        // On the heap: the drivers' futures are tens of kilobytes large.
        let unbanned = bounded(
            "transaction",
            Box::pin(async {
                let mut transaction = self.database.begin().await?;
                if transaction.execute(statements::UNBAN_USER, &[Param::Uuid(id)]).await? == 0 {
                    return Ok(false);
                }
                self.write(&mut transaction, &Event::new(EventKind::Unbanned, id, now).by(by)).await?;
                transaction.commit().await?;
                Ok(true)
            }),
        );
        Ok(unbanned.await?)
    }

    /// Deletes the user and their sessions. Returns false if the user does not exist any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_user(&self, user: &User, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        let event = Event::new(EventKind::Deleted, user.id, now).with("phone", user.phone.to_string()).by(by);
        // On the heap: the drivers' futures are tens of kilobytes large.
        let deleted = bounded(
            "transaction",
            Box::pin(async {
                let mut transaction = self.database.begin().await?;
                if transaction.execute(statements::DELETE_USER, &[Param::Uuid(user.id)]).await? == 0 {
                    return Ok(false);
                }
                self.write(&mut transaction, &event).await?;
                transaction.commit().await?;
                Ok(true)
            }),
        );
        Ok(deleted.await?)
    }
}
