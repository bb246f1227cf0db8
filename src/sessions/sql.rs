//! What both SQL engines share of sessions: the statements that read the same on both, and how a row is read.

use jiff::Timestamp;
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

use super::SessionRow;
use crate::users::sql::instant;

pub(super) const INSERT: &str = "INSERT INTO sessions (id, user_id, salt, generation, rotated_at, device_name, \
     first_address, last_address, created_at, last_used_at, expires_at) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const SELECT_LIVE_USER: &str = "SELECT u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at FROM sessions s \
     JOIN users u ON u.id = s.user_id WHERE s.id = ? AND s.ended_at IS NULL AND s.expires_at > ?";

pub(super) const SELECT: &str = "SELECT s.id AS session_id, s.salt, s.generation, s.rotated_at, s.device_name, \
     s.created_at AS session_created_at, s.last_used_at, s.expires_at, s.ended_at, \
     u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at \
     FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?";

pub(super) const SELECT_LIVE_OF_USER: &str = "SELECT id AS session_id, salt, generation, rotated_at, device_name, created_at AS session_created_at, \
     last_used_at, expires_at, ended_at FROM sessions \
     WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? ORDER BY last_used_at DESC, id DESC LIMIT ?";

pub(super) const ROTATE: &str = "UPDATE sessions SET generation = generation + 1, rotated_at = ?, last_used_at = ?, \
     last_address = ?, expires_at = ? WHERE id = ? AND generation = ? AND ended_at IS NULL AND expires_at > ?";

pub(super) const END: &str = "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL";

pub(crate) const END_OTHERS: &str =
    "UPDATE sessions SET ended_at = ? WHERE user_id = ? AND id <> ? AND ended_at IS NULL";

/// How often a sign-in that met another is tried.
pub(super) const SIGN_IN_TRIES: usize = 4;
/// The most sessions that are listed.
pub(super) const MAX_LISTED: i64 = 100;
/// The most rows that are deleted at once.
pub(super) const PURGE_BATCH: i64 = 500;

/// The statement that ends a user's live sessions, all or those among `ids`.
pub(super) fn end_of_user<DB: Database>(user_id: Uuid, ids: Option<&[Uuid]>, now: Timestamp) -> QueryBuilder<DB>
where
    Uuid: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let now = now.as_millisecond();
    let mut query = QueryBuilder::new("UPDATE sessions SET ended_at = ");
    query.push_bind(now).push(" WHERE user_id = ").push_bind(user_id);
    query.push(" AND ended_at IS NULL AND expires_at > ").push_bind(now);
    if let Some(ids) = ids {
        let mut list = query.push(" AND id IN (").separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
    }
    query
}

/// A row of `sessions`, without its user.
#[derive(sqlx::FromRow)]
pub(super) struct SqlSession {
    session_id: Uuid,
    salt: Vec<u8>,
    generation: i64,
    rotated_at: i64,
    device_name: Option<String>,
    session_created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<SqlSession> for SessionRow {
    type Error = sqlx::Error;

    fn try_from(row: SqlSession) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.session_id,
            salt: row.salt,
            generation: u32::try_from(row.generation).map_err(|error| sqlx::Error::Decode(error.into()))?,
            rotated_at: instant(row.rotated_at)?,
            device_name: row.device_name,
            created_at: instant(row.session_created_at)?,
            last_used_at: instant(row.last_used_at)?,
            expires_at: instant(row.expires_at)?,
            ended_at: row.ended_at.map(instant).transpose()?,
        })
    }
}

/// A row of `sessions` with its user.
#[derive(sqlx::FromRow)]
pub(super) struct SqlSessionAndUser {
    #[sqlx(flatten)]
    pub(super) session: SqlSession,
    #[sqlx(flatten)]
    pub(super) user: crate::users::sql::UserRow,
}
