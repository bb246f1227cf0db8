//! A connection of the MySQL pool that is closed if a call on it is cancelled.
//!
//! Otherwise it would go back to the pool, which first waits for the rest of the cancelled answer, without a time limit. If
//! the server's machine is gone, that lasts until the kernel gives the socket up (15 minutes), and such connections use up
//! the pool.

use std::ops::AsyncFnOnce;

use sqlx::MySql;
use sqlx::mysql::{MySqlConnection, MySqlPool};
use sqlx::pool::PoolConnection;

/// A connection that returns to its pool when this is dropped, unless a call on it was cancelled.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Option<PoolConnection<MySql>>,
    is_busy: bool,
}

impl Lease {
    /// Takes a connection out of the pool.
    pub(super) async fn of(pool: &MySqlPool) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: Some(pool.acquire().await?), is_busy: false })
    }

    /// Runs a call on the connection.
    pub(super) async fn run<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        self.is_busy = true;
        let answer = call(connection).await;
        self.is_busy = false;
        answer
    }

    /// Returns whether a call on the connection runs, or was cancelled.
    pub(super) const fn is_busy(&self) -> bool {
        self.is_busy
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_busy
            && let Some(connection) = self.connection.take()
        {
            // Closes the socket at once, and lets the pool open another connection.
            drop(connection.detach());
        }
    }
}
