//! Security events: what happened to a user's account or sessions.
//!
//! An event contains no secret and no whole phone number. The account store writes it in the same transaction as the
//! change that it reports. This module knows no database.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::random;

/// The longest name of an operator in an event, in bytes. The database has room for 1024 characters of facts.
const MAX_OPERATOR: usize = 128;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A phone signed in for the first time.
    SignedUp,
    /// A user with an account signed in.
    SignedIn,
    /// A refresh token was used a second time, so its session was ended.
    TokenReused,
    /// Sessions were ended before their expiry.
    SessionsEnded,
    /// The user has another phone.
    PhoneChanged,
    /// The account was deleted.
    Deleted,
    /// An operator added the user.
    Added,
    /// An operator banned the user.
    Banned,
    /// An operator ended the ban.
    Unbanned,
    /// An operator read the user's data, or whole phone numbers.
    Revealed,
}

impl EventKind {
    /// Returns the name that the database and webhooks have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "user.signed_up",
            Self::SignedIn => "user.signed_in",
            Self::TokenReused => "session.token_reused",
            Self::SessionsEnded => "user.sessions_ended",
            Self::PhoneChanged => "user.phone_changed",
            Self::Deleted => "user.deleted",
            Self::Added => "user.added",
            Self::Banned => "user.banned",
            Self::Unbanned => "user.unbanned",
            Self::Revealed => "user.revealed",
        }
    }
}

/// The person who changed an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The user.
    User,
    /// An operator, by their name on the operating system.
    Operator(String),
}

/// An event to be stored.
#[derive(Debug, Clone)]
pub struct Event {
    /// The id of the event, a UUIDv7.
    pub id: Uuid,
    /// The user. `None` if the event is about several users.
    pub user_id: Option<Uuid>,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    facts: Map<String, Value>,
}

impl Event {
    /// Creates an event.
    #[must_use]
    pub fn new(kind: EventKind, user_id: impl Into<Option<Uuid>>, at: Timestamp) -> Self {
        Self { id: random::id(at), user_id: user_id.into(), kind, at, facts: Map::new() }
    }

    /// Adds a fact. Phone numbers are masked: pass the `Display` of a `PhoneNumber`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the operator, if an operator made the change.
    #[must_use]
    pub fn by(self, actor: &Actor) -> Self {
        match actor {
            Actor::User => self,
            Actor::Operator(name) => self.with("operator", &name[..name.floor_char_boundary(MAX_OPERATOR)]),
        }
    }

    /// Returns the facts as a JSON object.
    #[must_use]
    pub fn facts(&self) -> String {
        Value::Object(self.facts.clone()).to_string()
    }
}

/// A stored event.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// The position in the order of all events.
    pub sequence: i64,
    /// The id of the event, a UUIDv7.
    pub id: Uuid,
    /// The user. `None` if the event is about several users.
    pub user_id: Option<Uuid>,
    /// The name of what happened.
    pub kind: String,
    /// The facts, a JSON object. A text if the stored facts are not JSON.
    pub facts: Value,
    /// When it happened.
    pub created_at: Timestamp,
    /// How many times delivery was attempted.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub failure: Option<String>,
}
