//! Forged captcha tickets: every call to the captcha service costs money, and every line of the log costs space.

use serde_json::{Value, json};

use crate::app::{ASK, Answer, Builder, LOGIN, Stores, TestApp, phone};
use crate::attacks::{futures_join, limited_by};
use crate::process::{Server, shared_env, stub};
use crate::servers;
use crate::tencent_stub::captcha::{APP_ID, APP_SECRET_KEY, CaptchaBehaviour};

const STRANGER: &str = "198.51.100.66";

fn always() -> [(&'static str, String); 3] {
    [
        ("CAPTCHA", "always".to_owned()),
        ("TENCENT_CAPTCHA_APP_ID", APP_ID.to_string()),
        ("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY.to_owned()),
    ]
}

fn with_captcha(stores: Stores) -> Builder {
    always().into_iter().fold(TestApp::on(stores), |builder, (name, value)| builder.set(name, value))
}

async fn ask(app: &TestApp, phone: &str, ticket: &str) -> Answer {
    ask_with(app, phone, json!({ "ticket": ticket, "randstr": "@abc" })).await
}

async fn ask_with(app: &TestApp, phone: &str, captcha: Value) -> Answer {
    app.at(STRANGER).run(ASK, json!({ "input": { "phone": phone, "captcha": captcha } })).await
}

/// A forged ticket costs the attacker nothing, but the operator a call.
#[tokio::test]
async fn forged_tickets_cost_at_most_as_many_calls_as_the_addresss_limit() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores).start().await;
        app.sms.set_captcha(CaptchaBehaviour::Verdict(8, 0));
        for number in 0..100 {
            ask(&app, &phone(), &format!("t03-{number}")).await;
        }
        assert_eq!(app.sms.verifications().len(), 20);
        limited_by(&ask(&app, &phone(), "t03").await, "IP_HOURLY");
        assert!(app.sms.messages().is_empty());
    }
}

/// The attacker has signed in once, so he has a device token, and the limits of his address do not apply to him.
#[tokio::test]
async fn forged_tickets_of_a_recognized_device_cost_at_most_as_many_calls() {
    for (stores, sends_daily) in Stores::BOTH.into_iter().flat_map(|stores| [(stores, "10"), (stores, "0")]) {
        let app = with_captcha(stores).set("SEND_DAILY_LIMIT", sends_daily).start().await;
        let own = phone();
        let sent = ask(&app, &own, "t03-first").await;
        let input =
            json!({ "phone": own, "code": app.code(&own), "challengeId": sent.data("requestCode")["challengeId"] });
        let signed_in = app.at(STRANGER).run(LOGIN, json!({ "input": input })).await;
        let device_token = &signed_in.data("login")["deviceToken"];

        app.sms.set_captcha(CaptchaBehaviour::Verdict(8, 0));
        let forge = async |ticket: String| {
            let captcha = json!({ "ticket": ticket, "randstr": "@abc" });
            let input = json!({ "phone": own, "captcha": captcha, "deviceToken": device_token });
            app.at(STRANGER).run(ASK, json!({ "input": input })).await
        };
        for number in 0..60 {
            forge(format!("t03-{number}")).await;
        }
        assert_eq!(app.sms.verifications().len(), 21);
        limited_by(&forge("t03".to_owned()).await, "IP_HOURLY");

        // They are not counted for the address, and the neighbours' requests do not count for the device.
        app.sms.set_captcha(CaptchaBehaviour::Pass);
        ask(&app, &phone(), "t03-neighbour").await.data("requestCode");
    }
}

/// The attacker sends real tickets for a phone that is in its cooldown.
#[tokio::test]
async fn a_request_that_the_phones_limits_reject_calls_no_captcha_service_and_does_not_count() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores).start().await;
        let cooling = phone();
        ask(&app, &cooling, "t03-first").await.data("requestCode");
        for number in 0..40 {
            limited_by(&ask(&app, &cooling, &format!("t03-{number}")).await, "COOLDOWN");
        }
        assert_eq!(app.sms.verifications().len(), 1);
        for number in 0..19 {
            ask(&app, &phone(), &format!("t03-{number}")).await.data("requestCode");
        }
        limited_by(&ask(&app, &phone(), "t03-last").await, "IP_HOURLY");
        assert_eq!((app.sms.verifications().len(), app.sms.messages().len()), (20, 20), "each send counts once");
    }
}

/// A request that costs no call must not count: an honest client without a ticket, or with a captcha service that is
/// unavailable, must not use up the quota of its address.
#[tokio::test]
async fn a_request_that_costs_no_call_does_not_count() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores).start().await;
        for _ in 0..30 {
            assert_eq!(ask_with(&app, &phone(), Value::Null).await.code(), "CAPTCHA_REQUIRED");
            assert_eq!(ask(&app, &phone(), "").await.code(), "BAD_INPUT");
            assert_eq!(ask(&app, &phone(), "trerror_1001_190000001_1770000000").await.code(), "CAPTCHA_FAILED");
        }
        assert!(app.sms.verifications().is_empty());
        app.sms.set_captcha(CaptchaBehaviour::Http(500));
        for _ in 0..30 {
            assert_eq!(ask(&app, &phone(), "t03").await.code(), "CAPTCHA_FAILED", "an outage is refunded");
        }
        app.sms.set_captcha(CaptchaBehaviour::Pass);
        for number in 0..20 {
            ask(&app, &phone(), &format!("t03-{number}")).await.data("requestCode");
        }
    }
}

/// A suspect send with a ticket counts once for its address and once for the guard, like any other send.
#[tokio::test]
async fn a_suspect_send_with_a_ticket_is_counted_once() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores)
            .set("CAPTCHA", "challenge")
            .set("GUARD_MODE", "challenge")
            .set("GUARD_HOURLY_FLOOR", "2")
            .set("SEND_IP_HOURLY_LIMIT", "6")
            .set("SEND_TOTAL_DAILY_LIMIT", "6")
            .start()
            .await;
        let suspect = phone();
        for number in 0..6 {
            let phone = if number == 4 { suspect.clone() } else { phone() };
            let answer = ask(&app, &phone, &format!("t03-{number}")).await;
            assert_eq!(answer.data("requestCode")["sendsRemaining"], 4);
        }
        assert_eq!((app.sms.messages().len(), app.sms.verifications().len()), (6, 4));
        limited_by(&ask(&app, &suspect, "t03-x").await, "TOTAL_DAILY");
        assert_eq!(app.sms.verifications().len(), 4, "no captcha helps against the total, so it is not verified");
    }
}

fn challenging(stores: Stores) -> Builder {
    with_captcha(stores).set("CAPTCHA", "challenge")
}

/// Past the limit of the address, each SMS costs a solved captcha. The attacker sends one ticket again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_limit_of_an_address_one_captcha_admits_one_send() {
    for (stores, kind) in Stores::BOTH.into_iter().flat_map(|stores| [(stores, "web"), (stores, "mini")]) {
        let app = challenging(stores).set("TENCENT_CAPTCHA_APP_TYPE", kind).set("SEND_IP_HOURLY_LIMIT", "2").start();
        let app = app.await;
        let with = |ticket: &str| match kind {
            "mini" => json!({ "ticket": ticket }),
            _ => json!({ "ticket": ticket, "randstr": "@abc" }),
        };
        for _ in 0..2 {
            ask_with(&app, &phone(), Value::Null).await.data("requestCode");
        }
        assert_eq!(ask_with(&app, &phone(), Value::Null).await.code(), "CAPTCHA_REQUIRED");
        let sent = ask_with(&app, &phone(), with("t03-one")).await;
        assert_eq!(sent.data("requestCode")["sendsRemaining"], 4, "the phone is counted once");
        for _ in 0..5 {
            assert_eq!(ask_with(&app, &phone(), with("t03-one")).await.code(), "CAPTCHA_FAILED");
        }

        let phones: Vec<String> = (0..10).map(|_| phone()).collect();
        let burst = futures_join(phones.iter().map(|phone| ask_with(&app, phone, with("t03-two")))).await;
        let sent = burst.iter().filter(|answer| answer.body["errors"].is_null()).count();
        assert_eq!((sent, app.sms.messages().len()), (1, 4), "{stores:?}, {kind}");
    }
}

/// Solved captchas can be bought, and each forged ticket costs the operator a call: the limit is raised, not removed.
#[tokio::test]
async fn captchas_raise_the_limit_of_an_address_tenfold() {
    for stores in Stores::BOTH {
        let app = challenging(stores).set("SEND_IP_HOURLY_LIMIT", "2").set("GUARD_MODE", "off").start().await;
        for number in 0..40 {
            ask(&app, &phone(), &format!("t03-{number}")).await;
        }
        assert_eq!((app.sms.messages().len(), app.sms.verifications().len()), (20, 18));
        limited_by(&ask(&app, &phone(), "t03-last").await, "IP_HOURLY");
        assert_eq!(app.at("198.51.100.67").try_ask(&phone()).await.body["errors"], Value::Null);

        let app = challenging(stores).set("SEND_IP_HOURLY_LIMIT", "2").start().await;
        for _ in 0..2 {
            ask_with(&app, &phone(), Value::Null).await.data("requestCode");
        }
        app.sms.set_captcha(CaptchaBehaviour::Verdict(8, 0));
        for number in 0..40 {
            ask(&app, &phone(), &format!("t03-{number}")).await;
        }
        assert_eq!(app.sms.verifications().len(), 18, "a failed captcha costs a place");
    }
}

/// The attacker claims that the captcha service is down, and the settings believe that.
#[tokio::test]
async fn an_outage_of_the_captcha_does_not_open_the_limit_of_an_address() {
    for stores in Stores::BOTH {
        let app = challenging(stores).set("CAPTCHA_OUTAGE", "allow").set("SEND_IP_HOURLY_LIMIT", "2").start().await;
        for _ in 0..2 {
            ask_with(&app, &phone(), Value::Null).await.data("requestCode");
        }
        limited_by(&ask(&app, &phone(), "trerror_1001_190000001_1770000000").await, "IP_HOURLY");
        app.sms.set_captcha(CaptchaBehaviour::Http(500));
        for _ in 0..30 {
            limited_by(&ask(&app, &phone(), "t03").await, "IP_HOURLY");
        }
        app.sms.set_captcha(CaptchaBehaviour::Pass);
        ask(&app, &phone(), "t03").await.data("requestCode");
    }
}

/// The limits of the phone hold whatever was solved, and cost no captcha.
#[tokio::test]
async fn a_captcha_does_not_open_the_limits_of_a_phone() {
    for stores in Stores::BOTH {
        let app = challenging(stores).set("SEND_IP_HOURLY_LIMIT", "1").start().await;
        let cooling = phone();
        ask_with(&app, &cooling, Value::Null).await.data("requestCode");
        for number in 0..5 {
            limited_by(&ask(&app, &cooling, &format!("t03-{number}")).await, "COOLDOWN");
        }
        assert!(app.sms.verifications().is_empty());
        ask(&app, &phone(), "t03-0").await.data("requestCode");
    }
}

/// A test number past the limit of the address needs a captcha, too, and keeps its code.
#[tokio::test]
async fn a_captcha_opens_the_limit_of_an_address_for_a_test_number() {
    let number = "+8613800000000";
    let app = challenging(Stores::Embedded)
        .set("TEST_NUMBERS", format!("{number}=135790"))
        .set("TEST_NUMBERS_UNTIL", "2999-12-31")
        .set("SEND_IP_HOURLY_LIMIT", "1")
        .start()
        .await;
    ask_with(&app, &phone(), Value::Null).await.data("requestCode");
    assert_eq!(ask_with(&app, number, Value::Null).await.code(), "CAPTCHA_REQUIRED");
    let sent = ask(&app, number, "t03").await;
    let challenge_id = sent.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
    app.at(STRANGER).login(number, "135790", &challenge_id).await.data("login");
}

/// The attacker fills the log. Each request during an outage, and each ticket that claims an outage, used to write a
/// warning.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_captcha_does_not_flood_the_log() {
    let sms = stub().await;
    sms.set_captcha(CaptchaBehaviour::Http(500));
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.extend(always().map(|(name, value)| (name.to_owned(), value)));
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    let server = Server::start(&env);
    for number in 0..20 {
        for ticket in [format!("t03-{number}"), format!("trerror_{number}")] {
            let captcha = json!({ "ticket": ticket, "randstr": "@abc" });
            let answer = server.run(None, ASK, json!({ "input": { "phone": phone(), "captcha": captcha } })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "CAPTCHA_FAILED", "{answer}");
        }
    }
    assert_eq!(sms.verifications().len(), 20);
    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("captcha") || line.contains("Captcha")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("a captcha could not be verified"), "{}", lines[0]);
}
