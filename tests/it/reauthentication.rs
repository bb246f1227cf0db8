//! Reauthentication: which sessions may change the phone, and what a thief of tokens can do.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::app::{ASK, Answer, ME, SignedIn, Stores, TestApp, phone, wrong};

const CHANGE_PHONE: &str = "mutation($input: ChangePhoneInput!) { changePhone(input: $input) { ... on ChangePhonePayload { user { id phone } } ...P } }";
const REAUTHENTICATE: &str = "mutation($input: ReauthenticateInput!) {
  reauthenticate(input: $input) { ... on ReauthenticatePayload { accessToken accessTokenExpiresAt } ...P } }";

const MAX_AGE: Duration = Duration::from_mins(15);
const JUST_BEFORE: Duration = Duration::from_millis(899_999);
const MILLISECOND: Duration = Duration::from_millis(1);

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
}

async fn change_phone(user: &SignedIn<'_>, phone: &str, session_id: &str) -> Answer {
    let code = user.app.code(phone);
    user.run(CHANGE_PHONE, json!({ "input": { "phone": phone, "code": code, "challengeId": session_id } })).await
}

/// Reauthenticates, and returns the session with the new access token.
async fn reauthenticated<'a>(user: &SignedIn<'a>) -> SignedIn<'a> {
    let session_id = user.ask_for("REAUTHENTICATE", &user.phone).await;
    let input = json!({ "code": user.app.code(&user.phone), "challengeId": session_id });
    let answer = user.run(REAUTHENTICATE, json!({ "input": input })).await;
    let token = answer.data("reauthenticate")["accessToken"].as_str().expect("a token").to_owned();
    SignedIn { access_token: token, ..user.clone() }
}

/// Asserts that the session cannot change its phone, and cannot make the server send a code for it.
async fn assert_locked(thief: &SignedIn<'_>, session_id: &str, new: &str) {
    let sent = thief.app.sms.messages().len();
    let changed = change_phone(thief, new, session_id).await;
    let asked = thief.run(ASK, json!({ "input": { "phone": phone(), "purpose": "CHANGE_PHONE" } })).await;
    for answer in [changed, asked] {
        let refused = (answer.code(), &answer.extensions()["errorCode"]);
        assert_eq!(refused, ("REAUTHENTICATION_REQUIRED", &json!(-1009)));
    }
    assert_eq!(thief.app.sms.messages().len(), sent, "no SMS is spent");
}

/// The thief copied an access token and owns the new phone.
#[tokio::test]
async fn a_stolen_access_token_does_not_change_the_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let thief = app.signed_in().await;
        let new = phone();
        app.advance(Duration::from_mins(14));
        let session_id = thief.ask_for("CHANGE_PHONE", &new).await;
        app.advance(Duration::from_mins(1));
        assert_locked(&thief, &session_id, &new).await;
    }
}

/// The thief copied a refresh token: a refresh is not a sign-in.
#[tokio::test]
async fn a_stolen_refresh_token_does_not_change_the_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let victim = app.signed_in().await;
        let new = phone();
        let session_id = victim.ask_for("CHANGE_PHONE", &new).await;
        let signed_in_at = claims(&victim.access_token)["auth_time"].clone();
        app.advance(MAX_AGE);

        let thief = victim.refreshed().await;
        assert_eq!(claims(&thief.access_token)["auth_time"], signed_in_at);
        assert_locked(&thief, &session_id, &new).await;
    }
}

#[tokio::test]
async fn a_session_changes_the_phone_until_its_sign_in_is_too_old() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        app.advance(JUST_BEFORE);
        let new = phone();
        let session_id = user.ask_for("CHANGE_PHONE", &new).await;
        change_phone(&user, &new, &session_id).await.data("changePhone");

        app.advance(MILLISECOND);
        assert_locked(&user, &session_id, &new).await;
    }
}

#[tokio::test]
async fn reauthentication_unlocks_the_session_and_none_of_the_others() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        app.advance(Duration::from_mins(1));
        let elsewhere = app.sign_in(&user.phone).await;
        app.advance(MAX_AGE);

        let fresh = reauthenticated(&user).await;
        let now = app.clock_seconds();
        assert_eq!(claims(&fresh.access_token)["auth_time"], now);
        assert_eq!(claims(&fresh.access_token)["amr"], json!(["sms"]));
        assert_eq!(claims(&fresh.access_token)["sid"], claims(&user.access_token)["sid"]);
        let new = phone();
        let refused = elsewhere.run(ASK, json!({ "input": { "phone": new, "purpose": "CHANGE_PHONE" } })).await;
        assert_eq!(refused.code(), "REAUTHENTICATION_REQUIRED");

        // The session's row decides, so the older access token will do, and a refresh keeps the time.
        app.advance(Duration::from_mins(2));
        assert_eq!(claims(&user.refreshed().await.access_token)["auth_time"], now);
        let session_id = user.ask_for("CHANGE_PHONE", &new).await;
        change_phone(&user, &new, &session_id).await.data("changePhone");
        assert_eq!(elsewhere.run(ME, json!({})).await.code(), "TOKEN_INVALID");
    }
}

#[tokio::test]
async fn only_a_code_for_the_accounts_own_phone_reauthenticates() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (user, other) = (app.signed_in().await, app.signed_in().await);
        app.advance(MAX_AGE);
        let reauthenticate = async |code: &str, session_id: &str| {
            user.run(REAUTHENTICATE, json!({ "input": { "code": code, "challengeId": session_id } })).await
        };

        let foreign = user.run(ASK, json!({ "input": { "phone": other.phone, "purpose": "REAUTHENTICATE" } })).await;
        assert_eq!((foreign.code(), &foreign.extensions()["field"]), ("BAD_INPUT", &json!("input.phone")));
        let unsigned =
            app.anonymous().run(ASK, json!({ "input": { "phone": user.phone, "purpose": "REAUTHENTICATE" } })).await;
        assert_eq!(unsigned.code(), "UNAUTHENTICATED");

        let of_other = other.ask_for("REAUTHENTICATE", &other.phone).await;
        assert_eq!(reauthenticate(&app.code(&other.phone), &of_other).await.code(), "CHALLENGE_MISMATCH");
        let for_login = app.anonymous().ask(&user.phone).await;
        assert_eq!(reauthenticate(&app.code(&user.phone), &for_login).await.code(), "CHALLENGE_MISMATCH");

        app.advance(Duration::from_secs(30));
        let session_id = user.ask_for("REAUTHENTICATE", &user.phone).await;
        let code = app.code(&user.phone);
        assert_eq!(reauthenticate(&wrong(&code), &session_id).await.code(), "CODE_INCORRECT");
        let refused = user.run(ASK, json!({ "input": { "phone": phone(), "purpose": "CHANGE_PHONE" } })).await;
        assert_eq!(refused.code(), "REAUTHENTICATION_REQUIRED", "a wrong code unlocks nothing");
        reauthenticate(&code, &session_id).await.data("reauthenticate");
        assert_eq!(reauthenticate(&code, &session_id).await.code(), "CODE_EXPIRED");
    }
}

#[tokio::test]
async fn a_maximum_age_of_zero_turns_reauthentication_off() {
    let app = TestApp::on(Stores::Embedded).set("REAUTHENTICATION_MAX_AGE", "0").start().await;
    let user = app.signed_in().await;
    app.advance(Duration::from_hours(20 * 24));
    let user = user.refreshed().await;
    let new = phone();
    let session_id = user.ask_for("CHANGE_PHONE", &new).await;
    change_phone(&user, &new, &session_id).await.data("changePhone");
}
