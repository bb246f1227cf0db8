//! Attacks on limits: requests that use up the places of others, or get around a limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use redis::AsyncCommands;
use serde_json::{Value, json};
use sms_login::app::App;
use sms_login::clock::{Clock, SystemClock};
use sms_login::config::Config;
use tower::ServiceExt;

use super::{futures_join, limited_by};
use crate::app::{ASK, Answer, Builder, HOME, Stores, TestApp, phone, settings};
use crate::process::{self, Server, shared_env, stub};
use crate::servers::{self, own::OwnRedis};
use crate::tencent_stub::captcha::{APP_ID, APP_SECRET_KEY, CaptchaBehaviour};

const STRANGER: &str = "198.51.100.66";
const CONNECTIONS: usize = 12;
const REQUESTS: usize = 25;
const HONEST: usize = 20;

/// Asks for codes from many connections at once, again and again, each time for the phone that `phone` names, while
/// twenty honest people ask once each. Returns the honest people's answers.
async fn hammered(app: &TestApp, phone: impl Fn(usize) -> String) -> Vec<Answer> {
    let answers = std::sync::Mutex::new(Vec::new());
    let connection = async |number: usize| {
        if number == CONNECTIONS {
            for person in 0..HONEST {
                let answer = app.at(&format!("203.0.113.{person}")).try_ask(&phone(usize::MAX - person)).await;
                answers.lock().expect("no panic").push(answer);
            }
        } else {
            for request in 0..REQUESTS {
                app.at(STRANGER).try_ask(&phone(number * REQUESTS + request)).await;
            }
        }
        app.at(STRANGER).try_ask("x").await
    };
    futures_join((0..=CONNECTIONS).map(connection)).await;
    answers.into_inner().expect("no panic")
}

#[track_caller]
fn assert_all_sent(answers: &[Answer]) {
    let refused: Vec<_> = answers.iter().filter(|answer| !answer.body["errors"].is_null()).map(|a| &a.body).collect();
    assert_eq!((answers.len(), refused.len()), (HONEST, 0), "{refused:?}");
}

/// The guard refuses nobody as long as this many sends are unverified.
fn guarded(stores: Stores, sends: usize) -> Builder {
    TestApp::on(stores)
        .set("GUARD_MODE", "deny")
        .set("GUARD_DAILY_FLOOR", sends.to_string())
        .set("GUARD_HOURLY_FLOOR", sends.to_string())
}

/// Requests that a phone's cooldown refuses, hammered by many connections, are to use up the places of honest people for
/// a moment each: in the day's total, and in the guard's traffic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_the_cooldown_refuses_take_no_places() {
    let places = HONEST + 1;
    for stores in Stores::BOTH {
        for builder in [TestApp::on(stores).set("SEND_TOTAL_DAILY_LIMIT", places.to_string()), guarded(stores, places)]
        {
            let app = builder.set("SEND_IP_HOURLY_LIMIT", "0").set("SEND_IP_DAILY_LIMIT", "0").start().await;
            let (busy, people): (String, Vec<_>) = (phone(), (0..HONEST).map(|_| phone()).collect());
            app.at(STRANGER).ask(&busy).await;
            let answers = hammered(&app, |number| people.get(usize::MAX - number).unwrap_or(&busy).clone()).await;
            assert_all_sent(&answers);
            assert_eq!(app.sms.messages().len(), places);
        }
    }
}

/// Requests that an address's limit refuses, hammered by many connections, are to hold the cooldown of other people's
/// phones for a moment each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_an_address_may_not_make_hold_no_phone() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SEND_IP_HOURLY_LIMIT", "1").start().await;
        let people: Vec<_> = (0..HONEST).map(|_| phone()).collect();
        app.at(STRANGER).ask(&phone()).await;
        limited_by(&app.at(STRANGER).try_ask(&phone()).await, "IP_HOURLY");
        let answers =
            hammered(&app, |number| people.get(usize::MAX - number).unwrap_or(&people[number % HONEST]).clone()).await;
        assert_all_sent(&answers);
        assert_eq!(app.sms.messages().len(), HONEST + 1);
    }
}

/// Redis hangs while requests arrive, and goes on later: what was given up on must not be counted then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_timed_out_is_not_counted_later() {
    let own = OwnRedis::start();
    let app = TestApp::on(Stores::Shared)
        .set("REDIS_URL", own.url())
        .set("SEND_TOTAL_DAILY_LIMIT", "1000")
        .set("SEND_IP_HOURLY_LIMIT", "0")
        .start()
        .await;
    app.anonymous().ask(&phone()).await;
    own.pause();
    let phones: Vec<_> = (0..60).map(|_| phone()).collect();
    let someone = app.anonymous();
    let answers = futures_join(phones.iter().map(|phone| someone.try_ask(phone))).await;
    assert!(answers.iter().all(|answer| answer.code() == "UNAVAILABLE"), "{answers:?}");
    own.resume();

    // The same connection: what was sent before has run when this is answered.
    app.anonymous().ask(&phone()).await;
    let client = redis::Client::open(own.url()).expect("a URL");
    let mut redis = client.get_multiplexed_async_connection().await.expect("a connection");
    let total: usize =
        redis.hget(format!("{}{{limits}}:total", app.env["REDIS_KEY_PREFIX"]), "sends").await.expect("a total");
    assert_eq!((total, app.sms.requests()), (2, 2));
    let sends: usize = redis.zcard(sends_key(&mut redis.clone()).await).await.expect("the sends of the address");
    assert_eq!(sends, 2, "the address pays for no more either");
    // Nobody's phone is held by what did not happen.
    for phone in &phones[..5] {
        app.anonymous().ask(phone).await;
    }
}

/// The one key of an address's sends.
async fn sends_key(redis: &mut redis::aio::MultiplexedConnection) -> String {
    let keys: Vec<String> = redis.keys("*:sends:*").await.expect("keys");
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

fn with_captcha(stores: Stores) -> Builder {
    TestApp::on(stores)
        .set("CAPTCHA", "always")
        .set("TENCENT_CAPTCHA_APP_ID", APP_ID.to_string())
        .set("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY)
}

fn with_ticket(phone: &str, ticket: &str) -> Value {
    json!({ "input": { "phone": phone, "captcha": { "ticket": ticket, "randstr": "@abc" } } })
}

/// Captcha tickets that somebody invents cost a call to a service each, which the operator pays.
#[tokio::test]
async fn invented_tickets_cost_twenty_calls_an_hour() {
    for stores in Stores::BOTH {
        let app = with_captcha(stores).start().await;
        app.sms.set_captcha(CaptchaBehaviour::Verdict(15, 0));
        let stranger = app.at(STRANGER);
        for number in 0..300 {
            let answer = stranger.run(ASK, with_ticket(&phone(), &format!("invented{number}"))).await;
            if number < 20 {
                assert_eq!(answer.code(), "CAPTCHA_FAILED");
            } else {
                limited_by(&answer, "IP_HOURLY");
            }
        }
        assert_eq!((app.sms.verifications().len(), app.sms.messages().len()), (20, 0));

        // Another address is not held up, and a phone that has to wait costs no call.
        app.sms.set_captcha(CaptchaBehaviour::Pass);
        let phone = phone();
        app.anonymous().run(ASK, with_ticket(&phone, "t1")).await.data("requestCode");
        let calls = app.sms.verifications().len();
        limited_by(&app.anonymous().run(ASK, with_ticket(&phone, "t2")).await, "COOLDOWN");
        assert_eq!(app.sms.verifications().len(), calls);
    }
}

/// Tickets during an outage of the captcha service are to fill the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_captcha_is_one_line_a_minute() {
    let sms = stub().await;
    sms.set_captcha(CaptchaBehaviour::Http(500));
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.extend(process::env([
        ("CAPTCHA", "always"),
        ("TENCENT_CAPTCHA_APP_ID", &APP_ID.to_string()),
        ("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY),
    ]));
    process::run(&["migrate"], &env);
    let server = Server::start(&env);
    for number in 0..30 {
        let ticket = if number % 2 == 0 { format!("t{number}") } else { format!("trerror_{number}") };
        let answer = server.run(None, ASK, with_ticket(&phone(), &ticket)).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "CAPTCHA_FAILED", "{answer}");
    }
    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
}

/// A known test number sends no SMS, so it has no cooldown. Requests for it are to be without a limit, and each is to make
/// the next one slower.
#[tokio::test]
async fn a_test_number_is_no_free_ride() {
    const NUMBER: &str = "+8613800000000";
    for stores in Stores::BOTH {
        let with_number = |hourly: &str| {
            TestApp::on(stores)
                .set("TEST_NUMBERS", format!("{NUMBER}=135790"))
                .set("TEST_NUMBERS_UNTIL", "2026-03-01")
                .set("SEND_IP_HOURLY_LIMIT", hourly)
                .set("SEND_IP_DAILY_LIMIT", "0")
        };
        let app = with_number("20").start().await;
        for _ in 0..20 {
            app.at(STRANGER).ask(NUMBER).await;
        }
        limited_by(&app.at(STRANGER).try_ask(NUMBER).await, "IP_HOURLY");
        app.anonymous().ask(NUMBER).await;

        // A phone has sixteen live codes; the oldest makes room for the next one.
        let app = with_number("0").start().await;
        let mut challenges = Vec::new();
        for _ in 0..17 {
            challenges.push(app.anonymous().ask(NUMBER).await);
        }
        let login = async |index: usize| app.anonymous().login(NUMBER, "135790", &challenges[index]).await;
        assert_eq!(login(0).await.code(), "CODE_EXPIRED");
        login(1).await.data("login");
    }
}

/// A clock that is ahead of this machine's.
struct Ahead(SignedDuration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

/// Another server on the stores of `app`, with a clock of its own.
async fn server_beside(env: &BTreeMap<String, String>, clock: Arc<dyn Clock>) -> App {
    let pairs = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let config = Config::try_from(settings(&[], pairs).expect("settings")).expect("settings that fit together");
    App::build(config, clock).await.expect("a server")
}

async fn send(server: &App, mut request: Request<Body>) -> (StatusCode, Value) {
    request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::new(HOME.parse().expect("an address"), 50_000)));
    let answer = server.router().oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).expect("JSON"))
}

/// A server whose clock is far ahead wipes the guard's history of all servers, and ends everybody's waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_wrong_clock_changes_nothing() {
    let app = TestApp::start(Stores::Shared).await;
    let hours = |hours| SignedDuration::from_hours(hours);
    for (ahead, sound) in [
        (hours(16 * 24), false),
        (hours(-1), false),
        (SignedDuration::from_secs(7), false),
        (SignedDuration::ZERO, true),
    ] {
        let server = server_beside(&app.env, Arc::new(Ahead(ahead))).await;
        let ask = json!({ "query": ASK, "variables": { "input": { "phone": phone() } } }).to_string();
        let request = Request::post("/graphql").header("content-type", "application/json").body(Body::from(ask));
        let (_, answer) = send(&server, request.expect("a request")).await;
        let request = Request::get("/readyz").body(Body::empty()).expect("a request");
        let (ready, parts) = send(&server, request).await;
        if sound {
            // The stand-in's clock stands still, so it refuses the signature: the stores have let the request through.
            assert_eq!(answer["errors"][0]["extensions"]["code"], "SMS_SEND_FAILED", "{answer}");
            assert_eq!((ready, &parts["clock"]), (StatusCode::OK, &json!(true)));
        } else {
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(
                (code, ready, &parts["clock"]),
                (&json!("UNAVAILABLE"), StatusCode::SERVICE_UNAVAILABLE, &json!(false)),
                "{ahead}"
            );
            assert!(app.sms.messages().is_empty());
        }
    }
}

/// Servers whose days begin at different times take turns: each begins a new count at the other's send.
#[tokio::test]
async fn servers_with_different_days_share_one_count() {
    let east = TestApp::on(Stores::Shared).set("SEND_COOLDOWN", "0").set("SEND_TOTAL_DAILY_LIMIT", "15").start().await;
    let mut west = TestApp::on(Stores::Shared).set("DAY_OFFSET", "-08:00");
    for (name, value) in &east.env {
        west = west.set(name, value.clone());
    }
    let west = west.set("DAY_OFFSET", "-08:00").start().await;
    let (victim, other) = (phone(), phone());
    for number in 0..40 {
        let server = if number % 2 == 0 { &east } else { &west };
        server.at(&format!("198.51.100.{number}")).try_ask(&victim).await;
    }
    assert_eq!(east.sms.messages().len(), 10, "a phone's day");
    for number in 40..80 {
        let server = if number % 2 == 0 { &east } else { &west };
        server.at(&format!("198.51.100.{number}")).try_ask(&other).await;
    }
    assert_eq!(east.sms.messages().len(), 15, "everybody's day");
}

/// A cooldown of `0` lets simultaneous requests for one phone through.
#[tokio::test]
async fn a_cooldown_of_zero_is_none() {
    for stores in Stores::BOTH {
        for zero in ["0", "0s"] {
            let app = TestApp::on(stores).set("SEND_COOLDOWN", zero).start().await;
            let phone = phone();
            let someone = app.anonymous();
            let burst = futures_join((0..5).map(|_| someone.try_ask(&phone))).await;
            assert!(burst.iter().all(|answer| answer.body["errors"].is_null()), "{burst:?}");
        }
    }
}

/// Two environments share a Redis: what is used up in one is not in the other.
#[tokio::test]
async fn environments_with_different_prefixes_share_nothing() {
    let redis = servers::redis().fresh_url();
    let on = |prefix: &str| {
        let prefix = format!("{}{prefix}", servers::fresh_key_prefix());
        TestApp::on(Stores::Shared).set("REDIS_URL", redis.clone()).set("REDIS_KEY_PREFIX", prefix)
    };
    let (staging, production) = (on("staging:").start().await, on("production:").start().await);
    let phone = phone();
    let begun = Instant::now();
    staging.anonymous().ask(&phone).await;
    limited_by(&staging.anonymous().try_ask(&phone).await, "COOLDOWN");
    production.anonymous().ask(&phone).await;
    assert!(begun.elapsed() < Duration::from_secs(30));
}
