//! Codes by voice: a call after an SMS, its limits, and what settings accept.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{ASK, Answer, Stores, TestApp, phone};
use crate::routes::{KEY, refusal, route};
use crate::tencent_stub::{self as stub, Call};

/// A route of the stand-in's voice application.
fn voice(more: &str) -> String {
    let id = stub::VOICE_APP_ID;
    format!("[[route]]\nname = 'call'\nprovider = 'tencent'\nchannel = 'VOICE'\nsdk_app_id = '{id}'\n{more}\n")
}

async fn app(stores: Stores) -> TestApp {
    TestApp::on(stores)
        .set("ALLOWED_REGIONS", "CN,HK")
        .routes(route("sms", "") + &voice("play_times = 3"))
        .start()
        .await
}

async fn call(app: &TestApp, phone: &str, more: Value) -> Answer {
    let mut input = json!({ "phone": phone, "channel": "VOICE" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.anonymous().run(ASK, json!({ "input": input })).await
}

#[tokio::test]
async fn a_call_replaces_an_sms_and_both_codes_work() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        for uses_code_of_call in [true, false] {
            let phone = phone();
            let first = app.anonymous().ask(&phone).await;
            let code_of_sms = app.code(&phone);
            let early = call(&app, &phone, json!({ "resendOf": first })).await;
            assert_eq!(early.extensions()["limit"], "COOLDOWN", "a call has the limits of an SMS");

            app.advance(Duration::from_secs(30));
            let called = call(&app, &phone, json!({ "resendOf": first })).await;
            let challenge_id = called.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
            let Call { phone: to, code, play_times } = app.sms.calls().pop().expect("a call");
            assert_eq!((to, play_times), (phone.clone(), Some(3)));
            let code = if uses_code_of_call { code } else { code_of_sms };
            app.anonymous().login(&phone, &code, &challenge_id).await.data("login");
        }
    }
}

#[tokio::test]
async fn a_call_needs_an_sms_before() {
    let app = app(Stores::Embedded).await;
    let (phone, other) = (phone(), phone());
    let of_other = app.anonymous().ask(&other).await;
    for more in [json!({}), json!({ "resendOf": "forged" }), json!({ "resendOf": of_other })] {
        let refused = call(&app, &phone, more).await;
        assert_eq!((refused.code(), &refused.extensions()["field"]), ("BAD_INPUT", &json!("input.resendOf")));
    }
    assert!(app.sms.calls().is_empty());
    app.anonymous().ask(&phone).await;
}

/// Otherwise one old SMS would allow calls for ever.
#[tokio::test]
async fn the_sms_before_a_call_must_still_be_valid() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let used = phone();
        let challenge_id = app.anonymous().ask(&used).await;
        app.anonymous().login(&used, &app.code(&used), &challenge_id).await.data("login");
        app.advance(Duration::from_secs(30));
        let refused = call(&app, &used, json!({ "resendOf": challenge_id })).await;
        assert_eq!((refused.code(), &refused.extensions()["field"]), ("BAD_INPUT", &json!("input.resendOf")));

        let late = phone();
        let challenge_id = app.anonymous().ask(&late).await;
        app.advance(Duration::from_mins(6));
        let refused = call(&app, &late, json!({ "resendOf": challenge_id })).await;
        assert_eq!((refused.code(), &refused.extensions()["field"]), ("BAD_INPUT", &json!("input.resendOf")));
        assert!(app.sms.calls().is_empty());
        app.anonymous().ask(&late).await;
    }
}

#[tokio::test]
async fn a_phone_that_no_route_calls_costs_nothing() {
    let app = app(Stores::Embedded).await;
    let abroad = "+85251234567";
    let first = app.anonymous().run(ASK, json!({ "input": { "phone": abroad } })).await;
    let first = first.data("requestCode")["challengeId"].clone();
    app.advance(Duration::from_secs(30));
    let before = app.sms.requests();
    assert_eq!(call(&app, abroad, json!({ "resendOf": first })).await.code(), "REGION_NOT_ALLOWED");
    assert_eq!(app.sms.requests(), before);
    app.anonymous().ask(abroad).await;

    let without = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let first = without.anonymous().ask(&phone).await;
    without.advance(Duration::from_secs(30));
    assert_eq!(call(&without, &phone, json!({ "resendOf": first })).await.code(), "REGION_NOT_ALLOWED");
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_its_channel() {
    let app = app(Stores::Embedded).await;
    let phone = phone();
    let first = app.anonymous().ask(&phone).await;
    app.advance(Duration::from_secs(30));
    let keyed = json!({ "resendOf": first, "idempotencyKey": "a key of the client" });
    call(&app, &phone, keyed.clone()).await.data("requestCode");
    call(&app, &phone, keyed.clone()).await.data("requestCode");
    assert_eq!(app.sms.calls().len(), 1, "the same call");

    let mut by_sms = keyed;
    by_sms["channel"] = json!("SMS");
    assert_eq!(call(&app, &phone, by_sms).await.extensions()["field"], "input.idempotencyKey");
}

#[test]
fn a_voice_route_of_tencent_calls_china_and_has_no_templates() {
    for (toml, reason) in [
        (voice("regions = ['CN', 'HK']"), "route \"call\": regions: Tencent Cloud calls numbers in CN only"),
        (voice("play_times = 4"), "route \"call\": play_times: must be 1, 2 or 3"),
        (voice("play_times = '2'"), "route \"call\": play_times: must be 1, 2 or 3"),
        (
            voice("templates.default = '1'"),
            "route \"call\": templates: not a key of a route with provider tencent and ",
        ),
        (voice("sign_name = 'x'"), "route \"call\": sign_name: not a key of a route with provider tencent and "),
        (voice("").replace("VOICE", "PIGEON"), "route \"call\": channel: not SMS or VOICE"),
        (route("sms", "play_times = 2"), "route \"sms\": play_times: not a key of a route with provider tencent"),
    ] {
        let refused = refusal(&toml, &KEY);
        assert!(refused.starts_with(reason), "{toml}\n{refused}");
    }
}
