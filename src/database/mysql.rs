//! MySQL and MariaDB: the pool, the migrations, and the numbers of errors.
//!
//! Connections read committed rows, so a sign-in that lost a race sees the winner's user.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPool, MySqlPoolOptions};
use sqlx::{Connection, Executor};

use super::DatabaseSetupError;
use crate::store::BUDGET;

/// Returns the migrations. A database that a newer version has migrated is accepted: during an upgrade, servers of this version
/// still run, and can restart.
pub(super) fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("migrations/mysql");
    migrations.set_ignore_missing(true);
    migrations
}

const MAX_CONNECTIONS: u32 = 32;
/// A connection that has been idle for longer is tested before it is used, so that a restart of the database does not make
/// requests fail.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// The error of a server that writes nothing.
const READ_ONLY: &str = "the database is read-only";
/// The table in which sqlx records the migrations that it has run.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// Prepares a pool, which connects at its first use.
pub(super) fn pool(url: &str) -> Result<MySqlPool, DatabaseSetupError> {
    let options = MySqlConnectOptions::from_str(url).map_err(|_| DatabaseSetupError::Url)?;

    Ok(MySqlPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(BUDGET)
        // By default every connection is tested before each use, which costs every request a round trip.
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                if rested.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
                connection.execute(isolation).await.map(drop)
            })
        })
        .connect_lazy_with(options))
}

/// Returns whether every migration has been run. Changes nothing.
pub(super) async fn is_migrated(pool: &MySqlPool) -> Result<bool, DatabaseSetupError> {
    let mut connection = pool.acquire().await.map_err(DatabaseSetupError::Open)?;

    // Reading the table of migrations would fail if it does not exist.
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?";
    let tables = sqlx::query_scalar(tables).bind(MIGRATIONS_TABLE).fetch_one(&mut *connection).await;
    let tables: i64 = tables.map_err(DatabaseSetupError::Open)?;
    if tables == 0 {
        return Ok(false);
    }

    let applied = connection.list_applied_migrations(MIGRATIONS_TABLE).await.map_err(DatabaseSetupError::Migrate)?;
    Ok(migrations().iter().all(|wanted| applied.iter().any(|migration| migration.version == wanted.version)))
}

/// Returns whether the error is a deadlock, or a conflict with another node of a Galera cluster: `ER_LOCK_DEADLOCK` in
/// <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>.
pub(super) fn is_deadlock(error: &MySqlDatabaseError) -> bool {
    error.number() == 1213
}

/// Returns whether the server writes nothing, because `read_only` is set: `ER_OPTION_PREVENTS_STATEMENT`,
/// `ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION`, `ER_READ_ONLY_MODE`. A primary becomes such a server at a failover.
pub(super) fn is_read_only(error: &MySqlDatabaseError) -> bool {
    matches!(error.number(), 1290 | 1792 | 1836)
}

/// Checks that the server accepts writes. MariaDB and MySQL accept some users' writes even if `read_only` is set, but they would
/// be lost at a failover.
pub(super) async fn check_writable(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    // A number, or since MariaDB 12 a word.
    let value = sqlx::query_scalar("SELECT CAST(@@GLOBAL.read_only AS CHAR)").fetch_one(connection).await;
    let value: String = value?;
    if ["0", "OFF"].contains(&value.as_str()) { Ok(()) } else { Err(sqlx::Error::Protocol(READ_ONLY.to_owned())) }
}

/// Returns whether the error is one of: too many connections, a Galera node without a quorum, server shutdown, lock wait
/// time-out, query interrupted, connection killed, read-only server.
pub(super) fn is_passing(error: &MySqlDatabaseError) -> bool {
    matches!(error.number(), 1040 | 1047 | 1053 | 1205 | 1317 | 1927) || is_read_only(error)
}
