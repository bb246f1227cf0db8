//! The webhook sender against a stand-in for an operator's gateway, which verifies each signature independently.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sms_login::channel::Channel;
use sms_login::clock::{Clock, ManualClock, SystemClock};
use sms_login::code::Code;
use sms_login::locale::Locale;
use sms_login::outbound::Timeouts;
use sms_login::phone::PhoneNumber;
use sms_login::purpose::Purpose;
use sms_login::sms::webhook::{WebhookConfig, WebhookSecret, WebhookSms, WebhookUrl};
use sms_login::sms::{Acceptance, CodeMessage, MessageSender, Progress, ProviderWait, SendError, SendOutcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{ASK, START, Stores, TestApp, phone};
use crate::problems::with_fragment;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PHONE: &str = "+8613711112222";

/// The signature of a request, as the Standard Webhooks specification defines it.
pub(crate) fn signature(id: &str, timestamp: &str, body: &str) -> String {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
    let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(signed))
}

/// A running gateway. It answers 401 to requests that are not signed correctly.
pub(crate) struct Gateway {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

/// How the gateway fails to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It does not answer.
    Stall,
    /// It closes the connection before the answer is complete.
    Reset,
    /// Its answer arrives a byte at a time.
    Trickle,
    /// Its answer does not end.
    Flood,
}

struct Shared {
    fault: Mutex<Option<Fault>>,
    requests: AtomicUsize,
    answer: Mutex<(u16, String)>,
    messages: Mutex<Vec<Value>>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            fault: Mutex::default(),
            requests: AtomicUsize::new(0),
            answer: Mutex::new((200, String::new())),
            messages: Mutex::default(),
        });
        let router = Router::new().route("/sms", post(answer)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/sms", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(crate) fn set(&self, status: u16, body: &str) {
        *self.shared.fault.lock().expect("the fault") = None;
        *self.shared.answer.lock().expect("the answer") = (status, body.to_owned());
    }

    /// Makes the gateway fail, until `set` is called.
    pub(crate) fn fail(&self, fault: Fault) {
        *self.shared.fault.lock().expect("the fault") = Some(fault);
    }

    /// Returns the number of requests.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Returns the bodies of genuine requests, oldest first.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.shared.messages.lock().expect("messages").clone()
    }
}

/// Returns an answer that fails.
async fn failed(fault: Fault) -> Response {
    let chunks = match fault {
        Fault::Stall => std::future::pending().await,
        Fault::Reset => vec!["{", ""],
        Fault::Trickle => vec![" "; 64],
        Fault::Flood => vec!["0123456789abcdef0123456789abcdef0123456789abcdef"; 4096],
    };
    let pause = if matches!(fault, Fault::Trickle) { Duration::from_millis(50) } else { Duration::ZERO };
    let chunks = stream::iter(chunks).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        if chunk.is_empty() { Err(std::io::Error::other("reset")) } else { Ok(chunk) }
    });
    Body::from_stream(chunks).into_response()
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let fault = *shared.fault.lock().expect("the fault");
    if let Some(fault) = fault {
        return failed(fault).await;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    if header("webhook-signature") != signature(&id, &timestamp, &text) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    assert_eq!(header("content-type"), "application/json");
    // Servers in the test's process have its clock, and other processes have the machine's clock.
    let timestamp: jiff::Timestamp = jiff::Timestamp::from_second(timestamp.parse().expect("seconds")).expect("a time");
    let is_close = |now: jiff::Timestamp| timestamp.duration_since(now).abs() < jiff::SignedDuration::from_secs(60);
    assert!(timestamp == START.parse().expect("a time") || is_close(SystemClock.now()), "{timestamp}");

    let message: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(message["id"], id);
    shared.messages.lock().expect("messages").push(message);
    let (status, body) = shared.answer.lock().expect("the answer").clone();
    (StatusCode::from_u16(status).expect("a status"), body).into_response()
}

fn sender(url: &str, secret: &str) -> WebhookSms {
    let config = WebhookConfig {
        url: WebhookUrl::parse(url).expect("a URL"),
        secret: WebhookSecret::parse(secret).expect("a secret"),
        notices: Vec::new(),
        timeouts: Timeouts { connect: Duration::from_millis(200), whole: Duration::from_millis(500) },
    };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(START.parse().expect("a time")));
    WebhookSms::new(config, clock).expect("a sender")
}

async fn send(sender: &WebhookSms) -> Result<SendOutcome, SendError> {
    let phone = PhoneNumber::from_e164(PHONE.to_owned()).expect("a phone number");
    let (code, locale) = (Code::parse("012345").expect("a code"), Locale::parse("zh-CN").expect("a tag"));
    let message = CodeMessage {
        id: "message-1",
        phone: &phone,
        code: &code,
        purpose: Purpose::ChangePhone,
        channel: Channel::Sms,
        valid_for: Duration::from_mins(5),
        expires_at: "2026-03-01T04:05:00Z".parse().expect("a time"),
        locale: Some(&locale),
        reference: Some("transfer:9981"),
        app_hash: Some("FA+9qCX9VSu"),
    };
    sender.send(&message).await
}

fn accepted(progress: Progress) -> SendOutcome {
    SendOutcome::Accepted(Acceptance { serial: Some("message-1".to_owned()), units: 1, progress })
}

#[test]
fn the_stand_in_signs_as_the_specification_says() {
    let signed = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn a_message_is_signed_and_has_every_field() {
    let gateway = Gateway::start().await;
    gateway.set(202, r#"{"message_id":"7"}"#);
    assert_eq!(send(&sender(&gateway.url, SECRET)).await.expect("sent"), accepted(Progress::Queued));
    let expected = json!({
        "id": "message-1", "phone": PHONE, "code": "012345", "purpose": "CHANGE_PHONE", "locale": "zh-CN",
        "expires_at": "2026-03-01T04:05:00Z", "reference": "transfer:9981", "app_hash": "FA+9qCX9VSu",
    });
    assert_eq!(gateway.messages(), [expected]);
}

#[tokio::test]
async fn another_secret_needs_an_operator() {
    let gateway = Gateway::start().await;
    let wrong = sender(&gateway.url, "whsec_c3RhbmQtaW4tc2VjcmV0LW5ldmVyLXNob3du");
    assert!(matches!(send(&wrong).await, Err(SendError::NeedsOperator { code, .. }) if code == "HTTP 401"));
    assert!(wrong.check().await.is_err());
    assert_eq!(gateway.messages().len(), 0);
}

#[tokio::test]
async fn a_check_sends_no_message() {
    let gateway = Gateway::start().await;
    sender(&gateway.url, SECRET).check().await.expect("the gateway accepts the signature");
    let [checked] = gateway.messages().try_into().expect("one request");
    assert_eq!((&checked["check"], &checked["phone"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn answers_that_reject_a_message_are_outcomes() {
    let gateway = Gateway::start().await;
    let sender = sender(&gateway.url, SECRET);
    let wait = |seconds| SendOutcome::RateLimited(ProviderWait::For(Duration::from_secs(seconds)));
    for (status, body, outcome) in [
        (400, r#"{"reason":"invalid_phone"}"#, SendOutcome::InvalidPhone),
        (422, r#"{"reason":"number_blocked","more":1}"#, SendOutcome::NumberBlocked),
        (403, r#"{"reason":"region_not_allowed","retry_after":null}"#, SendOutcome::RegionNotAllowed),
        (429, r#"{"reason":"rate_limited","retry_after":90}"#, wait(90)),
        (400, r#"{"reason":"rate_limited"}"#, wait(30)),
        (429, r#"{"reason":"rate_limited","retry_after":18446744073709551615}"#, wait(86400)),
        (200, "anything", accepted(Progress::Accepted)),
    ] {
        gateway.set(status, body);
        assert_eq!(send(&sender).await.expect("an outcome"), outcome, "{status} {body}");
    }
}

#[tokio::test]
async fn other_answers_are_failures_of_the_right_kind() {
    let gateway = Gateway::start().await;
    let sender = sender(&gateway.url, SECRET);
    for (status, body, kind) in [
        (429, "", "Failed"),
        (503, r#"{"reason":"invalid_phone"}"#, "Failed"),
        (400, r#"{"reason":"a mood"}"#, "NeedsOperator"),
        (404, "<html>", "NeedsOperator"),
        (422, r#"{"reason":"rate_limited","retry_after":-1}"#, "NeedsOperator"),
        (500, "", "Ambiguous"),
        (502, r#"{"reason":"invalid_phone"}"#, "Ambiguous"),
        (307, "", "Ambiguous"),
    ] {
        gateway.set(status, body);
        let error = format!("{:?}", send(&sender).await.expect_err("a failure"));
        assert!(error.starts_with(kind), "{status} {body}: {error}");
        assert!(!error.contains("012345") && !error.contains(PHONE), "{error}");
    }
}

/// Starts a server that does `fault` with each connection after it has read a part of the request.
async fn faulty<F: Future<Output = ()> + Send>(fault: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut part = [0; 64];
            if stream.read(&mut part).await.is_ok() {
                fault(stream).await;
            }
        }
    });
    url
}

#[tokio::test]
async fn a_connection_that_fails_after_the_request_is_ambiguous() {
    let write = async |mut stream: TcpStream, text: &str| {
        stream.write_all(text.as_bytes()).await.expect("written");
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    let urls = [
        faulty(async |stream| drop(stream)).await,
        faulty(async |stream| stream.set_zero_linger().expect("a reset")).await,
        faulty(async |_stream| tokio::time::sleep(Duration::from_secs(2)).await).await,
        faulty(move |stream| write(stream, "hello\r\n\r\n")).await,
        faulty(move |stream| write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")).await,
    ];
    for (fault, url) in ["close", "reset", "stall", "garbage", "slow body"].into_iter().zip(urls) {
        let outcome = send(&sender(&url, SECRET)).await;
        assert!(matches!(outcome, Err(SendError::Ambiguous(_))), "{fault}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    assert!(matches!(send(&sender(&url, SECRET)).await, Err(SendError::Unreachable(_))));
}

#[tokio::test]
async fn a_user_signs_in_with_a_code_from_a_webhook() {
    let gateway = Gateway::start().await;
    let route =
        format!("[[route]]\nname = 'own'\nprovider = 'webhook'\nurl = '{}'\nsecret = '{SECRET}'\n", gateway.url);
    let app = TestApp::on(Stores::Embedded).routes(route).start().await;

    let phone = phone();
    let asked = app.anonymous().run(ASK, json!({ "input": { "phone": phone } })).await;
    let message = gateway.messages().pop().expect("a message");
    assert_eq!((&message["phone"], &message["purpose"]), (&json!(phone), &json!("LOGIN")));
    assert_eq!(message["expires_at"], asked.data("requestCode")["expiresAt"]);
    let id = asked.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
    let code = message["code"].as_str().expect("a code").to_owned();
    assert!(app.anonymous().login(&phone, &code, &id).await.data("login")["accessToken"].is_string());

    let key = "0123456789abcdef";
    let mut input =
        json!({ "phone": crate::app::phone(), "locale": "en", "appHash": "FA+9qCX9VSu", "idempotencyKey": key });
    app.anonymous().run(ASK, json!({ "input": input })).await.data("requestCode");
    let message = gateway.messages().pop().expect("a message");
    assert_eq!((&message["locale"], &message["app_hash"]), (&json!("en"), &json!("FA+9qCX9VSu")));
    input["locale"] = json!("zh");
    assert_eq!(app.anonymous().run(ASK, json!({ "input": input })).await.code(), "BAD_INPUT", "other arguments");

    let body = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": crate::app::phone() } } });
    let request = Request::post("/graphql").header("content-type", "application/json");
    let request = request.header("accept-language", "de;q=0.8, zh-TW, *;q=0.1");
    app.anonymous().send(request.body(Body::from(body.to_string())).expect("a request")).await;
    assert_eq!(gateway.messages().pop().expect("a message")["locale"], "zh-TW");

    gateway.set(403, r#"{"reason":"number_blocked"}"#);
    let blocked = app.anonymous().run(ASK, json!({ "input": { "phone": crate::app::phone() } })).await;
    assert_eq!(blocked.code(), "NUMBER_BLOCKED");
}
