//! Requesting a code, and signing up or in with it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::app::{ASK, LOGIN, ME, Stores, TestApp, phone, wrong};
use crate::servers::own::{OwnMariaDb, OwnRedis};

#[tokio::test]
async fn a_new_phone_signs_up() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, someone) = (phone(), app.anonymous());
        let asked = someone.try_ask(&phone).await;
        let asked = asked.data("requestCode");
        assert_eq!(asked["expiresAt"], "2026-03-01T04:05:00Z");
        assert_eq!(asked["resendAt"], "2026-03-01T04:00:30Z");
        assert_eq!(asked["sendsRemaining"], 4);
        app.advance(Duration::from_secs(20));
        let answer = someone.login(&phone, &app.code(&phone), asked["challengeId"].as_str().expect("an id")).await;
        let login = answer.data("login");
        assert_eq!(login["isNewUser"], true);
        assert_eq!(login["accessTokenExpiresAt"], "2026-03-01T05:00:20Z");
        assert_eq!(login["refreshTokenExpiresAt"], "2026-03-31T04:00:20Z");
        assert!(login["refreshToken"].as_str().expect("a token").starts_with("slr_"));
        let user = &login["user"];
        assert_eq!((&user["name"], &user["phone"]), (&json!(""), &json!(phone)));
        assert_eq!(
            (&user["createdAt"], &user["lastLoginAt"]),
            (&json!("2026-03-01T04:00:20Z"), &json!("2026-03-01T04:00:20Z"))
        );
        assert!(user["avatar"].as_str().expect("a URL").starts_with("http://127.0.0.1:8000/avatars/"));
        let me = someone.with_token(login["accessToken"].as_str().expect("a token")).run(ME, json!({})).await;
        assert_eq!(me.data("me"), user);
    }
}

#[tokio::test]
async fn a_known_phone_signs_in_to_the_same_account() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let first = app.signed_in().await;
        app.advance(Duration::from_mins(1));
        let challenge_id = app.anonymous().ask(&first.phone).await;
        let again = app.anonymous().login(&first.phone, &app.code(&first.phone), &challenge_id).await;
        let again = again.data("login");
        assert_eq!((&again["isNewUser"], &again["user"]["id"]), (&json!(false), &json!(first.id)));
        assert_eq!(again["user"]["createdAt"], "2026-03-01T04:00:00Z");
        assert_eq!(again["user"]["lastLoginAt"], "2026-03-01T04:01:00Z");
        assert_ne!(again["refreshToken"], first.refresh_token);
    }
}

#[tokio::test]
async fn a_national_number_is_the_same_phone() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let challenge_id = app.anonymous().ask(phone.trim_start_matches("+86")).await;
    let full_width: String =
        phone.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).expect("a character")).collect();
    let answer = app.anonymous().login(&full_width, &app.code(&phone), &challenge_id).await;
    assert_eq!(answer.data("login")["user"]["phone"], phone);
}

#[tokio::test]
async fn older_codes_stay_valid_until_one_is_used() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, someone) = (phone(), app.anonymous());
        let first = someone.ask(&phone).await;
        let first_code = app.code(&phone);
        app.advance(Duration::from_secs(30));
        let second = app.at("198.51.100.9").ask(&phone).await;
        let second_code = app.code(&phone);
        someone.login(&phone, &first_code, &first).await.data("login");
        let late = someone.login(&phone, &second_code, &second).await;
        assert_eq!(late.code(), "CODE_EXPIRED");
    }
}

#[tokio::test]
async fn a_code_is_incorrect_with_another_session_id() {
    let app = TestApp::start(Stores::Embedded).await;
    let (phone, someone) = (phone(), app.anonymous());
    let first = someone.ask(&phone).await;
    let first_code = app.code(&phone);
    app.advance(Duration::from_secs(30));
    let second = someone.ask(&phone).await;
    // In one of a million runs both codes are the same.
    let crossed = someone.login(&phone, &first_code, &second).await;
    assert!(app.code(&phone) == first_code || crossed.code() == "CODE_INCORRECT");
    someone.login(&phone, &first_code, &first).await.data("login");
}

#[tokio::test]
async fn after_the_last_send_of_the_day_the_next_is_at_midnight() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_DAILY_LIMIT", "2").start().await;
        let (phone, someone) = (phone(), app.anonymous());
        assert_eq!(someone.try_ask(&phone).await.data("requestCode")["sendsRemaining"], 1);
        app.advance(Duration::from_secs(30));
        let last = someone.try_ask(&phone).await;
        assert_eq!(last.data("requestCode")["sendsRemaining"], 0);
        assert_eq!(last.data("requestCode")["resendAt"], "2026-03-01T16:00:00Z", "midnight at +08:00");
    }
}

#[tokio::test]
async fn without_a_daily_limit_sends_remaining_is_null() {
    let app = TestApp::on(Stores::Embedded).set("SEND_DAILY_LIMIT", "0").start().await;
    assert!(app.anonymous().try_ask(&phone()).await.data("requestCode")["sendsRemaining"].is_null());
}

#[tokio::test]
async fn other_users_do_not_see_a_users_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (one, other) = (app.signed_in().await, app.signed_in().await);
        let query = "query($id: ID!) { user(id: $id) { id phone } }";
        let own = one.run(query, json!({ "id": one.id })).await;
        assert_eq!(own.data("user"), &json!({ "id": one.id, "phone": one.phone }));
        let foreign = one.run(query, json!({ "id": other.id })).await;
        assert_eq!(foreign.data("user"), &json!({ "id": other.id, "phone": null }));
        let nobody = one.run(query, json!({ "id": "01900000-0000-7000-8000-000000000000" })).await;
        assert!(nobody.data("user").is_null());
    }
}

#[tokio::test]
async fn an_invalid_token_fails_only_fields_that_need_it() {
    let app = TestApp::start(Stores::Embedded).await;
    let (phone, someone) = (phone(), app.anonymous().with_token("stale"));
    let challenge_id = someone.ask(&phone).await;
    let answer = someone.login(&phone, &app.code(&phone), &challenge_id).await;
    assert_eq!(answer.data("login")["isNewUser"], true);
    let mixed = someone.run("{ me { id } __typename }", json!({})).await;
    assert_eq!(mixed.code(), "TOKEN_INVALID");
    assert_eq!(mixed.body["data"], json!({ "me": null, "__typename": "Query" }));
    assert!(app.anonymous().run(ME, json!({})).await.data("me").is_null());
}

#[tokio::test]
async fn a_code_for_one_purpose_is_rejected_for_another() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let input = json!({ "phone": phone, "purpose": "VERIFY", "reference": "transfer:9981" });
    let asked = app.anonymous().run(ASK, json!({ "input": input })).await;
    let challenge_id = asked.data("requestCode")["challengeId"].as_str().expect("an id");
    let answer = app.anonymous().login(&phone, &app.code(&phone), challenge_id).await;
    assert_eq!(answer.code(), "CHALLENGE_MISMATCH");
}

#[tokio::test]
async fn the_device_name_may_be_absent_or_blank() {
    let app = TestApp::start(Stores::Shared).await;
    for name in [json!(null), json!("  "), json!("My phone 📱"), json!("x".repeat(64))] {
        let phone = phone();
        let challenge_id = app.anonymous().ask(&phone).await;
        let input =
            json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id, "deviceName": name });
        app.anonymous().run(LOGIN, json!({ "input": input })).await.data("login");
    }
}

#[tokio::test]
async fn after_three_wrong_attempts_a_code_is_void() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, someone) = (phone(), app.anonymous());
        let challenge_id = someone.ask(&phone).await;
        let code = app.code(&phone);
        for left in [2, 1, 0] {
            let answer = someone.login(&phone, &wrong(&code), &challenge_id).await;
            assert_eq!((answer.code(), &answer.extensions()["attemptsRemaining"]), ("CODE_INCORRECT", &json!(left)));
        }
        assert_eq!(someone.login(&phone, &code, &challenge_id).await.code(), "CODE_EXPIRED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_completes_if_the_client_disconnects() {
    let (mariadb, redis) = (OwnMariaDb::start(), OwnRedis::start());
    let builder = TestApp::on(Stores::Shared).set("DATABASE_URL", mariadb.create_database());
    let app = builder.set("REDIS_URL", redis.url()).start().await;
    let (phone, someone) = (phone(), app.anonymous());
    let challenge_id = someone.ask(&phone).await;
    let code = app.code(&phone);
    mariadb.pause();
    let login = someone.login(&phone, &code, &challenge_id);
    assert!(tokio::time::timeout(Duration::from_millis(300), login).await.is_err(), "the client disconnects");
    mariadb.resume();
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*challenge*").query_async(&mut connection).await.expect("keys");
    // The status of the message has a key with the same word.
    let key = keys.iter().find(|key| !key.contains("{delivery}")).expect("the challenge");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut read = redis::cmd("HGET");
        let state: String = read.arg(key).arg("state").query_async(&mut connection).await.expect("a state");
        if state == "consumed" {
            break;
        }
        assert!(Instant::now() < deadline, "the code is still {state}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
