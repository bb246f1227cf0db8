//! Changes of accounts: adding, the profile, changing the phone, banning and deleting. Each is one transaction with its event;
//! a change of the profile has none.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::locks::retried;
use super::rows::PhoneColumns;
use super::sign_in::insert_users;
use super::{AccountStore, statements};
use crate::database::{Param, SqlError, bounded, with_list};
use crate::events::{Actor, Event, EventKind};
use crate::store::StoreError;
use crate::users::{NewUser, PhoneChange, PhoneChangeOutcome, ProfileChange, User};

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

    /// Changes the name and the avatar for a user in this session. Returns false if the session is not live any more, or the
    /// user is banned or deleted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn update_profile(
        &self,
        user_id: Uuid,
        session_id: Uuid,
        change: &ProfileChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let updated = retried(|| async {
            let mut transaction = self.database.begin().await?;
            if !self.lock_session(&mut transaction, user_id, session_id, now).await? {
                return Ok(false);
            }
            let params = [
                Param::OptionalText(change.name.as_deref()),
                Param::OptionalText(change.avatar.as_deref()),
                Param::Uuid(user_id),
            ];
            transaction.execute(statements::UPDATE_PROFILE, &params).await?;
            transaction.commit().await?;
            Ok(true)
        });
        Ok(updated.await?)
    }

    /// Changes the user's phone and ends their other sessions: both or nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_phone(&self, change: &PhoneChange) -> Result<PhoneChangeOutcome, StoreError> {
        let event = Event::new(EventKind::PhoneChanged, change.user_id, change.at);
        let event = event.with("phone", change.phone.to_string()).by(&change.by);
        Ok(retried(|| self.try_change_phone(change, &event)).await?)
    }

    async fn try_change_phone(&self, change: &PhoneChange, event: &Event) -> Result<PhoneChangeOutcome, SqlError> {
        let user_id = Param::Uuid(change.user_id);
        let mut transaction = self.database.begin().await?;

        if let Some(session_id) = change.kept_session
            && !self.lock_session(&mut transaction, change.user_id, session_id, change.at).await?
        {
            return Ok(PhoneChangeOutcome::Gone);
        }
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
        let banned = retried(|| async {
            let mut transaction = self.database.begin().await?;
            // This comes first: it waits for a sign-in that has locked the user, whose session the next statement then ends.
            if transaction.execute(statements::BAN_USER, &[at, user_id]).await? == 0 {
                return Ok(false);
            }
            transaction.execute(statements::END_OTHER_SESSIONS, &[at, user_id, NO_SESSION]).await?;
            self.write(&mut transaction, &Event::new(EventKind::Banned, id, now).by(by)).await?;
            transaction.commit().await?;
            Ok(true)
        });
        Ok(banned.await?)
    }

    /// Ends the user's ban. Returns false if the user is not banned, or does not exist any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unban_user(&self, id: Uuid, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        let unbanned = retried(|| async {
            let mut transaction = self.database.begin().await?;
            if transaction.execute(statements::UNBAN_USER, &[Param::Uuid(id)]).await? == 0 {
                return Ok(false);
            }
            self.write(&mut transaction, &Event::new(EventKind::Unbanned, id, now).by(by)).await?;
            transaction.commit().await?;
            Ok(true)
        });
        Ok(unbanned.await?)
    }

    /// Deletes the user and their sessions. Returns false if the user does not exist any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_user(&self, user: &User, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        self.delete(user, None, by, now).await
    }

    /// Deletes the user and their sessions, for the user in this session. Returns false if the session is not live any more, or
    /// the user is banned or deleted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_own_user(&self, user: &User, session_id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.delete(user, Some(session_id), &Actor::User, now).await
    }

    async fn delete(
        &self,
        user: &User,
        session_id: Option<Uuid>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let event = Event::new(EventKind::Deleted, user.id, now).with("phone", user.phone.to_string()).by(by);
        let deleted = retried(|| async {
            let mut transaction = self.database.begin().await?;
            if let Some(session_id) = session_id
                && !self.lock_session(&mut transaction, user.id, session_id, now).await?
            {
                return Ok(false);
            }
            if transaction.execute(statements::DELETE_USER, &[Param::Uuid(user.id)]).await? == 0 {
                return Ok(false);
            }
            self.write(&mut transaction, &event).await?;
            transaction.commit().await?;
            Ok(true)
        });
        Ok(deleted.await?)
    }
}
