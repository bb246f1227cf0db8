//! The values that services and the account store exchange about sessions.

use jiff::Timestamp;
use uuid::Uuid;

use crate::client::ClientAddress;

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The session's id, a UUIDv7.
    pub id: Uuid,
    /// Random bytes that the signature of each refresh token covers.
    pub salt: [u8; 16],
    /// The user's name for the device.
    pub device_name: Option<String>,
    /// The address that the user signed in from.
    pub address: ClientAddress,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the refresh token expires.
    pub expires_at: Timestamp,
}

/// A stored session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The session's id, a UUIDv7.
    pub id: Uuid,
    /// Random bytes that the signature of each refresh token covers.
    pub salt: Vec<u8>,
    /// The generation of the current refresh token.
    pub generation: u32,
    /// When the current refresh token was issued.
    pub rotated_at: Timestamp,
    /// The user's name for the device.
    pub device_name: Option<String>,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the session was last refreshed.
    pub last_used_at: Timestamp,
    /// When the refresh token expires.
    pub expires_at: Timestamp,
    /// When the session ended. `None` if it has not ended.
    pub ended_at: Option<Timestamp>,
}

/// A step of a session from one generation to the next.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// The session.
    pub session_id: Uuid,
    /// The generation of the refresh token that the client sent.
    pub from: u32,
    /// The client's address.
    pub address: ClientAddress,
    /// The current time.
    pub at: Timestamp,
    /// When the new refresh token expires.
    pub expires_at: Timestamp,
}
