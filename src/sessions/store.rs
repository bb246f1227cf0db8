//! What a session store does: the trait and its rows.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::client::ClientAddress;
use crate::store::StoreError;
use crate::users::{NewUser, User};

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// UUIDv7.
    pub id: Uuid,
    /// Random; it goes into the session's refresh tokens.
    pub salt: [u8; 16],
    /// What the person calls the device.
    pub device_name: Option<String>,
    /// Where the sign-in came from.
    pub address: ClientAddress,
    /// When it began.
    pub created_at: Timestamp,
    /// When its refresh token expires.
    pub expires_at: Timestamp,
}

/// A session as it is stored.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// UUIDv7.
    pub id: Uuid,
    /// Goes into the session's refresh tokens.
    pub salt: Vec<u8>,
    /// Which refresh token is the present one.
    pub generation: u32,
    /// When it became that.
    pub rotated_at: Timestamp,
    /// What the person calls the device.
    pub device_name: Option<String>,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When the refresh token expires.
    pub expires_at: Timestamp,
    /// When it was ended, where it was.
    pub ended_at: Option<Timestamp>,
}

/// A step from one generation to the next.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// The session.
    pub session_id: Uuid,
    /// The generation that was shown.
    pub from: u32,
    /// From where.
    pub address: ClientAddress,
    /// The present.
    pub at: Timestamp,
    /// When the new refresh token expires.
    pub expires_at: Timestamp,
}

/// Keeps sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a session for the user with `new_user`'s phone, whom it signs up where there is none; true where it did.
    /// Both or nothing.
    ///
    /// # Errors
    /// `Refused` where the database answered but would not store them.
    async fn sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<(User, bool), StoreError>;

    /// The user of a session that has neither ended nor expired, by one statement.
    ///
    /// # Errors
    /// If the store fails.
    async fn find_live_user(&self, session_id: Uuid, now: Timestamp) -> Result<Option<User>, StoreError>;

    /// Ends a session.
    ///
    /// # Errors
    /// If the store fails.
    async fn end(&self, session_id: Uuid, now: Timestamp) -> Result<(), StoreError>;

    /// A session with its user, whatever its state, by one statement.
    ///
    /// # Errors
    /// If the store fails.
    async fn find(&self, session_id: Uuid) -> Result<Option<(SessionRow, User)>, StoreError>;

    /// Steps to the next generation, where the session lives and still has the one shown. Of simultaneous steps from one
    /// generation, one is true.
    ///
    /// # Errors
    /// If the store fails.
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError>;

    /// The user's sessions that live, the last used first, at most `MAX_LISTED`.
    ///
    /// # Errors
    /// If the store fails.
    async fn list_live(&self, user_id: Uuid, now: Timestamp) -> Result<Vec<SessionRow>, StoreError>;

    /// Ends those of the user's sessions that live and are among `ids`, or all that live. Says how many.
    ///
    /// # Errors
    /// If the store fails.
    async fn end_of_user(&self, user_id: Uuid, ids: Option<&[Uuid]>, now: Timestamp) -> Result<u64, StoreError>;

    /// Deletes at most `PURGE_BATCH` rows that ended or expired before `before`. Says how many. Several servers may do so
    /// at once.
    ///
    /// # Errors
    /// If the store fails.
    async fn purge(&self, before: Timestamp) -> Result<u64, StoreError>;
}
