//! Serves connections, with limits on their number and their duration.
//!
//! Only a request keeps a connection open. A client cannot keep it open by single bytes or by HTTP/2 frames that open no
//! stream, such as PING. Every request and every answer has a deadline; see [`requests`]. When a deadline passes, the server
//! resets the HTTP/2 stream or closes the HTTP/1 connection.
//!
//! Why this is our own code: `axum::serve`, `axum-server` and hyper-util's graceful shutdown do not limit the number of
//! connections or the time of an answer. hyper itself only limits the time for the headers of an HTTP/1 request and for
//! the answer to an HTTP/2 ping. `tokio-io-timeout` 1.2 restarts its timer after every byte, and tower limits requests,
//! not connections.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::{Body as _, Incoming};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use answer::Answer;
use connections::Slot;
use requests::{RESET_STREAM, Requests};

mod answer;
mod connections;
mod requests;
#[cfg(test)]
mod tests;
mod unread;

pub(crate) use connections::{ConnectionCounts, ConnectionLimits, Connections};

const MAX_HEADERS: usize = 100;

/// All headers of a request together, for HTTP/1 and HTTP/2. HTTP/1 answers 431 if they are larger.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
const MAX_STREAMS: u32 = 100;

/// How much of request bodies may wait in memory until a handler reads them, per stream and per connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
const MAX_FRAME_BYTES: u32 = 16 * 1024;

/// Streams that the peer reset before the server accepted them ("rapid reset", CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;

/// Streams that the server reset because of protocol errors of the peer (RUSTSEC-2024-0003).
const MAX_ERROR_RESETS: usize = 100;

/// How long a connection that is being closed may stay open without a request in flight.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long the server waits for a client before it closes the connection or resets the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the headers of an HTTP/1 request, after the end of the previous answer.
    pub(crate) headers: Duration,
    /// For the next request, while no request is in flight.
    pub(crate) idle: Duration,
    /// From the headers of a request to the start of its answer. Longer than a body and an operation together may take.
    pub(crate) request: Duration,
    /// For the client to read an answer, from its first byte to its last.
    pub(crate) answer: Duration,
    /// For a stream to end after its reset, before the whole connection is closed.
    pub(crate) reset: Duration,
    /// From the start of a connection to its graceful end. Clients then reconnect, also to servers that were added.
    pub(crate) age: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            request: Duration::from_mins(1),
            answer: Duration::from_secs(30),
            reset: Duration::from_secs(5),
            age: Duration::from_hours(1),
        }
    }
}

/// Serves connections until `shutdown`, then waits for the requests in flight.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    patience: Patience,
    shutdown: CancellationToken,
) {
    let (builder, tasks) = (builder(patience), TaskTracker::new());
    loop {
        let accepted = async {
            // After an error such as EMFILE, axum's listener waits for a second and tries again.
            let (socket, peer) = Listener::accept(&mut listener).await;
            (connections.admit(peer.ip()).await, socket, peer)
        };
        let (slot, socket, peer) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => break,
        };
        let Some(slot) = slot else {
            continue;
        };
        let connection = Connection { socket, peer, router: router.clone(), slot, patience };
        tasks.spawn(connection.serve(builder.clone(), shutdown.clone()));
    }

    drop(listener);
    tracing::debug!(connections = ?connections.counts(), "no more connections are accepted");
    tasks.close();
    tasks.wait().await;
}

fn builder(patience: Patience) -> Builder<StreamExecutor> {
    let mut builder = Builder::new(StreamExecutor);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_send_buf_size(answer::CHUNK_BYTES)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        // An answer to a ping would show that the peer is alive, but not that it needs the connection.
        .keep_alive_interval(None);
    builder
}

/// Runs each HTTP/2 stream in its own task. Ending the task resets the stream and no other.
#[derive(Debug, Clone, Copy)]
struct StreamExecutor;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let reset = CancellationToken::new();
        tokio::spawn(async move {
            reset.run_until_cancelled(RESET_STREAM.scope(reset.clone(), stream)).await;
        });
    }
}

/// An accepted connection.
struct Connection {
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    slot: Slot,
    patience: Patience,
}

impl Connection {
    async fn serve(self, builder: Builder<StreamExecutor>, shutdown: CancellationToken) {
        let Self { socket, peer, router, slot, patience } = self;
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "TCP_NODELAY could not be set");
        }

        // This is declared before the connection so that it is dropped after it: the slot must outlive the socket.
        let requests = Requests::new(slot, patience);
        let service = service_fn(|request| answer(router.clone(), request, peer, Arc::clone(&requests)));
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(socket), service));

        tokio::select! {
            biased;
            () = requests.slot.evicted() => {
                connection.as_mut().graceful_shutdown();
                // One poll passes the goodbye to the operating system, unless its buffer is full.
                poll_fn(|cx| Poll::Ready(connection.as_mut().poll(cx).is_ready())).await;
            }
            () = requests.overdue() => tracing::debug!("a connection was closed: an answer was not read in time"),
            () = until_done(connection.as_mut(), &requests, patience, &shutdown) => {}
        }
    }
}

/// Serves a connection until the client closes it, or until the server does: because it is idle for too long, it is too
/// old, or the server shuts down.
async fn until_done<C>(
    mut connection: Pin<&mut C>,
    requests: &Requests,
    patience: Patience,
    shutdown: &CancellationToken,
) where
    C: GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>>,
{
    let log = |outcome: Result<(), C::Error>| {
        if let Err(error) = outcome {
            tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "a connection ended early");
        }
    };
    tokio::select! {
        outcome = connection.as_mut() => return log(outcome),
        () = requests.idle_for(patience.idle) => {}
        () = sleep(patience.age) => {}
        () = shutdown.cancelled() => {}
    }

    connection.as_mut().graceful_shutdown();
    let goodbye = async {
        tokio::select! {
            biased;
            outcome = connection => log(outcome),
            // HTTP/2 waits for an answer to its goodbye, which a peer may never send.
            () = requests.idle_for(GOODBYE) => {}
        }
    };
    // A peer can ignore the goodbye and open more streams, so this time is limited as well.
    if timeout(patience.request + patience.answer, goodbye).await.is_err() {
        tracing::debug!("a connection did not end in time");
    }
}

/// Keeps the connection of a request in the table of open connections, where it counts as busy. A WebSocket holds it, because
/// hyper gives its connection away.
#[derive(Clone)]
pub(super) struct Hold {
    _request: Arc<requests::Request>,
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    requests: Arc<Requests>,
) -> Result<Response<Answer>, Infallible> {
    let in_flight = requests.begin();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(Hold { _request: Arc::clone(&in_flight) });

    let response = router.oneshot(request).await?;
    in_flight.answered(response.body().size_hint().lower());
    Ok(response.map(|body| Answer::new(body, in_flight)))
}
