//! The values and rows of a statement, the same for both engines.

use jiff::Timestamp;
use sqlx::mysql::MySqlRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, SqlSafeStr, Type};
use uuid::Uuid;

use super::{Database, SqlError};

/// A value for a `?` in a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Param<'a> {
    /// Stored as 16 bytes.
    Uuid(Uuid),
    /// `NULL` if it is `None`.
    OptionalUuid(Option<Uuid>),
    /// Stored in milliseconds since 1970, see [`instant`].
    Time(Timestamp),
    /// `NULL` if it is `None`.
    OptionalTime(Option<Timestamp>),
    Integer(i64),
    Text(&'a str),
    /// `NULL` if it is `None`.
    OptionalText(Option<&'a str>),
    Bytes(&'a [u8]),
    /// `NULL` if it is `None`.
    OptionalBytes(Option<&'a [u8]>),
}

/// A struct that both engines can read a row into: one that derives `FromRow`.
pub(crate) trait Row: for<'r> FromRow<'r, MySqlRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, MySqlRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// The two texts of a statement that the engines spell differently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialects {
    pub(crate) mysql: &'static str,
    pub(crate) sqlite: &'static str,
}

impl Dialects {
    /// Returns the text for the engine of `database`.
    pub(crate) const fn of(self, database: &Database) -> &'static str {
        match database {
            Database::MySql(_) => self.mysql,
            Database::Sqlite(_) => self.sqlite,
        }
    }
}

/// Replaces `(...)` in a statement with one `?` for each of `count` values. An empty list is not valid in MySQL.
pub(crate) fn with_list(sql: &'static str, count: usize) -> impl SqlSafeStr {
    let list = format!("({})", vec!["?"; count].join(", "));
    // Safe: the text consists of constants. The values are bound, never part of the text.
    AssertSqlSafe(sql.replacen("(...)", &list, 1))
}

/// Replaces `(...)` in an `INSERT` with one `(?, …)` of `columns` values for each of `count` rows.
pub(crate) fn with_rows(sql: &'static str, count: usize, columns: usize) -> impl SqlSafeStr {
    let row = format!("({})", vec!["?"; columns].join(", "));
    // Safe: the text consists of constants. The values are bound, never part of the text.
    AssertSqlSafe(sql.replacen("(...)", &vec![row; count].join(", "), 1))
}

/// Binds the values, in order.
///
/// # Errors
/// If a value cannot be encoded.
pub(super) fn bind<A: Arguments>(params: &[Param<'_>]) -> Result<A, sqlx::Error>
where
    Uuid: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    Option<Uuid>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    i64: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    Option<i64>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    for<'q> &'q str: Encode<'q, A::Database> + Type<A::Database>,
    for<'q> Option<&'q str>: Encode<'q, A::Database> + Type<A::Database>,
    for<'q> &'q [u8]: Encode<'q, A::Database> + Type<A::Database>,
    for<'q> Option<&'q [u8]>: Encode<'q, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for param in params {
        match *param {
            Param::Uuid(value) => arguments.add(value),
            Param::OptionalUuid(value) => arguments.add(value),
            Param::Time(value) => arguments.add(value.as_millisecond()),
            Param::OptionalTime(value) => arguments.add(value.map(Timestamp::as_millisecond)),
            Param::Integer(value) => arguments.add(value),
            Param::Text(value) => arguments.add(value),
            Param::OptionalText(value) => arguments.add(value),
            Param::Bytes(value) => arguments.add(value),
            Param::OptionalBytes(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Reads a time that was stored as [`Param::Time`].
///
/// # Errors
/// If the number is outside the range of a timestamp.
pub(crate) fn instant(milliseconds: i64) -> Result<Timestamp, SqlError> {
    Timestamp::from_millisecond(milliseconds).map_err(SqlError::decode)
}
