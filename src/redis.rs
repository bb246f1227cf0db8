//! The connection to Redis, to one server or a cluster, which all stores share.
//!
//! The one server has a fixed address, or is the master that Redis Sentinel names. Connections are opened at first use and
//! after failures. So while Redis is unavailable, the server starts and serves
//! requests that need no Redis. Every call has a time limit. Only this module builds keys, sets the deadlines of scripts,
//! and compares this server's clock with Redis's clock.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::{PubSub, PubSubSink, PubSubStream};
use ::redis::{Cmd, FromRedisValue, ParsingError, RedisError, Script, ServerErrorKind, Value};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tracing::Instrument;

use crate::clock::Clock;
use crate::metrics;
use crate::store::{self, StoreError, StoreName};

mod keys;
mod node;
mod sentinel;
mod server_time;

pub use keys::KeyPrefix;
use node::Node;
pub use sentinel::is_sentinel;
pub use server_time::{ClockSkew, MAX_CLOCK_SKEW};
use server_time::{Sample, ServerTime};

/// The text that identifies an error of `deadline.lua`. Redis versions put different texts before it.
const LATE: &str = "the script is past its deadline";

/// The policy with which Redis never deletes keys to free memory.
pub const NO_EVICTION: &str = "noeviction";

/// How long a channel may be silent before its connection is tested. Without a test, nobody would notice that a server has
/// vanished.
const CHANNEL_SILENCE: Duration = Duration::from_secs(15);

/// How long the key of a test lives.
const PROBE_TTL_MILLISECONDS: u64 = 1000;

/// A multiplexed connection to Redis. Clones share it.
#[derive(Clone)]
pub struct RedisPool {
    node: Arc<Node>,
    prefix: KeyPrefix,
    clock: Arc<dyn Clock>,
    time: Arc<ServerTime>,
}

/// A script of a store. It takes its keys, and one JSON object with its arguments.
pub(crate) struct StoreScript {
    /// The name in traces and metrics.
    name: &'static str,
    script: Script,
    admits: bool,
}

impl StoreScript {
    /// Creates a script that grants something: a place in a count, a challenge, a claim. It is called with a deadline, after
    /// which it refuses to run, so that Redis never executes late what the server has given up on.
    pub(crate) fn admitting(name: &'static str, body: &str) -> Self {
        let text = [include_str!("redis/arguments.lua"), include_str!("redis/deadline.lua"), body].concat();
        Self { name, script: Script::new(&text), admits: true }
    }

    /// Creates a script that only refunds, ends or settles what was granted. It runs however late it arrives.
    pub(crate) fn settling(name: &'static str, body: &str) -> Self {
        let text = [include_str!("redis/arguments.lua"), body].concat();
        Self { name, script: Script::new(&text), admits: false }
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
    /// If an address does not have the form `redis://…`, `rediss://…`, `redis+sentinel://…` or `rediss+sentinel://…`.
    pub fn new(urls: &[String], prefix: KeyPrefix, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let node = Arc::new(Node::new(urls).map_err(store_error)?);
        Ok(Self { node, prefix, clock, time: Arc::default() })
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
        let started = Instant::now();
        let until = started + store::left();
        let call = bounded(async {
            let deadline = if script.admits { Some(self.deadline(until).await?) } else { None };
            let args = serde_json::to_string(&Envelope { deadline, args });
            let args = args.map_err(|error| StoreError::refused(StoreName::Redis, error))?;

            let mut invocation = script.script.prepare_invoke();
            for key in keys {
                invocation.key(key);
            }
            invocation.arg(args);
            let reply = self.node.run(async |mut redis| invocation.invoke_async(&mut redis).await).await;
            reply.map_err(store_error)
        });
        let reply = call.instrument(tracing::debug_span!("redis", redis.script = script.name)).await;
        metrics::redis_called(script.name, reply.is_ok(), started);

        if let Err(StoreError::Unavailable(error)) = &reply
            && error.to_string().contains(LATE)
        {
            // The call was slow, or Redis's clock has jumped since the last sample: the next call takes a new sample.
            self.time.forget();
        }
        reply
    }

    /// Subscribes to a channel, on a separate connection. In a cluster every node forwards what is published on any other.
    ///
    /// # Errors
    /// If no node can be reached.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<Subscription, StoreError> {
        let subscribed = bounded(async {
            let mut connection = self.node.subscriber().await.map_err(store_error)?;
            connection.subscribe(channel).await.map_err(store_error)?;
            Ok(connection)
        });
        subscribed.await.map(Subscription::from)
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.sample().await.map(drop)
    }

    /// Checks that Redis accepts writes, with a key that expires at once. A replica, a Redis without memory and one with
    /// too few replicas do not. Of a cluster, this checks one of the nodes.
    ///
    /// # Errors
    /// If Redis does not answer, or refuses to write.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let mut set = Cmd::new();
        set.arg("SET").arg(self.key("ready", "probe")).arg("1").arg("PX").arg(PROBE_TTL_MILLISECONDS);
        let call = self.node.run(async |mut redis| set.query_async(&mut redis).await);
        bounded(async { call.await.map_err(store_error) }).await
    }

    /// Returns the version of Redis, or of one node of a cluster.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn version(&self) -> Result<String, StoreError> {
        let texts = self.info("server").await?;
        let version = texts.first().and_then(|text| line_of(text, "redis_version:"));
        Ok(version.ok_or_else(unexpected)?.to_owned())
    }

    /// Returns what Redis does when its memory is full, such as `noeviction`: the policy of the first node of a cluster that
    /// deletes keys, if any does. `None` if Redis does not say it.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn eviction_policy(&self) -> Result<Option<String>, StoreError> {
        let texts = self.info("memory").await?;
        let policies: Vec<&str> = texts.iter().filter_map(|text| line_of(text, "maxmemory_policy:")).collect();
        let policy = policies.iter().find(|policy| **policy != NO_EVICTION).or(policies.first());
        Ok(policy.map(|policy| (*policy).to_owned()))
    }

    /// Returns a section of INFO, which managed servers also permit, of each node.
    async fn info(&self, section: &str) -> Result<Vec<String>, StoreError> {
        let mut info = Cmd::new();
        info.arg("INFO").arg(section);
        let call = self.node.run(async |mut redis| info.query_async(&mut redis).await);
        let answer: Value = bounded(async { call.await.map_err(store_error) }).await?;
        // Every node of a cluster answers: a map from the node to its text.
        let texts = if let Value::Map(nodes) = answer {
            nodes.into_iter().map(|(_, text)| text).collect()
        } else {
            vec![answer]
        };
        texts.into_iter().map(|text| String::from_redis_value(text).map_err(|_| unexpected())).collect()
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
            Some(skew) => Err(StoreError::unavailable(StoreName::Redis, skew)),
            None => Ok(()),
        }
    }

    /// Returns `until` in Redis's time, or an earlier time: the deadline of a script for whose answer this server waits until
    /// then.
    async fn deadline(&self, until: Instant) -> Result<i64, StoreError> {
        let sample = match self.time.current(Instant::now()) {
            // Either clock may have been set since an older sample, so only a new sample can prove a skew.
            Some(sample) if self.skew(&sample).is_none() => sample,
            Some(_) | None => self.sample().await?,
        };
        if let Some(skew) = self.skew(&sample) {
            return Err(StoreError::unavailable(StoreName::Redis, skew));
        }

        Ok(sample.earliest(until))
    }

    fn skew(&self, sample: &Sample) -> Option<ClockSkew> {
        sample.skew(self.clock.wall()?, Instant::now())
    }

    /// Takes a sample of Redis's time. In a cluster any node may answer: the clocks of all nodes must agree, too.
    async fn sample(&self) -> Result<Sample, StoreError> {
        let mut time = Cmd::new();
        time.arg("TIME");
        let sent = Instant::now();
        let call = self.node.run(async |mut redis| time.query_async(&mut redis).await);
        let (seconds, microseconds): (i64, i64) = bounded(async { call.await.map_err(store_error) }).await?;

        let redis = seconds.saturating_mul(1000).saturating_add(microseconds / 1000);
        let sample = Sample { redis, sent, received: Instant::now() };
        if let Some(wall) = self.clock.wall() {
            metrics::clock_skew(sample.ahead(wall, sample.received).as_secs_f64());
        }
        self.time.keep(sample);
        Ok(sample)
    }
}

/// The messages of a channel, from the subscription on.
pub(crate) struct Subscription {
    sink: PubSubSink,
    messages: PubSubStream,
}

impl From<PubSub> for Subscription {
    fn from(connection: PubSub) -> Self {
        let (sink, messages) = connection.split();
        Self { sink, messages }
    }
}

impl Subscription {
    /// Returns the next message, or `None` if the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            match timeout(CHANNEL_SILENCE, self.messages.next()).await {
                Ok(message) => return message?.get_payload().ok(),
                Err(_) => bounded(async { self.sink.ping::<Value>().await.map_err(store_error) }).await.ok()?,
            };
        }
    }
}

fn bounded<T>(call: impl Future<Output = Result<T, StoreError>>) -> impl Future<Output = Result<T, StoreError>> {
    store::bounded(call, |elapsed| StoreError::unavailable(StoreName::Redis, elapsed))
}

fn store_error(error: RedisError) -> StoreError {
    if error.to_string().contains(LATE) {
        return StoreError::unavailable(StoreName::Redis, error);
    }
    let refused = matches!(
        error.kind(),
        ::redis::ErrorKind::Server(
            ServerErrorKind::ResponseError | ServerErrorKind::NoScript | ServerErrorKind::CrossSlot
        ) | ::redis::ErrorKind::UnexpectedReturnType
            | ::redis::ErrorKind::InvalidClientConfig
    );
    if refused {
        StoreError::refused(StoreName::Redis, error)
    } else {
        StoreError::unavailable(StoreName::Redis, error)
    }
}

/// Returns the value of a line of INFO.
fn line_of<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
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
    StoreError::refused(StoreName::Redis, "a script returned an unexpected reply")
}

/// Returns a duration in milliseconds, as scripts take it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
