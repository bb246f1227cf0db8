//! A stand-in for Tencent Cloud on loopback. It checks each request as Tencent Cloud does, and can be set to misbehave.
//!
//! It shares no code with the crate: `check` computes the signature independently, from the request as it arrived.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use http_body_util::{BodyExt, Full};
use serde_json::json;
use sms_login::clock::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) mod captcha;
mod check;

pub(crate) const SECRET_ID: &str = "stub-secret-id";
/// The serial number of every message.
pub(crate) const SERIAL: &str = "5000:1045710669157053657849499619";
pub(crate) const SECRET_KEY: &str = "stub-secret-key-never-shown";
pub(crate) const REGION: &str = "ap-guangzhou";
pub(crate) const SDK_APP_ID: &str = "1400000001";
pub(crate) const SIGN_NAME: &str = "腾讯云示例";

/// Has two parameters, as have the next three.
pub(crate) const LOGIN_TEMPLATE: &str = "100001";
pub(crate) const CHANGE_PHONE_TEMPLATE: &str = "100002";
pub(crate) const DELETE_ACCOUNT_TEMPLATE: &str = "100003";
pub(crate) const VERIFY_TEMPLATE: &str = "100004";

/// Has one parameter.
pub(crate) const CODE_ONLY_TEMPLATE: &str = "100005";

/// Has no parameters.
pub(crate) const NOTICE_TEMPLATE: &str = "100007";

/// The id of the voice application.
pub(crate) const VOICE_APP_ID: &str = "1400000002";

/// Has three parameters, the last of them a text.
pub(crate) const REFERENCE_TEMPLATE: &str = "100006";

pub(crate) const REQUEST_ID: &str = "5e1f0a3c-stub-request";

/// The answer to valid requests. Invalid requests always get the error that they would get from Tencent Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// The SMS is sent.
    Accept,
    /// This code in `SendStatusSet`.
    Status(String),
    /// This code in `Response.Error`.
    Error(String),
    /// No answer.
    Stall,
    /// A part of an answer, then the connection is closed.
    BreakOff,
    /// HTML, with status 200.
    Nonsense,
    /// This JSON, with status 200.
    Json(String),
    /// This HTTP status, a line of HTML, and a `Location` for the case of a redirect.
    Http(u16),
    /// This HTTP status, and this code in `Response.Error`.
    HttpWithError(u16, String),
    /// A correct answer after a megabyte of spaces.
    Huge,
    /// A correct answer, a byte every 50 ms.
    Slow,
}

/// An SMS that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) phone: String,
    pub(crate) template: String,
    pub(crate) params: Vec<String>,
    pub(crate) sign_name: Option<String>,
}

/// A call that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) phone: String,
    pub(crate) code: String,
    pub(crate) play_times: Option<u8>,
}

/// A report that a code was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) serial: String,
    pub(crate) time: i64,
}

/// A running stand-in. It stops when it is dropped.
pub(crate) struct TencentStub {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    clock: Arc<dyn Clock>,
    host: String,
    behaviour: Mutex<Behaviour>,
    messages: Mutex<Vec<Message>>,
    calls: Mutex<Vec<Call>>,
    reports: Mutex<Vec<Report>>,
    captcha: captcha::State,
    requests: AtomicUsize,
    connections: AtomicUsize,
    stopped: CancellationToken,
}

impl TencentStub {
    /// Starts a stand-in on a free port of loopback. It accepts messages, and checks timestamps with `clock`.
    pub(crate) async fn start(clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stopped = CancellationToken::new();
        let shared = Arc::new(Shared {
            clock,
            host: address.to_string(),
            behaviour: Mutex::new(Behaviour::Accept),
            messages: Mutex::default(),
            calls: Mutex::default(),
            reports: Mutex::default(),
            captcha: captcha::State::default(),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            stopped: stopped.clone(),
        });

        let counted = Arc::clone(&shared);
        let listener = listener.tap_io(move |_| {
            counted.connections.fetch_add(1, Ordering::SeqCst);
        });
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&shared));
        let server = axum::serve(listener, router).with_graceful_shutdown(stopped.clone().cancelled_owned());
        tokio::spawn(async move { server.await });
        Self { address, shared, _stop: stopped.drop_guard() }
    }

    /// Returns the address for the settings.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the answer to all requests from now on.
    pub(crate) fn set(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// Returns the accepted messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        lock(&self.shared.messages).clone()
    }

    /// Returns the accepted calls, oldest first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Returns the reports of used codes, oldest first.
    pub(crate) fn reports(&self) -> Vec<Report> {
        lock(&self.shared.reports).clone()
    }

    /// Returns the code in the last message to `phone`.
    pub(crate) fn last_code_for(&self, phone: &str) -> Option<String> {
        let messages = lock(&self.shared.messages);
        let message = messages.iter().rev().find(|message| message.phone == phone)?;
        message.params.iter().find(|param| param.len() == 6).cloned()
    }

    /// Returns the number of requests, valid or not.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Returns the number of TCP connections.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let request = check::Request { headers: &headers, body: &body, host: &shared.host, now: shared.clock.now() };
    match headers.get("x-tc-action").and_then(|action| action.to_str().ok()) {
        Some("SendSms") => {
            let message = request.signed_for("sms", "2021-01-11").and_then(|()| request.send_sms());
            send(&shared, message, &shared.messages, status_text).await
        }
        Some("SendCodeVoice") => {
            let call = request.signed_for("vms", "2020-09-02").and_then(|()| request.send_code_voice());
            send(&shared, call, &shared.calls, call_text).await
        }
        Some("ReportConversion") => report_conversion(&shared, &request),
        Some("DescribeCaptchaResult") => captcha::describe_result(&shared, &request, false).await,
        Some("DescribeCaptchaMiniResult") => captcha::describe_result(&shared, &request, true).await,
        Some(_) => error("InvalidAction"),
        None => error("MissingParameter"),
    }
}

/// A message or a call.
trait ToPhone {
    fn phone(&self) -> &str;
}

impl ToPhone for Message {
    fn phone(&self) -> &str {
        &self.phone
    }
}

impl ToPhone for Call {
    fn phone(&self) -> &str {
        &self.phone
    }
}

/// Answers a request to send. `text` is the body of the answer with a code.
async fn send<T: ToPhone>(
    shared: &Shared,
    request: Result<T, &'static str>,
    accepted: &Mutex<Vec<T>>,
    text: fn(&str) -> String,
) -> Response {
    let message = match request {
        Ok(message) => message,
        Err(code) => return error(code),
    };
    if !is_phone(message.phone()) {
        return as_json(text("InvalidParameterValue.IncorrectPhoneNumber"));
    }

    let behaviour = lock(&shared.behaviour).clone();
    match behaviour {
        Behaviour::Accept => {
            lock(accepted).push(message);
            as_json(text("Ok"))
        }
        Behaviour::Status(code) => as_json(text(&code)),
        Behaviour::Error(code) => error(&code),
        Behaviour::Stall => {
            shared.stopped.cancelled().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Behaviour::BreakOff => broken_off(),
        Behaviour::Nonsense => html(StatusCode::OK),
        Behaviour::Json(text) => as_json(text),
        Behaviour::Http(code) => ([(header::LOCATION, "/")], html(http_status(code))).into_response(),
        Behaviour::HttpWithError(code, error_code) => (http_status(code), error(&error_code)).into_response(),
        Behaviour::Huge => as_json(format!("{}{}", " ".repeat(1 << 20), text("Ok"))),
        Behaviour::Slow => slow(text("Ok")),
    }
}

fn report_conversion(shared: &Shared, request: &check::Request<'_>) -> Response {
    match request.signed_for("sms", "2021-01-11").and_then(|()| request.report_conversion()) {
        Ok(report) => {
            lock(&shared.reports).push(report);
            as_json(
                json!({"Response": {"ReportConversionStatus": {"Code": "Ok", "Message": "ok"}, "RequestId": REQUEST_ID}})
                    .to_string(),
            )
        }
        Err(code) => error(code),
    }
}

/// The body of an answer of the voice service: it has a call only if the call is accepted.
fn call_text(code: &str) -> String {
    let response = if code == "Ok" {
        json!({"SendStatus": {"CallId": "83b1dc4a-call", "SessionContext": ""}, "RequestId": REQUEST_ID})
    } else {
        json!({"Error": {"Code": code, "Message": "about +8613711112222"}, "RequestId": REQUEST_ID})
    };
    json!({ "Response": response }).to_string()
}

fn status_text(code: &str) -> String {
    json!({"Response": {
        "SendStatusSet": [{
            "SerialNo": SERIAL,
            "PhoneNumber": "+8613711112222",
            "Fee": u8::from(code == "Ok"),
            "SessionContext": "",
            "Code": code,
            "Message": "a message that may name +8613711112222",
            "IsoCode": "CN",
        }],
        "RequestId": REQUEST_ID,
    }})
    .to_string()
}

fn error(code: &str) -> Response {
    let message = "a message that may name +8613711112222";
    as_json(json!({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": REQUEST_ID}}).to_string())
}

fn as_json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn html(status: StatusCode) -> Response {
    let page = "<html><body>+8613711112222</body></html>";
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

fn http_status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("an HTTP status")
}

/// Returns an answer whose body arrives a byte at a time.
fn slow(text: String) -> Response {
    let bytes = futures_util::stream::unfold(text.into_bytes().into_iter(), |mut bytes| async move {
        let byte = bytes.next()?;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(vec![byte]), bytes))
    });
    Body::from_stream(bytes).into_response()
}

/// Returns a chunked body that fails after its first chunk, so that the server closes the connection.
fn broken_off() -> Response {
    let never = |error: Infallible| -> std::io::Error { match error {} };
    let body = Full::new(Bytes::from_static(b"{\"Response\": {\"SendSta")).map_err(never).with_trailers(async {
        tokio::task::yield_now().await;
        Some(Err(std::io::Error::other("broken off")))
    });
    Body::from_stream(Body::new(body).into_data_stream()).into_response()
}

fn is_phone(phone: &str) -> bool {
    phone
        .strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
