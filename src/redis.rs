//! The connection to Redis, one server or a cluster, shared by every store that uses it.
//!
//! It is opened at first use and mended by itself, so a server starts and serves what needs no Redis while Redis is
//! away. Every call is bounded in time.

use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{Client, Cmd, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind, Value};
use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::store::StoreError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// A multiplexed connection to Redis. Clones share it.
#[derive(Clone)]
pub struct RedisPool(Kind);

#[derive(Clone)]
enum Kind {
    Single(ConnectionManager),
    Cluster(std::sync::Arc<Cluster>),
}

struct Cluster {
    client: ClusterClient,
    connection: OnceCell<ClusterConnection>,
}

impl RedisPool {
    /// Prepares a connection to the server at the one address, or to the cluster that several addresses name.
    ///
    /// # Errors
    /// Where an address is not of the form `redis://…` or `rediss://…`. Nothing is connected yet.
    pub fn new(urls: &[String]) -> Result<Self, StoreError> {
        if let [url] = urls {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(Some(RESPONSE_TIMEOUT))
                .set_number_of_retries(0);
            let client = Client::open(url.as_str()).map_err(store_error)?;
            let manager = ConnectionManager::new_lazy_with_config(client, config).map_err(store_error)?;
            return Ok(Self(Kind::Single(manager)));
        }
        let client = ClusterClient::builder(urls.iter().map(String::as_str))
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .build()
            .map_err(store_error)?;
        let connection = OnceCell::new();
        Ok(Self(Kind::Cluster(std::sync::Arc::new(Cluster { client, connection }))))
    }

    /// Runs a script, in one round trip where the server knows it.
    ///
    /// # Errors
    /// Where Redis is away, too slow, or refuses.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        bounded(async {
            match &self.0 {
                Kind::Single(manager) => match script.invoke_async(&mut manager.clone()).await {
                    // What was refused is the last try to connect; this failure has begun the next one.
                    Err(error) if error.is_connection_refusal() => script.invoke_async(&mut manager.clone()).await,
                    answer => answer,
                },
                Kind::Cluster(cluster) => script.invoke_async(&mut cluster.connection().await?).await,
            }
        })
        .await
    }

    /// Says whether Redis answers.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut ping = Cmd::new();
        ping.arg("PING");
        bounded(async {
            match &self.0 {
                Kind::Single(manager) => ping.query_async(&mut manager.clone()).await,
                Kind::Cluster(cluster) => ping.query_async(&mut cluster.connection().await?).await,
            }
        })
        .await
    }
}

impl Cluster {
    async fn connection(&self) -> Result<ClusterConnection, RedisError> {
        let connection = self.connection.get_or_try_init(|| self.client.get_async_connection());
        connection.await.cloned()
    }
}

async fn bounded<T>(call: impl Future<Output = Result<T, RedisError>>) -> Result<T, StoreError> {
    match timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(store_error),
        Err(elapsed) => Err(StoreError::Unavailable(elapsed.into())),
    }
}

fn store_error(error: RedisError) -> StoreError {
    let refused = matches!(
        error.kind(),
        ::redis::ErrorKind::Server(
            ServerErrorKind::ResponseError | ServerErrorKind::NoScript | ServerErrorKind::CrossSlot
        ) | ::redis::ErrorKind::UnexpectedReturnType
            | ::redis::ErrorKind::InvalidClientConfig
    );
    if refused { StoreError::Refused(error.into()) } else { StoreError::Unavailable(error.into()) }
}

/// What a script returns: a word, and at most one value.
pub(crate) struct Answer {
    /// The word.
    pub(crate) kind: String,
    value: Option<Value>,
}

impl Answer {
    /// Reads it.
    pub(crate) fn of(parts: Vec<Value>) -> Result<Self, StoreError> {
        let mut parts = parts.into_iter();
        let kind = parts.next().ok_or_else(unexpected)?;
        let kind = String::from_redis_value(kind).map_err(|_| unexpected())?;
        Ok(Self { kind, value: parts.next() })
    }

    fn read<T: FromRedisValue>(self) -> Result<T, StoreError> {
        let value = self.value.ok_or_else(unexpected)?;
        T::from_redis_value(value).map_err(|_| unexpected())
    }

    /// The value, a number.
    pub(crate) fn number(self) -> Result<u32, StoreError> {
        self.read()
    }

    /// The value, a time in milliseconds.
    pub(crate) fn instant(self) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.read()?).map_err(|_| unexpected())
    }

    /// The value, a text; none where there is no value.
    pub(crate) fn text(self) -> Result<Option<String>, StoreError> {
        if self.value.is_none() {
            return Ok(None);
        }
        self.read().map(Some)
    }
}

/// A script that answered what it does not.
pub(crate) fn unexpected() -> StoreError {
    StoreError::Refused("a script answered out of form".into())
}
