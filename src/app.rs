//! The composition root: builds stores, services and the router from the settings, and serves the router.
//!
//! It is the only module, besides `cli`, that names concrete stores and senders. It holds no rules of the services.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::{
    Config, ConfigError, CorsConfig, PlaygroundConfig, ProviderConfig, Secret, TrustedDocumentsConfig,
};
use crate::database::{Database, DatabaseSetupError};
use crate::deliveries::Deliveries;
use crate::files;
use crate::graphql::{Executor, Services, TrustedDocuments};
use crate::http::descriptors;
use crate::http::metrics::Gauges;
use crate::http::{
    self, Callbacks, ConnectionLimits, Connections, CorsPolicy, HttpState, Patience, Playground, Readiness, Sockets,
};
use crate::sms::inbox::Inbox;
use crate::store::StoreError;

mod events;
mod keys;
mod providers;
mod services;
mod stores;
mod warnings;

use self::events::Events;
pub use self::keys::signing_keys;
pub use self::providers::{captcha_verifier, sms_routes};
use self::services::Parts;
pub use self::stores::{
    counted_deliveries, event_log, open_database, open_replica, operators, redis, require_database,
};
pub use self::warnings::{Risk, Warning, unencrypted_stores, warnings};

/// Enough for the collectors of metrics: each needs one connection.
const METRICS_CONNECTIONS: usize = 16;

/// Enough for the users of a mobile network behind one address: new connections replace idle ones.
const DEFAULT_CONNECTIONS_PER_ADDRESS: usize = 256;
/// By default, one address gets at most a quarter of `MAX_CONNECTIONS`.
const ADDRESS_SHARE: usize = 4;

/// At most a quarter of `MAX_CONNECTIONS` are WebSockets, because those are not closed to make room for others.
const SOCKET_SHARE: usize = 4;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is rejected.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error("DATABASE_URL: {0}")]
    Database(#[source] DatabaseSetupError),
    /// The database cannot be read.
    #[error("DATABASE_URL: {0}")]
    Store(#[source] StoreError),
    /// A command needs a database that exists, and its file does not.
    #[error("{} does not exist: DATA_DIR and DATABASE_URL say which database the server uses", .0.display())]
    NoDatabase(PathBuf),
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
    playground: Option<Arc<Playground>>,
    database: Database,
    services: Arc<Services>,
    events: Events,
    operations: TaskTracker,
    connections: Arc<Connections>,
    sockets: Arc<Sockets>,
    shutdown_grace: Duration,
}

impl App {
    /// Builds a server. SQLite is always migrated, MySQL only if the settings say so.
    ///
    /// # Errors
    /// If a part cannot be built. The error is one line that names the setting.
    pub async fn build(mut config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        for warning in warnings(&config, clock.now()) {
            warning.log();
        }
        let limits = connection_limits(&config)?;
        let sockets = Sockets::new(limits.total.div_ceil(SOCKET_SHARE));
        let connections = Connections::new(limits);

        let database = open_database(&config.database).await?;
        stores::migrate_or_refuse(&database, &config).await?;

        let signing_keys = signing_keys(&config)?;
        let secret = keys::code_secret(&config, &signing_keys)?;
        let has_inbox =
            matches!(config.playground, PlaygroundConfig::PageWithInbox | PlaygroundConfig::PageWithLanInbox);
        let inbox = has_inbox.then(|| Arc::new(Inbox::new(Arc::clone(&clock))));
        let playground = playground(&config, inbox.clone());

        let redis = if config.redis_urls.is_empty() { None } else { Some(redis(&config, &clock)?) };
        let replica = stores::open_replica(&config).await?;
        let parts =
            Parts { database: &database, replica, redis: redis.as_ref(), inbox: inbox.as_ref(), secret: &secret };
        let services = Arc::new(services::build(&config, signing_keys, &parts, &clock)?);
        let events = Events::build(&config, &services.users, &clock)?;

        let trusted = config
            .trusted_documents
            .take()
            .map(|TrustedDocumentsConfig { texts, only }| TrustedDocuments { texts, only });
        let executor = Executor::new(config.introspection, trusted.as_ref()).await;
        let executor = executor.map_err(|reason| ConfigError::new("TRUSTED_DOCUMENTS", reason))?;

        let CorsConfig { origins, loopback, cookies } = config.cors.clone();
        let operations = TaskTracker::new();
        let state = Arc::new(HttpState {
            executor,
            services: Arc::clone(&services),
            readiness: Readiness { database: database.clone(), redis },
            operations: operations.clone(),
            callbacks: callbacks(&config),
            places: Arc::new(Semaphore::new(config.connections.max_operations.min(Semaphore::MAX_PERMITS))),
            playground,
            trusted_proxies: config.trusted_proxies,
            sockets: Arc::clone(&sockets),
            client_address_header: config.client_address_header,
            cors: CorsPolicy { origins, loopback, cookies },
        });

        let playground = state.playground.clone();
        let router = http::router(state);
        Ok(Self {
            router,
            playground,
            database,
            services,
            events,
            operations,
            connections,
            sockets,
            shutdown_grace: config.shutdown_grace,
        })
    }

    /// Returns the token with which a phone in the local network can read the inbox, if phones may.
    pub fn inbox_token(&self) -> Option<&str> {
        self.playground.as_ref()?.inbox_token()
    }

    /// Returns the router, to be called without a socket.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the service that sends messages, for tests that wait for its background work.
    pub fn deliveries(&self) -> Arc<Deliveries> {
        Arc::clone(&self.services.deliveries)
    }

    /// Serves requests until `shutdown` is cancelled. Requests in flight then have the shutdown grace to finish.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let background = tokio::spawn({
            let services = Arc::clone(&self.services);
            async move { tokio::join!(services.sessions.clean_up_forever(), services.deliveries.follow_conversion()) }
        });

        let events = self.events.start();

        let server = http::serve(listener, self.router, self.connections, Patience::default(), shutdown.clone());
        let deadline = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.shutdown_grace).await;
        };
        self.operations.close();
        let finished = async {
            tokio::join!(server, self.sockets.close_at(&shutdown));
            // An operation goes on after its client has disconnected, so the server waits for operations separately.
            self.operations.wait().await;
            self.services.deliveries.finish().await;
        };
        tokio::select! {
            () = finished => {}
            () = deadline => tracing::warn!("some requests did not finish in time"),
        }

        background.abort();
        events.stop().await;
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

impl App {
    /// Serves metrics on a separate address until the process ends.
    ///
    /// # Errors
    /// If the server cannot listen on the address.
    pub async fn serve_metrics(&self, addr: SocketAddr) -> Result<(), StartError> {
        let gauges = Gauges {
            connections: Arc::clone(&self.connections),
            database: self.database.clone(),
            operations: self.operations.clone(),
        };
        let router = http::metrics::router(gauges).map_err(|error| ConfigError::new("METRICS_ADDR", error))?;
        let listener = TcpListener::bind(addr).await.map_err(|error| ConfigError::new("METRICS_ADDR", error))?;
        let addr = listener.local_addr().map_err(|error| ConfigError::new("METRICS_ADDR", error))?;
        tracing::info!("metrics on http://{addr}/metrics");
        let limits = ConnectionLimits { total: METRICS_CONNECTIONS, per_address: None, exempt: Vec::new() };
        let connections = Connections::new(limits);
        tokio::spawn(http::serve(listener, router, connections, Patience::default(), CancellationToken::new()));
        Ok(())
    }
}

/// Returns who may send delivery receipts: Tencent, and the gateway of each webhook route.
fn callbacks(config: &Config) -> Callbacks {
    let mut webhooks = HashMap::new();
    for route in &config.sms.routes {
        if let ProviderConfig::Webhook(webhook) = &route.provider {
            webhooks.insert(route.name.clone(), webhook.secret.clone());
        }
    }
    Callbacks::new(config.callback_secret.as_ref().map(Secret::expose), webhooks)
}

fn playground(config: &Config, inbox: Option<Arc<Inbox>>) -> Option<Arc<Playground>> {
    let regions = &config.phone_regions;
    let page = || Playground::new(regions.default, regions.allowed.as_deref(), config.sms.calls(), inbox);
    let page = (config.playground != PlaygroundConfig::Off).then(page);
    let is_shared = config.playground == PlaygroundConfig::PageWithLanInbox;
    let page = page.map(|page| if is_shared { page.with_inbox_token() } else { page });
    page.map(|page| Arc::new(if config.captcha.is_on() { page.with_captcha() } else { page }))
}

fn make_parent(path: &Path) -> Result<(), StartError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    files::create_folder(parent).map_err(io_error(parent))
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    let what = format!("DATA_DIR ({})", path.display());
    move |source| StartError::Io { what, source }
}
