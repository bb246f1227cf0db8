//! A transaction on either engine.

use std::ops::AsyncFnOnce;

use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlPool};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Executor, SqlSafeStr, Sqlite};

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::lease::Lease;
use super::statement::bind;
use super::{Param, Row, SqlError};
use crate::store::BUDGET;

/// A transaction. It is rolled back if it is dropped before [`Transaction::commit`].
///
/// Its methods have no time limit: the caller puts the whole transaction inside [`bounded`](super::bounded).
#[derive(Debug)]
pub(crate) enum Transaction {
    MySql(MySqlTransaction),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    /// Runs a statement and returns the number of rows that it matched or deleted.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, params: &[Param<'_>]) -> Result<u64, SqlError> {
        Ok(match self {
            Self::MySql(transaction) => {
                let query = sqlx::query_with(sql, bind::<MySqlArguments>(params)?);
                transaction.run(async |connection| query.execute(connection).await).await?.rows_affected()
            }
            Self::Sqlite(transaction) => {
                let query = sqlx::query_with(sql, bind::<SqliteArguments>(params)?);
                query.execute(&mut **transaction).await?.rows_affected()
            }
        })
    }

    /// Runs a query and returns its rows.
    pub(crate) async fn fetch_all<T: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        params: &[Param<'_>],
    ) -> Result<Vec<T>, SqlError> {
        Ok(match self {
            Self::MySql(transaction) => {
                let query = sqlx::query_as_with(sql, bind::<MySqlArguments>(params)?);
                transaction.run(async |connection| query.fetch_all(connection).await).await?
            }
            Self::Sqlite(transaction) => {
                let query = sqlx::query_as_with(sql, bind::<SqliteArguments>(params)?);
                query.fetch_all(&mut **transaction).await?
            }
        })
    }

    /// Runs a query that finds at most one row.
    pub(crate) async fn fetch_optional<T: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        params: &[Param<'_>],
    ) -> Result<Option<T>, SqlError> {
        Ok(self.fetch_all(sql, params).await?.pop())
    }

    /// Makes the changes permanent.
    pub(crate) async fn commit(self) -> Result<(), SqlError> {
        match self {
            Self::MySql(transaction) => transaction.commit().await?,
            Self::Sqlite(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// A transaction on a leased connection. sqlx's own transaction would return a connection to the pool in the middle of a
/// cancelled statement.
#[derive(Debug)]
pub(crate) struct MySqlTransaction {
    /// `None` after the end of the transaction.
    lease: Option<Lease>,
}

impl MySqlTransaction {
    pub(super) async fn begin(pool: &MySqlPool) -> Result<Self, sqlx::Error> {
        let mut lease = Lease::of(pool).await?;
        lease.run(async |connection| connection.execute("BEGIN").await).await?;
        Ok(Self { lease: Some(lease) })
    }

    async fn run<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        self.lease.as_mut().ok_or(sqlx::Error::BeginFailed)?.run(call).await
    }

    async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.run(async |connection| connection.execute("COMMIT").await).await?;
        self.lease = None;
        Ok(())
    }
}

impl Drop for MySqlTransaction {
    fn drop(&mut self) {
        // The server rolls back if the connection closes, as it does after a cancelled statement or on a read-only server.
        let lease = self.lease.take().filter(|lease| !lease.is_unusable());
        if let (Some(mut lease), Ok(runtime)) = (lease, Handle::try_current()) {
            runtime.spawn(async move {
                let rollback = lease.run(async |connection| connection.execute("ROLLBACK").await);
                drop(timeout(BUDGET, rollback).await);
            });
        }
    }
}
