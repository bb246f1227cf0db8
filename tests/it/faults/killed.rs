//! Servers that are killed or terminated while requests run. Other servers finish what they began.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection;
use tokio::task::JoinSet;

use super::Stage;
use crate::app::{ASK, LOGIN, phone};
use crate::problems::with_fragment;
use crate::process::Server;
use crate::processes::code_of;

const USERS: usize = 40;
/// A claim that a killed server left behind ends after ten seconds.
const CLAIM_ENDS: Duration = Duration::from_secs(12);

async fn count(stage: &Stage, statement: &'static str) -> i64 {
    let mut connection = sqlx::MySqlConnection::connect(&stage.database).await.expect("a connection");
    sqlx::query_scalar(statement).fetch_one(&mut connection).await.expect("a count")
}

async fn count_users(stage: &Stage) -> (i64, i64) {
    (count(stage, "SELECT COUNT(*) FROM users").await, count(stage, "SELECT COUNT(*) FROM sessions").await)
}

/// Sends a login, and returns its answer, or `None` if the connection breaks.
async fn try_login(base: &str, input: &Value) -> Option<Value> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let body = json!({ "query": with_fragment(LOGIN), "variables": { "input": input } }).to_string();
    let request = client.post(format!("{base}/graphql")).header("content-type", "application/json").body(body);
    let text = request.send().await.ok()?.text().await.ok()?;
    Some(crate::problems::folded(serde_json::from_str(&text).expect("JSON")))
}

/// Repeats a login until it succeeds, and returns how long that took.
async fn finish_login(server: &Server, input: &Value) -> Duration {
    let begun = Instant::now();
    loop {
        let answer = server.run(None, LOGIN, json!({ "input": input })).await;
        if answer["errors"].is_null() {
            return begun.elapsed();
        }
        assert_eq!(code_of(&answer), "CODE_EXPIRED", "{answer}");
        assert!(begun.elapsed() < CLAIM_ENDS, "the claim of a killed server does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The server dies while its transaction hangs: it has claimed the code, and consumed nothing. With an idempotency key, the
/// repeated request shares its claim and need not wait for the claim's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_finishes_the_sign_in_of_a_killed_one() {
    let stage = Stage::new().await;
    let (one, other) = (Server::start(&stage.env), Server::start(&stage.env));
    let without_key = stage.login_input(&one, &phone()).await;
    let mut with_key = stage.login_input(&one, &phone()).await;
    with_key["idempotencyKey"] = "a key of the client".into();

    stage.mariadb.pause();
    let attempts: JoinSet<_> = [&without_key, &with_key]
        .map(|input| {
            let (base, input) = (one.base.clone(), input.clone());
            async move { try_login(&base, &input).await }
        })
        .into_iter()
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(one);
    assert!(attempts.join_all().await.iter().all(Option::is_none), "the server was killed before it answered");
    stage.mariadb.resume();

    let quick = finish_login(&other, &with_key).await;
    assert!(quick < Duration::from_secs(2), "the shared claim works at once, not after {quick:?}");
    let slow = finish_login(&other, &without_key).await;
    assert!(slow > Duration::from_secs(2), "the code was claimed");
    assert_eq!(count_users(&stage).await, (2, 2), "no half-made user, and no session twice");

    let again = other.run(None, LOGIN, json!({ "input": without_key })).await;
    assert_eq!(code_of(&again), "CODE_EXPIRED", "the code is used");
}

/// Forty users sign in, and their server is killed somewhere in the middle. They repeat their requests elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ups_survive_a_server_that_is_killed_under_load() {
    let stage = Stage::new().await;
    let (one, other) = (Server::start(&stage.env), Arc::new(Server::start(&stage.env)));
    let mut inputs = Vec::new();
    for number in 0..USERS {
        let mut input = stage.login_input(&one, &phone()).await;
        input["idempotencyKey"] = format!("the key of client {number}").into();
        inputs.push(input);
    }

    let attempts: JoinSet<_> = inputs
        .iter()
        .map(|input| {
            let (base, input) = (one.base.clone(), input.clone());
            async move { try_login(&base, &input).await.is_some() }
        })
        .collect();
    // The first users are stored, and the last are not.
    while count_users(&stage).await.0 < 3 {}
    drop(one);
    let answered = attempts.join_all().await.into_iter().filter(|answered| *answered).count();
    assert!(answered < USERS, "the server was killed before it answered all");

    let finished: JoinSet<_> = inputs
        .into_iter()
        .map(|input| {
            let other = Arc::clone(&other);
            async move { finish_login(&other, &input).await }
        })
        .collect();
    finished.join_all().await;
    let users = i64::try_from(USERS).expect("a number");
    assert_eq!(count_users(&stage).await, (users, users));
}

/// Requests arrive on new connections all the time. A client whose request was accepted gets its answer: what gets no answer
/// was not done either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_no_accepted_request() {
    let stage = Arc::new(Stage::new().await);
    let server = Server::start(&stage.env);
    let clients: JoinSet<_> = (0..20)
        .map(|_| {
            let base = server.base.clone();
            async move {
                let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
                let mut answered = Vec::new();
                loop {
                    let phone = phone();
                    let body = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": phone } } });
                    let request = client.post(format!("{base}/graphql")).header("content-type", "application/json");
                    let Ok(answer) = request.body(body.to_string()).send().await else {
                        return (answered, phone);
                    };
                    let text = answer.text().await.expect("the whole answer");
                    assert!(text.contains("challengeId"), "{text}");
                    answered.push(phone);
                }
            }
        })
        .collect();
    while stage.sms.requests() < 60 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.terminate();

    let sent: Vec<String> = {
        let clients = clients.join_all().await;
        let sent: Vec<String> = stage.sms.messages().into_iter().map(|message| message.phone).collect();
        for (answered, unanswered) in &clients {
            assert!(answered.iter().all(|phone| sent.iter().filter(|sent| *sent == phone).count() == 1));
            assert!(!sent.contains(unanswered), "an SMS was sent, but its request got no answer");
        }
        sent
    };
    assert!(sent.len() >= 60);
    let (status, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert!(status.success(), "{log}");
}
