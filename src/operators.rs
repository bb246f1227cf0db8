//! Operators: what support staff can do with users, from the command line.
//!
//! Each change writes an event with the operator's name in its transaction. Reading whole data writes one, too. A change that
//! must revoke device tokens is stored first: a ban must not wait for Redis. If Redis fails then, the outcome says so, and the
//! operator can revoke them later.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::account_store::{AccountStore, ExportedEvent, ExportedSession};
use crate::clock::Clock;
use crate::events::{Actor, Event, EventKind};
use crate::phone::PhoneNumber;
use crate::store::StoreError;
use crate::users::{NewUser, PhoneChange, PhoneChangeOutcome, User};
use crate::verification::Checking;

mod import;

pub use import::{BadCsv, Format, ImportError, Imported, Rejected, Source};

/// The service of operators.
pub struct Operators {
    users: Arc<AccountStore>,
    checking: Option<Checking>,
    device_ttl: Duration,
    actor: Actor,
    clock: Arc<dyn Clock>,
}

/// A change of the database, and what became of the user's device tokens.
#[derive(Debug)]
pub struct Stored<T> {
    /// The outcome of the change.
    pub outcome: T,
    /// Whether the device tokens were revoked. If Redis failed, the change is stored nevertheless.
    pub revoked: Result<(), StoreError>,
}

/// Everything that the database has about a user.
#[derive(Debug)]
pub struct Export {
    /// The user.
    pub user: User,
    /// The sessions, ended ones too.
    pub sessions: Vec<ExportedSession>,
    /// The events, starting with the latest.
    pub events: Vec<ExportedEvent>,
}

/// What an operator reads in full.
#[derive(Debug, Clone, Copy)]
pub enum Revealed {
    /// The phone of a user, or the phones of several.
    Phone,
    /// All data of a user.
    Export,
}

impl Operators {
    /// Creates the service. Without `checking`, device tokens are in the memory of the running server and are not revoked.
    #[must_use]
    pub fn new(
        users: Arc<AccountStore>,
        checking: Option<Checking>,
        device_ttl: Duration,
        actor: Actor,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { users, checking, device_ttl, actor, clock }
    }

    /// Adds a user. Returns false if a user has the phone already.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn add(&self, new: NewUser) -> Result<bool, StoreError> {
        Ok(self.users.add_users(&[new], &self.actor, self.clock.now()).await? == 1)
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn find(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        Ok(self.users.find_users(&[id]).await?.pop())
    }

    /// Returns the user with this phone.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn find_by_phone(&self, phone: &PhoneNumber) -> Result<Option<User>, StoreError> {
        self.users.find_user_by_phone(phone).await
    }

    /// Returns at most `limit` users, in the order of their ids, from the one after `last`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, last: Option<Uuid>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.users.list_users(last, limit).await
    }

    /// Records that the operator reads data of the user, or of several users.
    ///
    /// # Errors
    /// If the store fails. The operator must not get the data then.
    pub async fn reveal(&self, user: Option<&User>, what: Revealed) -> Result<(), StoreError> {
        let event = Event::new(EventKind::Revealed, user.map(|user| user.id), self.clock.now());
        let what = match what {
            Revealed::Phone => "phone",
            Revealed::Export => "export",
        };
        self.users.record(&event.with("what", what).by(&self.actor)).await
    }

    /// Ends all sessions of the user and revokes their device tokens. Returns the number of sessions.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_sessions(&self, user: &User) -> Result<Stored<u64>, StoreError> {
        let ended = self.users.end_user_sessions(user.id, None, &self.actor, self.clock.now()).await?;
        Ok(self.stored(ended, user).await)
    }

    /// Changes the user's phone, ends their sessions and revokes the device tokens of the old phone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_phone(
        &self,
        user: &User,
        phone: PhoneNumber,
    ) -> Result<Stored<PhoneChangeOutcome>, StoreError> {
        let (by, at) = (self.actor.clone(), self.clock.now());
        let change = PhoneChange { user_id: user.id, phone, kept_session: None, by, at };
        match self.users.change_phone(&change).await? {
            PhoneChangeOutcome::Changed => Ok(self.stored(PhoneChangeOutcome::Changed, user).await),
            unchanged @ (PhoneChangeOutcome::Taken | PhoneChangeOutcome::Gone) => {
                Ok(Stored { outcome: unchanged, revoked: Ok(()) })
            }
        }
    }

    /// Bans the user, ends their sessions and revokes their device tokens. The outcome is false if the user is banned already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ban(&self, user: &User) -> Result<Stored<bool>, StoreError> {
        let banned = self.users.ban_user(user.id, &self.actor, self.clock.now()).await?;
        Ok(self.stored(banned, user).await)
    }

    /// Ends the user's ban. Returns false if the user is not banned.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unban(&self, user: &User) -> Result<bool, StoreError> {
        self.users.unban_user(user.id, &self.actor, self.clock.now()).await
    }

    /// Deletes the user and their sessions, and revokes their device tokens. The outcome is false if the user does not exist any
    /// more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete(&self, user: &User) -> Result<Stored<bool>, StoreError> {
        let deleted = self.users.delete_user(user, &self.actor, self.clock.now()).await?;
        Ok(self.stored(deleted, user).await)
    }

    /// Returns everything that the database has about the user, and records that.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn export(&self, user: User) -> Result<Export, StoreError> {
        self.reveal(Some(&user), Revealed::Export).await?;
        let sessions = self.users.export_sessions(user.id).await?;
        let events = self.users.export_events(user.id).await?;
        Ok(Export { user, sessions, events })
    }

    /// Revokes the device tokens of a phone, for a change that is stored already.
    ///
    /// # Errors
    /// If Redis fails.
    pub async fn revoke_devices(&self, phone: &PhoneNumber) -> Result<(), StoreError> {
        match &self.checking {
            Some(checking) => checking.try_revoke_devices(phone, self.device_ttl).await,
            None => Ok(()),
        }
    }

    async fn stored<T>(&self, outcome: T, user: &User) -> Stored<T> {
        Stored { outcome, revoked: self.revoke_devices(&user.phone).await }
    }
}
