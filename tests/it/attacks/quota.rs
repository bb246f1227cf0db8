//! Attacks on one victim's quota: sends and wrong codes that are meant to keep the owner of a phone out.

use std::time::Duration;

use serde_json::json;
use sms_login::limits::Limit;
use sms_login::verification::{AttemptError, CodeRequest};

use crate::app::{ASK, Answer, HOME, LOGIN, Stores, TestApp, phone, wrong};
use crate::code_service::{CodeServer, limited_by, login};
use crate::limit_store::limit_policy;

/// The attacker has fifty addresses. He uses up the victim's day, and guesses until everybody has to wait.
#[tokio::test]
async fn a_stranger_cannot_use_up_a_recognized_devices_quota() {
    for server in CodeServer::each(&limit_policy()) {
        let phone = phone();
        let owner = login(&phone, HOME);
        let device = CodeRequest { device: Some(server.device()), ..owner.clone() };

        let mut wrong_codes = 0;
        for number in 0..50 {
            let stranger = login(&phone, &format!("198.51.100.{number}"));
            server.advance(Duration::from_secs(30));
            // Past the day's tenth code, the attacker waits for the next day.
            if number == 10 {
                limited_by(&server.request(owner.clone()).await, Limit::PhoneDaily);
                signs_in(&server, &device).await;
                server.advance(Duration::from_hours(24));
            }
            let Ok(sent) = server.request(stranger.clone()).await else { break };
            let code = wrong(&server.sender.last_code());
            for _ in 0..3 {
                let guess = server.sign_in(&stranger, &sent.challenge_id, &code).await;
                wrong_codes += u32::from(matches!(guess, Err(AttemptError::Incorrect { .. })));
            }
        }
        assert_eq!(wrong_codes, 50);
        limited_by(&server.request(owner.clone()).await, Limit::FailedAttempts);
        signs_in(&server, &device).await;
    }
}

async fn signs_in(server: &CodeServer, request: &CodeRequest) {
    let sent = server.request(request.clone()).await.expect("the device gets a code");
    server.sign_in(request, &sent.challenge_id, &server.sender.last_code()).await.expect("the code is right");
}

/// Requests a code and signs in with it, like a client that keeps its device token.
async fn signs_in_on(app: &TestApp, phone: &str, device_token: &str) -> String {
    let request = json!({ "phone": phone, "deviceToken": device_token });
    let sent = app.anonymous().run(ASK, json!({ "input": request })).await;
    let challenge_id = &sent.data("requestCode")["challengeId"];
    let login = json!({
        "phone": phone, "code": app.code(phone), "challengeId": challenge_id, "deviceToken": device_token,
    });
    let signed_in = app.anonymous().run(LOGIN, json!({ "input": login })).await;
    signed_in.data("login")["deviceToken"].as_str().expect("a token").to_owned()
}

/// The same attack through GraphQL. The owner signs in as an app does, at home.
#[tokio::test]
async fn the_owner_of_an_attacked_phone_signs_in_with_the_device_token() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (phone, other) = (phone(), phone());
        let mut device = signs_in_on(&app, &phone, "").await;
        let foreign = signs_in_on(&app, &other, "").await;
        let ask = async |device_token: &str| -> Answer {
            let input = json!({ "phone": phone, "deviceToken": device_token });
            app.anonymous().run(ASK, json!({ "input": input })).await
        };

        let (mut wrong_codes, mut known) = (0, None);
        for number in 0..50 {
            app.advance(Duration::from_secs(30));
            let stranger = app.at(&format!("198.51.100.{number}"));
            let mut sent = stranger.try_ask(&phone).await;
            if !sent.body["errors"].is_null() && wrong_codes < 50 {
                super::limited_by(&sent, "PHONE_DAILY");
                for token in ["", &foreign, &device.replace("sld_", "slr_")] {
                    super::limited_by(&ask(token).await, "PHONE_DAILY");
                }
                device = signs_in_on(&app, &phone, &device).await;
                app.advance(Duration::from_hours(24));
                sent = stranger.try_ask(&phone).await;
            }
            if wrong_codes >= 50 {
                super::limited_by(&sent, "FAILED_ATTEMPTS");
                break;
            }
            let challenge_id = sent.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
            let code = app.code(&phone);
            known = Some((challenge_id.clone(), code.clone()));
            for _ in 0..3 {
                let guess = stranger.login(&phone, &wrong(&code), &challenge_id).await;
                wrong_codes += u32::from(guess.code() == "CODE_INCORRECT");
            }
        }

        assert_eq!(wrong_codes, 50);
        for token in ["", &foreign, &device.replace("sld_", "slr_")] {
            super::limited_by(&ask(token).await, "FAILED_ATTEMPTS");
        }
        let (challenge_id, code) = known.expect("a code");
        super::limited_by(&app.anonymous().login(&phone, &code, &challenge_id).await, "FAILED_ATTEMPTS");
        signs_in_on(&app, &phone, &device).await;
    }
}

/// The attacker has one address. Before, he could use up the victim's whole day from it.
#[tokio::test]
async fn one_address_uses_up_half_of_a_phones_day() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (victim, stranger) = (phone(), app.at("198.51.100.1"));
        for _ in 0..20 {
            stranger.try_ask(&victim).await;
            app.advance(Duration::from_secs(30));
        }
        assert_eq!(app.sms.messages().len(), 5);
        super::limited_by(&stranger.try_ask(&victim).await, "PHONE_DAILY");
        app.anonymous().ask(&victim).await;
    }
}

/// The first SMS is late, so the user resends. Then the first one arrives, and the user enters its code.
#[tokio::test]
async fn a_late_first_sms_still_works() {
    for stores in Stores::BOTH {
        for late in [true, false] {
            let app = TestApp::start(stores).await;
            let (phone, user) = (phone(), app.anonymous());
            let first = user.ask(&phone).await;
            let first_code = app.code(&phone);
            app.advance(Duration::from_secs(30));
            let sent = user.run(ASK, json!({ "input": { "phone": phone, "resendOf": first } })).await;
            let second = sent.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
            let second_code = app.code(&phone);

            assert_eq!(user.login(&phone, &first_code, &first).await.code(), "CODE_EXPIRED", "the old id is void");
            let code = if late { &first_code } else { &second_code };
            user.login(&phone, code, &second).await.data("login");
            for code in [&first_code, &second_code] {
                assert_eq!(user.login(&phone, code, &second).await.code(), "CODE_EXPIRED", "they are used once");
            }
        }
    }
}

/// A client that has lost the answer repeats its request. With a captcha for all, its ticket was used already.
#[tokio::test]
async fn a_repeated_request_costs_no_captcha() {
    for stores in Stores::BOTH {
        let app = crate::captcha::with_captcha(stores, "always").start().await;
        let captcha = json!({ "ticket": "t03-a-ticket", "randstr": "@random" });
        let phone = phone();
        let request = async |reference: Option<&str>| {
            let purpose = if reference.is_some() { "VERIFY" } else { "LOGIN" };
            let input = json!({
                "phone": phone, "purpose": purpose, "reference": reference, "captcha": captcha,
                "idempotencyKey": "0190163d-8694-739b-aea5-966c26f8ad91",
            });
            app.anonymous().run(ASK, json!({ "input": input })).await
        };
        let (one, other) = (request(None).await, request(None).await);
        assert_eq!(one.data("requestCode"), other.data("requestCode"));
        assert_eq!((app.sms.messages().len(), app.sms.verifications().len()), (1, 1));

        let mismatch = request(Some("transfer:9981")).await;
        assert_eq!(mismatch.code(), "BAD_INPUT");
        assert_eq!(mismatch.extensions()["field"], "input.idempotencyKey");
    }
}

/// A client repeats its request while the captcha of the first one is still being verified.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_requests_with_one_key_and_one_captcha_are_one() {
    for stores in Stores::BOTH {
        let app = crate::captcha::with_captcha(stores, "always").start().await;
        for number in 0..5 {
            let phone = phone();
            let input = json!({
                "phone": phone, "idempotencyKey": "0190163d-8694-739b-aea5-966c26f8ad91",
                "captcha": { "ticket": format!("t03-ticket-{number}"), "randstr": "@random" },
            });
            let client = app.anonymous();
            let answers = super::futures_join((0..4).map(|_| client.run(ASK, json!({ "input": input })))).await;
            let sent = answers[0].data("requestCode");
            assert!(answers.iter().all(|answer| answer.data("requestCode") == sent));
            assert_eq!(app.sms.messages().len(), number + 1);
        }
    }
}
