//! Every error that a client can get, with its code, number and extensions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{ASK, Answer, ME, Stores, TestApp, phone, wrong};
use crate::tencent_stub::Behaviour;

/// Returns the code and number of the only error, and asserts that it has the path of its field and a short sentence.
#[track_caller]
fn error_at(answer: &Answer, path: &str) -> (String, i64) {
    let error = answer.error();
    assert_eq!(error["path"], json!([path]), "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.ends_with('.') && message.len() < 120, "{message}");
    (answer.code().to_owned(), answer.extensions()["errorCode"].as_i64().expect("a number"))
}

fn expected(code: &str, number: i64) -> (String, i64) {
    (code.to_owned(), number)
}

#[tokio::test]
async fn bad_phones_and_codes_name_their_field() {
    let app = TestApp::start(Stores::Embedded).await;
    let someone = app.anonymous();
    let answer = someone.try_ask("12345").await;
    assert_eq!(error_at(&answer, "requestCode"), expected("INVALID_PHONE", -1002));
    assert_eq!(answer.extensions()["field"], "input.phone");
    let (phone, challenge_id) = (phone(), "x");
    for code in ["", "12345", "1234567", "12345a", "１２３４５６", "12 456"] {
        let answer = someone.login(&phone, code, challenge_id).await;
        assert_eq!(error_at(&answer, "login"), expected("BAD_INPUT", -1001));
        assert_eq!(answer.extensions()["field"], "input.code");
    }
}

#[tokio::test]
async fn a_malformed_code_costs_no_attempt() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, someone) = (phone(), app.anonymous());
        let challenge_id = someone.ask(&phone).await;
        for _ in 0..20 {
            assert_eq!(someone.login(&phone, "12345", &challenge_id).await.code(), "BAD_INPUT");
        }
        someone.login(&phone, &app.code(&phone), &challenge_id).await.data("login");
    }
}

#[tokio::test]
async fn a_session_id_of_another_phone_or_a_forged_one_is_rejected() {
    let app = TestApp::start(Stores::Embedded).await;
    let (one, other, someone) = (phone(), phone(), app.anonymous());
    let challenge_id = someone.ask(&one).await;
    let code = app.code(&one);
    let mut tampered = challenge_id.clone();
    tampered.replace_range(0..1, if challenge_id.starts_with('A') { "B" } else { "A" });
    for (phone, id) in [
        (&other, challenge_id.as_str()),
        (&one, &tampered),
        (&one, ""),
        (&one, "x"),
        (&one, &"A".repeat(43)),
        (&one, &"é".repeat(2000)),
    ] {
        let answer = someone.login(phone, &code, id).await;
        assert_eq!(error_at(&answer, "login"), expected("CHALLENGE_MISMATCH", -1103), "{id}");
    }
    someone.login(&one, &code, &challenge_id).await.data("login");
}

#[tokio::test]
async fn an_expired_or_used_code_is_rejected() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, someone) = (phone(), app.anonymous());
        let challenge_id = someone.ask(&phone).await;
        let code = app.code(&phone);
        someone.login(&phone, &code, &challenge_id).await.data("login");
        let used = someone.login(&phone, &code, &challenge_id).await;
        assert_eq!(error_at(&used, "login"), expected("CODE_EXPIRED", -1100));
        app.advance(Duration::from_secs(30));
        let challenge_id = someone.ask(&phone).await;
        app.advance(Duration::from_mins(5));
        let old = someone.login(&phone, &app.code(&phone), &challenge_id).await;
        assert_eq!(error_at(&old, "login"), expected("CODE_EXPIRED", -1100));
    }
}

#[tokio::test]
async fn an_error_of_the_cooldown_says_when_it_ends() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, someone) = (phone(), app.anonymous());
        someone.ask(&phone).await;
        app.advance(Duration::from_millis(10_500));
        let answer = someone.try_ask(&phone).await;
        assert_eq!(error_at(&answer, "requestCode"), expected("RATE_LIMITED", -1301));
        insta::allow_duplicates! {
        insta::assert_json_snapshot!(answer.extensions(), @r#"
        {
          "code": "RATE_LIMITED",
          "errorCode": -1301,
          "limit": "COOLDOWN",
          "retryAfterSeconds": 20,
          "retryAt": "2026-03-01T04:00:30Z"
        }
        "#);
        }
        app.advance(Duration::from_millis(19_500));
        someone.ask(&phone).await;
        assert_eq!(app.sms.messages().len(), 2);
    }
}

#[tokio::test]
async fn the_daily_limit_ends_at_midnight() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_DAILY_LIMIT", "2").start().await;
        let (phone, someone) = (phone(), app.anonymous());
        for _ in 0..2 {
            someone.ask(&phone).await;
            app.advance(Duration::from_secs(30));
        }
        let answer = someone.try_ask(&phone).await;
        assert_eq!(answer.extensions()["limit"], "PHONE_DAILY");
        assert_eq!(answer.extensions()["retryAt"], "2026-03-01T16:00:00Z");
        assert_eq!(answer.extensions()["retryAfterSeconds"], 12 * 3600 - 60);
        app.advance(Duration::from_mins(12 * 60 - 1));
        someone.ask(&phone).await;
    }
}

#[tokio::test]
async fn wrong_codes_lock_out_only_the_address_that_guesses() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, stranger) = (phone(), app.at("198.51.100.66"));
        let mut wrongs = 0;
        while wrongs < 5 {
            let challenge_id = stranger.ask(&phone).await;
            for _ in 0..3.min(5 - wrongs) {
                let answer = stranger.login(&phone, &wrong(&app.code(&phone)), &challenge_id).await;
                assert_eq!(error_at(&answer, "login"), expected("CODE_INCORRECT", -1102), "the fifth too");
                wrongs += 1;
            }
            app.advance(Duration::from_secs(30));
        }
        let answer = stranger.try_ask(&phone).await;
        assert_eq!((answer.code(), &answer.extensions()["limit"]), ("RATE_LIMITED", &json!("FAILED_ATTEMPTS")));
        assert_eq!(answer.extensions()["retryAfterSeconds"], 30, "a minute from the fifth wrong code");
        let challenge_id = app.anonymous().ask(&phone).await;
        let code = app.code(&phone);
        let right = stranger.login(&phone, &code, &challenge_id).await;
        assert_eq!(right.extensions()["limit"], "FAILED_ATTEMPTS", "the correct code is rejected, too");
        app.anonymous().login(&phone, &code, &challenge_id).await.data("login");
    }
}

#[tokio::test]
async fn fields_and_purposes_that_need_sign_in_reject_anonymous_clients() {
    let app = TestApp::start(Stores::Embedded).await;
    let someone = app.anonymous();
    let answer = someone.run("{ user(id: \"01900000-0000-7000-8000-000000000000\") { id } }", json!({})).await;
    assert_eq!(error_at(&answer, "user"), expected("UNAUTHENTICATED", -1008));
    for purpose in ["CHANGE_PHONE", "DELETE_ACCOUNT"] {
        let answer = someone.run(ASK, json!({ "input": { "phone": phone(), "purpose": purpose } })).await;
        assert_eq!(error_at(&answer, "requestCode"), expected("UNAUTHENTICATED", -1008));
    }
    assert!(app.sms.messages().is_empty());
    let user = app.signed_in().await;
    let answer = user.run(ASK, json!({ "input": { "phone": phone(), "purpose": "DELETE_ACCOUNT" } })).await;
    assert_eq!((answer.code(), &answer.extensions()["field"]), ("BAD_INPUT", &json!("input.phone")));
}

#[tokio::test]
async fn phones_of_other_regions_are_rejected() {
    let app = TestApp::start(Stores::Embedded).await;
    let answer = app.anonymous().try_ask("+85251234567").await;
    assert_eq!(error_at(&answer, "requestCode"), expected("REGION_NOT_ALLOWED", -1304));
    assert!(app.sms.messages().is_empty());
    let wide = TestApp::on(Stores::Embedded).set("ALLOWED_REGIONS", "CN,HK").start().await;
    wide.anonymous().ask("+85251234567").await;
    let all = TestApp::on(Stores::Embedded).set("ALLOWED_REGIONS", "*").start().await;
    all.anonymous().ask("+447400123456").await;
}

#[tokio::test]
async fn errors_of_the_provider_map_to_our_codes() {
    let status = |code: &str| Behaviour::Status(code.to_owned());
    let cases: [(Behaviour, &str, i64, Value); 8] = [
        (status("InvalidParameterValue.IncorrectPhoneNumber"), "INVALID_PHONE", -1002, json!(null)),
        (status("FailedOperation.PhoneNumberInBlacklist"), "NUMBER_BLOCKED", -1305, json!(null)),
        (status("UnsupportedOperation.UnsuportedRegion"), "REGION_NOT_ALLOWED", -1304, json!(null)),
        (status("LimitExceeded.PhoneNumberThirtySecondLimit"), "RATE_LIMITED", -1301, json!(30)),
        (status("LimitExceeded.PhoneNumberDailyLimit"), "RATE_LIMITED", -1301, json!(12 * 3600)),
        (status("LimitExceeded.AppDailyLimit"), "SMS_SEND_FAILED", -1003, json!(60)),
        (Behaviour::Error("InternalError.OtherError".to_owned()), "SMS_SEND_FAILED", -1003, json!(5)),
        (Behaviour::BreakOff, "SMS_SEND_FAILED", -1003, json!(30)),
    ];
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        for (behaviour, code, number, retry_after) in &cases {
            let (phone, someone) = (phone(), app.anonymous());
            app.sms.set(behaviour.clone());
            let answer = someone.try_ask(&phone).await;
            assert_eq!(error_at(&answer, "requestCode"), expected(code, *number), "{behaviour:?}");
            assert_eq!(answer.extensions()["retryAfterSeconds"], *retry_after, "{behaviour:?}");
            assert_eq!(answer.extensions()["requestId"].is_string(), *code == "SMS_SEND_FAILED");
            let text = answer.body.to_string();
            assert!(!text.contains("Exceeded") && !text.contains("127.0.0.1") && !text.contains("Operation"), "{text}");
            app.sms.set(Behaviour::Accept);
            let again = someone.try_ask(&phone).await;
            if matches!(behaviour, Behaviour::BreakOff) {
                assert_eq!(again.extensions()["limit"], "COOLDOWN", "the SMS may have been sent");
            } else {
                assert_eq!(again.data("requestCode")["sendsRemaining"], 4, "a refused send is refunded");
            }
        }
    }
}

#[tokio::test]
async fn documents_that_do_not_parse_or_validate_have_apollos_codes() {
    let app = TestApp::start(Stores::Embedded).await;
    for (query, code) in [
        ("{ me", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { requestCode { ... on RequestCodePayload { challengeId } ...P } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { id } } query B { me { id } }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let answer = app.anonymous().run(query, json!({})).await;
        assert_eq!((answer.code(), &answer.extensions()["errorCode"]), (code, &json!(-1001)), "{query}");
        assert!(answer.body.get("data").is_none(), "{query}");
    }
}

#[tokio::test]
async fn a_malformed_id_is_bad_input() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let answer = user.run("{ user(id: \"1\") { id } }", json!({})).await;
    assert_eq!(error_at(&answer, "user"), expected("BAD_INPUT", -1001));
    assert_eq!(answer.extensions()["field"], "id");
    user.run(ME, json!({})).await.data("me");
}

#[tokio::test]
async fn a_request_that_the_phones_limits_reject_does_not_count_for_the_address() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "2").start().await;
        let (phone, someone) = (phone(), app.anonymous());
        someone.ask(&phone).await;
        for _ in 0..10 {
            assert_eq!(someone.try_ask(&phone).await.extensions()["limit"], "COOLDOWN");
        }
        someone.ask(&crate::app::phone()).await;
        assert_eq!(someone.try_ask(&crate::app::phone()).await.extensions()["limit"], "IP_HOURLY");
    }
}

#[tokio::test]
async fn a_send_that_the_provider_refuses_counts_for_the_address() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "3").start().await;
        app.sms.set(Behaviour::Status("FailedOperation.PhoneNumberInBlacklist".to_owned()));
        for _ in 0..3 {
            assert_eq!(app.anonymous().try_ask(&phone()).await.code(), "NUMBER_BLOCKED");
        }
        assert_eq!(app.anonymous().try_ask(&phone()).await.extensions()["limit"], "IP_HOURLY");
    }
}

#[tokio::test]
async fn a_problem_of_one_mutation_leaves_the_payload_of_another() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let both = "mutation { a: updateProfile(input: { name: \"kept\" }) { ... on UpdateProfilePayload { user { name } } ...P }
                           b: updateProfile(input: { avatar: \"none\" }) { ... on UpdateProfilePayload { user { name } } ...P } }";
    let answer = user.run(both, json!({})).await;
    assert_eq!(error_at(&answer, "b"), expected("BAD_INPUT", -1001));
    assert_eq!(answer.body["data"]["a"]["user"]["name"], "kept");
}

#[tokio::test]
async fn if_one_mutation_ends_in_an_error_the_data_is_null() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let both = format!(
        "mutation {{ a: requestCode(input: {{ phone: \"{phone}\" }}) {{ ... on RequestCodePayload {{ challengeId }} ...P }}
                    b: logout {{ __typename }} }}"
    );
    let answer = app.anonymous().run(&both, json!({})).await;
    assert_eq!(error_at(&answer, "b"), expected("UNAUTHENTICATED", -1008));
    assert_eq!(answer.body["data"], json!(null), "a failed field that is not nullable sets its parent to null");
    assert_eq!(app.sms.messages().len(), 1, "the other mutation ran");
}
