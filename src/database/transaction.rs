//! A transaction on either engine.

use sqlx::mysql::MySqlArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{MySql, SqlSafeStr, Sqlite};

use super::statement::bind;
use super::{Param, Row, SqlError};

/// A transaction. It is rolled back if it is dropped before [`Transaction::commit`].
///
/// Its methods have no time limit: the caller puts the whole transaction inside [`bounded`](super::bounded).
#[derive(Debug)]
pub(crate) enum Transaction {
    MySql(sqlx::Transaction<'static, MySql>),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    /// Runs a statement and returns the number of rows that it matched or deleted.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, params: &[Param<'_>]) -> Result<u64, SqlError> {
        Ok(match self {
            Self::MySql(transaction) => {
                let query = sqlx::query_with(sql, bind::<MySqlArguments>(params)?);
                query.execute(&mut **transaction).await?.rows_affected()
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
                query.fetch_all(&mut **transaction).await?
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
