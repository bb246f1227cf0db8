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
pub(crate) mod sql;
pub(crate) mod sqlite;

pub use mysql::MySqlUserStore;
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

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The users among these ids, in any order, by one statement.
    ///
    /// # Errors
    /// Where the store fails.
    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<User>, StoreError>;
}
