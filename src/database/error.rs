//! Failures of SQL, classified by how the caller can react to them.

use std::error::Error;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

use super::{mysql, sqlite};
use crate::store::{StoreError, StoreName};

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    /// Another row already has a value that must be unique.
    #[error("a unique value is taken")]
    Taken(#[source] sqlx::Error),
    /// The engine rolled this transaction back because it and another one waited for each other.
    #[error("two transactions waited for each other")]
    Deadlock(#[source] sqlx::Error),
    /// The database could not be reached or was too slow. Whether it ran the statement is not known.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The database rejected the statement, or returned a row that cannot be read.
    #[error("the database rejected the statement")]
    Refused(#[source] sqlx::Error),
}

impl SqlError {
    /// Wraps the error of a stored value that cannot be read.
    pub(crate) fn decode(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused(sqlx::Error::Decode(error.into()))
    }
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return if is_out_of_reach(&error) { Self::Unavailable(error.into()) } else { Self::Refused(error) };
        };
        if database.is_unique_violation() {
            Self::Taken(error)
        } else if is_deadlock(database) {
            Self::Deadlock(error)
        } else if is_passing(database) {
            Self::Unavailable(error.into())
        } else {
            Self::Refused(error)
        }
    }
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Taken(source) | SqlError::Refused(source) => Self::refused(StoreName::Database, source),
            SqlError::Deadlock(source) => Self::unavailable(StoreName::Database, source),
            SqlError::Unavailable(source) => Self::unavailable(StoreName::Database, source),
        }
    }
}

const fn is_out_of_reach(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    )
}

fn is_deadlock(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(mysql::is_deadlock)
}

/// Returns whether the same statement may succeed a moment later.
fn is_passing(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<MySqlDatabaseError>().map_or_else(|| sqlite::is_passing(error), mysql::is_passing)
}
