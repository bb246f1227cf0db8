//! The stores of the settings: the database, and Redis or the memory of this process.

use std::sync::Arc;

use super::keys::{code_secret, signing_keys};
use super::{StartError, make_parent};
use crate::account_store::AccountStore;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, DatabaseConfig, REDIS_URL_FORMS};
use crate::database::Database;
use crate::limits::{LimitStore, Limits, MemoryLimitStore, RedisLimitStore};
use crate::redis::RedisPool;
use crate::verification::store::{CodeStore, MemoryCodeStore, RedisCodeStore};
use crate::verification::{Checking, CodeKeys};

/// Opens the database of the settings.
///
/// # Errors
/// If it cannot be opened.
pub async fn open_database(config: &DatabaseConfig) -> Result<Database, StartError> {
    match config {
        DatabaseConfig::File(path) => {
            make_parent(path)?;
            Database::open_file(path).await
        }
        DatabaseConfig::Url(url) => Database::open(url.expose()).await,
    }
    .map_err(StartError::Database)
}

/// Prepares the connections to the read replica of the settings, if there is one.
pub(super) async fn open_replica(config: &Config) -> Result<Option<Database>, StartError> {
    let Some(url) = &config.database_read_url else {
        return Ok(None);
    };
    let opened = Database::open(url.expose()).await;
    let opened = opened.map_err(|error| ConfigError::new("DATABASE_READ_URL", error))?;
    Ok(Some(opened))
}

/// Opens the database of the settings, and returns its users.
///
/// # Errors
/// If it cannot be opened, or its tables are missing or old.
pub async fn account_store(config: &Config) -> Result<AccountStore, StartError> {
    let database = open_database(&config.database).await?;
    migrate_or_refuse(&database, config).await?;
    Ok(AccountStore::new(database))
}

/// Returns the service that checks codes, over the Redis of the settings, or `None` if the settings name no Redis: then the
/// codes are in the memory of the server.
///
/// # Errors
/// If a setting or a key cannot be used.
pub fn shared_checking(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Checking>, StartError> {
    if config.redis_urls.is_empty() {
        return Ok(None);
    }
    let secret = code_secret(config, &signing_keys(config)?)?;
    let (codes, limit_store) = code_and_limit_stores(Some(&redis(config, &clock)?));
    let limits = Arc::new(Limits::new(limit_store, config.limits.clone()));
    Ok(Some(Checking::new(codes, limits, Arc::new(CodeKeys::new(&secret)), config.checking, clock)))
}

pub(super) async fn migrate_or_refuse(database: &Database, config: &Config) -> Result<(), StartError> {
    if config.auto_migrate || !config.database.is_mysql() {
        return database.migrate().await.map_err(StartError::Database);
    }
    match database.is_migrated().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StartError::NotMigrated),
        Err(error) => Err(StartError::Database(error)),
    }
}

pub(super) fn code_and_limit_stores(redis: Option<&RedisPool>) -> (Arc<dyn CodeStore>, Arc<dyn LimitStore>) {
    match redis {
        Some(redis) => (Arc::new(RedisCodeStore::new(redis.clone())), Arc::new(RedisLimitStore::new(redis.clone()))),
        None => (Arc::new(MemoryCodeStore::default()), Arc::new(MemoryLimitStore::default())),
    }
}

/// Returns a pool of connections to the Redis of the settings. The clock of Redis must agree with `clock`.
///
/// # Errors
/// If an address is malformed.
pub fn redis(config: &Config, clock: &Arc<dyn Clock>) -> Result<RedisPool, StartError> {
    let urls: Vec<String> = config.redis_urls.iter().map(|url| url.expose().to_owned()).collect();
    let pool = RedisPool::new(&urls, config.redis_key_prefix.clone(), Arc::clone(clock));
    Ok(pool.map_err(|_| ConfigError::new("REDIS_URL", REDIS_URL_FORMS))?)
}
