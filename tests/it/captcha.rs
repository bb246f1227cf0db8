//! Captchas before a code is sent: required, passed, failed, and during an outage.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sms_login::captcha::tencent::{CaptchaOutage, TencentCaptcha, TencentCaptchaConfig};
use sms_login::captcha::{CaptchaAnswer, CaptchaOutcome, CaptchaVerifier};
use sms_login::clock::{Clock, SystemClock};
use sms_login::outbound::Timeouts;
use sms_login::tencent::tc3::Credentials;

use crate::app::{ASK, Answer, Builder, Stores, TestApp, phone, wrong};
use crate::process::{self, Server, shared_env, stub};
use crate::servers;
use crate::tencent_stub::captcha::{APP_ID, APP_SECRET_KEY, CaptchaBehaviour, Verification};
use crate::tencent_stub::{self, TencentStub};

mod settings;

/// The whole address is sent to Tencent Captcha, although limits count by /64.
const V6: &str = "2001:db8:1:2:3:4:5:6";

pub(crate) fn with_captcha(stores: Stores, mode: &str) -> Builder {
    TestApp::on(stores)
        .set("CAPTCHA", mode)
        .set("GUARD_MODE", if mode == "challenge" { "challenge" } else { "record" })
        .set("TENCENT_CAPTCHA_APP_ID", APP_ID.to_string())
        .set("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY)
}

async fn ask(app: &TestApp, phone: &str, captcha: Value) -> Answer {
    app.at(V6).run(ASK, json!({ "input": { "phone": phone, "captcha": captcha } })).await
}

fn ticket(ticket: &str) -> Value {
    json!({ "ticket": ticket, "randstr": "@abc" })
}

#[track_caller]
fn assert_captcha(answer: &Answer, code: &str, number: i32) {
    let expected = json!({ "code": code, "errorCode": number, "captchaAppId": APP_ID.to_string() });
    assert_eq!(answer.extensions(), &expected);
}

#[track_caller]
fn assert_failed(answer: &Answer) {
    assert_captcha(answer, "CAPTCHA_FAILED", -1303);
}

#[tokio::test]
async fn a_code_needs_a_ticket_and_each_ticket_is_valid_once() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores, "always").start().await;
        let (phone, other) = (phone(), phone());
        assert_captcha(&ask(&app, &phone, Value::Null).await, "CAPTCHA_REQUIRED", -1302);
        assert!(app.sms.verifications().is_empty());
        let sent = ask(&app, &phone, ticket("t03-once*")).await;
        assert_eq!(sent.data("requestCode")["sendsRemaining"], 4, "the rejected requests are not counted");
        let user_ip: IpAddr = V6.parse().expect("an address");
        let asked = Verification { ticket: "t03-once*".to_owned(), randstr: Some("@abc".to_owned()), user_ip };
        assert_eq!(app.sms.verifications(), [asked]);
        assert_eq!(app.code(&phone).len(), 6);
        assert_failed(&ask(&app, &other, ticket("t03-once*")).await);
        assert_eq!(app.sms.messages().len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_sent_or_counted_if_the_captcha_fails() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores, "always").start().await;
        let phone = phone();
        let verdicts = [(7, 0), (8, 0), (9, 0), (15, 0), (16, 0), (21, 0), (100, 0), (0, 0), (-1, 0), (1, 100)];
        for (code, evil_level) in verdicts {
            app.sms.set_captcha(CaptchaBehaviour::Verdict(code, evil_level));
            assert_failed(&ask(&app, &phone, ticket("t03")).await);
        }
        assert_eq!(app.sms.verifications().len(), verdicts.len());
        assert!(app.sms.messages().is_empty());
        app.sms.set_captcha(CaptchaBehaviour::Pass);
        let sent = ask(&app, &phone, ticket("t03")).await;
        assert_eq!(
            sent.data("requestCode")["sendsRemaining"],
            4,
            "the failed requests started no cooldown and are not counted"
        );
    }
}

#[tokio::test]
async fn a_mini_programs_ticket_needs_no_randstr() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores, "always").set("TENCENT_CAPTCHA_APP_TYPE", "mini").start().await;
        ask(&app, &phone(), json!({ "ticket": "t03-mini" })).await.data("requestCode");
        let user_ip: IpAddr = V6.parse().expect("an address");
        let asked = Verification { ticket: "t03-mini".to_owned(), randstr: None, user_ip };
        assert_eq!(app.sms.verifications(), [asked]);

        for code in [7, 8, 10, 15, 16, 21, 25, 100] {
            app.sms.set_captcha(CaptchaBehaviour::Verdict(code, 0));
            assert_failed(&ask(&app, &phone(), json!({ "ticket": "t03-mini" })).await);
        }
    }
    let allowing = with_captcha(Stores::Embedded, "always").set("CAPTCHA_OUTAGE", "allow");
    let app = allowing.set("TENCENT_CAPTCHA_APP_TYPE", "mini").start().await;
    for code in [26, 31] {
        app.sms.set_captcha(CaptchaBehaviour::Verdict(code, 0));
        ask(&app, &phone(), json!({ "ticket": "t03-down" })).await.data("requestCode");
    }
}

fn outages() -> Vec<CaptchaBehaviour> {
    vec![
        CaptchaBehaviour::Error("InternalError".to_owned()),
        CaptchaBehaviour::Error("UnauthorizedOperation.ErrorAuth".to_owned()),
        CaptchaBehaviour::Http(500),
        CaptchaBehaviour::Http(503),
        CaptchaBehaviour::Http(200),
        CaptchaBehaviour::Json("{}".to_owned()),
        CaptchaBehaviour::Json(r#"{"Response":{"RequestId":"x"}}"#.to_owned()),
        CaptchaBehaviour::Json(r#"{"Response":{"CaptchaCode":"1","RequestId":"x"}}"#.to_owned()),
    ]
}

#[tokio::test]
async fn an_outage_refuses_by_default() {
    let app = with_captcha(Stores::Embedded, "always").start().await;
    let phone = phone();
    for outage in outages() {
        app.sms.set_captcha(outage.clone());
        assert_failed(&ask(&app, &phone, ticket("t03")).await);
    }
    let asked = app.sms.verifications().len();
    assert_failed(&ask(&app, &phone, ticket("trerror_1001_190000001_1770000000")).await);
    assert_eq!(app.sms.verifications().len(), asked, "a substitute ticket is not verified");
    assert!(app.sms.messages().is_empty());
    app.sms.set_captcha(CaptchaBehaviour::Pass);
    ask(&app, &phone, ticket("t03")).await.data("requestCode");
}

#[tokio::test]
async fn an_outage_allows_requests_if_it_is_set_so() {
    let app = with_captcha(Stores::Embedded, "always").set("CAPTCHA_OUTAGE", "allow").start().await;
    for outage in outages() {
        app.sms.set_captcha(outage.clone());
        ask(&app, &phone(), ticket("t03")).await.data("requestCode");
    }
    let asked = app.sms.verifications().len();
    ask(&app, &phone(), ticket("trerror_1001_190000001_1770000000")).await.data("requestCode");
    assert_eq!(app.sms.verifications().len(), asked);
    assert_captcha(&ask(&app, &phone(), Value::Null).await, "CAPTCHA_REQUIRED", -1302);
    app.sms.set_captcha(CaptchaBehaviour::Verdict(8, 0));
    assert_failed(&ask(&app, &phone(), ticket("t03")).await);
}

#[tokio::test]
async fn malformed_tickets_are_rejected() {
    let app = with_captcha(Stores::Embedded, "always").start().await;
    let longest = (json!("t".repeat(2048)), json!("r".repeat(128)));
    let table = [
        (json!(""), json!("r"), "input.captcha.ticket"),
        (json!("t".repeat(2049)), json!("r"), "input.captcha.ticket"),
        (json!("t\n"), json!("r"), "input.captcha.ticket"),
        (json!("t"), json!(""), "input.captcha.randstr"),
        (json!("t"), Value::Null, "input.captcha.randstr"),
        (json!("t"), json!("r".repeat(129)), "input.captcha.randstr"),
        (json!("t"), json!("随机"), "input.captcha.randstr"),
    ];
    for (ticket, randstr, field) in table {
        let refused = ask(&app, &phone(), json!({ "ticket": ticket, "randstr": randstr })).await;
        assert_eq!(refused.extensions(), &json!({ "code": "BAD_INPUT", "errorCode": -1001, "field": field }));
    }
    assert!(app.sms.verifications().is_empty());
    ask(&app, &phone(), json!({ "ticket": longest.0, "randstr": longest.1 })).await.data("requestCode");
}

#[tokio::test]
async fn requests_that_need_no_ticket_do_not_use_one() {
    for mode in ["off", "challenge"] {
        let app = with_captcha(Stores::Embedded, mode).start().await;
        ask(&app, &phone(), Value::Null).await.data("requestCode");
        ask(&app, &phone(), ticket("t03")).await.data("requestCode");
        assert!(app.sms.verifications().is_empty(), "{mode}");
    }
    let app = with_captcha(Stores::Embedded, "always").start().await;
    assert_eq!(ask(&app, "+8612", ticket("t03")).await.code(), "INVALID_PHONE");
    assert_eq!(ask(&app, "+16502530000", ticket("t03")).await.code(), "REGION_NOT_ALLOWED");
    assert!(app.sms.verifications().is_empty(), "a request that is rejected anyway does not use its ticket");
}

fn verifier(stub: &TencentStub, timeouts: Timeouts) -> TencentCaptcha {
    let credentials = Credentials::new(tencent_stub::SECRET_ID, tencent_stub::SECRET_KEY);
    let endpoint = stub.endpoint().parse().expect("a URL");
    let config =
        TencentCaptchaConfig { timeouts, ..TencentCaptchaConfig::new(credentials, APP_ID, APP_SECRET_KEY, endpoint) };
    TencentCaptcha::new(config, Arc::new(SystemClock)).expect("valid settings")
}

/// Waits for the real time-out, a fifth of a second.
#[tokio::test]
async fn a_call_without_an_answer_times_out_and_its_error_has_no_secret() {
    let stub = TencentStub::start(Arc::new(SystemClock) as Arc<dyn Clock>).await;
    stub.set_captcha(CaptchaBehaviour::Stall);
    let timeouts = Timeouts { connect: Duration::from_millis(80), whole: Duration::from_millis(200) };
    let verifier = verifier(&stub, timeouts);
    let answer = CaptchaAnswer { ticket: "t03-secret".to_owned(), randstr: Some("@secret".to_owned()) };
    let user_ip = V6.parse().expect("an address");
    let outcome = tokio::time::timeout(Duration::from_secs(5), verifier.verify(&answer, user_ip)).await;
    let CaptchaOutcome::Unavailable(outage) = outcome.expect("the verifier's own time-out") else {
        panic!("an outage")
    };
    assert!(matches!(outage.downcast_ref(), Some(CaptchaOutage::Call(_))), "{outage:?}");
    let cause = outage.source().map(ToString::to_string).unwrap_or_default();
    for shown in [format!("{outage} {outage:?} {cause}"), format!("{answer:?}")] {
        assert!(!shown.contains("secret") && !shown.contains(V6), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_calls_the_service_and_no_log_line_has_a_secret() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("LOG".to_owned(), "trace".to_owned());
    env.insert("CAPTCHA".to_owned(), "always".to_owned());
    env.insert("TENCENT_CAPTCHA_APP_ID".to_owned(), APP_ID.to_string());
    env.insert("TENCENT_CAPTCHA_APP_SECRET_KEY".to_owned(), "wrong-captcha-secret".to_owned());
    let wrong = process::run(&["check"], &env);
    assert!(wrong.out.contains("failed  captcha: ") && !wrong.out.contains("wrong-captcha-secret"), "{}", wrong.out);
    env.insert("TENCENT_CAPTCHA_APP_SECRET_KEY".to_owned(), APP_SECRET_KEY.to_owned());
    let good = process::run(&["check"], &env);
    assert!(good.out.contains("ok      captcha: "), "{}", good.out);
    let server = Server::start(&env);
    let input =
        |ticket: &str| json!({ "input": { "phone": phone(), "captcha": { "ticket": ticket, "randstr": "@random" } } });
    let sent = server.run(None, ASK, input("t03-a-ticket")).await;
    assert!(sent["errors"].is_null(), "{sent}");
    server.run(None, ASK, input("t03-a-ticket")).await;
    sms.set_captcha(CaptchaBehaviour::Http(500));
    server.run(None, ASK, input("t03-b-ticket")).await;
    server.run(None, ASK, input("trerror_a-ticket")).await;
    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    for said in [
        "a captcha was not passed",
        "HTTP 500 with a body that is not an answer of Tencent Captcha",
        "the client says that Captcha is down",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    for secret in ["-ticket", "@random", APP_SECRET_KEY, tencent_stub::SECRET_KEY] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn a_suspicious_send_needs_a_captcha_if_the_guard_challenges() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores, "challenge").set("GUARD_HOURLY_FLOOR", "2").start().await;
        for _ in 0..2 {
            ask(&app, &phone(), Value::Null).await.data("requestCode");
        }
        let suspect = phone();
        let asked = ask(&app, &suspect, Value::Null).await;
        assert_eq!(
            (asked.code(), &asked.extensions()["captchaAppId"]),
            ("CAPTCHA_REQUIRED", &json!(APP_ID.to_string()))
        );
        assert_eq!(app.sms.messages().len(), 2, "the rejected request is not sent");
        ask(&app, &suspect, ticket("t03")).await.data("requestCode");
        assert_eq!((app.sms.messages().len(), app.sms.verifications().len()), (3, 1));
    }
}

#[tokio::test]
async fn a_suspicious_send_is_rejected_if_the_guard_denies() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("GUARD_MODE", "deny").set("GUARD_HOURLY_FLOOR", "2").start().await;
        for _ in 0..2 {
            ask(&app, &phone(), Value::Null).await.data("requestCode");
        }
        let refused = ask(&app, &phone(), Value::Null).await;
        assert_eq!((refused.code(), &refused.extensions()["limit"]), ("RATE_LIMITED", &json!("GUARD")));
        assert_eq!(refused.extensions()["retryAfterSeconds"], 300);
        assert_eq!(app.sms.messages().len(), 2);
    }
}

/// `GUARD_MODE=deny` means what it says: a captcha opens the limits of the address, but not the guard.
#[tokio::test]
async fn a_captcha_does_not_help_if_the_guard_denies() {
    for (stores, mode) in Stores::BOTH.into_iter().flat_map(|stores| [(stores, "challenge"), (stores, "always")]) {
        let app = with_captcha(stores, mode)
            .set("GUARD_MODE", "deny")
            .set("GUARD_HOURLY_FLOOR", "3")
            .set("SEND_IP_HOURLY_LIMIT", if mode == "always" { "3" } else { "2" })
            .start()
            .await;
        for number in 0..3 {
            ask(&app, &phone(), ticket(&format!("t03-{number}"))).await.data("requestCode");
        }
        let verified = app.sms.verifications().len();
        assert_eq!(verified, if mode == "always" { 3 } else { 1 });
        let refused =
            app.at("198.51.100.67").run(ASK, json!({ "input": { "phone": phone(), "captcha": ticket("t03") } })).await;
        assert_eq!((refused.code(), &refused.extensions()["limit"]), ("RATE_LIMITED", &json!("GUARD")));
        assert_eq!(app.sms.verifications().len(), verified, "no captcha helps, so it is not verified");
    }
}

/// Spraying: one wrong code for each of many phones, from many addresses. No limit of a phone or an address notices.
#[tokio::test]
async fn a_wave_of_wrong_codes_asks_every_client_for_a_captcha() {
    for (stores, mode) in Stores::BOTH.into_iter().flat_map(|stores| [(stores, "challenge"), (stores, "deny")]) {
        let app = with_captcha(stores, "challenge")
            .set("GUARD_MODE", mode)
            .set("GUARD_HOURLY_FLOOR", "1000")
            .set("GUARD_DAILY_FLOOR", "1000")
            .set("GUARD_WRONG_CODES_MIN", "10")
            .start()
            .await;
        for number in 0..10 {
            let (stranger, victim) = (app.at(&format!("198.51.100.{number}")), phone());
            let session_id = stranger.ask(&victim).await;
            stranger.login(&victim, &wrong(&app.code(&victim)), &session_id).await;
        }

        let honest = phone();
        let asked = ask(&app, &honest, Value::Null).await;
        if mode == "deny" {
            asked.data("requestCode");
            continue;
        }
        assert_eq!(asked.code(), "CAPTCHA_REQUIRED");
        ask(&app, &honest, ticket("t03")).await.data("requestCode");
        app.advance(Duration::from_hours(1));
        ask(&app, &phone(), Value::Null).await.data("requestCode");
    }
}

#[tokio::test]
async fn numbers_with_an_allowed_prefix_are_never_suspect() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores)
            .set("GUARD_MODE", "deny")
            .set("GUARD_HOURLY_FLOOR", "1")
            .set("GUARD_ALLOWED_PREFIXES", "+8613711,+86137")
            .start()
            .await;
        for _ in 0..5 {
            ask(&app, &phone(), Value::Null).await.data("requestCode");
        }
        let elsewhere = |number: u32| format!("+86138{number:08}");
        ask(&app, &elsewhere(1), Value::Null).await.data("requestCode");
        assert_eq!(ask(&app, &elsewhere(2), Value::Null).await.extensions()["limit"], "GUARD");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_the_service_are_counted_by_outcome_and_timed() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    let app_id = APP_ID.to_string();
    for (name, value) in [
        ("AUTO_MIGRATE", "true"),
        ("METRICS_ADDR", "127.0.0.1:0"),
        ("CAPTCHA", "always"),
        ("TENCENT_CAPTCHA_APP_ID", &app_id),
        ("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    let server = Server::start(&env);
    let page = server.metrics().await;
    assert!(page.contains("sms_login_captcha_checks_total{outcome=\"unavailable\"} 0"), "{page}");

    let behaviours = [
        CaptchaBehaviour::Pass,
        CaptchaBehaviour::Verdict(7, 0),
        CaptchaBehaviour::Http(503),
        CaptchaBehaviour::Http(500),
    ];
    for (number, behaviour) in behaviours.into_iter().enumerate() {
        sms.set_captcha(behaviour);
        let ticket = ticket(&format!("t03-{number}"));
        server.run(None, ASK, json!({ "input": { "phone": phone(), "captcha": ticket } })).await;
    }
    let page = server.metrics().await;
    for (outcome, count) in [("passed", 1), ("failed", 1), ("unavailable", 2)] {
        let line = format!("sms_login_captcha_checks_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(page.contains(&line), "{line}\n{page}");
    }
    assert!(page.contains("sms_login_captcha_seconds_bucket{le=\"3\"} 4\n"), "{page}");
    assert!(page.contains("sms_login_captcha_seconds_count 4\n"), "{page}");
}
