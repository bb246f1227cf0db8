//! The stores of the settings: the database, and Redis or the memory of this process.

use std::sync::Arc;

use jiff::SignedDuration;

use super::keys::{code_secret, signing_keys};
use super::{StartError, make_parent};
use crate::account_store::AccountStore;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, DatabaseConfig, REDIS_URL_FORMS};
use crate::database::{Database, sqlite_file};
use crate::deliveries::store::{DeliveryStore, MemoryDeliveryStore, RedisDeliveryStore};
use crate::event_log::EventLog;
use crate::events::Actor;
use crate::limits::{LimitStore, Limits, MemoryLimitStore, RedisLimitStore};
use crate::operators::Operators;
use crate::redis::RedisPool;
use crate::spend::table::SpendTable;
use crate::verification::store::{CodeStore, MemoryCodeStore, RedisCodeStore};
use crate::verification::{Checking, CodeKeys};

/// The delivery of events counts as in use for this long after a server has delivered. Long enough for a pause of all servers, and
/// for clocks that differ.
const DELIVERY_IN_USE: SignedDuration = SignedDuration::from_hours(7 * 24);

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

/// Checks that the file of an embedded database exists. A command that reads a database would otherwise create an empty one, and
/// say of every user that they do not exist.
///
/// # Errors
/// If the file does not exist.
pub fn require_database(config: &DatabaseConfig) -> Result<(), StartError> {
    let file = match config {
        DatabaseConfig::File(path) => Some(path.clone()),
        DatabaseConfig::Url(url) if url.expose().starts_with("sqlite:") => {
            sqlite_file(url.expose()).map_err(StartError::Database)?
        }
        DatabaseConfig::Url(_) => None,
    };
    match file {
        Some(path) if !path.exists() => Err(StartError::NoDatabase(path)),
        Some(_) | None => Ok(()),
    }
}

/// Prepares the connections to the read replica of the settings, if there is one.
///
/// # Errors
/// If the URL cannot be used.
pub async fn open_replica(config: &Config) -> Result<Option<Database>, StartError> {
    let Some(url) = &config.database_read_url else {
        return Ok(None);
    };
    let opened = Database::open(url.expose()).await;
    let opened = opened.map_err(|error| ConfigError::new("DATABASE_READ_URL", error))?;
    Ok(Some(opened))
}

/// Opens the database of the settings, and returns the service of an operator.
///
/// # Errors
/// If a store cannot be opened, or the tables are missing or old.
pub async fn operators(config: &Config, actor: Actor, clock: Arc<dyn Clock>) -> Result<Operators, StartError> {
    let users = account_store(config, clock.as_ref()).await?;
    let checking = shared_checking(config, Arc::clone(&clock))?;
    Ok(Operators::new(users, checking, config.tokens.device_ttl, actor, clock))
}

/// Opens the database of the settings, and returns the service of its events.
///
/// # Errors
/// If it cannot be opened, or its tables are missing or old.
pub async fn event_log(config: &Config, clock: Arc<dyn Clock>) -> Result<EventLog, StartError> {
    let store = account_store(config, clock.as_ref()).await?;
    Ok(EventLog::new(store, config.events.ttl, clock))
}

/// Returns the users for a command. Its events are delivered if a server delivers events, even if the settings of the command
/// name no webhook.
async fn account_store(config: &Config, clock: &dyn Clock) -> Result<Arc<AccountStore>, StartError> {
    let database = open_database(&config.database).await?;
    migrate_or_refuse(&database, config).await?;

    let store = accounts_in(&database, config);
    let expiry = store.event_lease_expiry().await.map_err(StartError::Store)?;
    let is_in_use = clock.now().duration_since(expiry) < DELIVERY_IN_USE;
    Ok(Arc::new(if is_in_use { store.delivering_events() } else { store }))
}

/// Returns the users in a database. Their events are delivered if the settings name a webhook.
pub(super) fn accounts_in(database: &Database, config: &Config) -> AccountStore {
    let store = AccountStore::new(database.clone());
    if config.events.webhook.is_some() { store.delivering_events() } else { store }
}

/// Returns the service that checks codes, over the Redis of the settings, or `None` if the settings name no Redis: then the
/// codes are in the memory of the server.
///
/// # Errors
/// If a setting or a key cannot be used.
fn shared_checking(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Checking>, StartError> {
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

/// Returns the store of a server's deliveries. Without Redis, their counts are in the database.
pub(super) fn delivery_store(redis: Option<&RedisPool>, database: &Database) -> Arc<dyn DeliveryStore> {
    match redis {
        Some(redis) => Arc::new(RedisDeliveryStore::new(redis.clone()).listening()),
        None => Arc::new(MemoryDeliveryStore::default().with_table(SpendTable::new(database.clone()))),
    }
}

/// Returns the store of the deliveries that the servers of the settings have counted, to read the counts.
///
/// # Errors
/// If a setting cannot be used, or the database cannot be opened or its tables are missing or old.
pub async fn counted_deliveries(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn DeliveryStore>, StartError> {
    if !config.redis_urls.is_empty() {
        return Ok(Arc::new(RedisDeliveryStore::new(redis(config, &clock)?)));
    }
    let database = open_database(&config.database).await?;
    migrate_or_refuse(&database, config).await?;
    Ok(Arc::new(MemoryDeliveryStore::default().with_table(SpendTable::new(database))))
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
