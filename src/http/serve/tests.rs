//! Clients that keep the server waiting, with time-outs that are short enough for a test.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use h2::client::{ResponseFuture, SendRequest};
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

/// Shorter than the default, so that the tests end within seconds.
const SHORT: Patience = Patience {
    headers: Duration::from_millis(200),
    idle: Duration::from_millis(600),
    request: Duration::from_mins(1),
    answer: Duration::from_millis(500),
    reset: Duration::from_millis(300),
    age: Duration::from_mins(1),
};
const LONG: Duration = Duration::from_secs(5);
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// More than the sockets' buffers hold, so that the server has to wait for the client.
const LARGE: usize = 16 * 1024 * 1024;

struct TestServer {
    address: SocketAddr,
    stop: CancellationToken,
    connections: Arc<Connections>,
    /// The number of counted answers in memory.
    held: Arc<AtomicUsize>,
}

/// An answer that is counted while it is in memory.
struct Held(Vec<u8>, Arc<AtomicUsize>);

impl Held {
    fn bytes(size: usize, count: &Arc<AtomicUsize>) -> Bytes {
        count.fetch_add(1, Ordering::SeqCst);
        Bytes::from_owner(Self(vec![b'x'; size], Arc::clone(count)))
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl TestServer {
    async fn start_with(patience: Patience) -> Self {
        let limits = ConnectionLimits { total: 100, per_address: None, exempt: Vec::new() };
        let held = Arc::new(AtomicUsize::new(0));
        let slow = || async {
            sleep(2 * SHORT.headers).await;
            "slow"
        };
        let (large, small) = (Arc::clone(&held), Arc::clone(&held));
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/slow", get(slow))
            .route("/never", get(pending::<&'static str>))
            .route("/large", get(move || async move { Held::bytes(LARGE, &large) }))
            .route("/small", get(move || async move { Held::bytes(10, &small) }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
        let connections = Connections::new(limits);
        tokio::spawn(serve(listener, router, Arc::clone(&connections), patience, stop.clone()));
        Self { address, stop, connections, held }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Waits until every connection is closed.
    async fn closes_all(&self) {
        let closed = async {
            while self.connections.counts().open > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, closed).await.expect("the connections are closed");
    }

    /// Waits until every answer has left the memory and every request has ended.
    async fn forgets(&self) {
        let forgotten = async {
            let is_idle = || {
                let counts = self.connections.counts();
                counts.open == counts.idle && self.held.load(Ordering::SeqCst) == 0
            };
            while !is_idle() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, forgotten).await.expect("the answer's memory is released");
    }
}

async fn start() -> TestServer {
    TestServer::start_with(SHORT).await
}

/// Connects an HTTP/2 client that lets the server send `window` bytes per stream, and that sends pings all the time.
async fn http2(server: &TestServer, window: u32) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window);
    let (client, mut connection) = builder.handshake(server.connect().await).await.expect("a handshake");
    let mut ping_pong = connection.ping_pong().expect("pings");

    let running = tokio::spawn(async move {
        let pings = async {
            while ping_pong.ping(h2::Ping::opaque()).await.is_ok() {
                sleep(SHORT.idle / 10).await;
            }
        };
        tokio::select! {
            ended = connection => ended,
            () = pings => Ok(()),
        }
    });
    (client.ready().await.expect("a connection"), running)
}

/// Sends a request on a new stream. The body of the answer is not read unless the test reads it.
fn open(client: &mut SendRequest<Bytes>, path: &str) -> ResponseFuture {
    let request = Request::get(format!("http://x{path}")).body(()).expect("a request");
    client.send_request(request, true).expect("a stream").0
}

/// Sends bytes one at a time until the server closes the connection, and returns how long that took.
async fn dribble(address: SocketAddr, first: &[u8], then: &[u8]) -> Duration {
    let begun = Instant::now();
    let socket = TcpStream::connect(address).await.expect("a connection");
    let (mut from, mut to) = socket.into_split();
    to.write_all(first).await.expect("the first bytes");
    let mut bytes = then.iter().cycle();

    let sending = async {
        while to.write_all(&[*bytes.next().expect("an endless iterator")]).await.is_ok() {
            sleep(SHORT.headers / 20).await;
        }
    };
    let ending = async {
        let mut received = Vec::new();
        drop(from.read_to_end(&mut received).await);
    };
    tokio::select! {
        () = sending => {}
        () = ending => {}
        () = sleep(LONG) => {}
    }
    begun.elapsed()
}

/// Sends a request on a connection that stays open, and returns the answer.
async fn ask(socket: &mut TcpStream, path: &str) -> String {
    socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.expect("it is sent");
    let mut answer = vec![0; 1024];
    let length = timeout(LONG, socket.read(&mut answer)).await.expect("in time").expect("an answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn headers_that_trickle_in_time_out() {
    let server = start().await;
    let address = server.address;
    for (what, first, then) in [
        ("nothing", &b""[..], &b"P"[..0]),
        ("an endless method", b"", b"P"),
        ("an endless header", b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"a"),
        ("endless headers", b"GET / HTTP/1.1\r\nhost: x\r\n", b"a: b\r\n"),
        ("half a preface of HTTP/2", &PREFACE[..20], b""),
    ] {
        let took = if then.is_empty() { silence(address, first).await } else { dribble(address, first, then).await };
        assert!(took >= SHORT.headers && took < LONG, "{what}: {took:?}");
    }
}

/// Sends these bytes and nothing else, and returns how long the server kept the connection open.
async fn silence(address: SocketAddr, first: &[u8]) -> Duration {
    let begun = Instant::now();
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    socket.write_all(first).await.expect("the first bytes");
    let mut received = Vec::new();
    drop(timeout(LONG, socket.read_to_end(&mut received)).await);
    begun.elapsed()
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = start().await;
    let address = server.address;
    let preface_and_settings = [&PREFACE[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    let took = silence(address, &preface_and_settings).await;
    assert!(took >= SHORT.idle && took < LONG, "{took:?}");

    let mut socket = TcpStream::connect(address).await.expect("a connection");
    assert!(ask(&mut socket, "/").await.ends_with("hello"));
    assert_eq!(timeout(LONG, socket.read(&mut [0; 8])).await.expect("in time").expect("an end"), 0);
}

#[tokio::test]
async fn slow_requests_are_answered() {
    let server = start().await;
    let (address, stop) = (server.address, &server.stop);
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    assert!(ask(&mut socket, "/").await.ends_with("hello"));
    assert!(ask(&mut socket, "/slow").await.ends_with("slow"), "this takes longer than the time-out for headers");
    let (answer, ()) = tokio::join!(ask(&mut socket, "/slow"), async {
        sleep(SHORT.headers / 2).await;
        stop.cancel();
    });
    assert!(answer.ends_with("slow"), "in flight at shutdown: {answer}");
    timeout(LONG, async { while TcpStream::connect(address).await.is_ok() {} })
        .await
        .expect("the server accepts no more connections");
}

/// Reads a large answer one byte at a time, with pauses, so that the server keeps it in memory.
#[tokio::test]
async fn an_http1_answer_read_byte_by_byte_is_given_up() {
    let server = start().await;
    let mut socket = server.connect().await;
    socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is sent");
    let begun = Instant::now();
    let reading = async {
        while socket.read(&mut [0]).await.is_ok_and(|count| count > 0) && server.connections.counts().open > 0 {
            sleep(SHORT.answer / 20).await;
        }
    };
    timeout(LONG, reading).await.expect("the connection is closed");
    assert!(begun.elapsed() >= SHORT.answer, "{:?}", begun.elapsed());
    server.forgets().await;
}

/// Reads an answer steadily, but too slowly for its deadline.
#[tokio::test]
async fn an_answer_read_too_slowly_is_given_up() {
    let server = start().await;
    let mut socket = server.connect().await;
    socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is sent");
    let (mut piece, mut total) = (vec![0; LARGE / 100], 0);
    while let Ok(count) = timeout(LONG, socket.read(&mut piece)).await.expect("an end")
        && count > 0
    {
        total += count;
        sleep(SHORT.answer / 20).await;
    }
    assert!(total > 0 && total < LARGE, "{total}");
    server.forgets().await;
}

/// Opens streams whose window is 0, and keeps sending pings.
#[tokio::test]
async fn http2_answers_without_a_window_are_reset() {
    for path in ["/large", "/small"] {
        let server = start().await;
        let (mut client, running) = http2(&server, 0).await;
        let answers: Vec<_> = (0..4).map(|_| open(&mut client, path)).collect();
        let mut bodies = Vec::new();
        for answer in answers {
            bodies.push(answer.await.expect("headers").into_body());
        }
        assert_eq!(server.held.load(Ordering::SeqCst), 4);
        for mut body in bodies {
            let end = timeout(LONG, body.data()).await.expect("in time").expect("an end");
            assert_eq!(end.expect_err("a reset").reason(), Some(h2::Reason::CANCEL), "{path}");
        }
        server.forgets().await;

        // The connection and its other streams are not affected.
        assert!(!running.is_finished());
        assert_eq!(open(&mut client, "/").await.expect("an answer").status(), 200);
    }
}

/// Requests more than 64 MiB over several connections, and reads nothing.
#[tokio::test]
async fn unread_answers_hold_64_mib_at_most() {
    let server = TestServer::start_with(Patience { answer: LONG, ..SHORT }).await;
    let mut sockets = Vec::new();
    for number in 1..=6 {
        let mut socket = server.connect().await;
        socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is sent");
        socket.read_exact(&mut [0]).await.expect("an answer begins");
        sockets.push(socket);
        let held = server.held.load(Ordering::SeqCst);
        assert!(held <= 4 + 1, "{held}");
        if number > 4 {
            let given_up = async {
                while server.connections.counts().open > 4 {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(LONG, given_up).await.expect("the oldest is closed");
        }
    }
    assert_eq!(server.held.load(Ordering::SeqCst), 4);
}

/// Does not read from the socket, so that the server cannot even send a reset.
#[tokio::test]
async fn an_http2_connection_that_reads_nothing_is_closed() {
    let server = start().await;
    let mut socket = server.connect().await;
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff];
    let window = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0];
    let path = [&[0x82, 0x86, 0x41, 1, b'x', 0x04, 6][..], b"/large"].concat();
    let headers = [&[0, 0, 13, 1, 5, 0, 0, 0, 1][..], &path].concat();
    socket.write_all(&[&PREFACE[..], &settings, &window, &headers].concat()).await.expect("it is sent");
    let asked = async {
        while server.held.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, asked).await.expect("the answer is made");
    server.closes_all().await;
    server.forgets().await;
}

/// Opens no stream, but keeps sending pings.
#[tokio::test]
async fn pings_do_not_keep_a_connection_open() {
    let server = start().await;
    let begun = Instant::now();
    let (_client, running) = http2(&server, 0).await;
    drop(timeout(LONG, running).await.expect("the connection ends"));
    assert!(begun.elapsed() >= SHORT.idle);
    server.closes_all().await;
}

/// Sends requests whose handler never returns.
#[tokio::test]
async fn a_request_without_an_answer_is_given_up() {
    let server = TestServer::start_with(Patience { request: SHORT.answer, ..SHORT }).await;
    let mut socket = server.connect().await;
    socket.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is sent");
    assert_eq!(timeout(LONG, socket.read(&mut [0])).await.expect("in time").expect("an end"), 0);
    let (mut client, _running) = http2(&server, 0).await;
    let answer = timeout(LONG, open(&mut client, "/never")).await.expect("in time");
    assert_eq!(answer.expect_err("a reset").reason(), Some(h2::Reason::CANCEL));
    server.forgets().await;
}

#[tokio::test]
async fn an_http2_answer_arrives_completely() {
    let server = TestServer::start_with(Patience { answer: LONG, ..SHORT }).await;
    let (mut client, _running) = http2(&server, 1 << 20).await;
    let mut body = open(&mut client, "/large").await.expect("an answer").into_body();
    let mut total = 0;
    while let Some(piece) = body.data().await {
        let length = piece.expect("a piece").len();
        body.flow_control().release_capacity(length).expect("a window");
        total += length;
    }
    assert_eq!(total, LARGE);
    server.forgets().await;
}

/// A connection that is never idle must end at some time, so that its client can connect to another server.
#[tokio::test]
async fn an_old_connection_ends_between_two_requests() {
    let server = TestServer::start_with(Patience { age: SHORT.headers, ..SHORT }).await;
    let (mut client, running) = http2(&server, 1 << 20).await;
    let mut socket = server.connect().await;
    assert!(ask(&mut socket, "/slow").await.ends_with("slow"), "a request in flight finishes");
    assert_eq!(timeout(LONG, socket.read(&mut [0])).await.expect("in time").expect("an end"), 0);
    let asking = async { while open_soon(&mut client).await.is_ok() {} };
    timeout(LONG, asking).await.expect("the server says goodbye");
    drop(timeout(LONG, running).await.expect("the connection ends"));
}

async fn open_soon(client: &mut SendRequest<Bytes>) -> Result<(), h2::Error> {
    sleep(SHORT.headers / 10).await;
    let request = Request::get("http://x/").body(()).expect("a request");
    client.send_request(request, true)?.0.await.map(drop)
}

/// Sends headers that are too large or too many, to fill the server's memory.
#[tokio::test]
async fn large_headers_are_refused() {
    let server = start().await;
    let large = format!("x: {}\r\n", "a".repeat(33 * 1024));
    let many = (0..101).map(|number| format!("x{number}: a\r\n")).collect::<Vec<_>>().concat();
    for (headers, status) in [(large, "431"), (many, "431"), ("x: a\r\n".repeat(99), "200")] {
        let mut socket = server.connect().await;
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        let mut received = [0; 12];
        socket.write_all(request.as_bytes()).await.expect("it is sent");
        timeout(LONG, socket.read_exact(&mut received)).await.expect("in time").expect("an answer");
        assert_eq!(String::from_utf8_lossy(&received), format!("HTTP/1.1 {status}"));
    }
    let (mut client, _running) = http2(&server, 1 << 20).await;
    let request = Request::get("http://x/").header("x", "a".repeat(33 * 1024)).body(()).expect("a request");
    match client.send_request(request, true) {
        Ok((answer, _)) => {
            let refused = timeout(LONG, answer).await.expect("in time");
            assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 431));
        }
        Err(error) => assert!(error.is_go_away() || error.is_reset()),
    }
}

/// Opens streams and resets them at once, so that the server works for nothing (CVE-2023-44487).
#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let server = start().await;
    let (mut client, running) = http2(&server, 0).await;
    let resetting = async {
        loop {
            let request = Request::get("http://x/never").body(()).expect("a request");
            for _ in 0..MAX_STREAMS {
                let Ok((_, mut stream)) = client.send_request(request.clone(), false) else {
                    return;
                };
                stream.send_reset(h2::Reason::CANCEL);
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, resetting).await.expect("the connection ends");
    drop(timeout(LONG, running).await.expect("the connection ends"));
    server.forgets().await;
}
