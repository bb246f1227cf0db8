//! The export of traces by OTLP: a collector on loopback gets the spans of a sign-in, in the caller's trace, without secrets.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::net::TcpListener;

use crate::app::{ASK, phone};
use crate::problems::with_fragment;
use crate::process::{Server, shared_env, stub};
use crate::servers;

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// The bodies of all exports, joined.
type Exported = Arc<Mutex<Vec<u8>>>;

async fn collector() -> (String, Exported) {
    async fn collect(State(exported): State<Exported>, body: Bytes) {
        exported.lock().expect("the exports").extend_from_slice(&body);
    }
    let exported = Exported::default();
    let router = Router::new().route("/v1/traces", post(collect)).with_state(Arc::clone(&exported));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, exported)
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_the_spans_of_a_request_in_the_trace_of_its_caller() {
    let (url, exported) = collector().await;
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), url);
    let server = Server::start(&env);

    let phone = phone();
    let body = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": phone } } }).to_string();
    let client = reqwest::Client::builder().build().expect("a client");
    let request = client.post(format!("{}/graphql", server.base)).header(CONTENT_TYPE, "application/json");
    let request = request.header("traceparent", format!("00-{TRACE_ID}-b7ad6b7169203331-01"));
    let answer = request.body(body).send().await.expect("an answer").text().await.expect("a body");
    assert!(answer.contains("challengeId"), "{answer}");
    server.terminate();
    let (status, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert!(status.success(), "{log}");

    let exported = exported.lock().expect("the exports");
    let trace_id = u128::from_str_radix(TRACE_ID, 16).expect("an id").to_be_bytes();
    assert!(contains(&exported, &trace_id), "the trace of the caller goes on");
    let masked = format!("{}****{}", &phone[..6], &phone[10..]);
    for what in ["sms-login", "requestCode", "graphql.outcome", "ok", &masked] {
        assert!(contains(&exported, what.as_bytes()), "{what}\n{}", String::from_utf8_lossy(&exported));
    }
    let code = sms.last_code_for(&phone).expect("a code");
    for secret in [phone.trim_start_matches("+86"), &code] {
        assert!(!contains(&exported, secret.as_bytes()), "{secret} is in a trace");
    }
}

/// Operators must not wait for traces that never arrive. Requests work meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_no_spans_is_logged() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    let closed = format!("http://127.0.0.1:{}", servers::unused_port());
    env.insert("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), closed);
    env.insert("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "100".to_owned());
    let server = Server::start(&env);
    let phone = phone();
    let answer = server.run(None, ASK, json!({ "input": { "phone": phone } })).await;
    assert!(answer["errors"].is_null(), "{answer}");

    let line = server.printed_line("opentelemetry").await;
    assert!(line.contains("xport") && !line.contains(&phone[6..]), "{line}");
}
