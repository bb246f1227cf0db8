//! Real servers for tests: one MariaDB and one Redis for the whole run, started when the first test asks, and private
//! ones (`servers::own`) that a test may stop. All listen on free ports of 127.0.0.1, keep their data in temporary
//! folders, and are gone when the test process is, even after a SIGKILL. None depends on a runtime.
//!
//! `TEST_DATABASE_URL` (a user who may create databases) and `TEST_REDIS_URL` name servers to use instead of the
//! common two. Nothing is removed from those afterwards.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use jiff::Timestamp;
use sms_login::clock::ManualClock;
use sms_login::redis::{KeyPrefix, RedisPool};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use uuid::Uuid;

use own::{OwnMariaDb, OwnRedis};

pub(crate) mod own;
mod watchdog;

/// How many databases the common Redis has, one for each test that asks.
const REDIS_DATABASES: u32 = 4096;

/// The MariaDB of the whole run.
///
/// # Panics
/// If it can't be started, with the line that installs it.
pub(crate) fn mariadb() -> &'static MariaDb {
    static COMMON: OnceLock<MariaDb> = OnceLock::new();
    COMMON.get_or_init(|| {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            return MariaDb { url, _own: None };
        }
        let own = OwnMariaDb::start();
        MariaDb { url: own.url(), _own: Some(own) }
    })
}

/// The Redis of the whole run.
///
/// # Panics
/// If it can't be started, with the line that installs it.
pub(crate) fn redis() -> &'static Redis {
    static COMMON: OnceLock<Redis> = OnceLock::new();
    COMMON.get_or_init(|| match std::env::var("TEST_REDIS_URL") {
        Ok(url) => Redis::Given(url),
        Err(_) => Redis::Started { own: OwnRedis::start(), next: AtomicU32::new(0) },
    })
}

/// A MariaDB or MySQL server whose databases tests share out among themselves.
pub(crate) struct MariaDb {
    url: String,
    _own: Option<OwnMariaDb>,
}

impl MariaDb {
    /// The URL of a new, empty database.
    pub(crate) fn create_database(&self) -> String {
        create_database(&self.url)
    }
}

/// A Redis server whose databases tests share out among themselves.
pub(crate) enum Redis {
    /// Started by this run.
    Started {
        /// The server.
        own: OwnRedis,
        /// The number of the next unused database.
        next: AtomicU32,
    },
    /// Named by `TEST_REDIS_URL`. It may have other users and one database only, so tests keep apart by the prefixes of
    /// their keys, not by databases.
    Given(String),
}

impl Redis {
    /// The URL of an empty database that no other test has, or of the given server as it is. Use it with a
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

/// A `REDIS_KEY_PREFIX` that no other test has, in this run or any other.
pub(crate) fn fresh_key_prefix() -> String {
    format!("test:{}:", Uuid::new_v4().simple())
}

/// A pool on the Redis at these URLs, with keys of its own. Its clock stands still, so it agrees with every server's.
pub(crate) fn redis_pool(urls: &[String]) -> RedisPool {
    let prefix = fresh_key_prefix().parse().expect("a prefix");
    redis_pool_with(urls, prefix)
}

/// A pool whose keys have this prefix.
pub(crate) fn redis_pool_with(urls: &[String], prefix: KeyPrefix) -> RedisPool {
    RedisPool::new(urls, prefix, Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH))).expect("valid addresses")
}

/// Creates a database on the server that `server_url` names, whose own database, if any, is not touched.
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
    // On a thread of its own: the caller may be inside a runtime, which must not be blocked on.
    let done = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(create);
    });
    done.join().expect("the database is created");
    with_database(server_url, &name)
}

/// The URL with another database in its path; user, host and parameters stay.
fn with_database(url: &str, database: &str) -> String {
    let (url, parameters) = url.split_once('?').map_or((url, String::new()), |(url, rest)| (url, format!("?{rest}")));
    let (scheme, rest) = url.split_once("://").expect("a URL with a scheme");
    let server = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{server}/{database}{parameters}")
}
