//! Delivery receipts through the real router: from Tencent, and from an operator's gateway.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use sms_login::deliveries::{DeliveryStatus, FailureReason};
use sms_login::standard_webhooks::WebhookSecret;
use tokio::time::timeout;

use crate::app::{Answer, Stores, TestApp, phone};
use crate::servers::own::OwnRedis;
use crate::tencent_stub::SERIAL;
use crate::webhook::{Gateway, SECRET};

const CALLBACK_SECRET: &str = "a-secret-in-a-path";

async fn app(stores: Stores) -> TestApp {
    TestApp::on(stores).set("CALLBACK_SECRET", CALLBACK_SECRET).start().await
}

async fn post(app: &TestApp, path: &str, body: impl Into<Body>) -> Answer {
    app.anonymous().send(Request::post(path).body(body.into()).expect("a request")).await
}

async fn tencent(app: &TestApp, receipts: Value) -> Answer {
    post(app, &format!("/callbacks/tencent/{CALLBACK_SECRET}"), receipts.to_string()).await
}

fn receipt(phone: &str, serial: &str, status: &str, errmsg: &str) -> Value {
    let mobile = phone.strip_prefix("+86").expect("a Chinese phone");
    json!({
        "user_receive_time": "2026-03-01 12:00:04", "nationcode": "86", "mobile": mobile, "report_status": status,
        "errmsg": errmsg, "description": "…", "sid": serial,
    })
}

#[track_caller]
fn assert_accepted(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, r#"{"errmsg":"OK","result":0}"#));
}

async fn status(app: &TestApp, challenge_id: &str) -> Option<DeliveryStatus> {
    app.deliveries.find(challenge_id).await.expect("an answer").map(|delivery| delivery.status)
}

/// Waits until the status is this one. A message is recorded in the background.
async fn reaches(app: &TestApp, challenge_id: &str, expected: DeliveryStatus) {
    let waiter = app.deliveries.wait_for(challenge_id);
    let reached = async {
        loop {
            let changed = waiter.changed();
            if status(app, challenge_id).await == Some(expected) {
                break;
            }
            // The listener may still be connecting.
            drop(timeout(Duration::from_millis(100), changed).await);
        }
    };
    timeout(Duration::from_secs(30), reached).await.unwrap_or_else(|_| panic!("not {expected:?}"));
}

#[tokio::test]
async fn a_receipt_of_tencent_shows_that_a_message_has_arrived() {
    for stores in Stores::BOTH {
        let (app, phone) = (app(stores).await, phone());
        let id = app.anonymous().ask(&phone).await;
        reaches(&app, &id, DeliveryStatus::Accepted).await;

        let delivered = receipt(&phone, SERIAL, "SUCCESS", "DELIVRD");
        for _ in 0..2 {
            assert_accepted(&tencent(&app, json!([delivered])).await);
            assert_eq!(status(&app, &id).await, Some(DeliveryStatus::Delivered));
        }
        assert_accepted(&tencent(&app, json!([receipt(&phone, SERIAL, "FAIL", "UNDELIV")])).await);
        assert_eq!(status(&app, &id).await, Some(DeliveryStatus::Delivered), "it has arrived");
    }
}

#[tokio::test]
async fn one_call_has_several_receipts_and_a_failure_has_a_reason() {
    for stores in Stores::BOTH {
        let (app, one, other) = (app(stores).await, phone(), phone());
        let ids = [app.anonymous().ask(&one).await, app.anonymous().ask(&other).await];
        let receipts = json!([
            receipt(&phone(), SERIAL, "SUCCESS", "DELIVRD"),
            receipt(&one, "another serial number", "SUCCESS", "DELIVRD"),
            {},
            receipt(&one, SERIAL, "FAIL", "UNDELIV"),
            receipt(&other, SERIAL, "FAIL", "REJECTD"),
        ]);
        assert_accepted(&tencent(&app, receipts).await);
        reaches(&app, &ids[0], DeliveryStatus::Failed(FailureReason::Unreachable)).await;
        reaches(&app, &ids[1], DeliveryStatus::Failed(FailureReason::Blocked)).await;
        assert_accepted(&tencent(&app, json!([receipt(&one, SERIAL, "SUCCESS", "DELIVRD")])).await);
        assert_eq!(status(&app, &ids[0]).await, Some(DeliveryStatus::Delivered), "a later delivery corrects it");
    }
}

#[tokio::test]
async fn a_late_receipt_is_still_shown() {
    for stores in Stores::BOTH {
        let (app, phone) = (app(stores).await, phone());
        let id = app.anonymous().ask(&phone).await;
        reaches(&app, &id, DeliveryStatus::Accepted).await;
        app.advance(Duration::from_mins(6));
        assert_eq!(status(&app, &id).await, Some(DeliveryStatus::Unknown));
        assert_accepted(&tencent(&app, json!([receipt(&phone, SERIAL, "SUCCESS", "DELIVRD")])).await);
        assert_eq!(status(&app, &id).await, Some(DeliveryStatus::Delivered));
    }
}

#[tokio::test]
async fn a_wrong_secret_is_an_unknown_path() {
    let (with, without) = (app(Stores::Embedded).await, TestApp::start(Stores::Embedded).await);
    let unknown = post(&with, "/unknown/path", "[]").await;
    let right = format!("/callbacks/tencent/{CALLBACK_SECRET}");
    let wrong = format!("/callbacks/tencent/{}x", &CALLBACK_SECRET[1..]);
    let mut answers = vec![post(&without, &right, "[]").await];
    for path in [&wrong, "/callbacks/tencent/x", "/callbacks/webhook/x", &format!("{right}x")] {
        answers.push(post(&with, path, "[]").await);
    }
    answers.push(with.anonymous().send(Request::get(&right).body(Body::empty()).expect("a request")).await);
    // axum leaves the length of an empty body to hyper for unknown paths only. Clients always get it.
    let names = |answer: &Answer| -> Vec<_> {
        answer.headers.keys().filter(|name| *name != header::CONTENT_LENGTH).cloned().collect()
    };
    for answer in answers {
        assert_eq!((answer.status, &answer.text), (StatusCode::NOT_FOUND, &unknown.text));
        assert_eq!(names(&answer), names(&unknown));
    }
}

#[tokio::test]
async fn a_malformed_call_is_rejected() {
    let app = app(Stores::Embedded).await;
    let path = format!("/callbacks/tencent/{CALLBACK_SECRET}");
    for body in ["", "{}", "[", "text"] {
        assert_eq!(post(&app, &path, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(tencent(&app, vec![json!({}); 201].into()).await.status, StatusCode::BAD_REQUEST);
    let large = format!("[\"{}\"]", "x".repeat(64 * 1024));
    assert_eq!(post(&app, &path, large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_accepted(&tencent(&app, json!([])).await);
}

#[tokio::test]
async fn receipts_that_cannot_be_stored_are_to_be_sent_again() {
    let redis = OwnRedis::start();
    let builder = TestApp::on(Stores::Shared).set("CALLBACK_SECRET", CALLBACK_SECRET).set("REDIS_URL", redis.url());
    let (app, phone) = (builder.start().await, phone());
    redis.stop();
    let receipts = json!([receipt(&phone, SERIAL, "SUCCESS", "DELIVRD")]);
    assert_eq!(tencent(&app, receipts.clone()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    redis.start_again();
    assert_accepted(&tencent(&app, receipts).await);
}

#[tokio::test]
async fn while_sign_up_is_closed_a_receipt_does_not_show_that_a_phone_has_an_account() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let member = app.signed_in().await.phone;
        let (env, shared) = (app.env.clone(), Stores::Shared == stores);
        let mut closed = TestApp::on(stores).set("CALLBACK_SECRET", CALLBACK_SECRET).set("SIGN_UP", "closed");
        for name in ["DATABASE_URL", "DATA_DIR", "REDIS_URL"].into_iter().filter(|name| shared || *name == "DATA_DIR") {
            closed = closed.set(name, env[name].clone());
        }
        let closed = closed.start().await;

        for phone in [member, phone()] {
            let id = closed.anonymous().ask(&phone).await;
            reaches(&closed, &id, DeliveryStatus::Accepted).await;
            assert_accepted(&tencent(&closed, json!([receipt(&phone, SERIAL, "SUCCESS", "DELIVRD")])).await);
            assert_eq!(status(&closed, &id).await, Some(DeliveryStatus::Accepted));
        }
    }
}

/// A call of a gateway, whose headers a test can change.
struct Call {
    path: String,
    body: String,
    headers: [(&'static str, String); 3],
}

impl Call {
    fn new(app: &TestApp, body: &Value) -> Self {
        let body = body.to_string();
        let secret = WebhookSecret::parse(SECRET).expect("a secret");
        let now = sms_login::clock::Clock::now(app.clock.as_ref());
        Self {
            path: "/callbacks/webhook/own".to_owned(),
            headers: secret.headers("receipt-1", body.as_bytes(), now),
            body,
        }
    }

    async fn send(&self, app: &TestApp) -> Answer {
        let mut request = Request::post(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        app.anonymous().send(request.body(Body::from(self.body.clone())).expect("a request")).await
    }
}

async fn gateway(stores: Stores) -> (TestApp, Gateway) {
    let gateway = Gateway::start().await;
    gateway.set(202, "");
    let route = format!(
        "[[route]]\nname = 'own'\nprovider = 'webhook'\nurl = '{}'\nsecret = '{SECRET}'\nprice = 0.5\n",
        gateway.url
    );
    (TestApp::on(stores).routes(route).start().await, gateway)
}

#[tokio::test]
async fn a_gateway_reports_how_far_a_message_has_got() {
    for stores in Stores::BOTH {
        let ((app, gateway), phone) = (gateway(stores).await, phone());
        let id = app.anonymous().ask(&phone).await;
        reaches(&app, &id, DeliveryStatus::Queued).await;

        let message = gateway.messages()[0]["id"].clone();
        for (report, expected) in [
            (json!({ "status": "accepted" }), DeliveryStatus::Accepted),
            (
                json!({ "status": "failed", "reason": "invalid_number" }),
                DeliveryStatus::Failed(FailureReason::InvalidNumber),
            ),
            (json!({ "status": "delivered" }), DeliveryStatus::Delivered),
        ] {
            let mut body = json!({ "id": message, "phone": phone });
            body.as_object_mut().expect("an object").extend(report.as_object().expect("an object").clone());
            let answer = Call::new(&app, &body).send(&app).await;
            assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "{}"));
            assert_eq!(status(&app, &id).await, Some(expected));
        }
    }
}

/// The first gateway knows the id and the phone of a message that it refused and the second one sent.
#[tokio::test]
async fn a_gateway_cannot_report_on_the_message_of_another() {
    for stores in Stores::BOTH {
        let (first, second) = (Gateway::start().await, Gateway::start().await);
        first.set(503, "");
        let route = |name: &str, gateway: &Gateway| {
            let url = &gateway.url;
            format!("[[route]]\nname = '{name}'\nprovider = 'webhook'\nurl = '{url}'\nsecret = '{SECRET}'\n")
        };
        let app = TestApp::on(stores).routes(route("first", &first) + &route("second", &second)).start().await;
        let phone = phone();
        let id = app.anonymous().ask(&phone).await;
        reaches(&app, &id, DeliveryStatus::Accepted).await;

        let body = json!({ "id": first.messages()[0]["id"], "phone": phone, "status": "failed" });
        for (name, expected) in
            [("first", DeliveryStatus::Accepted), ("second", DeliveryStatus::Failed(FailureReason::Other))]
        {
            let call = Call { path: format!("/callbacks/webhook/{name}"), ..Call::new(&app, &body) };
            assert_eq!(call.send(&app).await.status, StatusCode::OK);
            assert_eq!(status(&app, &id).await, Some(expected), "{name}");
        }
    }
}

#[tokio::test]
async fn a_call_of_a_gateway_must_be_signed_and_recent() {
    let (app, _gateway) = gateway(Stores::Embedded).await;
    let body = json!({ "id": "m", "phone": phone(), "status": "delivered" });
    let call = || Call::new(&app, &body);

    let two = |call: Call| {
        let [id, time, (name, right)] = call.headers;
        Call { headers: [id, time, (name, format!("v1,{} {right}", "A".repeat(44)))], ..call }
    };
    assert_eq!(two(call()).send(&app).await.status, StatusCode::OK, "one of two secrets is right");

    let forged = |call: Call| {
        let [id, time, (name, _)] = call.headers;
        Call { headers: [id, time, (name, format!("v1,{}", "A".repeat(44)))], ..call }
    };
    assert_eq!(forged(call()).send(&app).await.status, StatusCode::UNAUTHORIZED);
    let changed = Call { body: body.to_string().replace("delivered", "failed"), ..call() };
    assert_eq!(changed.send(&app).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&app, "/callbacks/webhook/own", body.to_string()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        Call { path: "/callbacks/webhook/other".to_owned(), ..call() }.send(&app).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(Call::new(&app, &json!({ "id": "m" })).send(&app).await.status, StatusCode::BAD_REQUEST);

    let old = call();
    app.advance(Duration::from_secs(301));
    assert_eq!(old.send(&app).await.status, StatusCode::UNAUTHORIZED, "a replay");
}
