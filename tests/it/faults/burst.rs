//! A burst of more requests than the server can hold: the excess is rejected at once, and the rest is served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Stage;
use crate::app::{ASK, LOGIN, phone};
use crate::problems::{folded, with_fragment};
use crate::process::Server;
use crate::processes::code_of;
use crate::tencent_stub::Behaviour;

const PLACES: usize = 20;
const BURST: usize = 100;

/// The status, the `Retry-After` header, and the body.
type Answer = (u16, Option<String>, Value);

/// Sends the requests at the same time.
fn send_all(server: &Server, document: &str, inputs: impl Iterator<Item = Value>) -> JoinSet<Answer> {
    let client = reqwest::Client::builder().build().expect("a client");
    let url = format!("{}/graphql", server.base);
    let requests = inputs.map(|input| {
        let body = json!({ "query": with_fragment(document), "variables": { "input": input } }).to_string();
        client.post(&url).header(header::CONTENT_TYPE, "application/json").body(body).send()
    });
    let answer = async |answer: reqwest::Response| {
        let retry = answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str().expect("text").to_owned());
        let (status, body) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        (status, retry, folded(serde_json::from_str(&body).expect("JSON")))
    };
    requests.map(|request| async move { answer(request.await.expect("an answer")).await }).collect()
}

fn assert_rejected((status, retry, body): &Answer) {
    assert_eq!((*status, retry.as_deref(), code_of(body)), (503, Some("2"), "UNAVAILABLE"), "{body}");
    assert_eq!(body["errors"][0]["extensions"]["retryAfterSeconds"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_past_the_capacity_are_rejected_at_once_and_send_nothing() {
    let mut stage = Stage::new().await;
    stage.env.insert("MAX_OPERATIONS".to_owned(), PLACES.to_string());
    stage.env.insert("METRICS_ADDR".to_owned(), "127.0.0.1:0".to_owned());
    let server = Server::start(&stage.env);
    stage.sms.set(Behaviour::Stall);
    let phones: Vec<String> = (0..BURST).map(|_| phone()).collect();
    let before = stage.sms.requests();

    let begun = Instant::now();
    let mut answers = send_all(&server, ASK, phones.iter().map(|phone| json!({ "phone": phone })));
    for _ in 0..BURST - PLACES {
        assert_rejected(&answers.join_next().await.expect("an answer").expect("the task ends"));
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "they were rejected after {:?}", begun.elapsed());

    assert_eq!((server.get("/healthz").await.0, server.get("/readyz").await.0), (200, 200));
    let shed = format!("sms_login_requests_shed_total{{full=\"operations\"}} {}", BURST - PLACES);
    let page = server.metrics().await;
    assert!(page.contains(&shed), "{shed}\n{page}");

    for (status, _, body) in answers.join_all().await {
        assert_eq!((status, code_of(&body)), (200, "SMS_SEND_FAILED"));
    }
    assert_eq!(stage.sms.requests() - before, PLACES, "a rejected request sends nothing, and no send is repeated");

    stage.sms.set(Behaviour::Accept);
    stage.recovers(&server).await;
}

/// The database hangs, so logins with the same code pile up. When it is back, the code works once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_logins_during_a_hang_leaves_the_code_valid_once() {
    let mut stage = Stage::new().await;
    stage.env.insert("MAX_OPERATIONS".to_owned(), PLACES.to_string());
    let server = Arc::new(Server::start(&stage.env));
    let input = stage.login_input(&server, &phone()).await;

    stage.mariadb.pause();
    let answers = send_all(&server, LOGIN, std::iter::repeat_n(input.clone(), BURST)).join_all().await;
    let rejected = answers.iter().filter(|(status, ..)| *status == 503).inspect(|answer| assert_rejected(answer));
    assert!(rejected.count() > 0, "more logins than places");
    assert!(answers.iter().all(|(.., body)| ["UNAVAILABLE", "CODE_EXPIRED"].contains(&code_of(body))), "{answers:?}");
    stage.mariadb.resume();

    let answers = send_all(&server, LOGIN, std::iter::repeat_n(input, PLACES / 2)).join_all().await;
    let succeeded = answers.iter().filter(|(.., body)| body["errors"].is_null()).count();
    assert_eq!(succeeded, 1, "{answers:?}");
}
