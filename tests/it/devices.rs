//! Device tokens in `login`. Their form and their forgeries are tested beside the code.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::app::{ASK, Answer, LOGIN, ME, Stores, TestApp, phone, wrong};

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

const CHANGE_PHONE: &str = "mutation($input: ChangePhoneInput!) { changePhone(input: $input) { ... on ChangePhonePayload { user { id } } ...P } }";
const DELETE: &str = "mutation($input: DeleteAccountInput!) { deleteAccount(input: $input) { ... on DeleteAccountPayload { deletedUserId } ...P } }";
const LOGOUT: &str = "mutation { logout(input: { everywhere: true }) { ... on LogoutPayload { endedSessions } ...P } }";

/// Requests a code right after a stranger did. Only a recognized device gets one.
async fn ask_after_a_stranger(app: &TestApp, phone: &str, device_token: &str) -> Answer {
    app.advance(Duration::from_secs(30));
    app.at("198.51.100.1").ask(phone).await;
    app.anonymous().run(ASK, json!({ "input": { "phone": phone, "deviceToken": device_token } })).await
}

#[tokio::test]
async fn device_tokens_are_revoked_by_logout_everywhere_a_new_phone_and_deletion() {
    for stores in Stores::BOTH {
        for revocation in ["logout", "changePhone", "deleteAccount"] {
            let app = TestApp::on(stores).set("SEND_DAILY_LIMIT_PER_ADDRESS", "0").start().await;
            let (phone, new) = (phone(), phone());
            let user = app.sign_in(&phone).await;
            let token = sign_in(&app, &phone, None).await;
            ask_after_a_stranger(&app, &phone, &token).await.data("requestCode");

            app.advance(Duration::from_secs(30));
            let confirmed = async |purpose: &str, phone: &str| {
                let challenge_id = user.ask_for(purpose, phone).await;
                json!({ "phone": phone, "code": app.code(phone), "challengeId": challenge_id })
            };
            let done = match revocation {
                "logout" => user.run(LOGOUT, json!({})).await,
                "changePhone" => {
                    user.run(CHANGE_PHONE, json!({ "input": confirmed("CHANGE_PHONE", &new).await })).await
                }
                _ => {
                    let mut input = confirmed("DELETE_ACCOUNT", &phone).await;
                    input.as_object_mut().expect("an object").remove("phone");
                    user.run(DELETE, json!({ "input": input })).await
                }
            };
            done.data(revocation);
            let refused = ask_after_a_stranger(&app, &phone, &token).await;
            assert_eq!(refused.extensions()["limit"], "COOLDOWN", "{revocation}");

            let next = sign_in(&app, &phone, Some(&token)).await;
            ask_after_a_stranger(&app, &phone, &next).await.data("requestCode");
        }
    }
}

/// Nobody can learn from a device token whose it is: the answers are the same, and the test of round trips shows that the
/// calls of the stores are, too.
#[tokio::test]
async fn foreign_forged_and_expired_device_tokens_get_the_answers_of_no_token() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores)
            .set("DEVICE_TOKEN_TTL", "1h")
            .set("SEND_DAILY_LIMIT_PER_ADDRESS", "0")
            .set("SEND_DAILY_LIMIT", "20")
            .start()
            .await;
        let (phone, other) = (phone(), phone());
        let expired = sign_in(&app, &phone, None).await;
        app.advance(Duration::from_hours(1));
        let (own, foreign) = (sign_in(&app, &phone, None).await, sign_in(&app, &other, None).await);
        let mut forged = own.clone();
        forged.replace_range(70..71, if &own[70..71] == "A" { "B" } else { "A" });

        let expected = ask_after_a_stranger(&app, &phone, "").await.body;
        assert_eq!(expected["errors"][0]["extensions"]["limit"], "COOLDOWN");
        for token in [&expired, &foreign, &forged] {
            let mut answer = ask_after_a_stranger(&app, &phone, token).await.body;
            let retry_at = &mut answer["errors"][0]["extensions"]["retryAt"];
            assert!(retry_at.is_string());
            *retry_at = expected["errors"][0]["extensions"]["retryAt"].clone();
            assert_eq!(answer, expected);
        }
        ask_after_a_stranger(&app, &phone, &own).await.data("requestCode");
    }
}

/// The thief guesses with the owner's device token, from one address and then from many.
#[tokio::test]
async fn a_stolen_device_token_grants_only_the_quota_of_its_device() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let stolen = sign_in(&app, &phone, None).await;
        let mut wrong_codes = 0;
        for number in 0..100 {
            app.advance(Duration::from_mins(1));
            // Two challenges with five wrong codes are all that one address gets.
            let thief = app.at(&format!("198.51.100.{}", number / 2));
            let input = json!({ "phone": phone, "deviceToken": stolen });
            let sent = thief.run(ASK, json!({ "input": input })).await;
            if sent.body["errors"].is_array() {
                match sent.extensions()["limit"].as_str() {
                    Some("PHONE_DAILY") => app.advance(Duration::from_hours(24)),
                    limit => assert_eq!(limit, Some("FAILED_ATTEMPTS")),
                }
                continue;
            }

            let challenge_id = &sent.data("requestCode")["challengeId"];
            let input = json!({
                "phone": phone, "code": wrong(&app.code(&phone)), "challengeId": challenge_id, "deviceToken": stolen,
            });
            for _ in 0..3 {
                let guess = thief.run(LOGIN, json!({ "input": input })).await;
                wrong_codes += u32::from(guess.code() == "CODE_INCORRECT");
            }
            if wrong_codes == 50 {
                break;
            }
        }
        assert_eq!(wrong_codes, 50, "as many as a stranger has");
        let input = json!({ "phone": phone, "deviceToken": stolen });
        let limited = app.at("198.51.100.99").run(ASK, json!({ "input": input })).await;
        assert_eq!(limited.extensions()["limit"], "FAILED_ATTEMPTS");

        // The owner can still sign in, also on another device.
        let other = sign_in(&app, &phone, None).await;
        sign_in(&app, &phone, Some(&other)).await;
    }
}
