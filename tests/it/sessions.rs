//! Refreshing, listing and ending sessions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{HOME, LOGIN, ME, REFRESH, SignedIn, Stores, TestApp, phone};

const LOGOUT: &str =
    "mutation($input: LogoutInput) { logout(input: $input) { ... on LogoutPayload { endedSessions } ...P } }";
const SESSIONS: &str = "{ me { sessions { id deviceName lastAddress createdAt lastUsedAt expiresAt current } } }";

async fn sessions(user: &SignedIn<'_>) -> Vec<Value> {
    user.run(SESSIONS, json!({})).await.data("me")["sessions"].as_array().expect("a list").clone()
}

/// Signs the same user in on another device.
async fn on<'a>(app: &'a TestApp, phone: &str, device: &str) -> SignedIn<'a> {
    app.advance(Duration::from_secs(30));
    let session_id = app.anonymous().ask(phone).await;
    let input = json!({ "phone": phone, "code": app.code(phone), "challengeId": session_id, "deviceName": device });
    SignedIn::of(app, phone, app.anonymous().run(LOGIN, json!({ "input": input })).await.data("login"))
}

#[tokio::test]
async fn a_refresh_token_returns_new_tokens() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        app.advance(Duration::from_hours(2));
        assert_eq!(user.run(ME, json!({})).await.code(), "TOKEN_EXPIRED");
        let answer = user.refresh().await;
        let data = answer.data("refreshSession");
        assert_eq!(data["accessTokenExpiresAt"], "2026-03-01T07:00:00Z");
        assert_eq!(data["refreshTokenExpiresAt"], "2026-03-31T06:00:00Z", "from the last refresh");
        assert_eq!(data["user"], json!({ "id": user.id, "phone": user.phone }));
        let next = SignedIn { access_token: data["accessToken"].as_str().expect("a token").to_owned(), ..user.clone() };
        next.run(ME, json!({})).await.data("me");
        assert_ne!(data["refreshToken"], user.refresh_token);
        assert_eq!(sessions(&next).await[0]["lastUsedAt"], "2026-03-01T06:00:00Z");
    }
}

#[tokio::test]
async fn for_ten_seconds_a_refresh_can_be_retried() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let first = user.refreshed().await;
        app.advance(Duration::from_millis(9_999));
        let again = user.refreshed().await;
        assert_eq!(again.refresh_token, first.refresh_token, "the same new token");
        again.run(ME, json!({})).await.data("me");
        app.advance(Duration::from_millis(1));
        assert_eq!(user.refresh().await.code(), "TOKEN_INVALID");
        assert_eq!(first.refresh().await.code(), "TOKEN_INVALID", "theft ends the session");
        assert_eq!(again.run(ME, json!({})).await.code(), "TOKEN_INVALID", "access tokens are rejected, too");
    }
}

#[tokio::test]
async fn a_token_before_the_preceding_one_ends_the_session_at_once() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let other = on(&app, &user.phone, "other").await;
        let second = user.refreshed().await;
        let third = second.refreshed().await;
        assert_eq!(user.refresh().await.code(), "TOKEN_INVALID", "the second preceding token, within the grace period");
        assert_eq!(third.refresh().await.code(), "TOKEN_INVALID");
        other.refreshed().await;
    }
}

#[tokio::test]
async fn a_forged_token_ends_nothing() {
    let app = TestApp::start(Stores::Embedded).await;
    let (user, other) = (app.signed_in().await, app.signed_in().await);
    let token = &user.refresh_token;
    let mut flipped = token.clone();
    flipped.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    let crossed = format!("{}{}", &token[..30], &other.refresh_token[30..]);
    for forged in [
        "",
        "slr_",
        "slr_!!!!",
        &token[4..],
        &token[..token.len() - 1],
        &format!("{token}A"),
        &flipped,
        &crossed,
        &"slr_A".repeat(50_000),
    ] {
        let answer = app.anonymous().run(REFRESH, json!({ "input": { "refreshToken": forged } })).await;
        assert_eq!(
            (answer.code(), &answer.extensions()["errorCode"]),
            ("TOKEN_INVALID", &json!(-1005)),
            "{forged:.50}"
        );
    }
    user.refreshed().await;
    other.refreshed().await;
}

#[tokio::test]
async fn a_session_ends_after_its_idle_time_and_its_maximum_age() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let idle = app.signed_in().await;
        let mut busy = app.signed_in().await;
        let limits = ["2026-04-29T04:00:00Z", "2026-05-28T04:00:00Z", "2026-05-30T04:00:00Z"];
        for limit in limits {
            app.advance(Duration::from_hours(29 * 24));
            let answer = busy.refresh().await;
            let data = answer.data("refreshSession");
            assert_eq!(data["refreshTokenExpiresAt"], limit, "30 days from now, but at most 90 days from the sign-in");
            busy.refresh_token = data["refreshToken"].as_str().expect("a token").to_owned();
        }
        assert_eq!(idle.refresh().await.code(), "TOKEN_EXPIRED");
        app.advance(Duration::from_hours(3 * 24));
        let late = busy.refresh().await;
        assert_eq!((late.code(), &late.extensions()["errorCode"]), ("TOKEN_EXPIRED", &json!(-1006)));
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let one = on(&app, &phone, "one").await;
        let two = on(&app, &phone, "two").await;
        let three = on(&app, &phone, "three").await;
        let listed = sessions(&two).await;
        let names: Vec<&Value> = listed.iter().map(|session| &session["deviceName"]).collect();
        assert_eq!(names, ["three", "two", "one"]);
        assert!(listed.iter().all(|session| session["lastAddress"] == HOME), "{listed:?}");
        let current: Vec<&Value> = listed.iter().map(|session| &session["current"]).collect();
        assert_eq!(current, [false, true, false]);
        let foreign = app.signed_in().await;
        let foreign_id = sessions(&foreign).await[0]["id"].clone();
        let ids = json!([listed[2]["id"], foreign_id, "01900000-0000-7000-8000-000000000000"]);
        let ended = two.run(LOGOUT, json!({ "input": { "sessionIds": ids } })).await;
        assert_eq!(ended.data("logout")["endedSessions"], 1, "sessions of other users are ignored");
        foreign.run(ME, json!({})).await.data("me");
        assert_eq!(one.run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(one.refresh().await.code(), "TOKEN_INVALID");
        assert_eq!(two.run(LOGOUT, json!({})).await.data("logout")["endedSessions"], 1, "the current session");
        assert_eq!(two.run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(sessions(&three).await.len(), 1);
    }
}

#[tokio::test]
async fn everywhere_includes_the_current_session() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let (one, two) = (on(&app, &phone, "one").await, on(&app, &phone, "two").await);
        let ended = one.run(LOGOUT, json!({ "input": { "everywhere": true } })).await;
        assert_eq!(ended.data("logout")["endedSessions"], 2);
        for user in [one, two] {
            assert_eq!(user.run(ME, json!({})).await.code(), "TOKEN_INVALID");
            assert_eq!(user.run(LOGOUT, json!({})).await.code(), "TOKEN_INVALID");
            assert_eq!(user.refresh().await.code(), "TOKEN_INVALID");
        }
    }
}

#[tokio::test]
async fn logout_rejects_malformed_ids() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let many: Vec<&str> = vec!["01900000-0000-7000-8000-000000000000"; 101];
    for ids in [json!(["x"]), json!(many)] {
        let answer = user.run(LOGOUT, json!({ "input": { "sessionIds": ids } })).await;
        assert_eq!((answer.code(), &answer.extensions()["field"]), ("BAD_INPUT", &json!("input.sessionIds")));
    }
    let none = user.run(LOGOUT, json!({ "input": { "sessionIds": [] } })).await;
    assert_eq!(none.data("logout")["endedSessions"], 0);
    assert_eq!(app.anonymous().run(LOGOUT, json!({})).await.code(), "UNAUTHENTICATED");
    user.run(ME, json!({})).await.data("me");
}

#[tokio::test]
async fn other_users_do_not_see_a_users_phone_sign_in_and_sessions() {
    let app = TestApp::start(Stores::Embedded).await;
    let (one, other) = (app.signed_in().await, app.signed_in().await);
    let query = "query($id: ID!) { user(id: $id) { phone lastLoginAt sessions { id } } }";
    let answer = one.run(query, json!({ "id": other.id })).await;
    assert_eq!(answer.data("user"), &json!({ "phone": null, "lastLoginAt": null, "sessions": null }));
    let answer = one.run(query, json!({ "id": one.id })).await;
    let own = answer.data("user");
    assert_eq!((&own["phone"], &own["lastLoginAt"]), (&json!(one.phone), &json!("2026-03-01T04:00:00Z")));
    assert_eq!(own["sessions"].as_array().map(Vec::len), Some(1));
    let login = LOGIN.replace("user { id", "user { sessions { current } id");
    let phone = phone();
    let session_id = app.anonymous().ask(&phone).await;
    let input = json!({ "phone": phone, "code": app.code(&phone), "challengeId": session_id });
    let answer = app.anonymous().run(&login, json!({ "input": input })).await;
    assert_eq!(answer.data("login")["user"]["sessions"], json!([{ "current": true }]));
}
