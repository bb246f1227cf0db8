//! Attackers with many addresses, and neighbours who share one address with an attacker.

use serde_json::json;

use crate::app::{ASK, LOGIN, Stores, TestApp, phone, wrong};
use crate::attacks::limited_by;
use crate::tencent_stub::captcha::{APP_ID, APP_SECRET_KEY, CaptchaBehaviour};

/// The address of a whole office or of a mobile network.
const SHARED: &str = "198.51.100.66";

/// The attacker rents an IPv6 network of size /48, which has 65,536 networks of size /64.
#[tokio::test]
async fn three_hundred_64s_of_one_48_share_its_limit() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        for number in 0..300 {
            app.at(&format!("2001:db8:7:{:x}::1", number * 0x80)).try_ask(&phone()).await;
        }
        assert_eq!(app.sms.messages().len(), 160, "eight times the limit of one /64");
        limited_by(&app.at("2001:db8:7:ffff::1").try_ask(&phone()).await, "IP_HOURLY");
        app.at("2001:db8:8::1").ask(&phone()).await;
    }
}

/// The same attacker with a /56.
#[tokio::test]
async fn the_64s_of_one_56_share_its_limit() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        for number in 0..200 {
            app.at(&format!("2001:db8:7:{number:x}::1")).try_ask(&phone()).await;
        }
        assert_eq!(app.sms.messages().len(), 80, "four times the limit of one /64");
        app.at("2001:db8:7:100::1").ask(&phone()).await;
    }
}

/// The users of a mobile operator's /48 use their codes, so they are not limited together.
#[tokio::test]
async fn used_codes_are_refunded_to_all_networks_of_an_ipv6_address() {
    let app = TestApp::on(Stores::Embedded).set("SEND_IP_HOURLY_LIMIT", "1").start().await;
    for number in 0..30 {
        let (user, phone) = (app.at(&format!("2001:db8:7:{number:x}::1")), phone());
        let challenge_id = user.ask(&phone).await;
        user.login(&phone, &app.code(&phone), &challenge_id).await.data("login");
    }
}

/// Uses up the wrong codes of an address. The sends are not limited here.
async fn use_up_attempts(app: &TestApp) {
    let stranger = app.at(SHARED);
    for _ in 0..20 {
        let victim = phone();
        let challenge_id = stranger.ask(&victim).await;
        for _ in 0..3 {
            stranger.login(&victim, &wrong(&app.code(&victim)), &challenge_id).await;
        }
    }
}

/// The address has no wrong code left in this hour, but every SMS that it requests allows one more guess.
#[tokio::test]
async fn a_guesser_gets_one_guess_an_sms() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "0").start().await;
        use_up_attempts(&app).await;
        for _ in 0..5 {
            let (stranger, victim) = (app.at(SHARED), phone());
            let challenge_id = stranger.ask(&victim).await;
            let guess = wrong(&app.code(&victim));
            assert_eq!(stranger.login(&victim, &guess, &challenge_id).await.code(), "CODE_INCORRECT");
            for _ in 0..3 {
                limited_by(&stranger.login(&victim, &guess, &challenge_id).await, "IP_ATTEMPTS");
            }
        }

        // A code that another address requested does not help.
        let victim = phone();
        let challenge_id = app.anonymous().ask(&victim).await;
        let guess = app.at(SHARED).login(&victim, &wrong(&app.code(&victim)), &challenge_id).await;
        limited_by(&guess, "IP_ATTEMPTS");
        app.anonymous().login(&victim, &app.code(&victim), &challenge_id).await.data("login");
    }
}

/// One person uses up everything that the address has: sends, wrong codes, and failed captchas. A neighbour behind the same
/// address solves a captcha, gets a code and signs in.
#[tokio::test]
async fn a_neighbour_behind_a_shared_address_still_signs_in() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores)
            .set("CAPTCHA", "challenge")
            .set("TENCENT_CAPTCHA_APP_ID", APP_ID.to_string())
            .set("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY)
            .start()
            .await;
        let shared = app.at(SHARED);
        use_up_attempts(&app).await;
        app.sms.set_captcha(CaptchaBehaviour::Verdict(8, 0));
        for number in 0..30 {
            let captcha = json!({ "ticket": format!("t03-{number}"), "randstr": "@abc" });
            let failed = shared.run(ASK, json!({ "input": { "phone": phone(), "captcha": captcha } })).await;
            assert_eq!(failed.code(), "CAPTCHA_FAILED");
        }
        app.sms.set_captcha(CaptchaBehaviour::Pass);

        for neighbour in 0..5 {
            let phone = phone();
            assert_eq!(shared.try_ask(&phone).await.code(), "CAPTCHA_REQUIRED");
            let captcha = json!({ "ticket": format!("t03-neighbour-{neighbour}"), "randstr": "@abc" });
            let sent = shared.run(ASK, json!({ "input": { "phone": phone, "captcha": captcha } })).await;
            let challenge_id = sent.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
            shared.login(&phone, &app.code(&phone), &challenge_id).await.data("login");
        }
    }
}

/// The neighbour's client loses the answer of the sign-in, and repeats the request.
#[tokio::test]
async fn a_neighbour_behind_a_shared_address_can_repeat_a_login() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "0").start().await;
        let (shared, phone) = (app.at(SHARED), phone());
        use_up_attempts(&app).await;
        let challenge_id = shared.ask(&phone).await;
        let login = async |code: &str, key: &str| {
            let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id, "idempotencyKey": key });
            shared.run(LOGIN, json!({ "input": input })).await
        };
        let code = app.code(&phone);
        let first = login(&code, "0190163d-8694-739b").await;
        let again = login(&code, "0190163d-8694-739b").await;
        assert_eq!(again.data("login")["refreshToken"], first.data("login")["refreshToken"]);

        // Only the key repeats it.
        limited_by(&login(&code, "0190163d-8694-739c").await, "IP_ATTEMPTS");
        assert_eq!(login(&wrong(&code), "0190163d-8694-739b").await.code(), "BAD_INPUT");
    }
}
