//! Test numbers: they have a fixed code, for app reviewers.

use std::time::Duration;

use serde_json::json;
use sms_login::config::Config;

use crate::app::{ASK, Builder, Stores, TestApp, phone, settings, wrong};
use crate::process::{self, Server, shared_env, stub};
use crate::servers;

/// A number that is often used for app reviews.
const LISTED: &str = "+8613800000000";
const CODE: &str = "135790";

/// Sets two test numbers that are active until the end of the day in China, 12 hours after the start.
fn with_number(stores: Stores) -> Builder {
    let numbers = format!("{LISTED}={CODE}, +8613800000001=000000");
    TestApp::on(stores).set("TEST_NUMBERS", numbers).set("TEST_NUMBERS_UNTIL", "2026-03-01")
}

#[tokio::test]
async fn a_test_number_signs_in_with_its_code_and_gets_no_sms() {
    for stores in Stores::BOTH {
        let app = with_number(stores).set("SEND_DAILY_LIMIT", "2").start().await;
        let reviewer = app.anonymous();
        let mut last = String::new();
        for _ in 0..4 {
            let asked = reviewer.try_ask(LISTED).await;
            let asked = asked.data("requestCode");
            assert_eq!(asked["sendsRemaining"], json!(null), "no daily limit: {asked}");
            assert_eq!(asked["resendAt"], "2026-03-01T04:00:00Z", "no cooldown");
            last = asked["challengeId"].as_str().expect("an id").to_owned();
        }

        let national = LISTED.trim_start_matches("+86");
        assert_eq!(reviewer.login(national, CODE, &last).await.data("login")["user"]["phone"], LISTED);
        assert_eq!(reviewer.login(LISTED, CODE, &last).await.code(), "CODE_EXPIRED", "a code is valid once");

        let other = reviewer.ask("+8613800000001").await;
        reviewer.login("+8613800000001", "000000", &other).await.data("login");
        assert_eq!(app.sms.requests(), 0, "the provider is not called");

        let ordinary = phone();
        reviewer.ask(&ordinary).await;
        assert_eq!(reviewer.try_ask(&ordinary).await.extensions()["limit"], "COOLDOWN");
        assert_ne!(app.code(&ordinary), CODE);
    }
}

#[tokio::test]
async fn a_test_number_works_for_every_purpose() {
    let app = with_number(Stores::Embedded).start().await;
    let challenge_id = app.anonymous().ask(LISTED).await;
    let login = app.anonymous().login(LISTED, CODE, &challenge_id).await;
    let token = login.data("login")["accessToken"].as_str().expect("a token").to_owned();
    let reviewer = app.anonymous().with_token(&token);

    let steps = [
        (
            "VERIFY",
            LISTED,
            CODE,
            "mutation($input: VerifyCodeInput!) { verifyCode(input: $input) { ... on VerifyCodePayload { proof } ...P } }",
        ),
        (
            "CHANGE_PHONE",
            "+8613800000001",
            "000000",
            "mutation($input: ChangePhoneInput!) { changePhone(input: $input) { ... on ChangePhonePayload { user { id } } ...P } }",
        ),
        (
            "DELETE_ACCOUNT",
            "+8613800000001",
            "000000",
            "mutation($input: DeleteAccountInput!) { deleteAccount(input: $input) { ... on DeleteAccountPayload { deletedUserId } ...P } }",
        ),
    ];

    for (purpose, phone, code, mutation) in steps {
        let asked = reviewer.run(ASK, json!({ "input": { "phone": phone, "purpose": purpose } })).await;
        let challenge_id = &asked.data("requestCode")["challengeId"];
        let mut input = json!({ "phone": phone, "code": code, "challengeId": challenge_id });
        if purpose == "DELETE_ACCOUNT" {
            input.as_object_mut().expect("an object").remove("phone");
        }
        let done = reviewer.run(mutation, json!({ "input": input })).await;
        assert!(done.body["errors"].is_null(), "{purpose}: {}", done.body);
    }
    assert_eq!(app.sms.requests(), 0);
}

#[tokio::test]
async fn from_its_end_on_a_test_number_is_an_ordinary_number() {
    for stores in Stores::BOTH {
        let app = with_number(stores).start().await;
        app.advance(Duration::from_millis(12 * 60 * 60 * 1000 - 1));
        app.anonymous().ask(LISTED).await;
        assert_eq!(app.sms.requests(), 0, "the last millisecond of the day");

        app.advance(Duration::from_secs(31));
        let asked = app.anonymous().try_ask(LISTED).await;
        let asked = asked.data("requestCode");
        assert_eq!(asked["sendsRemaining"], 4);
        let challenge_id = asked["challengeId"].as_str().expect("an id");
        let code = app.code(LISTED);
        assert_ne!(code, CODE, "the code is random now (one run in a million fails here)");
        assert_eq!(app.anonymous().login(LISTED, CODE, challenge_id).await.code(), "CODE_INCORRECT");
        assert_eq!(app.anonymous().try_ask(LISTED).await.extensions()["limit"], "COOLDOWN");
        app.anonymous().login(LISTED, &code, challenge_id).await.data("login");
    }
}

#[tokio::test]
async fn an_end_is_an_instant_or_a_day_in_the_day_offset() {
    for (until, offset, hours) in
        [("2026-03-01T14:00:00+08:00", "+08:00", 2), ("2026-03-01", "-05:00", 25), ("2026-02-28", "+00:00", 0)]
    {
        let app =
            with_number(Stores::Embedded).set("TEST_NUMBERS_UNTIL", until).set("DAY_OFFSET", offset).start().await;
        if hours > 0 {
            app.advance(Duration::from_millis(hours * 60 * 60 * 1000 - 1));
            app.anonymous().ask(LISTED).await;
            assert_eq!(app.sms.requests(), 0, "{until}");
            app.advance(Duration::from_mins(1));
        }
        app.anonymous().ask(LISTED).await;
        assert_eq!(app.sms.requests(), 1, "{until}");
    }
}

#[tokio::test]
async fn wrong_codes_for_a_test_number_cause_waits() {
    for stores in Stores::BOTH {
        let app = with_number(stores).start().await;
        let stranger = app.at("198.51.100.9");

        let mut guesses = 0;
        while guesses < 5 {
            let challenge_id = stranger.ask(LISTED).await;
            for remaining in [2, 1, 0].into_iter().take(5 - guesses) {
                let refused = stranger.login(LISTED, &wrong(CODE), &challenge_id).await;
                assert_eq!(refused.extensions()["attemptsRemaining"], remaining, "{}", refused.body);
                guesses += 1;
            }
        }

        assert_eq!(stranger.try_ask(LISTED).await.extensions()["limit"], "FAILED_ATTEMPTS");
        let challenge_id = app.anonymous().ask(LISTED).await;
        assert_eq!(stranger.login(LISTED, CODE, &challenge_id).await.extensions()["limit"], "FAILED_ATTEMPTS");
        app.anonymous().login(LISTED, CODE, &challenge_id).await.data("login");
    }
}

#[test]
fn malformed_test_numbers_are_rejected() {
    let read = |set: &[(&str, &str)]| {
        settings(&[], set.iter().copied()).and_then(Config::try_from).map_err(|error| error.to_string())
    };
    let one = ("TEST_NUMBERS", "+8613800000000=123456");

    for wrong in [
        "+8613800000000",
        "13800000000=123456",
        "+86 138 0000 0000=123456",
        "+861380000=123456",
        "+861012345678=123456",
        "+8613800000000=12345",
        "+8613800000000=1234567",
        "+8613800000000=12345a",
        "+8613800000000=123456,",
        "+8613800000000=123456,+8613800000000=654321",
        "+16502530000=123456",
    ] {
        let refusal = read(&[("TEST_NUMBERS", wrong)]).expect_err(wrong);
        assert!(refusal.starts_with("TEST_NUMBERS: ") && !refusal.contains('\n'), "{refusal}");
        assert!(!refusal.contains("65432") && !refusal.contains("12345a"), "{refusal}");
    }

    for wrong in ["soon", "2026-13-01", "2026-02-30", "2026-12-31T18:00:00", "9999-12-31"] {
        let refusal = read(&[one, ("TEST_NUMBERS_UNTIL", wrong)]).expect_err(wrong);
        assert!(refusal.starts_with("TEST_NUMBERS_UNTIL: ") && !refusal.contains('\n'), "{refusal}");
    }

    let tencent = [
        one,
        ("TENCENTCLOUD_SECRET_ID", "id"),
        ("TENCENTCLOUD_SECRET_KEY", "key"),
        ("TENCENT_SMS_SDK_APP_ID", "1400000000"),
        ("TENCENT_SMS_TEMPLATE_ID", "1"),
        ("TENCENT_SMS_SIGN_NAME", "sign"),
    ];
    let endless = read(&tencent).expect_err("an end date is required");
    assert!(endless.starts_with("TEST_NUMBERS_UNTIL: "), "{endless}");

    let until = ("TEST_NUMBERS_UNTIL", "2026-12-31");
    let whole: Vec<_> = tencent.into_iter().chain([until]).collect();
    read(&[one]).expect("the end date is optional if the console prints all codes");
    let config = read(&whole).expect("valid settings");

    let printed = format!("{config:?} {config:#?} {:?}", settings(&[], whole));
    assert!(printed.contains("+86138****0000") && !printed.contains("123456"), "{printed}");
    assert!(!printed.contains(LISTED), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_warns_at_start_of_active_test_numbers() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("TEST_NUMBERS".to_owned(), format!("{LISTED}={CODE},+8613800000001=000000"));

    let warning = "2 test numbers sign in with fixed codes until 2999-12-31T16:00:00Z";
    for (until, warned) in [("2999-12-31", true), ("2020-12-31", false)] {
        env.insert("TEST_NUMBERS_UNTIL".to_owned(), until.to_owned());
        let server = Server::start(&env);
        let printed = server.printed();
        assert_eq!(printed.contains(warning), warned, "{printed}");
        assert_eq!(printed.contains("test numbers"), warned, "{printed}");
        assert!(!printed.contains(CODE) && !printed.contains("13800000000"), "{printed}");
    }

    env.insert("TEST_NUMBERS".to_owned(), format!("{LISTED}={CODE}"));
    env.insert("TEST_NUMBERS_UNTIL".to_owned(), "2999-12-31".to_owned());
    let printed = process::run(&["check"], &env).out;
    let warning = "warn    TEST_NUMBERS: 1 test number signs in with a fixed code until 2999-12-31T16:00:00Z";
    assert!(printed.contains(warning), "{printed}");
}

#[tokio::test]
async fn a_test_number_uses_no_quota_of_other_numbers() {
    for stores in Stores::BOTH {
        let builder = TestApp::on(stores).set("TEST_NUMBERS", format!("{LISTED}={CODE}"));
        let builder = builder.set("TEST_NUMBERS_UNTIL", "2999-12-31").set("SEND_TOTAL_DAILY_LIMIT", "2");
        let app = builder.set("SEND_IP_HOURLY_LIMIT", "2").start().await;

        for _ in 0..5 {
            let challenge_id = app.anonymous().ask(LISTED).await;
            app.anonymous().login(LISTED, CODE, &challenge_id).await.data("login");
        }

        for _ in 0..2 {
            app.anonymous().ask(&crate::app::phone()).await;
        }
        assert_eq!(app.sms.messages().len(), 2);
    }
}
