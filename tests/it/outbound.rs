//! The HTTP client for providers, without a provider: the kinds of errors, the retry, and the limit on an answer's size.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use futures_util::stream;
use sms_login::outbound::{Answer, CallError, Client, Request, Timeouts, check_header_value};
use tokio::net::TcpListener;
use url::Url;

const KIB: usize = 1024;

/// Starts a server on a free port of loopback, which runs until the test ends.
async fn serve() -> String {
    let echo = async |headers: HeaderMap, body: String| {
        let names = [header::USER_AGENT.as_str(), "x-first", "x-second"];
        let values =
            names.map(|name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned());
        (StatusCode::CREATED, format!("{} {body}", values.join(" ")))
    };
    let router = Router::new()
        .route("/echo", post(echo))
        .route("/full", post(async || "a".repeat(64 * KIB)))
        .route("/large", post(async || "a".repeat(64 * KIB + 1)))
        .route("/moved", post(async || (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/echo")])))
        .route("/endless", post(async || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())))
        .route("/never", post(std::future::pending::<()>));

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn client() -> Client {
    let timeouts = Timeouts { connect: Duration::from_millis(400), whole: Duration::from_secs(1) };
    Client::new(timeouts).expect("a client")
}

async fn call(url: &str) -> Result<Answer, CallError> {
    let url: Url = url.parse().expect("a URL");
    let request = || Request { url: &url, headers: vec![("X-First", "1".to_owned())], body: "hello".to_owned() };
    client().post(request).await
}

#[tokio::test]
async fn a_call_sends_headers_and_body_and_returns_status_and_body() {
    let answer = call(&format!("{}/echo", serve().await)).await.expect("an answer");
    assert_eq!(answer.status, 201);
    let expected = format!("sms-login/{} 1 - hello", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&answer.body), expected);
}

#[tokio::test]
async fn an_answer_has_at_most_64_kib() {
    let server = serve().await;
    assert_eq!(call(&format!("{server}/full")).await.expect("an answer").body.len(), 64 * KIB);
    assert!(matches!(call(&format!("{server}/large")).await, Err(CallError::TooLarge)));
}

#[tokio::test]
async fn a_status_counts_even_if_the_body_is_long_or_does_not_end() {
    let server = serve().await;
    for (path, status) in [("echo", 201), ("large", 200), ("endless", 200)] {
        let url: Url = format!("{server}/{path}").parse().expect("a URL");
        let request = || Request { url: &url, headers: Vec::new(), body: String::new() };
        assert_eq!(client().post_for_status(request).await.expect("a status"), status, "{path}");
    }
}

/// A redirect would take a code to another address.
#[tokio::test]
async fn redirects_are_not_followed() {
    assert_eq!(call(&format!("{}/moved", serve().await)).await.expect("an answer").status, 307);
}

/// Waits for the real time-out, one second.
#[tokio::test]
async fn a_call_without_an_answer_times_out() {
    assert!(matches!(call(&format!("{}/never", serve().await)).await, Err(CallError::TimedOut(_))));
}

/// A signature contains the time, so each attempt needs its own.
#[tokio::test]
async fn a_retry_builds_the_request_again() {
    // The server closes each connection during the TLS handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url: Url = format!("https://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let server = tokio::spawn(async move { while listener.accept().await.is_ok() {} });

    let built = Arc::new(AtomicUsize::new(0));
    let request = || {
        let number = built.fetch_add(1, Ordering::SeqCst);
        Request { url: &url, headers: vec![("X-First", number.to_string())], body: String::new() }
    };
    let error = client().post(request).await.expect_err("no connection");
    assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
    assert_eq!(built.load(Ordering::SeqCst), 2);
    server.abort();
}

#[tokio::test]
async fn errors_do_not_contain_the_path_or_the_body() {
    let error = call("http://127.0.0.1:1/secret-path").await.expect_err("a closed port");
    let causes = std::iter::successors(Some(&error as &(dyn Error + 'static)), |error| (*error).source());
    let texts: Vec<String> = causes.map(|error| format!("{error} {error:?}")).collect();
    let text = texts.join("\n");
    assert!(!text.contains("secret-path") && !text.contains("hello"), "{text}");
}

#[test]
fn header_values_have_no_line_breaks() {
    check_header_value("ap-guangzhou").expect("plain text");
    check_header_value("a\r\nx-evil: 1").expect_err("two lines");
}
