//! The sender over bad connections: time-outs, retries and kept connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sms_login::clock::Clock;
use sms_login::outbound::Timeouts;
use sms_login::sms::SendError;
use tokio::net::{TcpListener, TcpSocket};

use super::{assert_ambiguous, clock, config, send, sender, shown, start};
use crate::tencent_stub::{Behaviour, TencentStub};

/// Waits for the real time-out, a fifth of a second.
#[tokio::test]
async fn a_call_without_an_answer_times_out() {
    assert_eq!(Timeouts::default().connect, Duration::from_secs(2));
    assert_eq!(Timeouts::default().whole, Duration::from_secs(5));
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    stub.set(Behaviour::Stall);
    let mut config = config(&stub.endpoint());
    config.timeouts = Timeouts { connect: Duration::from_millis(80), whole: Duration::from_millis(200) };
    let sender = sender(config, clock);
    let result = tokio::time::timeout(Duration::from_secs(5), send(&sender)).await;
    assert_ambiguous(result.expect("the sender's own time-out"));
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    // The socket is bound but does not listen, so the port refuses connections and no other process can use it.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("an address");
    let error = send(&sender(config(&format!("http://{address}")), clock())).await.expect_err("refused");
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    assert!(!shown(&error).contains("13711112222"));
}

/// The server closes the connection during the TLS handshake: no connection is made, but each attempt can be counted.
#[tokio::test]
async fn a_failed_connection_is_retried_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let attempts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&attempts);
    let server = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let error = send(&sender(config(&format!("https://{address}")), clock())).await.expect_err("no connection");
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    assert_eq!(attempts.load(Ordering::SeqCst), 2);
    server.abort();
}

/// The server receives the request and closes the connection without an answer.
#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_retried() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let server = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connection.readable().await.expect("a request");
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_ambiguous(send(&sender(config(&format!("http://{address}")), clock())).await);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    server.abort();
}

#[tokio::test]
async fn the_connection_is_kept_open() {
    let (stub, sender) = start().await;
    for _ in 0..10 {
        send(&sender).await.expect("sent");
    }
    assert_eq!(stub.messages().len(), 10);
    assert_eq!(stub.connections(), 1);
}
