//! Users: their data, and the changes that are possible.
//!
//! A phone belongs to at most one user; the database enforces that. A new user has an empty name and a random avatar.

use jiff::Timestamp;
use uuid::Uuid;

use crate::events::Actor;
use crate::phone::PhoneNumber;

mod avatars;
mod profile;

pub use avatars::{AVATARS_PATH, Avatars, default_avatars, picture};
pub use profile::{MAX_AVATAR_LENGTH, checked_avatar, checked_name};

/// A user with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id, a UUIDv7.
    pub id: Uuid,
    /// The user's phone. No other user has the same phone.
    pub phone: PhoneNumber,
    /// The user's name. Empty until the user sets it.
    pub name: String,
    /// The URL of the user's avatar.
    pub avatar: String,
    /// When the user signed up.
    pub created_at: Timestamp,
    /// When the user last signed in.
    pub last_login_at: Timestamp,
    /// When an operator banned the user. `None` if the user is not banned.
    pub banned_at: Option<Timestamp>,
}

/// A user to be stored.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The user's id, a UUIDv7.
    pub id: Uuid,
    /// The user's phone.
    pub phone: PhoneNumber,
    /// The user's name. Empty until the user sets it.
    pub name: String,
    /// The URL of the user's avatar.
    pub avatar: String,
    /// When the user signed up, or an operator added them.
    pub created_at: Timestamp,
}

/// Whether a phone without an account can sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUpPolicy {
    /// Every phone can sign up.
    Open,
    /// Only phones that an operator has added can sign in.
    Closed,
}

/// A change of the user's profile. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// The new name.
    pub name: Option<String>,
    /// The URL of the new avatar.
    pub avatar: Option<String>,
}

/// A change of the user's phone.
#[derive(Debug, Clone)]
pub struct PhoneChange {
    /// The user.
    pub user_id: Uuid,
    /// The new phone, which received the one-time code.
    pub phone: PhoneNumber,
    /// The session of the request, if the user makes the change. It must be live. All other sessions of the user end.
    pub kept_session: Option<Uuid>,
    /// The user, or an operator.
    pub by: Actor,
    /// The current time.
    pub at: Timestamp,
}

/// The outcome of a change of phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneChangeOutcome {
    /// The user has the new phone, and their other sessions have ended.
    Changed,
    /// Another user has the phone. Nothing was changed.
    Taken,
    /// The user does not exist any more. Or the user makes the change and was banned meanwhile, or the session has ended.
    Gone,
}
