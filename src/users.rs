//! People: who they are, and where they are kept.
//!
//! A phone belongs to one user at most; the database holds that. A user begins with an empty name and a random avatar.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::phone::PhoneNumber;
use crate::store::StoreError;

pub mod loader;
pub(crate) mod mysql;
mod profile;
pub(crate) mod sql;
pub(crate) mod sqlite;

pub use mysql::MySqlUserStore;
pub use profile::{MAX_AVATAR_LENGTH, checked_avatar, checked_name};
pub use sqlite::SqliteUserStore;

/// Someone with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique.
    pub phone: PhoneNumber,
    /// Empty until set.
    pub name: String,
    /// A URL.
    pub avatar: String,
    /// When they signed up.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_login_at: Timestamp,
}

/// Someone who signs up.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// UUIDv7.
    pub id: Uuid,
    /// Proven by a code.
    pub phone: PhoneNumber,
    /// A URL.
    pub avatar: String,
}

/// What a user changes of their profile; `None` is left as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// What they are called.
    pub name: Option<String>,
    /// A URL.
    pub avatar: Option<String>,
}

/// A user moves to another phone.
#[derive(Debug, Clone)]
pub struct PhoneChange {
    /// The user.
    pub user_id: Uuid,
    /// Proven by a code.
    pub phone: PhoneNumber,
    /// The session that asks. All others end.
    pub kept_session: Uuid,
    /// The present.
    pub at: Timestamp,
}

/// What became of a change of phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneChangeOutcome {
    /// The phone is the user's, and their other sessions have ended.
    Changed,
    /// Another user has the phone. Nothing was changed.
    Taken,
    /// The user is not there any more.
    Gone,
}

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The users among these ids, in any order, by one statement.
    ///
    /// # Errors
    /// If the store fails.
    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<User>, StoreError>;

    /// Changes name and avatar, by one statement. False where the user is not there any more.
    ///
    /// # Errors
    /// If the store fails.
    async fn update_profile(&self, id: Uuid, change: &ProfileChange) -> Result<bool, StoreError>;

    /// Changes the phone and ends the user's other sessions; both or nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn change_phone(&self, change: &PhoneChange) -> Result<PhoneChangeOutcome, StoreError>;

    /// Deletes the user with their sessions.
    ///
    /// # Errors
    /// If the store fails.
    async fn delete(&self, id: Uuid) -> Result<(), StoreError>;
}
