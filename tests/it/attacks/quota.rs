//! Attacks on one victim's quota: sends and wrong codes that are meant to keep the owner of a phone out.

use std::time::Duration;

use serde_json::json;
use sms_login::limits::Limit;
use sms_login::verification::{AttemptError, CodeRequest};

use crate::app::{ASK, HOME, Stores, TestApp, phone, wrong};
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
