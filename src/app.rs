//! The composition root: builds stores, services and the router from the settings, and serves the router.
//!
//! It is the only module, besides `cli`, that names concrete stores and senders. It holds no rules of the services.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account_store::AccountStore;
use crate::accounts::Accounts;
use crate::captcha::disabled::DisabledCaptcha;
use crate::captcha::tencent::TencentCaptcha;
use crate::captcha::{Captcha, CaptchaVerifier};
use crate::clock::Clock;
use crate::config::{
    CaptchaConfig, Config, ConfigError, DatabaseConfig, PlaygroundConfig, ProviderConfig, SigningConfig, SmsConfig,
};
use crate::database::{Database, DatabaseSetupError};
use crate::files;
use crate::graphql::{Executor, Services};
use crate::http::descriptors;
use crate::http::{self, ConnectionLimits, Connections, HttpState, Patience, Playground, Readiness};
use crate::limits::{LimitStore, Limits, MemoryLimitStore, RedisLimitStore};
use crate::proofs::Proofs;
use crate::redis::RedisPool;
use crate::sessions::{IdempotencyKeys, Sessions};
use crate::sms::SmsSender;
use crate::sms::console::ConsoleSms;
use crate::sms::inbox::Inbox;
use crate::sms::routes::{Route, Routes};
use crate::sms::tencent::TencentSms;
use crate::sms::webhook::WebhookSms;
use crate::tokens::Tokens;
use crate::tokens::device::DeviceTokens;
use crate::tokens::keys::{self, KeyError, Keys};
use crate::users::SignUpPolicy;
use crate::verification::store::{CodeStore, MemoryCodeStore, RedisCodeStore};
use crate::verification::{Admission, Checking, CodeKeys, Issuing, SignUp};

mod warnings;

/// Enough for the collectors of metrics: each needs one connection.
const METRICS_CONNECTIONS: usize = 16;

/// Enough for the users of a mobile network behind one address: new connections replace idle ones.
const DEFAULT_CONNECTIONS_PER_ADDRESS: usize = 256;
/// By default, one address gets at most a quarter of `MAX_CONNECTIONS`.
const ADDRESS_SHARE: usize = 4;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is rejected.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error("DATABASE_URL: {0}")]
    Database(#[source] DatabaseSetupError),
    /// The tables are missing or old.
    #[error("DATABASE_URL: the database is not migrated: run `sms-login migrate`, or set AUTO_MIGRATE=true")]
    NotMigrated,
    /// A file or a socket cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// The setting and the path.
        what: String,
        /// The failure.
        #[source]
        source: std::io::Error,
    },
}

/// A server, ready to be served.
pub struct App {
    router: Router,
    database: Database,
    sessions: Arc<Sessions>,
    operations: TaskTracker,
    connections: Arc<Connections>,
    shutdown_grace: Duration,
}

impl App {
    /// Builds a server. SQLite is always migrated, MySQL only if the settings say so.
    ///
    /// # Errors
    /// If a part cannot be built. The error is one line that names the setting.
    pub async fn build(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        warnings::log(&config, clock.now());
        let connections = Connections::new(connection_limits(&config)?);

        let database = open_database(&config.database).await?;
        migrate_or_refuse(&database, &config).await?;

        let keys = signing_keys(&config)?;
        let secret = code_secret(&config, &keys)?;
        let code_keys = Arc::new(CodeKeys::new(&secret));
        let has_inbox = config.playground == PlaygroundConfig::PageWithInbox;
        let inbox = has_inbox.then(|| Arc::new(Inbox::new(Arc::clone(&clock))));
        let playground = playground(&config, inbox.clone());

        let redis = if config.redis_urls.is_empty() { None } else { Some(redis(&config, &clock)?) };
        let devices = DeviceTokens::new(&secret, config.tokens.device_ttl);
        let tokens = Arc::new(Tokens::new(keys, devices, config.tokens, Arc::clone(&clock)));
        let (codes, limit_store) = code_and_limit_stores(redis.as_ref());
        let limits = Arc::new(Limits::new(limit_store, config.limits));
        let captcha = captcha(&config.captcha, &clock)?;
        let users = Arc::new(AccountStore::new(database.clone()));
        let sign_up = match config.sessions.sign_up {
            SignUpPolicy::Open => SignUp::Open,
            SignUpPolicy::Closed => SignUp::Closed(Arc::clone(&users)),
        };
        let issuing = Issuing::new(
            Arc::clone(&codes),
            Admission::new(config.phone_regions.clone(), config.trusted_prefixes, Arc::clone(&limits), captcha)
                .with_sign_up(sign_up),
            Arc::new(sms_routes(&config.sms, inbox.as_ref(), &clock)?),
            Arc::clone(&code_keys),
            config.issuing,
            Arc::clone(&clock),
        );
        let checking = Arc::new(Checking::new(codes, limits, code_keys, config.checking, Arc::clone(&clock)));

        let accounts = Accounts::new(
            Arc::clone(&users),
            Arc::clone(&checking),
            Arc::clone(&tokens),
            config.accounts,
            Arc::clone(&clock),
        );
        let proofs = Proofs::new(Arc::clone(&checking), Arc::clone(&tokens));
        let sessions = Arc::new(Sessions::new(
            Arc::clone(&users),
            checking,
            Arc::clone(&tokens),
            IdempotencyKeys::new(&secret),
            config.sessions,
            Arc::clone(&clock),
        ));
        let operations = TaskTracker::new();
        let readiness = Readiness { database: database.clone(), redis };
        let services = Services {
            phones: config.phone_regions,
            issuing,
            tokens: Arc::clone(&tokens),
            sessions: Arc::clone(&sessions),
            accounts,
            proofs,
            users,
            clock,
        };

        let state = Arc::new(HttpState {
            executor: Executor::new(config.introspection),
            services: Arc::new(services),
            tokens,
            readiness,
            operations: operations.clone(),
            playground,
            trusted_proxies: config.trusted_proxies,
        });

        let router = http::router(state, &config.cors_origins);
        Ok(Self { router, database, sessions, operations, connections, shutdown_grace: config.shutdown_grace })
    }

    /// Returns the router, to be called without a socket.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves requests until `shutdown` is cancelled. Requests in flight then have the shutdown grace to finish.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let cleanup = tokio::spawn(async move { self.sessions.clean_up_forever().await });

        let server = http::serve(listener, self.router, self.connections, Patience::default(), shutdown.clone());
        let deadline = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.shutdown_grace).await;
        };
        self.operations.close();
        let finished = async {
            server.await;
            // An operation goes on after its client has disconnected, so the server waits for operations separately.
            self.operations.wait().await;
        };
        tokio::select! {
            () = finished => {}
            () = deadline => tracing::warn!("some requests did not finish in time"),
        }

        cleanup.abort();
        self.database.close().await;
    }
}

/// Raises the process's descriptor limit, and returns the connection limits that fit under it.
fn connection_limits(config: &Config) -> Result<ConnectionLimits, StartError> {
    let settings = config.connections;
    let total = descriptors::connections(descriptors::raise(), settings.max_connections)
        .map_err(|error| ConfigError::new("MAX_CONNECTIONS", error))?;
    let per_address = match settings.max_connections_per_address {
        None => Some(total.div_ceil(ADDRESS_SHARE).min(DEFAULT_CONNECTIONS_PER_ADDRESS)),
        Some(0) => None,
        Some(limit) => Some(limit),
    };
    Ok(ConnectionLimits { total, per_address, exempt: config.trusted_proxies.clone() })
}

/// Serves metrics on a separate address until the process ends.
///
/// # Errors
/// If the server cannot listen on the address.
pub async fn serve_metrics(addr: SocketAddr) -> Result<(), StartError> {
    let router = http::metrics::router().map_err(|error| ConfigError::new("METRICS_ADDR", error))?;
    let listener = TcpListener::bind(addr).await.map_err(|error| ConfigError::new("METRICS_ADDR", error))?;
    let addr = listener.local_addr().map_err(|error| ConfigError::new("METRICS_ADDR", error))?;
    tracing::info!("metrics on http://{addr}/metrics");
    let limits = ConnectionLimits { total: METRICS_CONNECTIONS, per_address: None, exempt: Vec::new() };
    let connections = Connections::new(limits);
    tokio::spawn(http::serve(listener, router, connections, Patience::default(), CancellationToken::new()));
    Ok(())
}

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

async fn migrate_or_refuse(database: &Database, config: &Config) -> Result<(), StartError> {
    if config.auto_migrate || !config.database.is_mysql() {
        return database.migrate().await.map_err(StartError::Database);
    }
    match database.is_migrated().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StartError::NotMigrated),
        Err(error) => Err(StartError::Database(error)),
    }
}

/// Returns the signing keys of the settings. If they name none, reads the key in the data folder, or creates it.
///
/// # Errors
/// If a key is malformed, or its file cannot be read or created.
pub fn signing_keys(config: &Config) -> Result<Keys, StartError> {
    let refuse = |setting| move |error: KeyError| ConfigError::new(setting, error);
    let keys = match &config.signing {
        SigningConfig::Ed25519(pem) => Keys::ed25519(pem.expose()).map_err(refuse("JWT_SIGNING_KEY"))?,
        SigningConfig::Hs256(secret) => Keys::hs256(secret.expose().as_bytes()).map_err(refuse("JWT_SECRET"))?,
        SigningConfig::File(path) => {
            let pem = read_or_make_key(path)?;
            Keys::ed25519(&pem).map_err(|error| ConfigError::new(format!("DATA_DIR ({})", path.display()), error))?
        }
    };
    match &config.verifying_keys {
        Some(older) => Ok(keys.with_older(older).map_err(refuse("JWT_VERIFYING_KEYS"))?),
        None => Ok(keys),
    }
}

fn code_secret(config: &Config, keys: &Keys) -> Result<Vec<u8>, StartError> {
    if let Some(secret) = &config.code_secret {
        return Ok(secret.expose().as_bytes().to_vec());
    }
    let derived = keys.derive("code secret").map_err(|error| ConfigError::new("CODE_SECRET", error))?;
    Ok(derived.to_vec())
}

fn code_and_limit_stores(redis: Option<&RedisPool>) -> (Arc<dyn CodeStore>, Arc<dyn LimitStore>) {
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
    let reason = "not of the form redis://host:6379 or rediss://host:6379";
    let pool = RedisPool::new(&urls, config.redis_key_prefix.clone(), Arc::clone(clock));
    Ok(pool.map_err(|_| ConfigError::new("REDIS_URL", reason))?)
}

fn playground(config: &Config, inbox: Option<Arc<Inbox>>) -> Option<Arc<Playground>> {
    let regions = &config.phone_regions;
    let page = || Playground::new(regions.default, regions.allowed.as_deref(), inbox);
    (config.playground != PlaygroundConfig::Off).then(page).map(Arc::new)
}

/// Creates the message routes of the settings. A route that prints messages also adds them to `inbox`.
///
/// # Errors
/// If a setting cannot be used.
pub fn sms_routes(
    config: &SmsConfig,
    inbox: Option<&Arc<Inbox>>,
    clock: &Arc<dyn Clock>,
) -> Result<Routes, StartError> {
    let mut routes = Vec::new();
    for route in &config.routes {
        let sender: Arc<dyn SmsSender> = match &route.provider {
            ProviderConfig::Console => Arc::new(ConsoleSms::new(inbox.cloned())),
            ProviderConfig::Tencent(config) => {
                let sender = TencentSms::new(config.as_ref().clone(), Arc::clone(clock));
                Arc::new(sender.map_err(|error| ConfigError::new("TENCENT_SMS_ENDPOINT", error))?)
            }
            ProviderConfig::Webhook(config) => {
                let sender = WebhookSms::new(config.as_ref().clone(), Arc::clone(clock));
                let refused = |error| ConfigError::new(format!("route {:?}", route.name), error);
                Arc::new(sender.map_err(refused)?)
            }
        };
        routes.push(Route::new(route.name.clone(), route.scope.clone(), sender));
    }
    Ok(Routes::new(routes, Arc::clone(clock)))
}

fn captcha(config: &CaptchaConfig, clock: &Arc<dyn Clock>) -> Result<Captcha, StartError> {
    match config {
        CaptchaConfig::Off => Ok(Captcha::off()),
        CaptchaConfig::Tencent { policy, .. } => Ok(Captcha::new(captcha_verifier(config, clock)?, *policy)),
    }
}

/// Creates the captcha verifier that the settings name.
///
/// # Errors
/// If a setting cannot be used.
pub fn captcha_verifier(
    config: &CaptchaConfig,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn CaptchaVerifier>, StartError> {
    match config {
        CaptchaConfig::Off => Ok(Arc::new(DisabledCaptcha)),
        CaptchaConfig::Tencent { verifier, .. } => {
            let verifier = TencentCaptcha::new(verifier.as_ref().clone(), Arc::clone(clock));
            Ok(Arc::new(verifier.map_err(|error| ConfigError::new("TENCENT_CAPTCHA_ENDPOINT", error))?))
        }
    }
}

/// Reads a signing key, or creates it with mode 0600. If several servers start at the same time, all of them use the key
/// that was stored first.
fn read_or_make_key(path: &Path) -> Result<String, StartError> {
    make_parent(path)?;
    if !path.exists() {
        // Written to another file first, so that no server reads half a key.
        let made = keys::generate().map_err(|error| ConfigError::new("DATA_DIR", error))?;
        let parent = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(io_error(path))?;
        files::make_private(file.as_file()).map_err(io_error(path))?;
        file.write_all(made.private_pem.as_bytes()).map_err(io_error(path))?;
        file.as_file().sync_all().map_err(io_error(path))?;
        // If another server was first, its file stays. The key is read from the file below.
        drop(file.persist_noclobber(path));
    }
    std::fs::read_to_string(path).map_err(io_error(path))
}

fn make_parent(path: &Path) -> Result<(), StartError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    files::create_folder(parent).map_err(io_error(parent))
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    let what = format!("DATA_DIR ({})", path.display());
    move |source| StartError::Io { what, source }
}
