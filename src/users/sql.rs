//! What both SQL engines share of users: the columns, the statements that read the same on both, and how a row is read.

use jiff::Timestamp;
use uuid::Uuid;

use super::User;
use crate::phone::PhoneNumber;

pub(crate) const SELECT_BY_IDS: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE id IN (";

pub(crate) const INSERT: &str =
    "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) VALUES (?, ?, '', ?, ?, ?)";

pub(crate) const UPDATE_LAST_LOGIN: &str = "UPDATE users SET last_login_at = ? WHERE id = ?";

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
/// Where there is no such time.
pub(crate) fn instant(milliseconds: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| sqlx::Error::Decode(error.into()))
}
