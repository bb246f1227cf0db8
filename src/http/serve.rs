//! Serving connections, bounded in number and in time.
//!
//! Only requests keep a connection alive: bytes that trickle in or out, and HTTP/2 frames that open no stream, do not.
//! Every request has a deadline, and so has every answer; see [`requests`]. When they pass, HTTP/2 resets the stream and
//! HTTP/1 closes the connection.
//!
//! Why this is our own code: `axum::serve`, `axum-server` and hyper-util's graceful shutdown bound neither the number of
//! connections nor an answer's time, `tokio-io-timeout` counts every byte as a sign of life, and tower's limits see
//! requests, not connections.

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

pub(crate) use connections::{ConnectionLimits, Connections};

const MAX_HEADERS: usize = 100;
/// All headers of a request together, on HTTP/1 and HTTP/2 alike. HTTP/1 answers 431 beyond it.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
const MAX_STREAMS: u32 = 100;
/// How much of a request body waits unread in memory, per stream and per connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
const MAX_FRAME_BYTES: u32 = 16 * 1024;
/// Streams that the peer has reset before they were accepted ("rapid reset", CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that were reset because of the peer's own protocol errors (RUSTSEC-2024-0003).
const MAX_ERROR_RESETS: usize = 100;
/// How long a connection that is being closed may stay without a request in flight.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a connection may keep the server waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the headers of an HTTP/1 request, from the end of the previous answer.
    pub(crate) headers: Duration,
    /// Without a request in flight.
    pub(crate) idle: Duration,
    /// For a request to be answered. Longer than a body and an operation may take.
    pub(crate) request: Duration,
    /// For an answer to be read, from its first byte to its last.
    pub(crate) answer: Duration,
    /// For a stream to end after its reset, before the connection is closed.
    pub(crate) reset: Duration,
    /// From the start of a connection to its graceful end, so that load spreads over new servers.
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

/// Serves until `shutdown`, then lets requests in flight finish.
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
            // axum's listener waits a second after an error such as EMFILE, then goes on.
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
        // An answered PING would prove that the peer lives, not that it needs the connection.
        .keep_alive_interval(None);
    builder
}

/// Runs each HTTP/2 stream in a task that can be ended alone, which resets the stream.
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
        // Declared before the connection, so that the slot outlives the socket.
        let requests = Requests::new(slot, patience);
        let service = service_fn(|request| answer(router.clone(), request, peer, Arc::clone(&requests)));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));

        tokio::select! {
            biased;
            () = requests.slot.evicted() => {
                connection.as_mut().graceful_shutdown();
                // One poll hands the goodbye to the operating system, if that takes it.
                poll_fn(|cx| Poll::Ready(connection.as_mut().poll(cx).is_ready())).await;
            }
            () = requests.overdue() => tracing::debug!("a connection was closed: an answer was not read in time"),
            () = until_done(connection.as_mut(), &requests, patience, &shutdown) => {}
        }
    }
}

/// Drives a connection to its end: the client's, or ours when it has been idle for too long, is too old, or the server
/// shuts down.
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
            // HTTP/2 waits here for a peer that may never answer.
            () = requests.idle_for(GOODBYE) => {}
        }
    };
    // A peer that ignores the goodbye may go on to open streams, but not for ever.
    if timeout(patience.request + patience.answer, goodbye).await.is_err() {
        tracing::debug!("a connection did not end in time");
    }
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
    let response = router.oneshot(request).await?;
    in_flight.answered(response.body().size_hint().lower());
    Ok(response.map(|body| Answer::new(body, in_flight)))
}
