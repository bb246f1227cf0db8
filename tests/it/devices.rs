//! Device tokens in `login`. Their form and their forgeries are tested beside the code.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::app::{LOGIN, ME, Stores, TestApp, phone};

/// Signs in on a device, and returns the new device token.
async fn sign_in(app: &TestApp, phone: &str, device_token: Option<&str>) -> String {
    app.advance(Duration::from_secs(30));
    let session_id = app.anonymous().ask(phone).await;
    let code = app.code(phone);
    let input = json!({ "phone": phone, "code": code, "challengeId": session_id, "deviceToken": device_token });
    let answer = app.anonymous().run(LOGIN, json!({ "input": input })).await;
    answer.data("login")["deviceToken"].as_str().expect("a token").to_owned()
}

/// Returns the device id in a token.
fn device(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.strip_prefix("sld_").expect("the prefix")).expect("base64url")[1..17].to_vec()
}

#[tokio::test]
async fn a_device_keeps_its_id_for_its_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let first = sign_in(&app, &phone, None).await;
        let again = sign_in(&app, &phone, Some(&first)).await;
        assert_eq!(device(&again), device(&first));
        assert_ne!(again, first, "it has a new time of issue");
        assert_ne!(device(&sign_in(&app, &phone, None).await), device(&first), "another device");
    }
}

#[tokio::test]
async fn an_unrecognized_device_token_has_no_effect() {
    let app = TestApp::on(Stores::Embedded)
        .set("DEVICE_TOKEN_TTL", "10d")
        .set("SEND_DAILY_LIMIT_PER_ADDRESS", "0")
        .start()
        .await;
    let (phone, other) = (phone(), phone());
    let first = sign_in(&app, &phone, None).await;
    assert_ne!(device(&sign_in(&app, &other, Some(&first)).await), device(&first), "another phone's");
    for forged in ["", "sld_", "sld_AAAA", &first[..40], &"x".repeat(10_000)] {
        assert_ne!(device(&sign_in(&app, &phone, Some(forged)).await), device(&first));
    }

    app.advance(Duration::from_hours(10 * 24));
    assert_ne!(device(&sign_in(&app, &phone, Some(&first)).await), device(&first), "expired");
}

#[tokio::test]
async fn a_device_token_grants_no_access() {
    let app = TestApp::start(Stores::Embedded).await;
    let token = sign_in(&app, &phone(), None).await;
    assert_eq!(app.anonymous().with_token(&token).run(ME, json!({})).await.code(), "TOKEN_INVALID");
    let refresh = "mutation($token: String!) { refreshSession(input: { refreshToken: $token }) { ... on RefreshSessionPayload { accessToken } ...P } }";
    assert_eq!(app.anonymous().run(refresh, json!({ "token": token })).await.code(), "TOKEN_INVALID");
}
