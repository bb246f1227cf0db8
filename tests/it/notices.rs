//! Notices: the old phone of an account learns that the account has another one.

use serde_json::json;

use crate::accounts::CHANGE_PHONE;
use crate::app::{Stores, TestApp, phone};
use crate::routes::{KEY, refusal, route};
use crate::tencent_stub::{self as stub, Behaviour, Message};
use crate::webhook::{Gateway, SECRET};

/// Moves the account of a new user to another phone, and returns both phones.
async fn change_phone(app: &TestApp) -> (String, String) {
    let user = app.signed_in().await;
    let new = phone();
    let challenge_id = user.ask_for("CHANGE_PHONE", &new).await;
    let input = json!({ "phone": new, "code": app.code(&new), "challengeId": challenge_id });
    user.run(CHANGE_PHONE, json!({ "input": input })).await.data("changePhone");
    (user.phone, new)
}

/// Waits until the notice, which is sent in the background, is at the provider.
async fn notices(app: &TestApp, to: &str) -> Vec<Message> {
    app.finish().await;
    app.sms.messages().into_iter().filter(|sent| sent.phone == to && sent.template == stub::NOTICE_TEMPLATE).collect()
}

#[tokio::test]
async fn the_old_phone_gets_a_notice() {
    for stores in Stores::BOTH {
        let set = ("TENCENT_SMS_TEMPLATE_ID_PHONE_CHANGED", stub::NOTICE_TEMPLATE);
        let app = TestApp::on(stores).set(set.0, set.1).start().await;
        let (old, new) = change_phone(&app).await;
        assert_eq!(notices(&app, &old).await.len(), 1, "{stores:?}");
        assert!(notices(&app, &new).await.is_empty());
    }
}

#[tokio::test]
async fn without_a_template_there_is_no_notice() {
    let app = TestApp::start(Stores::Embedded).await;
    change_phone(&app).await;
    app.finish().await;
    assert_eq!(app.sms.messages().len(), 2, "the code to sign in and the code to change the phone");
}

#[tokio::test]
async fn a_failed_notice_does_not_fail_the_change() {
    let app =
        TestApp::on(Stores::Embedded).set("TENCENT_SMS_TEMPLATE_ID_PHONE_CHANGED", stub::NOTICE_TEMPLATE).start().await;
    let user = app.signed_in().await;
    let new = phone();
    let challenge_id = user.ask_for("CHANGE_PHONE", &new).await;
    let input = json!({ "phone": new, "code": app.code(&new), "challengeId": challenge_id });
    app.sms.set(Behaviour::Error("FailedOperation.TemplateUnapprovedOrNotExist".to_owned()));
    let changed = user.run(CHANGE_PHONE, json!({ "input": input })).await;
    assert_eq!(changed.data("changePhone")["user"]["phone"], new);
    assert!(notices(&app, &user.phone).await.is_empty());
}

#[tokio::test]
async fn the_next_route_with_a_template_sends_the_notice() {
    let gateway = Gateway::start().await;
    let own = format!(
        "[[route]]\nname = 'own'\nprovider = 'webhook'\nurl = '{}'\nsecret = '{SECRET}'\nnotices = ['PHONE_CHANGED']\n",
        gateway.url
    );
    let app = TestApp::on(Stores::Embedded).routes(route("sms", "") + &own).start().await;
    let (old, _) = change_phone(&app).await;
    app.finish().await;
    let [notice] = <[_; 1]>::try_from(gateway.messages()).expect("one notice");
    assert_eq!((&notice["phone"], &notice["notice"]), (&json!(old), &json!("PHONE_CHANGED")));
    assert!(notice["code"].is_null());
}

#[tokio::test]
async fn a_test_number_gets_no_notice() {
    let number = "+8613800000001";
    let app = TestApp::on(Stores::Embedded)
        .set("TENCENT_SMS_TEMPLATE_ID_PHONE_CHANGED", stub::NOTICE_TEMPLATE)
        .set("TEST_NUMBERS", format!("{number}=135790"))
        .set("TEST_NUMBERS_UNTIL", "2026-12-31")
        .start()
        .await;
    let challenge_id = app.anonymous().ask(number).await;
    let login = app.anonymous().login(number, "135790", &challenge_id).await;
    let user = crate::app::SignedIn::of(&app, number, login.data("login"));
    let new = phone();
    let challenge_id = user.ask_for("CHANGE_PHONE", &new).await;
    let input = json!({ "phone": new, "code": app.code(&new), "challengeId": challenge_id });
    user.run(CHANGE_PHONE, json!({ "input": input })).await.data("changePhone");
    assert!(notices(&app, number).await.is_empty());
}

#[test]
fn unknown_notices_are_refused() {
    let reason = "route \"sms\": notices.BIRTHDAY: not one of PHONE_CHANGED";
    assert!(refusal(&route("sms", "notices.BIRTHDAY = '1'"), &KEY).starts_with(reason));
    assert!(refusal(&route("sms", "notices = 'x'"), &KEY).starts_with("route \"sms\": notices: must be a table"));
}
