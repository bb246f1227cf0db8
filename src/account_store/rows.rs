//! The columns of users and sessions, and their conversion to checked types.

use serde_json::Value;
use uuid::Uuid;

use super::{EventBacklog, ExportedEvent, ExportedSession, LiveUser, SessionRow};
use crate::database::{SqlError, instant};
use crate::events::StoredEvent;
use crate::phone::PhoneNumber;
use crate::users::User;

/// The columns of `users`.
#[derive(sqlx::FromRow)]
pub(super) struct UserColumns {
    id: Uuid,
    phone: String,
    name: String,
    avatar: String,
    created_at: i64,
    last_login_at: i64,
    banned_at: Option<i64>,
}

impl TryFrom<UserColumns> for User {
    type Error = SqlError;

    fn try_from(row: UserColumns) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id,
            phone: PhoneNumber::from_e164(row.phone).map_err(SqlError::decode)?,
            name: row.name,
            avatar: row.avatar,
            created_at: instant(row.created_at)?,
            last_login_at: instant(row.last_login_at)?,
            banned_at: row.banned_at.map(instant).transpose()?,
        })
    }
}

/// The columns of `sessions`, two of them renamed so that they can be selected together with those of `users`.
#[derive(sqlx::FromRow)]
pub(super) struct SessionColumns {
    session_id: Uuid,
    salt: Vec<u8>,
    generation: i64,
    rotated_at: i64,
    device_name: Option<String>,
    last_address: String,
    session_created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    authenticated_at: i64,
    login_arguments: Option<Vec<u8>>,
    rotation_key: Option<Vec<u8>>,
}

impl TryFrom<SessionColumns> for SessionRow {
    type Error = SqlError;

    fn try_from(row: SessionColumns) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.session_id,
            salt: row.salt,
            generation: u32::try_from(row.generation).map_err(SqlError::decode)?,
            rotated_at: instant(row.rotated_at)?,
            device_name: row.device_name,
            last_address: row.last_address,
            created_at: instant(row.session_created_at)?,
            last_used_at: instant(row.last_used_at)?,
            expires_at: instant(row.expires_at)?,
            ended_at: row.ended_at.map(instant).transpose()?,
            authenticated_at: instant(row.authenticated_at)?,
            login_arguments: row.login_arguments,
            rotation_key: row.rotation_key,
        })
    }
}

/// The columns of a session and its user.
#[derive(sqlx::FromRow)]
pub(super) struct SessionAndUserColumns {
    #[sqlx(flatten)]
    session: SessionColumns,
    #[sqlx(flatten)]
    user: UserColumns,
}

impl SessionAndUserColumns {
    pub(super) fn read(self) -> Result<(SessionRow, User), SqlError> {
        Ok((self.session.try_into()?, self.user.try_into()?))
    }
}

/// The columns of a live session's user.
#[derive(sqlx::FromRow)]
pub(super) struct LiveUserColumns {
    authenticated_at: i64,
    #[sqlx(flatten)]
    user: UserColumns,
}

impl TryFrom<LiveUserColumns> for LiveUser {
    type Error = SqlError;

    fn try_from(row: LiveUserColumns) -> Result<Self, Self::Error> {
        Ok(Self { user: row.user.try_into()?, authenticated_at: instant(row.authenticated_at)? })
    }
}

/// What a locked user must not have to change their account.
#[derive(sqlx::FromRow)]
pub(super) struct LockedUserColumns {
    pub(super) banned_at: Option<i64>,
}

/// What says whether a locked session is live.
#[derive(sqlx::FromRow)]
pub(super) struct LockedSessionColumns {
    pub(super) ended_at: Option<i64>,
    pub(super) expires_at: i64,
}

/// The phone of a user.
#[derive(sqlx::FromRow)]
pub(super) struct PhoneColumns {
    pub(super) phone: String,
}

/// The columns of `events`.
#[derive(sqlx::FromRow)]
pub(super) struct EventColumns {
    sequence: i64,
    id: Uuid,
    user_id: Option<Uuid>,
    kind: String,
    facts: String,
    created_at: i64,
    attempts: i64,
    failure: Option<String>,
}

/// Cannot fail: one row that somebody has changed must not stop the delivery of all others. Facts that are not JSON are returned
/// as a text.
impl From<EventColumns> for StoredEvent {
    fn from(row: EventColumns) -> Self {
        Self {
            sequence: row.sequence,
            id: row.id,
            user_id: row.user_id,
            kind: row.kind,
            facts: serde_json::from_str(&row.facts).unwrap_or(Value::String(row.facts)),
            created_at: instant(row.created_at).unwrap_or_default(),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            failure: row.failure,
        }
    }
}

/// The position of an event.
#[derive(sqlx::FromRow)]
pub(super) struct SequenceColumns {
    pub(super) sequence: i64,
}

/// The end of a lease.
#[derive(sqlx::FromRow)]
pub(super) struct LeaseColumns {
    pub(super) expires_at: i64,
}

/// The events that wait for delivery: those in the queue, and new ones.
#[derive(sqlx::FromRow)]
pub(super) struct BacklogColumns {
    pending: i64,
    oldest_moved: Option<i64>,
    oldest_new: Option<i64>,
}

impl TryFrom<BacklogColumns> for EventBacklog {
    type Error = SqlError;

    fn try_from(row: BacklogColumns) -> Result<Self, Self::Error> {
        let oldest = row.oldest_moved.into_iter().chain(row.oldest_new).min();
        Ok(Self {
            pending: u32::try_from(row.pending).map_err(SqlError::decode)?,
            oldest: oldest.map(instant).transpose()?,
        })
    }
}

/// The columns of an exported session.
#[derive(sqlx::FromRow)]
pub(super) struct ExportedSessionColumns {
    pub(super) id: Uuid,
    device_name: Option<String>,
    first_address: String,
    last_address: String,
    created_at: i64,
    authenticated_at: i64,
    last_used_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

/// The columns of an exported event.
#[derive(sqlx::FromRow)]
pub(super) struct ExportedEventColumns {
    pub(super) sequence: i64,
    id: Uuid,
    kind: String,
    facts: String,
    created_at: i64,
}

impl TryFrom<ExportedSessionColumns> for ExportedSession {
    type Error = SqlError;

    fn try_from(row: ExportedSessionColumns) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id,
            device_name: row.device_name,
            first_address: row.first_address,
            last_address: row.last_address,
            created_at: instant(row.created_at)?,
            authenticated_at: instant(row.authenticated_at)?,
            last_used_at: instant(row.last_used_at)?,
            expires_at: instant(row.expires_at)?,
            ended_at: row.ended_at.map(instant).transpose()?,
        })
    }
}

impl TryFrom<ExportedEventColumns> for ExportedEvent {
    type Error = SqlError;

    fn try_from(row: ExportedEventColumns) -> Result<Self, Self::Error> {
        let facts = serde_json::from_str(&row.facts).unwrap_or(serde_json::Value::String(row.facts));
        Ok(Self { id: row.id, kind: row.kind, facts, created_at: instant(row.created_at)? })
    }
}
