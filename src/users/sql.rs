//! What both SQL engines share of users: the columns, the statements that read the same on both, and how a row is read.

use jiff::Timestamp;
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

use super::User;
use crate::phone::PhoneNumber;

pub(crate) const INSERT: &str =
    "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) VALUES (?, ?, '', ?, ?, ?)";

pub(crate) const UPDATE_LAST_LOGIN: &str = "UPDATE users SET last_login_at = ? WHERE id = ?";

pub(crate) const UPDATE_PROFILE: &str =
    "UPDATE users SET name = COALESCE(?, name), avatar = COALESCE(?, avatar) WHERE id = ?";

pub(crate) const UPDATE_PHONE: &str = "UPDATE users SET phone = ? WHERE id = ?";

/// The user's sessions go with the row.
pub(crate) const DELETE: &str = "DELETE FROM users WHERE id = ?";

/// The statement that reads users by their ids.
pub(crate) fn select_by_ids<DB: Database>(ids: &[Uuid]) -> QueryBuilder<DB>
where
    Uuid: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query =
        QueryBuilder::new("SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    query
}

/// A row of `users`.
#[derive(sqlx::FromRow)]
pub(crate) struct UserRow {
    id: Uuid,
    phone: String,
    name: String,
    avatar: String,
    created_at: i64,
    last_login_at: i64,
}

impl TryFrom<UserRow> for User {
    type Error = sqlx::Error;

    fn try_from(row: UserRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id,
            phone: PhoneNumber::from_e164(row.phone).map_err(|error| sqlx::Error::Decode(error.into()))?,
            name: row.name,
            avatar: row.avatar,
            created_at: instant(row.created_at)?,
            last_login_at: instant(row.last_login_at)?,
        })
    }
}

/// Reads a time as it is stored, in milliseconds.
///
/// # Errors
/// If there is no such time.
pub(crate) fn instant(milliseconds: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| sqlx::Error::Decode(error.into()))
}
