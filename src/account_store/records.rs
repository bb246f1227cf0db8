//! The values that services and the account store exchange about sessions.

use jiff::Timestamp;
use uuid::Uuid;

use crate::client::ClientAddress;
use crate::mac::Mac;
use crate::users::User;

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
    /// The idempotency key of the sign-in, if the client sent one.
    pub login: Option<LoginKey>,
}

/// The idempotency key of a sign-in, as keyed hashes.
#[derive(Debug, Clone, Copy)]
pub struct LoginKey {
    /// The keyed hash of the phone and the key. At most one session has it.
    pub key: Mac,
    /// The keyed hash of all arguments of the sign-in.
    pub arguments: Mac,
    /// Sessions that were created at this time or before have forgotten their key.
    pub forgotten_before: Timestamp,
}

/// The user of a live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveUser {
    /// The user.
    pub user: User,
    /// When the user last entered a code to sign in to the session, or to reauthenticate in it.
    pub authenticated_at: Timestamp,
}

/// The outcome of storing a sign-in.
#[derive(Debug, Clone)]
pub enum SignInOutcome {
    /// The session is stored.
    Stored {
        /// The user of the session.
        user: User,
        /// Whether the sign-in created the user.
        is_new: bool,
    },
    /// A session already has the idempotency key. Nothing was stored.
    Repeated(Box<(SessionRow, User)>),
    /// An operator banned the user. Nothing was stored.
    Banned,
    /// The phone has no user, and the caller does not allow a new one. Nothing was stored.
    NoUser,
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
    /// The client address of the sign-in or the last refresh.
    pub last_address: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the session was last refreshed.
    pub last_used_at: Timestamp,
    /// When the refresh token expires.
    pub expires_at: Timestamp,
    /// When the session ended. `None` if it has not ended.
    pub ended_at: Option<Timestamp>,
    /// When the user last entered a code to sign in to the session, or to reauthenticate in it.
    pub authenticated_at: Timestamp,
    /// The keyed hash of the arguments of the sign-in, if it had an idempotency key.
    pub login_arguments: Option<Vec<u8>>,
    /// The keyed hash of the idempotency key of the last refresh, if it had one.
    pub rotation_key: Option<Vec<u8>>,
}

impl From<&NewSession> for SessionRow {
    fn from(new: &NewSession) -> Self {
        Self {
            id: new.id,
            salt: new.salt.to_vec(),
            generation: 0,
            rotated_at: new.created_at,
            device_name: new.device_name.clone(),
            last_address: new.address.to_string(),
            created_at: new.created_at,
            last_used_at: new.created_at,
            expires_at: new.expires_at,
            ended_at: None,
            authenticated_at: new.created_at,
            login_arguments: new.login.map(|login| login.arguments.to_vec()),
            rotation_key: None,
        }
    }
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
    /// The keyed hash of the client's idempotency key, if it sent one.
    pub key: Option<Mac>,
}
