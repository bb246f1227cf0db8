//! Attacks with connections: many, silent, slow or unread ones, against a real server process. Attacks that would have
//! to wait for the server's long time-outs are tested next to the code, with shorter ones.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::process::{self, Server, env};

const SOON: Duration = Duration::from_secs(10);
/// The preface of HTTP/2, and empty SETTINGS.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0attacker";
/// A request whose body never arrives, so that it is in flight for ten seconds.
const STALLED: &[u8] =
    b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n";

/// Returns the settings of an embedded server, and its folder.
fn embedded(more: &[(&str, &str)]) -> (BTreeMap<String, String>, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let mut env = env([("LISTEN_ADDR", "127.0.0.1:0"), ("DATA_DIR", data.to_str().expect("a path"))]);
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    (env, folder)
}

fn address(server: &Server) -> SocketAddr {
    server.base.trim_start_matches("http://").parse().expect("an address")
}

/// Connects from the loopback address with this last number.
async fn connect_from(host: u8, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).expect("a loopback address");
    timeout(SOON, socket.connect(address(server))).await.expect("in time").expect("a connection")
}

/// Returns the status of `/healthz`, on a new connection from the loopback address with this last number.
async fn health_from(host: u8, server: &Server) -> String {
    let mut socket = connect_from(host, server).await;
    drop(socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await);
    let mut heard = Vec::new();
    drop(timeout(SOON, socket.read_to_end(&mut heard)).await.expect("in time"));
    String::from_utf8_lossy(&heard).chars().take(12).collect()
}

/// Returns whether the server closes a connection in time. Data that it sent before is ignored.
async fn is_closed(socket: &mut TcpStream, within: Duration) -> bool {
    let end = async { while socket.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {} };
    timeout(within, end).await.is_ok()
}

/// The attacker uses all of the server's descriptors with connections that open no stream, and keeps them alive with
/// PINGs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_http2_connections_lock_nobody_out() {
    let (env, _folder) = embedded(&[]);
    let server = Server::start_under("ulimit -n 256", &env);
    for hosts in [2..3, 2..12] {
        let mut silent = Vec::new();
        for number in 0..300 {
            let host = hosts.start + u8::try_from(number % hosts.len()).expect("a small number");
            let mut socket = connect_from(host, &server).await;
            drop(socket.write_all(&[HTTP2, PING].concat()).await);
            silent.push(socket);
        }
        for _ in 0..5 {
            for socket in &mut silent {
                drop(socket.write_all(PING).await);
            }
            assert_eq!(health_from(1, &server).await, "HTTP/1.1 200", "from another address");
            assert_eq!(health_from(hosts.start, &server).await, "HTTP/1.1 200", "from the attacker's address");
        }
    }
    assert!(!server.printed().contains("accept error"), "{}", server.printed());
}

/// The attacker keeps a request in flight on every connection, so that the server cannot close any of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_connections_of_one_address_leave_room_for_another() {
    let (env, _folder) = embedded(&[("MAX_CONNECTIONS", "20"), ("MAX_CONNECTIONS_PER_ADDRESS", "10")]);
    let server = Server::start(&env);
    let mut busy = Vec::new();
    for _ in 0..10 {
        let mut socket = connect_from(2, &server).await;
        socket.write_all(STALLED).await.expect("it is sent");
        // Wait until the server has read the request: only a request in flight protects its connection.
        assert!(!is_closed(&mut socket, Duration::from_millis(20)).await);
        busy.push(socket);
    }
    for _ in 0..10 {
        let mut refused = connect_from(2, &server).await;
        assert!(is_closed(&mut refused, SOON).await);
    }
    assert_eq!(health_from(2, &server).await, "");
    assert_eq!(health_from(1, &server).await, "HTTP/1.1 200");
    let log = server.printed();
    assert_eq!(log.matches("a connection was refused").count(), 1, "one warning a minute: {log}");
}

/// A setting or the machine allows more connections than the server has descriptors for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_descriptors_are_rejected_at_start() {
    let (env, _folder) = embedded(&[("MAX_CONNECTIONS", "200")]);
    let refused = process::run_under("ulimit -n 256", &env);
    let line = "sms-login: MAX_CONNECTIONS: at most 160 fit under the descriptor limit of 256 (ulimit -n)\n";
    assert!(!refused.status.success() && refused.err.ends_with(line), "{}", refused.err);

    let (env, _folder) = embedded(&[]);
    let refused = process::run_under("ulimit -n 90", &env);
    let line = "sms-login: MAX_CONNECTIONS: the descriptor limit is 90 (ulimit -n), and the server needs 96 and one for \
                each connection\n";
    assert!(!refused.status.success() && refused.err.ends_with(line), "{}", refused.err);

    let (env, _folder) = embedded(&[("MAX_CONNECTIONS", "200")]);
    let server = Server::start_under("ulimit -Sn 90 && ulimit -Hn 1024", &env);
    // More connections are open and answered than the soft limit allows, so the server has raised it.
    let mut open = Vec::new();
    for number in 0..120 {
        let mut socket = connect_from(1 + number % 3, &server).await;
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is sent");
        let mut heard = [0; 12];
        let read = timeout(SOON, socket.read_exact(&mut heard)).await.expect("in time");
        assert!(read.is_ok() && heard.starts_with(b"HTTP/1.1 200"), "connection {number}");
        open.push(socket);
    }
    assert!(!server.printed().contains("accept error"), "{}", server.printed());
}

/// The attacker sends headers without end, in HTTP/1 and HTTP/2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_floods_are_cut_off() {
    let (env, _folder) = embedded(&[]);
    let server = Server::start(&env);
    // HEADERS without END_HEADERS, then CONTINUATION frames of one header each: "x", with a value of 4096 bytes.
    let headers = [HTTP2, b"\0\0\x03\x01\0\0\0\0\x01", b"\x82\x86\x84"].concat();
    let field = [&b"\x10\x01x\x7f\x81\x1f"[..], &[b'a'; 4096]].concat();
    let continuation = [&[0, 0x10, 6, 9, 0, 0, 0, 0, 1][..], &field].concat();
    for (begin, more, most) in [
        (&b"GET /healthz HTTP/1.1\r\nhost: x\r\n"[..], b"x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".to_vec(), 64 * 1024),
        (&b"GET /healthz HTTP/1.1\r\nx: "[..], vec![b'a'; 1024], 64 * 1024),
        (&headers, continuation, 256 * 1024),
    ] {
        let mut socket = connect_from(1, &server).await;
        socket.write_all(begin).await.expect("it is sent");
        let flood = async {
            let mut sent = 0;
            while socket.write_all(&more).await.is_ok() {
                sent += more.len();
                if is_closed(&mut socket, Duration::from_millis(1)).await {
                    break;
                }
            }
            sent
        };
        let sent = timeout(SOON, flood).await.expect("the server closes the connection");
        assert!(sent <= most, "{sent} bytes were read");
        assert_eq!(health_from(1, &server).await, "HTTP/1.1 200");
    }
}

/// The attacker sends frames that require answers, and does not read them, so that the answers accumulate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pongs_and_acknowledgements_do_not_accumulate() {
    let (env, _folder) = embedded(&[]);
    let server = Server::start(&env);
    for frame in [PING, b"\0\0\0\x04\0\0\0\0\0"] {
        let mut socket = connect_from(1, &server).await;
        socket.write_all(HTTP2).await.expect("it is sent");
        let (frames, mut sent) = (frame.repeat(8192), 0);
        while let Ok(Ok(())) = timeout(Duration::from_secs(1), socket.write_all(&frames)).await {
            sent += frames.len();
            assert!(sent < 256 * 1024 * 1024, "the server still reads");
        }
        assert_eq!(health_from(1, &server).await, "HTTP/1.1 200");
    }
}

/// The attacker sends an `Accept` header of the maximum length, with the ranges that take the longest to parse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_accept_costs_no_more_than_a_short_one() {
    let (env, _folder) = embedded(&[]);
    let server = Server::start(&env);
    let accept = "a/b;q=0.001,".repeat(2600);
    let request = format!("POST /graphql HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\ncontent-length: 0\r\n\r\n");
    let mut socket = connect_from(1, &server).await;
    let begun = Instant::now();
    for _ in 0..100 {
        socket.write_all(request.as_bytes()).await.expect("it is sent");
        let mut heard = [0; 2048];
        let count = timeout(SOON, socket.read(&mut heard)).await.expect("in time").expect("an answer");
        assert!(heard[..count].starts_with(b"HTTP/1.1 406"), "{}", String::from_utf8_lossy(&heard[..count]));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
