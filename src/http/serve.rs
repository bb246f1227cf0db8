//! Serving connections, each bounded in time.
//!
//! A client that sends its headers a byte at a time, or nothing at all, holds a connection only so long. Bodies have a
//! bound of their own where they are read.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// As many bytes as tell HTTP/2 from HTTP/1: its preface has them (RFC 9113 3.4), and no request of HTTP/1 has fewer.
const PREFACE_BYTES: usize = 24;
const MAX_HEADER_BYTES: u32 = 32 * 1024;
const MAX_STREAMS: u32 = 100;

/// How long a connection may keep the server waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a request's headers, from the end of the answer before.
    pub(crate) headers: Duration,
    /// For a byte in either direction. Longer than any operation takes.
    pub(crate) idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { headers: Duration::from_secs(30), idle: Duration::from_secs(75) }
    }
}

/// Serves until `shutdown`, then lets requests in flight finish.
pub(crate) async fn serve(mut listener: TcpListener, router: Router, patience: Patience, shutdown: CancellationToken) {
    let builder = builder(patience);
    let graceful = GracefulShutdown::new();
    loop {
        let (socket, peer) = tokio::select! {
            // It looks after its errors itself.
            connection = Listener::accept(&mut listener) => connection,
            () = shutdown.cancelled() => break,
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "TCP_NODELAY could not be set");
        }
        let router = router.clone();
        let service = service_fn(move |request| answer(router.clone(), request, peer));
        let connection = builder.serve_connection(TokioIo::new(TimedStream::new(socket, patience)), service);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "a connection ended early");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

fn builder(patience: Patience) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.headers);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEADER_BYTES);
    builder
}

async fn answer(router: Router, request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

/// A socket that fails where no byte moves for too long, or the first ones, by which the protocol is told, take too
/// long altogether.
struct TimedStream {
    socket: TcpStream,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
    /// How many of the first bytes are still to come.
    preface: usize,
}

impl TimedStream {
    fn new(socket: TcpStream, patience: Patience) -> Self {
        Self { socket, patience, timer: Box::pin(sleep(patience.headers)), preface: PREFACE_BYTES }
    }

    /// Bytes have moved.
    fn moved(&mut self, read: usize) {
        self.preface = self.preface.saturating_sub(read);
        if self.preface == 0 {
            self.timer.as_mut().reset(Instant::now() + self.patience.idle);
        }
    }

    /// Pending, until it is too late.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let Poll::Ready(outcome) = Pin::new(&mut self.socket).poll_read(cx, buffer) else {
            return self.wait(cx);
        };
        self.moved(buffer.filled().len() - before);
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Poll::Ready(outcome) = Pin::new(&mut self.socket).poll_write(cx, bytes) else {
            return self.wait(cx);
        };
        self.moved(0);
        Poll::Ready(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(outcome) = Pin::new(&mut self.socket).poll_write_vectored(cx, slices) else {
            return self.wait(cx);
        };
        self.moved(0);
        Poll::Ready(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    const SHORT: Patience = Patience { headers: Duration::from_millis(200), idle: Duration::from_millis(600) };
    const LONG: Duration = Duration::from_secs(5);
    const PREFACE: &[u8; PREFACE_BYTES] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    async fn start() -> (SocketAddr, CancellationToken) {
        let slow = || async {
            sleep(2 * SHORT.headers).await;
            "slow"
        };
        let router = Router::new().route("/", get(|| async { "hello" })).route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
        tokio::spawn(serve(listener, router, SHORT, stop.clone()));
        (address, stop)
    }

    /// Sends bytes one at a time, for as long as they are taken, and says how long that was.
    async fn dribble(address: SocketAddr, first: &[u8], then: &[u8]) -> Duration {
        let begun = Instant::now();
        let socket = TcpStream::connect(address).await.expect("a connection");
        let (mut from, mut to) = socket.into_split();
        to.write_all(first).await.expect("the first bytes");
        let mut bytes = then.iter().cycle();
        let sending = async {
            while to.write_all(&[*bytes.next().expect("it goes on for ever")]).await.is_ok() {
                sleep(SHORT.headers / 20).await;
            }
        };
        let ending = async {
            let mut heard = Vec::new();
            drop(from.read_to_end(&mut heard).await);
        };
        tokio::select! {
            () = sending => {}
            () = ending => {}
            () = sleep(LONG) => {}
        }
        begun.elapsed()
    }

    /// One request on a connection that stays open.
    async fn ask(socket: &mut TcpStream, path: &str) -> String {
        socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.expect("it is sent");
        let mut answer = vec![0; 1024];
        let length = timeout(LONG, socket.read(&mut answer)).await.expect("in time").expect("an answer");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    #[tokio::test]
    async fn headers_that_dribble_in_are_not_waited_for() {
        let (address, _) = start().await;
        for (what, first, then) in [
            ("nothing", &b""[..], &b"P"[..0]),
            ("an endless method", b"", b"P"),
            ("an endless header", b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"a"),
            ("endless headers", b"GET / HTTP/1.1\r\nhost: x\r\n", b"a: b\r\n"),
            ("half a preface of HTTP/2", &PREFACE[..20], b""),
        ] {
            let took =
                if then.is_empty() { silence(address, first).await } else { dribble(address, first, then).await };
            assert!(took >= SHORT.headers && took < LONG, "{what}: {took:?}");
        }
    }

    /// Sends this and no more, and says how long the connection was kept.
    async fn silence(address: SocketAddr, first: &[u8]) -> Duration {
        let begun = Instant::now();
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        socket.write_all(first).await.expect("the first bytes");
        let mut heard = Vec::new();
        drop(timeout(LONG, socket.read_to_end(&mut heard)).await);
        begun.elapsed()
    }

    #[tokio::test]
    async fn connections_that_idle_are_closed() {
        let (address, _) = start().await;
        let preface_and_settings = [&PREFACE[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        let took = silence(address, &preface_and_settings).await;
        assert!(took >= SHORT.idle && took < LONG, "{took:?}");
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        assert!(ask(&mut socket, "/").await.ends_with("hello"));
        assert_eq!(timeout(LONG, socket.read(&mut [0; 8])).await.expect("in time").expect("an end"), 0);
    }

    #[tokio::test]
    async fn requests_that_take_their_time_are_answered() {
        let (address, stop) = start().await;
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        assert!(ask(&mut socket, "/").await.ends_with("hello"));
        assert!(ask(&mut socket, "/slow").await.ends_with("slow"), "longer than headers may take");
        let (answer, ()) = tokio::join!(ask(&mut socket, "/slow"), async {
            sleep(SHORT.headers / 2).await;
            stop.cancel();
        });
        assert!(answer.ends_with("slow"), "in flight at the end: {answer}");
        timeout(LONG, async { while TcpStream::connect(address).await.is_ok() {} }).await.expect("no more are taken");
    }
}
