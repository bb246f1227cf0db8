//! The connection to Redis, one server or a cluster, which all stores share.
//!
//! It connects at first use and reconnects by itself. So while Redis is unavailable, the server starts and serves
//! requests that need no Redis. Every call has a time-out. Only this module builds keys, sets the deadlines of scripts,
//! and compares this server's clock with Redis's clock.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    Client, Cmd, FromRedisValue, ParsingError, RedisError, Script, ScriptInvocation, ServerErrorKind, Value,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::store::StoreError;

mod keys;
mod server_time;

pub use keys::KeyPrefix;
pub use server_time::{ClockSkew, MAX_CLOCK_SKEW};
use server_time::{Sample, ServerTime};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// The text that identifies an error of `deadline.lua`. Redis versions put different texts before it.
const LATE: &str = "the script is past its deadline";

/// A multiplexed connection to Redis. Clones share it.
#[derive(Clone)]
pub struct RedisPool {
    connection: Connection,
    prefix: KeyPrefix,
    clock: Arc<dyn Clock>,
    time: Arc<ServerTime>,
}

#[derive(Clone)]
enum Connection {
    Single(ConnectionManager),
    Cluster(Arc<Cluster>),
}

struct Cluster {
    client: ClusterClient,
    connection: OnceCell<ClusterConnection>,
}

/// A script of a store. It takes its keys, and one JSON object with its arguments.
pub(crate) struct StoreScript {
    script: Script,
    admits: bool,
}

impl StoreScript {
    /// Creates a script that grants something: a place in a count, a challenge, a claim. It is called with a deadline, after
    /// which it refuses to run, so that Redis never executes late what the server has given up on.
    pub(crate) fn admitting(body: &str) -> Self {
        let text = [include_str!("redis/arguments.lua"), include_str!("redis/deadline.lua"), body].concat();
        Self { script: Script::new(&text), admits: true }
    }

    /// Creates a script that only refunds, ends or settles what was granted. It runs however late it arrives.
    pub(crate) fn settling(body: &str) -> Self {
        Self { script: Script::new(&[include_str!("redis/arguments.lua"), body].concat()), admits: false }
    }
}

/// The one argument of a script.
#[derive(Serialize)]
struct Envelope<'a, A> {
    /// In milliseconds of Redis's time. Only scripts that grant something have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
    #[serde(flatten)]
    args: &'a A,
}

impl RedisPool {
    /// Creates a pool for the server at the only address, or for the cluster of several addresses. It does not connect
    /// yet. If `clock` shows real time, it must agree with Redis's clock.
    ///
    /// # Errors
    /// If an address does not have the form `redis://…` or `rediss://…`.
    pub fn new(urls: &[String], prefix: KeyPrefix, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let connection = if let [url] = urls { Connection::single(url) } else { Connection::cluster(urls) };
        let connection = connection.map_err(store_error)?;
        Ok(Self { connection, prefix, clock, time: Arc::default() })
    }

    /// Returns the full name of a key. All keys with the same tag are in the same slot of a cluster.
    pub(crate) fn key(&self, tag: impl Display, rest: impl Display) -> String {
        format!("{}{{{tag}}}:{rest}", self.prefix)
    }

    /// Runs a script on these keys, in one round trip if Redis has the script already. `args` becomes a JSON object.
    ///
    /// # Errors
    /// If Redis is unavailable, too slow, or refuses. For a script that grants something, also if the clocks do not agree.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &StoreScript,
        keys: impl IntoIterator<Item = String>,
        args: &impl Serialize,
    ) -> Result<T, StoreError> {
        let deadline = if script.admits { Some(self.deadline().await?) } else { None };
        let args = serde_json::to_string(&Envelope { deadline, args });
        let args = args.map_err(|error| StoreError::Refused(error.into()))?;

        let mut invocation = script.script.prepare_invoke();
        for key in keys {
            invocation.key(key);
        }
        invocation.arg(args);
        let reply = bounded(self.invoke(&invocation)).await;

        if let Err(StoreError::Unavailable(error)) = &reply
            && error.to_string().contains(LATE)
        {
            // The call was slow, or Redis's clock has jumped since the last sample: the next call takes a new sample.
            self.time.forget();
        }
        reply
    }

    async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        match &self.connection {
            Connection::Single(manager) => match script.invoke_async(&mut manager.clone()).await {
                // This is the error of the previous attempt to connect. It has started a new attempt, so try once more.
                Err(error) if error.is_connection_refusal() => script.invoke_async(&mut manager.clone()).await,
                answer => answer,
            },
            Connection::Cluster(cluster) => script.invoke_async(&mut cluster.connection().await?).await,
        }
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.sample().await.map(drop)
    }

    /// Returns the version of Redis, or of one node of a cluster.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn version(&self) -> Result<String, StoreError> {
        let mut info = Cmd::new();
        info.arg("INFO").arg("server");
        let answer: Value = bounded(async {
            match &self.connection {
                Connection::Single(manager) => info.query_async(&mut manager.clone()).await,
                Connection::Cluster(cluster) => info.query_async(&mut cluster.connection().await?).await,
            }
        })
        .await?;
        // Every node of a cluster answers: a map from the node to its text.
        let text = if let Value::Map(nodes) = &answer { nodes.first().map(|(_, text)| text) } else { Some(&answer) };
        let text = text.and_then(|text| String::from_redis_value(text.clone()).ok()).unwrap_or_default();
        let version = text.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.map(str::trim).ok_or_else(unexpected)?.to_owned())
    }

    /// Returns how far this server's clock is ahead of Redis's clock; negative if it is behind.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn clock_ahead(&self) -> Result<SignedDuration, StoreError> {
        let sample = self.sample().await?;
        Ok(self.clock.wall().map_or(SignedDuration::ZERO, |wall| sample.ahead(wall, Instant::now())))
    }

    /// Checks that this server's clock agrees with Redis's clock.
    ///
    /// # Errors
    /// If Redis does not answer, or the clocks differ too much. In the second case the source is a `ClockSkew`.
    pub async fn check_clock(&self) -> Result<(), StoreError> {
        match self.skew(&self.sample().await?) {
            Some(skew) => Err(StoreError::Unavailable(skew.into())),
            None => Ok(()),
        }
    }

    /// Returns the deadline of a script that is sent now, in Redis's time. It is not later than the time-out of this
    /// server's wait for the answer.
    async fn deadline(&self) -> Result<i64, StoreError> {
        let sample = match self.time.current(Instant::now()) {
            // Either clock may have been set since an older sample, so only a new sample can prove a skew.
            Some(sample) if self.skew(&sample).is_none() => sample,
            Some(_) | None => self.sample().await?,
        };
        if let Some(skew) = self.skew(&sample) {
            return Err(StoreError::Unavailable(skew.into()));
        }

        let allowed = i64::try_from(RESPONSE_TIMEOUT.as_millis()).unwrap_or(i64::MAX);
        Ok(sample.earliest(Instant::now()).saturating_add(allowed))
    }

    fn skew(&self, sample: &Sample) -> Option<ClockSkew> {
        sample.skew(self.clock.wall()?, Instant::now())
    }

    /// Takes a sample of Redis's time. In a cluster any node may answer: the clocks of all nodes must agree, too.
    async fn sample(&self) -> Result<Sample, StoreError> {
        let mut time = Cmd::new();
        time.arg("TIME");
        let sent = Instant::now();
        let (seconds, microseconds): (i64, i64) = bounded(async {
            match &self.connection {
                Connection::Single(manager) => time.query_async(&mut manager.clone()).await,
                Connection::Cluster(cluster) => time.query_async(&mut cluster.connection().await?).await,
            }
        })
        .await?;

        let redis = seconds.saturating_mul(1000).saturating_add(microseconds / 1000);
        let sample = Sample { redis, sent, received: Instant::now() };
        self.time.keep(sample);
        Ok(sample)
    }
}

impl Connection {
    fn single(url: &str) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(0);
        let client = Client::open(url)?;
        ConnectionManager::new_lazy_with_config(client, config).map(Self::Single)
    }

    fn cluster(urls: &[String]) -> Result<Self, RedisError> {
        let client = ClusterClient::builder(urls.iter().map(String::as_str))
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .build()?;
        Ok(Self::Cluster(Arc::new(Cluster { client, connection: OnceCell::new() })))
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
    if error.to_string().contains(LATE) {
        return StoreError::Unavailable(error.into());
    }
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
pub(crate) struct ScriptReply {
    /// The word.
    pub(crate) word: String,
    value: Option<Value>,
}

impl FromRedisValue for ScriptReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut parts = Vec::<Value>::from_redis_value(value)?.into_iter();
        let word = String::from_redis_value(parts.next().unwrap_or(Value::Nil))?;
        Ok(Self { word, value: parts.next() })
    }
}

impl ScriptReply {
    fn parse<T: FromRedisValue>(self) -> Result<T, StoreError> {
        let value = self.value.ok_or_else(unexpected)?;
        T::from_redis_value(value).map_err(|_| unexpected())
    }

    /// Returns the value, which is JSON.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, StoreError> {
        serde_json::from_str(&self.parse::<String>()?).map_err(|_| unexpected())
    }

    /// Returns the value as a time. Scripts write times in milliseconds.
    pub(crate) fn instant(self) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.parse()?).map_err(|_| unexpected())
    }

    /// Returns the value as text, or `None` if there is no value.
    pub(crate) fn text(self) -> Result<Option<String>, StoreError> {
        if self.value.is_none() {
            return Ok(None);
        }
        self.parse().map(Some)
    }
}

/// The error for a script's reply that does not have the script's form.
pub(crate) fn unexpected() -> StoreError {
    StoreError::Refused("a script returned an unexpected reply".into())
}

/// Returns a duration in milliseconds, as scripts take it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
