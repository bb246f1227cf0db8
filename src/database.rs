//! SQL: opening pools, migrating, and what a database's failure means.
//!
//! Every call is bounded in time. MySQL connections read committed rows: a sign-in that lost a race then sees the
//! winner's user.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Executor};
use tokio::time::timeout;

use crate::files;
use crate::store::StoreError;

static MYSQL_MIGRATIONS: Migrator = sqlx::migrate!("migrations/mysql");
static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that rested for longer is tried before it is used, so that a restart of the database costs no request.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const MYSQL_CONNECTIONS: u32 = 32;
const SQLITE_CONNECTIONS: u32 = 4;
/// The name of a database that is in no file.
const IN_MEMORY: &str = ":memory:";
/// How a file name begins that SQLite reads as a URI.
const URI_SCHEME: &[u8] = b"file:";

/// A pool of connections to the one database of a server.
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
    /// Not a `mysql://` or `sqlite://` address that can be read.
    #[error("not of the form mysql://user:password@host:3306/database or sqlite://path")]
    Url,
    /// It could not be reached or opened.
    #[error("the database cannot be opened")]
    Open(#[source] sqlx::Error),
    /// A migration failed.
    #[error("the database cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

impl Database {
    /// Prepares a pool for `mysql://…` or `sqlite://…`. A MySQL server is connected at first use; an SQLite file is
    /// created if it does not exist, with mode 0600, and opened.
    ///
    /// # Errors
    /// If the address cannot be read, or an SQLite file cannot be opened.
    pub async fn open(url: &str) -> Result<Self, DatabaseSetupError> {
        if url.starts_with("mysql://") {
            return mysql(url).map(Self::MySql);
        }
        if !url.starts_with("sqlite:") {
            return Err(DatabaseSetupError::Url);
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|_| DatabaseSetupError::Url)?;
        if let Some(path) = sqlite_file(url)?
            && !has_mode(url, "ro")
        {
            create_sqlite_file(&path)?;
        }
        sqlite(options).await.map(Self::Sqlite)
    }

    /// Opens an SQLite file, and creates it with mode 0600 if it does not exist.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open_file(path: &Path) -> Result<Self, DatabaseSetupError> {
        create_sqlite_file(path)?;
        sqlite(SqliteConnectOptions::new().filename(path)).await.map(Self::Sqlite)
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// If the database is away, or a migration fails.
    pub async fn migrate(&self) -> Result<(), DatabaseSetupError> {
        match self {
            Self::MySql(pool) => MYSQL_MIGRATIONS.run(pool).await,
            Self::Sqlite(pool) => SQLITE_MIGRATIONS.run(pool).await,
        }
        .map_err(DatabaseSetupError::Migrate)
    }

    /// Whether the tables are up to date. Changes nothing.
    ///
    /// # Errors
    /// If the database is away.
    pub async fn is_migrated(&self) -> Result<bool, DatabaseSetupError> {
        let Self::MySql(pool) = self else {
            return Ok(true); // SQLite is migrated whenever it is opened to serve.
        };
        let mut connection = pool.acquire().await.map_err(DatabaseSetupError::Open)?;
        let table = "SELECT COUNT(*) FROM information_schema.tables \
                     WHERE table_schema = DATABASE() AND table_name = '_sqlx_migrations'";
        let tables: i64 =
            sqlx::query_scalar(table).fetch_one(&mut *connection).await.map_err(DatabaseSetupError::Open)?;
        if tables == 0 {
            return Ok(false);
        }
        let applied = connection.list_applied_migrations("_sqlx_migrations").await;
        let applied = applied.map_err(DatabaseSetupError::Migrate)?;
        Ok(MYSQL_MIGRATIONS.iter().all(|wanted| applied.iter().any(|had| had.version == wanted.version)))
    }

    /// Says whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        bounded(async {
            match self {
                Self::MySql(pool) => pool.acquire().await?.ping().await,
                Self::Sqlite(pool) => pool.acquire().await?.ping().await,
            }
        })
        .await
    }

    /// Ends all connections.
    pub async fn close(&self) {
        match self {
            Self::MySql(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}

fn mysql(url: &str) -> Result<MySqlPool, DatabaseSetupError> {
    let options = MySqlConnectOptions::from_str(url).map_err(|_| DatabaseSetupError::Url)?;
    Ok(MySqlPoolOptions::new()
        .max_connections(MYSQL_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
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

/// The file that an `sqlite://` address names. `None` if the database is in memory.
///
/// # Errors
/// If the address cannot be read, or its path is a URI: SQLite would then open another file than the one named here.
pub fn sqlite_file(url: &str) -> Result<Option<PathBuf>, DatabaseSetupError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| DatabaseSetupError::Url)?;
    let name = url.trim_start_matches("sqlite:").trim_start_matches("//").split('?').next();
    if name == Some(IN_MEMORY) || has_mode(url, "memory") {
        return Ok(None);
    }

    let path = options.get_filename();
    let is_uri = path.as_os_str().as_encoded_bytes().starts_with(URI_SCHEME);
    if is_uri { Err(DatabaseSetupError::Url) } else { Ok(Some(path.to_owned())) }
}

/// Whether the address has the parameter `mode` with this value.
fn has_mode(url: &str, mode: &str) -> bool {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    url::form_urlencoded::parse(parameters.as_bytes()).any(|(name, value)| name == "mode" && value == mode)
}

/// SQLite creates a database with mode 0644 less the umask, and gives the write-ahead log and its index the mode of the
/// database. So the file is created before SQLite opens it.
fn create_sqlite_file(path: &Path) -> Result<(), DatabaseSetupError> {
    files::create_file(path).map_err(|error| DatabaseSetupError::Open(error.into()))
}

async fn sqlite(options: SqliteConnectOptions) -> Result<SqlitePool, DatabaseSetupError> {
    let options = options
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(ACQUIRE_TIMEOUT);
    SqlitePoolOptions::new()
        .max_connections(SQLITE_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(DatabaseSetupError::Open)
}

/// Runs a store's call within its time.
///
/// # Errors
/// What the call failed with, or that it took too long.
pub(crate) async fn bounded<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(store_error),
        Err(elapsed) => Err(StoreError::Unavailable(elapsed.into())),
    }
}

fn store_error(error: sqlx::Error) -> StoreError {
    let out_of_reach = matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    );
    let passing = error.as_database_error().is_some_and(is_passing);
    if !out_of_reach && !passing { StoreError::Refused(error.into()) } else { StoreError::Unavailable(error.into()) }
}

/// MySQL's too many connections, server shutdown, lock wait time-out, deadlock, query interrupted; SQLite's busy and
/// locked. <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>
fn is_passing(error: &dyn DatabaseError) -> bool {
    if let Some(mysql) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return matches!(mysql.number(), 1040 | 1053 | 1205 | 1213 | 1317 | 1927);
    }
    // An extended code has the primary one in its low byte (https://www.sqlite.org/rescode.html).
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// Whether a value that must be unique is another row's.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(DatabaseError::is_unique_violation)
}

/// Whether two transactions got in each other's way, and the same again may pass.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|database| {
        let mysql = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
        is_taken(error) || mysql.is_some_and(|mysql| mysql.number() == 1213)
    })
}
