//! Clients whose answers get lost on the way: they repeat their requests with the same idempotency keys, through another
//! server than before.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::header;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{ASK, LOGIN, REFRESH, phone};
use crate::problems::with_fragment;
use crate::process::{Server, stub};
use crate::processes::two_servers;
use crate::tencent_stub::TencentStub;

const KEY: &str = "a key of the client";
const MANY: usize = 20;

/// How a proxy loses an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// It reads the answer and drops it.
    OfAnswer = 1,
    /// It closes both connections when the server has the request, and does not wait for the answer.
    OfConnection = 2,
}

/// A proxy in front of a server that loses every answer.
struct LossyProxy {
    base: String,
    loss: Arc<AtomicU8>,
    /// The last answer that was dropped.
    dropped: Arc<Mutex<String>>,
    client: reqwest::Client,
    _stop: DropGuard,
}

impl LossyProxy {
    async fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let upstream = server.base.strip_prefix("http://").expect("an address").to_owned();
        let (loss, dropped) = (Arc::new(AtomicU8::new(Loss::OfAnswer as u8)), Arc::new(Mutex::new(String::new())));
        let stop = CancellationToken::new();

        let (shared_loss, shared_dropped, stopped) = (Arc::clone(&loss), Arc::clone(&dropped), stop.clone());
        tokio::spawn(stopped.run_until_cancelled_owned(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let server = TcpStream::connect(&upstream).await.expect("the server listens");
                let loses_connection = shared_loss.load(Ordering::SeqCst) == Loss::OfConnection as u8;
                let answer = lose(client, server, loses_connection).await;
                *shared_dropped.lock().expect("a text") = answer;
            }
        }));
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        Self { base, loss, dropped, client, _stop: stop.drop_guard() }
    }

    /// Sends a request whose answer gets lost. Returns the answer if the proxy read it.
    async fn lose(&self, loss: Loss, query: &str, input: &Value) -> String {
        self.loss.store(loss as u8, Ordering::SeqCst);
        self.dropped.lock().expect("a text").clear();
        let body = json!({ "query": with_fragment(query), "variables": { "input": input } }).to_string();
        let request = self.client.post(format!("{}/graphql", self.base));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        request.send().await.expect_err("the answer is lost");
        self.dropped.lock().expect("a text").clone()
    }
}

/// Forwards one request, and loses its answer.
async fn lose(mut client: TcpStream, mut server: TcpStream, loses_connection: bool) -> String {
    let mut request = Vec::new();
    while !is_whole(&request) {
        client.read_buf(&mut request).await.expect("a part of the request");
    }
    server.write_all(&request).await.expect("the server reads");
    let mut answer = Vec::new();
    while !loses_connection && !is_whole(&answer) {
        server.read_buf(&mut answer).await.expect("a part of the answer");
    }
    String::from_utf8(answer).expect("UTF-8")
}

/// Returns whether a message of HTTP/1.1 with a `Content-Length` is whole.
fn is_whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message).into_owned();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map(|(_, value)| value.parse().expect("a length")).next().expect("a length");
    message.len() >= head.len() + 4 + length
}

fn messages(sms: &TencentStub, phone: &str) -> usize {
    sms.messages().iter().filter(|message| message.phone == phone).count()
}

async fn run(server: &Server, query: &str, input: &Value, field: &str) -> Value {
    let answer = server.run(None, query, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"][field].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn sessions(server: &Server, token: &Value) -> usize {
    let answer = server.run(Some(text(token)), "{ me { sessions { id } } }", json!({})).await;
    answer["data"]["me"]["sessions"].as_array().unwrap_or_else(|| panic!("{answer}")).len()
}

/// Without a grace period, only the key makes a refresh repeatable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_loses_every_first_answer_gets_one_sms_and_one_session() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[("REFRESH_GRACE", "0s")]);
    let [one, other] = &*servers;
    let proxies = [LossyProxy::start(one).await, LossyProxy::start(other).await];
    for loss in [Loss::OfAnswer, Loss::OfConnection] {
        let phone = phone();
        let request = json!({ "phone": phone, "idempotencyKey": KEY });
        let lost = proxies[0].lose(loss, ASK, &request).await;
        let sent = run(other, ASK, &request, "requestCode").await;
        assert_eq!(run(one, ASK, &request, "requestCode").await, sent);
        assert!(loss == Loss::OfConnection || lost.contains(text(&sent["challengeId"])), "{lost}");
        assert_eq!(messages(&sms, &phone), 1);

        let code = sms.last_code_for(&phone).expect("a code");
        let login = json!({ "phone": phone, "code": code, "challengeId": sent["challengeId"], "idempotencyKey": KEY });
        let lost = proxies[1].lose(loss, LOGIN, &login).await;
        let first = run(one, LOGIN, &login, "login").await;
        let again = run(other, LOGIN, &login, "login").await;
        assert!(loss == Loss::OfConnection || lost.contains(text(&first["refreshToken"])), "{lost}");
        assert_eq!((&again["refreshToken"], &again["isNewUser"]), (&first["refreshToken"], &json!(true)));

        let refresh = json!({ "refreshToken": first["refreshToken"], "idempotencyKey": KEY });
        let lost = proxies[0].lose(loss, REFRESH, &refresh).await;
        let next = run(other, REFRESH, &refresh, "refreshSession").await;
        let again = run(one, REFRESH, &refresh, "refreshSession").await;
        assert!(loss == Loss::OfConnection || lost.contains(text(&next["refreshToken"])), "{lost}");
        assert_eq!(again["refreshToken"], next["refreshToken"]);
        assert_eq!(sessions(other, &again["accessToken"]).await, 1);

        let successor = json!({ "refreshToken": next["refreshToken"] });
        let newest = run(one, REFRESH, &successor, "refreshSession").await;
        assert_eq!(sessions(one, &newest["accessToken"]).await, 1);
    }
}

/// Runs the request many times at once, half of them on each server.
async fn run_at_once(
    servers: &Arc<[Server; 2]>,
    query: &'static str,
    input: &Value,
    field: &'static str,
) -> Vec<Value> {
    let calls: Vec<_> = (0..MANY)
        .map(|number| {
            let (servers, input) = (Arc::clone(servers), input.clone());
            tokio::spawn(async move { run(&servers[number % 2], query, &input, field).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("an answer"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_requests_with_one_key_are_one_on_two_servers() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[("REFRESH_GRACE", "0s")]);
    let phone = phone();
    let request = json!({ "phone": phone, "idempotencyKey": KEY });
    let sent = run_at_once(&servers, ASK, &request, "requestCode").await;
    assert!(sent.iter().all(|answer| *answer == sent[0]), "{sent:?}");
    assert_eq!(messages(&sms, &phone), 1);

    let code = sms.last_code_for(&phone).expect("a code");
    let login = json!({ "phone": phone, "code": code, "challengeId": sent[0]["challengeId"], "idempotencyKey": KEY });
    let signed_in = run_at_once(&servers, LOGIN, &login, "login").await;
    let token = &signed_in[0]["refreshToken"];
    assert!(signed_in.iter().all(|answer| answer["refreshToken"] == *token && answer["isNewUser"] == true));

    let refresh = json!({ "refreshToken": token, "idempotencyKey": KEY });
    let refreshed = run_at_once(&servers, REFRESH, &refresh, "refreshSession").await;
    assert!(refreshed.iter().all(|answer| answer["refreshToken"] == refreshed[0]["refreshToken"]));
    assert_eq!(sessions(&servers[0], &refreshed[MANY - 1]["accessToken"]).await, 1);
}

/// The first SMS was late. Both codes are submitted many times at once, on both servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_simultaneous_logins_with_both_codes_of_a_resend_one_succeeds() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[("SEND_COOLDOWN", "0s")]);
    let phone = phone();
    let first = run(&servers[0], ASK, &json!({ "phone": phone }), "requestCode").await;
    let late = sms.last_code_for(&phone).expect("a code");
    let resend = json!({ "phone": phone, "resendOf": first["challengeId"] });
    let second = run(&servers[1], ASK, &resend, "requestCode").await;
    let codes = [late, sms.last_code_for(&phone).expect("a code")];

    let calls: Vec<_> = (0..MANY)
        .map(|number| {
            let input = json!({ "phone": phone, "code": codes[number % 2], "challengeId": second["challengeId"] });
            let servers = Arc::clone(&servers);
            tokio::spawn(async move { servers[number / 2 % 2].run(None, LOGIN, json!({ "input": input })).await })
        })
        .collect();
    let mut succeeded = 0;
    for call in calls {
        let answer = call.await.expect("an answer");
        if answer["errors"].is_null() {
            succeeded += 1;
        } else {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "CODE_EXPIRED");
        }
    }
    assert_eq!(succeeded, 1);
}
