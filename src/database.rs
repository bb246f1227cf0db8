//! SQL: the only module that calls MySQL and SQLite.
//!
//! A [`Database`] opens and migrates the tables, and runs statements on either engine with the same call. The differences
//! between the engines are in `mysql` and `sqlite`. Every call has a time limit. This module must not know the tables: the
//! texts of the statements belong to the stores.

use std::path::Path;
use std::time::Instant;

use sqlx::SqlSafeStr;
use sqlx::mysql::{MySqlArguments, MySqlPool};
use sqlx::sqlite::{SqliteArguments, SqlitePool};
use tracing::Instrument;

use crate::metrics;
use crate::store::{self, StoreError};

mod error;
mod lease;
mod mysql;
mod sqlite;
mod statement;
mod transaction;

pub(crate) use error::SqlError;
use lease::Lease;
pub use sqlite::sqlite_file;
use statement::bind;
pub(crate) use statement::{Dialects, Param, Row, instant, with_list, with_rows};
use transaction::MySqlTransaction;
pub(crate) use transaction::Transaction;

/// A pool of connections to the server's database.
#[derive(Debug, Clone)]
pub enum Database {
    /// MySQL or MariaDB.
    MySql(MySqlPool),
    /// SQLite.
    Sqlite(SqlitePool),
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseSetupError {
    /// The address cannot be read as `mysql://…` or `sqlite://…`.
    #[error("not of the form mysql://user:password@host:3306/database or sqlite://path")]
    Url,
    /// The database could not be reached or opened.
    #[error("the database cannot be opened")]
    Open(#[source] sqlx::Error),
    /// A migration failed.
    #[error("the database cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

impl Database {
    /// Prepares a pool for `mysql://…` or `sqlite://…`. Connects to a MySQL server at first use. Opens an SQLite file, and
    /// creates it with mode 0600 if it does not exist.
    ///
    /// # Errors
    /// If the address cannot be read, or an SQLite file cannot be opened.
    pub async fn open(url: &str) -> Result<Self, DatabaseSetupError> {
        if url.starts_with("mysql://") {
            mysql::pool(url).map(Self::MySql)
        } else if url.starts_with("sqlite:") {
            sqlite::open(url).await.map(Self::Sqlite)
        } else {
            Err(DatabaseSetupError::Url)
        }
    }

    /// Opens an SQLite file, and creates it with mode 0600 if it does not exist.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open_file(path: &Path) -> Result<Self, DatabaseSetupError> {
        sqlite::open_file(path).await.map(Self::Sqlite)
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// If the database is unavailable, or a migration fails.
    pub async fn migrate(&self) -> Result<(), DatabaseSetupError> {
        match self {
            Self::MySql(pool) => mysql::migrations().run(pool).await,
            Self::Sqlite(pool) => sqlite::migrations().run(pool).await,
        }
        .map_err(DatabaseSetupError::Migrate)
    }

    /// Returns whether the tables are up to date. Changes nothing.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn is_migrated(&self) -> Result<bool, DatabaseSetupError> {
        match self {
            Self::MySql(pool) => mysql::is_migrated(pool).await,
            // The server migrates SQLite at every start.
            Self::Sqlite(_) => Ok(true),
        }
    }

    /// Returns the name and the version of the database.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn version(&self) -> Result<String, StoreError> {
        let version = bounded("version", async {
            Ok(match self {
                Self::MySql(pool) => {
                    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(pool).await?;
                    let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
                    format!("{name} {}", version.split('-').next().unwrap_or_default())
                }
                Self::Sqlite(pool) => {
                    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(pool).await?;
                    format!("SQLite {version}")
                }
            })
        });
        Ok(version.await?)
    }

    /// Checks that the database answers and accepts writes. Changes nothing.
    ///
    /// # Errors
    /// If it does not answer, or is read-only.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let check = async {
            match self {
                Self::MySql(pool) => Lease::of(pool).await?.check_writable().await?,
                Self::Sqlite(pool) => sqlite::check_writable(pool).await?,
            }
            Ok(())
        };
        Ok(bounded("ping", check).await?)
    }

    /// Returns the number of open connections, and how many of them are idle.
    pub(crate) fn pool_size(&self) -> (u32, usize) {
        match self {
            Self::MySql(pool) => (pool.size(), pool.num_idle()),
            Self::Sqlite(pool) => (pool.size(), pool.num_idle()),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match self {
            Self::MySql(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }

    /// Runs a statement and returns the number of rows that it matched or deleted.
    pub(crate) async fn execute(&self, sql: impl SqlSafeStr, params: &[Param<'_>]) -> Result<u64, SqlError> {
        bounded("write", async {
            Ok(match self {
                Self::MySql(pool) => {
                    let query = sqlx::query_with(sql, bind::<MySqlArguments>(params)?);
                    let mut lease = Lease::of(pool).await?;
                    lease.run(async |connection| query.execute(connection).await).await?.rows_affected()
                }
                Self::Sqlite(pool) => {
                    let query = sqlx::query_with(sql, bind::<SqliteArguments>(params)?);
                    query.execute(pool).await?.rows_affected()
                }
            })
        })
        .await
    }

    /// Runs a query and returns its rows.
    pub(crate) async fn fetch_all<T: Row>(
        &self,
        sql: impl SqlSafeStr,
        params: &[Param<'_>],
    ) -> Result<Vec<T>, SqlError> {
        bounded("read", async {
            Ok(match self {
                Self::MySql(pool) => {
                    let query = sqlx::query_as_with(sql, bind::<MySqlArguments>(params)?);
                    let mut lease = Lease::of(pool).await?;
                    lease.run(async |connection| query.fetch_all(connection).await).await?
                }
                Self::Sqlite(pool) => {
                    sqlx::query_as_with(sql, bind::<SqliteArguments>(params)?).fetch_all(pool).await?
                }
            })
        })
        .await
    }

    /// Runs a query that finds at most one row.
    pub(crate) async fn fetch_optional<T: Row>(
        &self,
        sql: impl SqlSafeStr,
        params: &[Param<'_>],
    ) -> Result<Option<T>, SqlError> {
        Ok(self.fetch_all(sql, params).await?.pop())
    }

    /// Starts a transaction, on SQLite with the write lock.
    pub(crate) async fn begin(&self) -> Result<Transaction, SqlError> {
        Ok(match self {
            Self::MySql(pool) => Transaction::MySql(MySqlTransaction::begin(pool).await?),
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin_with(sqlite::BEGIN).await?),
        })
    }
}

/// Runs a call, and cancels it with [`SqlError::Unavailable`] when the operation has no time left to wait for stores.
/// `kind` is its name in traces and metrics.
pub(crate) fn bounded<T>(
    kind: &'static str,
    call: impl Future<Output = Result<T, SqlError>>,
) -> impl Future<Output = Result<T, SqlError>> {
    let call = store::bounded(call, |elapsed| SqlError::Unavailable(elapsed.into()));
    async move {
        let started = Instant::now();
        let answer = call.await;
        metrics::sql_called(kind, answer.is_ok(), started);
        answer
    }
    .instrument(tracing::debug_span!("sql", sql.kind = kind))
}
