//! Servers with different clocks or days: one wrong server must not disable the limits of all others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sms_login::app::App;
use sms_login::clock::{Clock, SystemClock};
use sms_login::config::Config;
use sms_login::day::Day;
use sms_login::limits::{
    Counting, GuardPolicy, LimitStore, RedisLimitStore, SendTicket, SendVerdict, Suspicion, TrafficLimits,
};
use sms_login::price::Price;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::app::{ASK, HOME, LOGIN, Stores, TestApp, phone, settings};
use crate::attacks::limited_by;
use crate::limit_store::{destination, guard_policy, network};
use crate::problems::{folded, with_fragment};
use crate::process::{self, Server, shared_env, stub};
use crate::servers;

const SIXTEEN_DAYS: Duration = Duration::from_hours(16 * 24);

/// The machine's clock plus an offset.
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

/// Creates a server with this clock, and with the Redis and the keys of `env`.
async fn server_with_clock(clock: Arc<dyn Clock>, env: &std::collections::BTreeMap<String, String>) -> Router {
    let pairs = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let config = settings(&[], pairs).and_then(Config::try_from).expect("settings that fit together");
    App::build(config, clock).await.expect("a server").router()
}

async fn call(router: &Router, request: Request<Body>) -> (u16, Value) {
    let mut request = request;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(HOME.parse().expect("an address"), 50_000)));
    let response = router.clone().oneshot(request).await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, folded(serde_json::from_slice(&body).expect("JSON")))
}

async fn run(router: &Router, query: &str, input: Value) -> Value {
    let body = json!({ "query": with_fragment(query), "variables": { "input": input } }).to_string();
    let request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json").body(Body::from(body));
    call(router, request.expect("a request")).await.1
}

/// Not an attack: the clock of one server is wrong, so it would count its sends in wrong days.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_wrong_clock_is_not_ready_and_rejects_sends_and_attempts() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    let right = server_with_clock(Arc::new(SystemClock), &env).await;
    let near = server_with_clock(Arc::new(Ahead(Duration::from_secs(4))), &env).await;
    let wrong = server_with_clock(Arc::new(Ahead(SIXTEEN_DAYS)), &env).await;

    let ready = || Request::get("/readyz").body(Body::empty()).expect("a request");
    for sound in [&right, &near] {
        let all_well = json!({ "clock": true, "codes": true, "database": true });
        assert_eq!(call(sound, ready()).await, (200, all_well));
        let answer = run(sound, ASK, json!({ "phone": phone() })).await;
        assert!(answer["errors"].is_null(), "{answer}");
    }
    let not_ready = json!({ "clock": false, "codes": true, "database": true });
    assert_eq!(call(&wrong, ready()).await, (503, not_ready));
    let code_of = |answer: &Value| answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned);
    let refused = run(&wrong, ASK, json!({ "phone": phone() })).await;
    assert_eq!(code_of(&refused).as_deref(), Some("UNAVAILABLE"), "{refused}");
    assert_eq!(sms.messages().len(), 2);

    // A code that a correct server sent loses no attempt at the wrong server.
    let known = phone();
    let asked = run(&right, ASK, json!({ "phone": known })).await;
    let challenge_id = asked["data"]["requestCode"]["challengeId"].as_str().expect("an id");
    let code = sms.last_code_for(&known).expect("a code");
    let input = json!({ "phone": known, "code": code, "challengeId": challenge_id });
    let refused = run(&wrong, LOGIN, input.clone()).await;
    assert_eq!(code_of(&refused).as_deref(), Some("UNAVAILABLE"), "{refused}");
    let signed_in = run(&right, LOGIN, input).await;
    assert!(signed_in["errors"].is_null(), "{signed_in}");
}

/// Even if a send from the future were accepted, it must not delete the guard's history of the other servers.
#[tokio::test]
async fn a_send_from_the_future_does_not_delete_the_guards_history() {
    let store = RedisLimitStore::new(servers::redis_pool(&[servers::redis().fresh_url()]));
    let guard = GuardPolicy { hourly_floor: 3, ..guard_policy() };
    let limits = TrafficLimits {
        ip_hourly: 0,
        ip_daily: 0,
        total_daily: 0,
        spend_daily: Price::ZERO,
        guard: Some(&guard),
        spraying: None,
        suspect_passes: false,
        captcha: None,
    };
    let take = async |id: &str, at: Timestamp| {
        let ticket = SendTicket {
            id: id.to_owned(),
            captcha: None,
            price: Price::ZERO,
            networks: network("a"),
            destination: destination("CN", "+86137"),
            at,
            day: Day::of(at, SignedDuration::ZERO),
        };
        store.count_send(&ticket, &limits, Counting::Everything).await.expect("an answer")
    };
    let now = SystemClock.now();
    for id in ["1", "2", "3"] {
        assert_eq!(take(id, now).await, SendVerdict::Allowed { suspicion: None });
    }
    assert_eq!(take("4", now).await, SendVerdict::Suspect(Suspicion::Region));
    assert_eq!(take("5", now + SIXTEEN_DAYS).await, SendVerdict::Allowed { suspicion: None });
    assert_eq!(take("6", now).await, SendVerdict::Suspect(Suspicion::Region), "the history is still there");
}

/// Two servers begin their days at different times, by mistake or during a change of the setting. Requests to both in
/// turn used to begin a new day each time.
#[tokio::test]
async fn servers_with_different_days_share_the_quota_of_one_day() {
    for total in ["0", "10"] {
        let redis_url = servers::redis().fresh_url();
        let prefix = servers::fresh_key_prefix();
        let start = async |offset: &str| {
            TestApp::on(Stores::Shared)
                .set("REDIS_URL", redis_url.clone())
                .set("REDIS_KEY_PREFIX", prefix.clone())
                .set("CODE_SECRET", "the same secret on both servers!")
                .set("DAY_OFFSET", offset)
                .set("SEND_COOLDOWN", "0")
                .set("SEND_DAILY_LIMIT_PER_ADDRESS", "0")
                .set("SEND_IP_HOURLY_LIMIT", "0")
                .set("SEND_IP_DAILY_LIMIT", "0")
                .set("SEND_TOTAL_DAILY_LIMIT", total)
                .start()
                .await
        };
        // At the tests' time, 04:00 UTC, the west still has the previous day.
        let servers = [start("-08:00").await, start("+08:00").await];
        let one_phone = phone();
        for round in 0..60 {
            let phone = if total == "0" { one_phone.clone() } else { phone() };
            servers[round % 2].anonymous().try_ask(&phone).await;
        }
        let sent: usize = servers.iter().map(|server| server.sms.messages().len()).sum();
        // The first of them was sent on a day that had already ended in the east.
        assert_eq!(sent, 11, "total {total}");
        for server in &servers {
            let limit = if total == "0" { "PHONE_DAILY" } else { "TOTAL_DAILY" };
            limited_by(&server.anonymous().try_ask(&one_phone).await, limit);
        }
    }
}

/// Starts a stand-in for a Redis whose clock shows 1970. It answers `TIME`, and returns OK to every other command.
async fn redis_in_1970() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve_1970(socket));
        }
    });
    url
}

async fn serve_1970(socket: TcpStream) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut line = String::new();
    while socket.read_line(&mut line).await? > 0 {
        // A command is `*2`, and then for each part `$4` and the part itself.
        let parts: usize = line.trim().trim_start_matches('*').parse().unwrap_or(0);
        let mut is_time = false;
        for _ in 0..parts {
            line.clear();
            socket.read_line(&mut line).await?;
            let length: usize = line.trim().trim_start_matches('$').parse().unwrap_or(0);
            let mut part = vec![0; length + 2];
            socket.read_exact(&mut part).await?;
            is_time |= part.eq_ignore_ascii_case(b"TIME\r\n");
        }
        let answer: &[u8] = if is_time { b"*2\r\n$1\r\n0\r\n$1\r\n0\r\n" } else { b"+OK\r\n" };
        socket.write_all(answer).await?;
        line.clear();
    }
    Ok(())
}

/// `check` and the log must say that the clock is wrong, and by how much.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_and_the_log_name_a_wrong_clock_and_the_difference() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &redis_in_1970().await, &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    let checked = tokio::task::spawn_blocking({
        let env = env.clone();
        move || process::run(&["check"], &env)
    });
    let checked = checked.await.expect("an end");
    assert_eq!(checked.status.code(), Some(1));
    let line = checked.out.lines().find(|line| line.starts_with("failed  codes: ")).expect("a line on codes");
    assert!(line.contains("this server's clock is ") && line.contains(" ahead of Redis's"), "{line}");
    assert!(line.contains("5s"), "the line says what is allowed: {line}");

    let server = Server::start(&env);
    assert_eq!(server.get("/readyz").await.0, 503);
    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert!(log.contains("not ready: this server's clock is "), "{log}");
}
