//! Real servers for tests: one MariaDB and one Redis for the whole run, started when the first test needs them, and
//! private ones (`servers::own`) that a test may stop. All listen on free ports of 127.0.0.1, keep their data in
//! temporary folders, and end with the test process, even after a SIGKILL. No server depends on an async runtime.
//!
//! `TEST_DATABASE_URL` (of a user who may create databases) and `TEST_REDIS_URL` name servers to use instead of the two
//! shared ones. The tests do not clean those up.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use jiff::Timestamp;
use sms_login::clock::ManualClock;
use sms_login::redis::{KeyPrefix, RedisPool};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use uuid::Uuid;

use own::{OwnMariaDb, OwnRedis};

pub(crate) mod galera;
pub(crate) mod own;
pub(crate) mod redis_groups;
mod watchdog;

/// The number of databases in the shared Redis. Each test that needs Redis gets its own.
const REDIS_DATABASES: u32 = 4096;

/// Returns the MariaDB that all tests share.
///
/// # Panics
/// If it cannot be started. The message names the command that installs it.
pub(crate) fn mariadb() -> &'static MariaDb {
    static SHARED: OnceLock<MariaDb> = OnceLock::new();
    SHARED.get_or_init(|| {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            return MariaDb { url, _own: None };
        }
        let own = OwnMariaDb::start();
        MariaDb { url: own.url(), _own: Some(own) }
    })
}

/// Returns the Redis that all tests share.
///
/// # Panics
/// If it cannot be started. The message names the command that installs it.
pub(crate) fn redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var("TEST_REDIS_URL") {
        Ok(url) => Redis::Given(url),
        Err(_) => Redis::Started { own: OwnRedis::start(), next: AtomicU32::new(0) },
    })
}

/// Returns a port of 127.0.0.1 on which nothing listens.
pub(crate) fn unused_port() -> u16 {
    watchdog::free_port()
}

/// A MariaDB or MySQL server on which each test creates its own database.
pub(crate) struct MariaDb {
    url: String,
    _own: Option<OwnMariaDb>,
}

impl MariaDb {
    /// Creates an empty database and returns its URL.
    pub(crate) fn create_database(&self) -> String {
        create_database(&self.url)
    }
}

/// A Redis server that tests share, each with its own keys.
pub(crate) enum Redis {
    /// Started by this run.
    Started {
        /// The server.
        own: OwnRedis,
        /// The number of the next unused database.
        next: AtomicU32,
    },
    /// Named by `TEST_REDIS_URL`. It may have other users and only one database, so tests use different key prefixes
    /// instead of different databases.
    Given(String),
}

impl Redis {
    /// Returns the URL of an empty database that no other test uses, or of the given server. Use it together with
    /// `fresh_key_prefix`.
    pub(crate) fn fresh_url(&self) -> String {
        match self {
            Self::Started { own, next } => {
                let database = next.fetch_add(1, Ordering::Relaxed);
                assert!(database < REDIS_DATABASES, "more tests than Redis databases: raise REDIS_DATABASES");
                format!("{}/{database}", own.url())
            }
            Self::Given(url) => url.clone(),
        }
    }
}

/// Returns a `REDIS_KEY_PREFIX` that no other test uses, in this run or any other.
pub(crate) fn fresh_key_prefix() -> String {
    format!("test:{}:", Uuid::new_v4().simple())
}

/// Creates a pool with a fresh key prefix on the Redis at these URLs. Its clock is manual, so it is
/// not compared with the server's.
pub(crate) fn redis_pool(urls: &[String]) -> RedisPool {
    let prefix = fresh_key_prefix().parse().expect("a prefix");
    redis_pool_with(urls, prefix)
}

/// Creates a pool with this key prefix.
pub(crate) fn redis_pool_with(urls: &[String], prefix: KeyPrefix) -> RedisPool {
    RedisPool::new(urls, prefix, Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH))).expect("valid addresses")
}

/// Creates a database on the server of `server_url`. The database in that URL, if any, is not changed.
fn create_database(server_url: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", NEXT.fetch_add(1, Ordering::Relaxed), std::process::id());
    let statement = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
    let server = with_database(server_url, "");
    let create = async move {
        let mut connection = MySqlConnection::connect(&server).await.expect("the database server answers");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("a new database");
        connection.close().await.expect("the connection ends");
    };
    // On another thread: the caller may be inside a runtime, which must not be blocked.
    let done = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(create);
    });
    done.join().expect("the database is created");
    with_database(server_url, &name)
}

/// Returns the URL with another database in its path. User, host and parameters stay the same.
fn with_database(url: &str, database: &str) -> String {
    let (url, parameters) = url.split_once('?').map_or((url, String::new()), |(url, rest)| (url, format!("?{rest}")));
    let (scheme, rest) = url.split_once("://").expect("a URL with a scheme");
    let server = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{server}/{database}{parameters}")
}
