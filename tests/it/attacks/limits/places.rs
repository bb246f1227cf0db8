//! Requests that a limit rejects, and requests for test numbers: they must not use up the quota of other users.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::{Stores, TestApp, phone};
use crate::attacks::limited_by;
use crate::code_store::connection;

/// The number of connections that send requests at the same time.
const CONNECTIONS: u8 = 12;

const TEST_NUMBER: &str = "+8613800000000";

/// Requests codes for a phone in a loop, from twelve addresses at once. It stops when the returned set is dropped.
fn hammer(app: &Arc<TestApp>, phone: &str) -> JoinSet<()> {
    let mut hammers = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (app, phone) = (Arc::clone(app), phone.to_owned());
        hammers.spawn(async move {
            let stranger = app.at(&attacker(number));
            loop {
                stranger.try_ask(&phone).await;
            }
        });
    }
    hammers
}

fn attacker(number: u8) -> String {
    format!("198.51.100.{number}")
}

/// The attacker requests codes again and again for one phone in its cooldown. Each rejected request used to count for
/// the guard and the day for a moment, and honest sends were rejected in the meantime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_a_cooldown_rejects_do_not_use_up_quota() {
    let nearly_full = [("SEND_TOTAL_DAILY_LIMIT", "21"), ("GUARD_MODE", "off"), ("GUARD_DAILY_FLOOR", "0")];
    let denying = [("GUARD_MODE", "deny"), ("GUARD_HOURLY_FLOOR", "21"), ("GUARD_DAILY_FLOOR", "21")];
    for (stores, settings) in Stores::BOTH.into_iter().flat_map(|stores| [(stores, nearly_full), (stores, denying)]) {
        let builder = settings.into_iter().fold(TestApp::on(stores), |builder, (name, value)| builder.set(name, value));
        let app = Arc::new(builder.start().await);
        let cooling = phone();
        app.anonymous().ask(&cooling).await;

        let _hammers = hammer(&app, &cooling);
        for number in 0..20 {
            let answer = app.at(&format!("203.0.113.{}", 100 + number)).try_ask(&phone()).await;
            assert!(answer.body["errors"].is_null(), "honest send {number}, {stores:?}: {}", answer.body);
        }
        assert_eq!(app.sms.messages().len(), 21);
    }
}

/// The attacker's addresses have no quota left, but still request codes for the victim's phone. If each rejected
/// request started the phone's cooldown for a moment, the victim could not sign in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_an_addresss_limit_rejects_do_not_start_the_cooldown_of_a_phone() {
    for stores in Stores::BOTH {
        let app = Arc::new(TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "1").start().await);
        for number in 0..CONNECTIONS {
            app.at(&attacker(number)).ask(&phone()).await;
        }
        limited_by(&app.at(&attacker(0)).try_ask(&phone()).await, "IP_HOURLY");

        for number in 0..20 {
            let victim = phone();
            let _hammers = hammer(&app, &victim);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            let answer = app.at(&format!("203.0.113.{}", 100 + number)).try_ask(&victim).await;
            assert!(answer.body["errors"].is_null(), "victim {number}, {stores:?}: {}", answer.body);
        }
    }
}

/// After a minute without rejections, the server reserves the phone before it checks the address, and must release it.
#[tokio::test]
async fn a_request_that_another_limit_rejects_releases_the_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "1").start().await;
        let (stranger, victim) = (app.at(&attacker(1)), phone());
        stranger.ask(&phone()).await;
        for _ in 0..3 {
            limited_by(&stranger.try_ask(&victim).await, "IP_HOURLY");
            let minutes = Duration::from_mins(2);
            app.advance(minutes);
        }
        let sent = app.anonymous().try_ask(&victim).await;
        assert_eq!(sent.data("requestCode")["sendsRemaining"], 4, "the rejected requests are not counted");
    }
}

/// The attacker knows a test number, such as that of an app's reviewers. It has no cooldown and no daily limit, so he
/// could keep the server busy without end.
#[tokio::test]
async fn a_test_number_gets_at_most_as_many_codes_as_the_addresss_limit() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores)
            .set("TEST_NUMBERS", format!("{TEST_NUMBER}=135790"))
            .set("TEST_NUMBERS_UNTIL", "2999-12-31")
            .start()
            .await;
        let stranger = app.at(&attacker(1));
        let mut issued = 0;
        for _ in 0..60 {
            issued += u32::from(stranger.try_ask(TEST_NUMBER).await.body["errors"].is_null());
        }
        assert_eq!(issued, 20);
        limited_by(&stranger.try_ask(TEST_NUMBER).await, "IP_HOURLY");
        app.anonymous().ask(TEST_NUMBER).await;
        assert_eq!(app.sms.requests(), 0);
    }
}

/// The attacker uses so many addresses that no limit applies. The memory for the number's challenges must not grow.
#[tokio::test]
async fn the_challenges_of_a_test_number_do_not_accumulate() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores)
            .set("TEST_NUMBERS", format!("{TEST_NUMBER}=135790"))
            .set("TEST_NUMBERS_UNTIL", "2999-12-31")
            .set("SEND_IP_HOURLY_LIMIT", "0")
            .set("SEND_IP_DAILY_LIMIT", "0")
            .start()
            .await;
        let stranger = app.anonymous();
        let first = stranger.ask(TEST_NUMBER).await;
        let mut last = String::new();
        for _ in 0..200 {
            last = stranger.ask(TEST_NUMBER).await;
        }
        if stores == Stores::Shared {
            let pattern = format!("{}*:challenge:*", app.env["REDIS_KEY_PREFIX"]);
            let mut redis = connection(&app.env["REDIS_URL"]);
            let kept: Vec<String> = redis::cmd("KEYS").arg(pattern).query(&mut redis).expect("the keys");
            let (deliveries, codes): (Vec<String>, Vec<String>) =
                kept.into_iter().partition(|key| key.contains("{delivery}"));
            assert_eq!(codes.len(), 16);
            // The status of a message is small and not limited in number, but in time: 10 minutes longer than its code.
            for key in deliveries {
                let left: i64 = redis::cmd("PTTL").arg(key).query(&mut redis).expect("a time");
                assert!((1..=15 * 60 * 1000).contains(&left), "{left}");
            }
        }
        assert_eq!(stranger.login(TEST_NUMBER, "135790", &first).await.code(), "CODE_EXPIRED");
        stranger.login(TEST_NUMBER, "135790", &last).await.data("login");
    }
}

/// Two environments share a Redis and even a secret. Their counts must be separate.
#[tokio::test]
async fn environments_with_different_prefixes_share_only_the_redis() {
    let redis_url = crate::servers::redis().fresh_url();
    let start = async || {
        let builder = TestApp::on(Stores::Shared).set("REDIS_URL", redis_url.clone());
        builder.set("CODE_SECRET", "the same secret in both of them!").start().await
    };
    let (staging, production) = (start().await, start().await);
    let phone = phone();
    staging.anonymous().ask(&phone).await;
    limited_by(&staging.anonymous().try_ask(&phone).await, "COOLDOWN");
    production.anonymous().ask(&phone).await;

    let mut redis = connection(&redis_url);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).expect("the keys");
    for app in [&staging, &production] {
        let prefix = &app.env["REDIS_KEY_PREFIX"];
        for kind in [":phone", "{limits}:sends:", "{limits}:send:", "{limits}:traffic:CN"] {
            let found = keys.iter().any(|key| key.starts_with(prefix.as_str()) && key.contains(kind));
            assert!(found, "{prefix} has no {kind} in {keys:?}");
        }
    }
}
