//! Idempotency keys of `login` and `refreshSession`: a repeated request repeats its answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{Answer, LOGIN, ME, REFRESH, SignedIn, Stores, TestApp, phone, wrong};

const KEY: &str = "c6a1f8f2-6b1c-4d0b";
const OTHER_KEY: &str = "0e5a7f43-93d2-4b6e";
const REPEATABLE: Duration = Duration::from_mins(2);
const JUST_BEFORE: Duration = Duration::from_millis(119_999);

/// The input of a login whose code was sent.
async fn sent(app: &TestApp, phone: &str, key: &str) -> Value {
    let session_id = app.anonymous().ask(phone).await;
    json!({ "phone": phone, "code": app.code(phone), "challengeId": session_id, "idempotencyKey": key })
}

async fn login(app: &TestApp, input: &Value) -> Answer {
    app.anonymous().run(LOGIN, json!({ "input": input })).await
}

/// Returns the input with another value of one field.
fn with(input: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut input = input.clone();
    input[field] = value.into();
    input
}

#[track_caller]
fn assert_reused(answer: &Answer) {
    let field = &answer.extensions()["field"];
    assert_eq!((answer.code(), field), ("BAD_INPUT", &json!("input.idempotencyKey")), "{}", answer.body);
}

async fn sessions(user: &SignedIn<'_>) -> usize {
    let answer = user.run("{ me { sessions { id } } }", json!({})).await;
    answer.data("me")["sessions"].as_array().expect("a list").len()
}

#[tokio::test]
async fn a_repeated_login_returns_the_same_session() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let input = with(&sent(&app, &phone, KEY).await, "deviceName", "Anna's phone");
        let first = login(&app, &input).await;
        let first = first.data("login");
        app.advance(JUST_BEFORE);

        let again = login(&app, &input).await;
        let again = again.data("login");
        for same in ["refreshToken", "refreshTokenExpiresAt", "isNewUser", "user"] {
            assert_eq!(again[same], first[same], "{same}");
        }
        assert_eq!(again["isNewUser"], true);
        assert_eq!(again["accessTokenExpiresAt"], "2026-03-01T05:01:59Z", "a new access token");
        let user = SignedIn::of(&app, &phone, again);
        assert_eq!(sessions(&user).await, 1);
        user.refreshed().await;
    }
}

#[tokio::test]
async fn a_login_is_repeatable_for_two_minutes() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let input = sent(&app, &phone, KEY).await;
        login(&app, &input).await.data("login");
        app.advance(REPEATABLE);
        assert_eq!(login(&app, &input).await.code(), "CODE_EXPIRED");

        // Later sign-ins may use the key again.
        let next = sent(&app, &phone, KEY).await;
        let first = login(&app, &next).await;
        assert_eq!(login(&app, &next).await.data("login")["refreshToken"], first.data("login")["refreshToken"]);
        assert_eq!(sessions(&SignedIn::of(&app, &phone, first.data("login"))).await, 2);
    }
}

#[tokio::test]
async fn a_login_is_not_repeated_after_its_session_was_refreshed_or_ended() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phones = [phone(), phone()];
        for (number, phone) in phones.iter().enumerate() {
            let input = sent(&app, phone, KEY).await;
            let answer = login(&app, &input).await;
            let user = SignedIn::of(&app, phone, answer.data("login"));
            if number == 0 {
                user.refreshed().await;
            } else {
                user.run("mutation { logout { ... on LogoutPayload { endedSessions } ...P } }", json!({}))
                    .await
                    .data("logout");
            }
            assert_eq!(login(&app, &input).await.code(), "CODE_EXPIRED");
            if number == 0 {
                user.run(ME, json!({})).await.data("me");
            }
        }
    }
}

#[tokio::test]
async fn a_login_key_belongs_to_its_arguments_and_its_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, other) = (phone(), phone());
        let input = sent(&app, &phone, KEY).await;
        let first = login(&app, &input).await;

        let code = input["code"].as_str().expect("a code");
        assert_reused(&login(&app, &with(&input, "code", wrong(code))).await);
        assert_reused(&login(&app, &with(&input, "deviceName", "Another phone")).await);
        let without = with(&input, "idempotencyKey", Value::Null);
        assert_eq!(login(&app, &without).await.code(), "CODE_EXPIRED");
        assert_eq!(login(&app, &with(&input, "idempotencyKey", OTHER_KEY)).await.code(), "CODE_EXPIRED");

        // With another phone it is another key.
        let foreign = login(&app, &sent(&app, &other, KEY).await).await;
        assert_ne!(foreign.data("login")["user"]["id"], first.data("login")["user"]["id"]);

        // The code of another challenge stays valid.
        app.advance(Duration::from_secs(30));
        let next = sent(&app, &phone, KEY).await;
        assert_reused(&login(&app, &next).await);
        login(&app, &with(&next, "idempotencyKey", OTHER_KEY)).await.data("login");
        assert_eq!(login(&app, &input).await.data("login")["refreshToken"], first.data("login")["refreshToken"]);
    }
}

#[tokio::test]
async fn a_failed_login_is_not_remembered() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let input = sent(&app, &phone, KEY).await;
        let missed = with(&input, "code", wrong(input["code"].as_str().expect("a code")));
        for remaining in [2, 1] {
            assert_eq!(login(&app, &missed).await.extensions()["attemptsRemaining"], remaining, "a new attempt");
        }
        login(&app, &input).await.data("login");
    }
}

#[tokio::test]
async fn keys_have_16_to_128_characters() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let input = sent(&app, &phone, KEY).await;
    for malformed in ["", "123456789012345", &"x".repeat(129)] {
        assert_reused(&login(&app, &with(&input, "idempotencyKey", malformed)).await);
    }
    let answer = login(&app, &with(&input, "idempotencyKey", "é".repeat(128))).await;
    let user = SignedIn::of(&app, &phone, answer.data("login"));
    for malformed in ["", "123456789012345", &"x".repeat(129)] {
        assert_reused(&refresh(&user, Some(malformed)).await);
    }
    refresh(&user, Some("1234567890123456")).await.data("refreshSession");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_logins_with_one_key_are_one() {
    for stores in Stores::BOTH {
        let app = Arc::new(TestApp::start(stores).await);
        for _ in 0..5 {
            let phone = phone();
            let input = sent(&app, &phone, KEY).await;
            let tries: Vec<_> = (0..8)
                .map(|_| {
                    let (app, input) = (Arc::clone(&app), input.clone());
                    tokio::spawn(async move { login(&app, &input).await })
                })
                .collect();

            let mut tokens = HashSet::new();
            let mut user = None;
            for attempt in tries {
                let answer = attempt.await.expect("an answer");
                let signed_in = answer.data("login");
                tokens.insert(signed_in["refreshToken"].as_str().expect("a token").to_owned());
                user = Some(SignedIn::of(&app, &phone, signed_in));
            }
            assert_eq!(tokens.len(), 1);
            assert_eq!(sessions(&user.expect("a user")).await, 1);
            app.advance(Duration::from_mins(10));
        }
    }
}

async fn refresh(user: &SignedIn<'_>, key: Option<&str>) -> Answer {
    let input = json!({ "refreshToken": user.refresh_token, "idempotencyKey": key });
    user.app.anonymous().run(REFRESH, json!({ "input": input })).await
}

/// Returns the session with the new tokens.
fn after<'a>(user: &SignedIn<'a>, answer: &Answer) -> SignedIn<'a> {
    let text = |name: &str| answer.data("refreshSession")[name].as_str().expect("a token").to_owned();
    SignedIn { access_token: text("accessToken"), refresh_token: text("refreshToken"), ..user.clone() }
}

/// The client sends the request, loses the answer, and comes back a day later.
#[tokio::test]
async fn a_client_that_lost_the_answer_in_a_tunnel_stays_signed_in() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let lost = after(&user, &refresh(&user, Some(KEY)).await);
        app.advance(Duration::from_hours(24));

        let found = after(&user, &refresh(&user, Some(KEY)).await);
        assert_eq!(found.refresh_token, lost.refresh_token);
        let next = after(&found, &refresh(&found, Some(OTHER_KEY)).await);
        next.run(ME, json!({})).await.data("me");

        // The successor is used now, so the key is worth nothing.
        assert_eq!(refresh(&user, Some(KEY)).await.code(), "TOKEN_INVALID");
        assert_eq!(next.run(ME, json!({})).await.code(), "TOKEN_INVALID", "the session has ended");
    }
}

#[tokio::test]
async fn a_client_needs_a_new_key_for_each_refresh() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let next = after(&user, &refresh(&user, Some(KEY)).await);
        assert_reused(&refresh(&next, Some(KEY)).await);
        let last = after(&next, &refresh(&next, Some(OTHER_KEY)).await);
        last.run(ME, json!({})).await.data("me");
    }
}

/// Two thieves copied the refresh token. Each of them and the client refreshes whenever the others do, always with the
/// newest token that they have seen, and each with different keys.
#[tokio::test]
async fn two_thieves_in_lockstep_with_a_client_are_detected() {
    for stores in Stores::BOTH {
        for keys in
            [[None, None], [Some("a thief's own key"), None], [Some("a thief's own key"), Some("another's own key")]]
        {
            let app = TestApp::start(stores).await;
            let client = app.signed_in().await;
            let next = after(&client, &refresh(&client, Some(KEY)).await);
            // Within the grace period the copies get the same successor, so all three are in lockstep.
            for key in keys {
                assert_eq!(after(&client, &refresh(&client, key).await).refresh_token, next.refresh_token);
            }

            app.advance(Duration::from_mins(50));
            let first = after(&next, &refresh(&next, keys[0]).await);
            app.advance(Duration::from_secs(10));
            for key in [Some(OTHER_KEY), keys[1]] {
                assert_eq!(refresh(&next, key).await.code(), "TOKEN_INVALID");
            }
            assert_eq!(first.run(ME, json!({})).await.code(), "TOKEN_INVALID", "the session has ended for all");
            assert_eq!(first.refresh().await.code(), "TOKEN_INVALID");
        }
    }
}

/// The attacker repeats used-up guesses with their keys, so that the server refunds them to the address.
#[tokio::test]
async fn repeated_guesses_refund_no_wrong_code() {
    for stores in Stores::BOTH {
        let app =
            TestApp::on(stores).set("ATTEMPT_IP_HOURLY_LIMIT", "6").set("ATTEMPTS_BEFORE_WAIT", "0").start().await;
        let attacker = app.at("198.51.100.66");
        for _ in 0..2 {
            let phone = phone();
            let input = sent(&app, &phone, KEY).await;
            let guess = with(&input, "code", wrong(input["code"].as_str().expect("a code")));
            for expected in ["CODE_INCORRECT", "CODE_INCORRECT", "CODE_INCORRECT", "CODE_EXPIRED", "CODE_EXPIRED"] {
                let answer = attacker.run(LOGIN, json!({ "input": guess })).await;
                let code = if answer.code() == "RATE_LIMITED" { "CODE_EXPIRED" } else { answer.code() };
                assert_eq!(code, expected);
            }
        }

        let phone = phone();
        let input = sent(&app, &phone, KEY).await;
        let answer = attacker.run(LOGIN, json!({ "input": input })).await;
        assert_eq!((answer.code(), &answer.extensions()["limit"]), ("RATE_LIMITED", &json!("IP_ATTEMPTS")));
    }
}

/// Many users share the address, and a guesser among them has used up its wrong codes. The first attempt with a code that the
/// address requested is still accepted, so its repetition must be, too.
#[tokio::test]
async fn a_login_is_repeated_when_its_address_has_no_attempt_left() {
    for stores in Stores::BOTH {
        let app =
            TestApp::on(stores).set("ATTEMPT_IP_HOURLY_LIMIT", "3").set("ATTEMPTS_BEFORE_WAIT", "0").start().await;
        let guessed = sent(&app, &phone(), KEY).await;
        let guess = with(&guessed, "code", wrong(guessed["code"].as_str().expect("a code")));
        for _ in 0..3 {
            assert_eq!(login(&app, &guess).await.code(), "CODE_INCORRECT");
        }
        assert_eq!(login(&app, &guess).await.extensions()["limit"], "IP_ATTEMPTS");

        let input = sent(&app, &phone(), KEY).await;
        let first = login(&app, &input).await;
        let again = login(&app, &input).await;
        assert_eq!(again.data("login")["refreshToken"], first.data("login")["refreshToken"]);
        let other = login(&app, &with(&input, "idempotencyKey", OTHER_KEY)).await;
        assert_eq!(other.extensions()["limit"], "IP_ATTEMPTS", "another key repeats nothing");
    }
}
