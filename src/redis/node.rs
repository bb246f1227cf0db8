//! The connection to Redis: to the server at an address, to the one that Sentinel names as the master, or to a cluster.
//!
//! All calls share one connection. It is opened at first use, and opened again after it broke, after a call on it took too
//! long, and after its server became a replica. redis-rs has a `ConnectionManager` for the first of these only. It and
//! the connection to a cluster keep a connection to a server that has stopped to answer, although a replica has taken over.

use std::ops::AsyncFnOnce;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::sentinel::SentinelClient;
use ::redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, RedisError, RedisFuture, Value};
use tokio::sync::Mutex as AsyncMutex;

use super::sentinel;
use crate::store::BUDGET;

/// Leaves the rest of an operation's budget for a second try at another address.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(700);
/// A connection whose data the other machine does not acknowledge is closed after this time. A machine that is gone without
/// a word would otherwise keep the connection open for 15 minutes.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(2);
/// A connection is replaced if a call on it was given up after at least this time.
const HUNG: Duration = Duration::from_secs(1);

/// The connection, and what is needed to open it.
pub(super) struct Node {
    source: Source,
    current: Mutex<Current>,
    /// Held while a connection is opened, so that simultaneous calls open one.
    connecting: AsyncMutex<()>,
}

enum Source {
    Address(Box<Client>),
    Sentinel(Box<AsyncMutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// An open connection. Clones share it.
#[derive(Clone)]
pub(super) enum Connected {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

#[derive(Default)]
struct Current {
    connection: Option<Connected>,
    /// How many connections were opened before.
    number: u64,
}

impl Node {
    /// Prepares a connection to the server of `redis://…` or `redis+sentinel://…`, or to the cluster of several addresses.
    pub(super) fn new(urls: &[String]) -> Result<Self, RedisError> {
        let source = match urls {
            [url] => match sentinel::client(url)? {
                Some(client) => Source::Sentinel(Box::new(AsyncMutex::new(client))),
                None => Source::Address(Box::new(Client::open(
                    url.as_str().into_connection_info()?.set_tcp_settings(tcp()),
                )?)),
            },
            urls => Source::Cluster(Box::new(cluster(urls)?)),
        };
        Ok(Self { source, current: Mutex::default(), connecting: AsyncMutex::default() })
    }

    /// Runs a call on the connection, and discards the connection if the call shows that it cannot be used any more.
    pub(super) async fn run<T>(
        &self,
        call: impl AsyncFnOnce(Connected) -> Result<T, RedisError>,
    ) -> Result<T, RedisError> {
        // On the heap: opening a connection takes tens of kilobytes.
        let (connection, number) = Box::pin(self.connection()).await?;
        let mut patience = Patience { node: self, number, begun: Instant::now() };
        let answer = call(connection).await;
        patience.begun = Instant::now();
        if answer.as_ref().is_err_and(|error| !leaves_usable(error)) {
            self.discard(number);
        }
        answer
    }

    async fn connection(&self) -> Result<(Connected, u64), RedisError> {
        let _turn = self.connecting.lock().await;
        let current = {
            let state = self.state();
            state.connection.clone().map(|connection| (connection, state.number))
        };
        if let Some(current) = current {
            return Ok(current);
        }

        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(BUDGET));
        let connection = match &self.source {
            Source::Address(client) => {
                Connected::Server(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Source::Sentinel(client) => {
                Connected::Server(client.lock().await.get_async_connection_with_config(&config).await?)
            }
            Source::Cluster(client) => Connected::Cluster(client.get_async_connection().await?),
        };
        let mut state = self.state();
        state.number += 1;
        state.connection = Some(connection.clone());
        Ok((connection, state.number))
    }

    fn discard(&self, number: u64) {
        let mut state = self.state();
        if state.number == number {
            state.connection = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cluster(urls: &[String]) -> Result<ClusterClient, RedisError> {
    ClusterClient::builder(urls.iter().map(String::as_str))
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(BUDGET)
        .tcp_settings(tcp())
        .build()
}

impl ConnectionLike for Connected {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(cmd, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Discards the connection if the call on it was given up after a long time. A call that was given up early says nothing
/// about the connection: its operation had no time left.
struct Patience<'a> {
    node: &'a Node,
    number: u64,
    begun: Instant,
}

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        if self.begun.elapsed() >= HUNG {
            self.node.discard(self.number);
        }
    }
}

/// Returns whether the connection can be used after this error.
fn leaves_usable(error: &RedisError) -> bool {
    // A master that Sentinel has replaced rejects writes after it came back.
    !error.is_unrecoverable_error() && !error.is_timeout() && !error.to_string().contains("READONLY")
}

/// Returns the settings of every connection's socket.
pub(super) fn tcp() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNACKNOWLEDGED);
    settings
}
