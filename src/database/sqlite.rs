//! SQLite: the file, the pool, the migrations, and the codes of errors.
//!
//! The database's files have mode 0600.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::Executor;
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::DatabaseSetupError;
use crate::files;
use crate::store::BUDGET;

/// Returns the migrations. A database that a newer version has migrated is accepted: during an upgrade, servers of this version
/// still run, and can restart.
pub(super) fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("migrations/sqlite");
    migrations.set_ignore_missing(true);
    migrations
}

/// Starts a transaction with the write lock. Without the lock, a transaction that reads first and writes later fails at
/// once if another one wrote in between (<https://www.sqlite.org/lang_transaction.html>).
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

const MAX_CONNECTIONS: u32 = 4;
/// The name of a database that is not in a file.
const IN_MEMORY: &str = ":memory:";
/// The start of a file name that SQLite reads as a URI.
const URI_SCHEME: &[u8] = b"file:";

/// Opens the database of an `sqlite://` address. Creates its file if it does not exist, unless the address has `mode=ro`.
pub(super) async fn open(url: &str) -> Result<SqlitePool, DatabaseSetupError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| DatabaseSetupError::Url)?;
    if let Some(path) = sqlite_file(url)?
        && !has_mode(url, "ro")
    {
        create_file(&path)?;
    }
    pool(options).await
}

/// Opens a file, and creates it if it does not exist.
pub(super) async fn open_file(path: &Path) -> Result<SqlitePool, DatabaseSetupError> {
    create_file(path)?;
    pool(SqliteConnectOptions::new().filename(path)).await
}

async fn pool(options: SqliteConnectOptions) -> Result<SqlitePool, DatabaseSetupError> {
    let options = options
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUDGET);
    SqlitePoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(BUDGET)
        .connect_with(options)
        .await
        .map_err(DatabaseSetupError::Open)
}

/// Returns the file that an `sqlite://` address names. `None` if the database is in memory.
///
/// # Errors
/// If the address cannot be read, or its path is a URI: SQLite would then open a different file than this function returns.
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

/// Returns whether the address has the parameter `mode` with this value.
fn has_mode(url: &str, mode: &str) -> bool {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    url::form_urlencoded::parse(parameters.as_bytes()).any(|(name, value)| name == "mode" && value == mode)
}

/// Creates the file before SQLite does, because SQLite would let other users read it. SQLite gives the write-ahead log and
/// its index the same mode as the database.
fn create_file(path: &Path) -> Result<(), DatabaseSetupError> {
    files::create_file(path).map_err(|error| DatabaseSetupError::Open(error.into()))
}

/// Checks that the file can be written, by a write that is rolled back. `BEGIN IMMEDIATE` alone succeeds on a read-only file.
pub(super) async fn check_writable(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin_with(BEGIN).await?;
    transaction.execute("PRAGMA user_version = 0").await?;
    transaction.rollback().await
}

/// Returns whether the database is busy, locked or read-only.
pub(super) fn is_passing(error: &dyn DatabaseError) -> bool {
    // An extended code has the primary one in its low byte (https://www.sqlite.org/rescode.html).
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8))
}
