//! A connection of the MySQL pool that is closed if a call on it is cancelled, or if its server has become read-only.
//!
//! A cancelled connection would go back to the pool, which first waits for the rest of the cancelled answer, without a time limit. If
//! the server's machine is gone, that lasts until the kernel gives the socket up (15 minutes), and such connections use up
//! the pool.
//!
//! A server that has become read-only was replaced by another one, which a new connection reaches under the same name. All idle
//! connections are closed then: the others would read from the old server, which does not know of later bans. One that is in
//! use at that moment is closed when it is idle at a later failure, or fails itself.

use std::ops::AsyncFnOnce;

use sqlx::MySql;
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlPool};
use sqlx::pool::PoolConnection;

use super::mysql;

/// A connection that returns to its pool when this is dropped, unless a call on it was cancelled or its server is read-only.
#[derive(Debug)]
pub(super) struct Lease {
    pool: MySqlPool,
    connection: Option<PoolConnection<MySql>>,
    is_unusable: bool,
}

impl Lease {
    /// Takes a connection out of the pool.
    pub(super) async fn of(pool: &MySqlPool) -> Result<Self, sqlx::Error> {
        Ok(Self { pool: pool.clone(), connection: Some(pool.acquire().await?), is_unusable: false })
    }

    /// Runs a call on the connection.
    pub(super) async fn run<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        self.is_unusable = true;
        let answer = call(connection).await;
        self.is_unusable = answer.as_ref().is_err_and(is_of_read_only_server);
        if self.is_unusable {
            self.close_idle();
        }
        answer
    }

    /// Checks that the server accepts writes.
    pub(super) async fn check_writable(&mut self) -> Result<(), sqlx::Error> {
        let answer = self.run(async |connection| mysql::check_writable(connection).await).await;
        if matches!(answer, Err(sqlx::Error::Protocol(_))) {
            self.is_unusable = true;
            self.close_idle();
        }
        answer
    }

    /// Returns whether the connection cannot be used any more: a call on it runs or was cancelled, or the server is read-only.
    pub(super) const fn is_unusable(&self) -> bool {
        self.is_unusable
    }

    fn close_idle(&self) {
        for _ in 0..self.pool.num_idle() {
            drop(self.pool.try_acquire().map(PoolConnection::detach));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_unusable
            && let Some(connection) = self.connection.take()
        {
            // Closes the socket at once, and lets the pool open another connection.
            drop(connection.detach());
        }
    }
}

fn is_of_read_only_server(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(mysql::is_read_only)
}
