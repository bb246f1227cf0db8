//! Several server processes that share one MariaDB and one Redis, and stores that stop or stall.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection;

use crate::app::{ASK, LOGIN, ME, REFRESH, phone};
use crate::problems::{folded, with_fragment};
use crate::process::{self, Server, shared_env, stub};
use crate::servers;
use crate::servers::own::{OwnMariaDb, OwnRedis};
use crate::tencent_stub::{Behaviour, TencentStub};

const MANY: usize = 50;

pub(crate) async fn ask(server: &Server, phone: &str) -> String {
    let answer = server.run(None, ASK, json!({ "input": { "phone": phone } })).await;
    answer["data"]["requestCode"]["challengeId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

pub(crate) async fn login(server: &Server, phone: &str, code: &str, challenge_id: &str) -> Value {
    let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id });
    server.run(None, LOGIN, json!({ "input": input })).await
}

pub(crate) fn code_of(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

/// Starts two servers that share a new database and Redis. Returns them and the database's address.
pub(crate) fn two_servers(sms: &TencentStub, more: &[(&str, &str)]) -> (Arc<[Server; 2]>, String) {
    let database = servers::mariadb().create_database();
    let mut env = shared_env(&database, &servers::redis().fresh_url(), sms);
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));

    let migrated = process::run(&["migrate"], &env);
    assert!(migrated.status.success(), "{}", migrated.err);
    (Arc::new([Server::start(&env), Server::start(&env)]), database)
}

async fn users(database: &str) -> i64 {
    let mut connection = sqlx::MySqlConnection::connect(database).await.expect("a connection");
    sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&mut connection).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_simultaneous_logins_with_one_code_one_succeeds() {
    let sms = stub().await;
    let (servers, database) = two_servers(&sms, &[]);
    let phone = phone();
    let challenge_id = ask(&servers[0], &phone).await;
    let code = sms.last_code_for(&phone).expect("a code");

    let attempts = (0..MANY).map(|number| {
        let (servers, phone, code, challenge_id) =
            (Arc::clone(&servers), phone.clone(), code.clone(), challenge_id.clone());
        tokio::spawn(async move { login(&servers[number % 2], &phone, &code, &challenge_id).await })
    });

    let mut signed_in = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        let answer = attempt.await.expect("an answer");
        match code_of(&answer) {
            "none" => signed_in += 1,
            code => assert_eq!(code, "CODE_EXPIRED"),
        }
    }
    assert_eq!(signed_in, 1);
    assert_eq!(users(&database).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_simultaneous_first_logins_create_one_user() {
    let sms = stub().await;
    let (servers, database) =
        two_servers(&sms, &[("SEND_COOLDOWN", "0s"), ("SEND_DAILY_LIMIT", "0"), ("SEND_IP_HOURLY_LIMIT", "0")]);
    let phone = phone();

    let mut codes = Vec::new();
    for number in 0..MANY {
        let challenge_id = ask(&servers[number % 2], &phone).await;
        codes.push((challenge_id, sms.last_code_for(&phone).expect("a code")));
    }
    let attempts = codes.into_iter().enumerate().map(|(number, (challenge_id, code))| {
        let (servers, phone) = (Arc::clone(&servers), phone.clone());
        tokio::spawn(async move { login(&servers[number % 2], &phone, &code, &challenge_id).await })
    });

    let (mut ids, mut new) = (Vec::new(), 0);
    for attempt in attempts.collect::<Vec<_>>() {
        let answer = attempt.await.expect("an answer");
        let login = &answer["data"]["login"];
        if login.is_null() {
            assert_eq!(code_of(&answer), "CODE_EXPIRED", "a sign-in voids the phone's other codes");
        } else {
            ids.push(login["user"]["id"].clone());
            new += usize::from(login["isNewUser"] == true);
        }
    }
    assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]));
    assert_eq!((new, users(&database).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_stays_valid_while_the_database_is_down() {
    let (sms, mariadb) = (stub().await, OwnMariaDb::start());
    let env = shared_env(&mariadb.create_database(), &servers::redis().fresh_url(), &sms);
    assert!(process::run(&["migrate"], &env).status.success());
    let server = Server::start(&env);
    let phone = phone();
    let challenge_id = ask(&server, &phone).await;
    let code = sms.last_code_for(&phone).expect("a code");

    mariadb.stop();
    let begun = Instant::now();
    let answer = login(&server, &phone, &code, &challenge_id).await;
    assert_eq!(code_of(&answer), "UNAVAILABLE", "{answer}");
    let extensions = &answer["errors"][0]["extensions"];
    assert!(extensions["requestId"].is_string() && extensions["retryAfterSeconds"].is_number());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(server.get("/readyz").await.0, 503);

    mariadb.start_again();
    let answer = login(&server, &phone, &code, &challenge_id).await;
    let token = answer["data"]["login"]["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}"));

    mariadb.pause();
    let stalled = server.run(Some(token), ME, json!({})).await;
    assert_eq!(code_of(&stalled), "UNAVAILABLE");
    mariadb.resume();
    assert!(server.run(Some(token), ME, json!({})).await["errors"].is_null());
}

/// Something to do to a Redis server.
type Action = fn(&OwnRedis);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_users_stay_signed_in_but_get_no_codes() {
    let (sms, redis) = (stub().await, OwnRedis::start());
    let env = shared_env(&servers::mariadb().create_database(), &redis.url(), &sms);
    assert!(process::run(&["migrate"], &env).status.success());
    let server = Server::start(&env);
    let (known, other) = (phone(), phone());
    let challenge_id = ask(&server, &known).await;
    let answer = login(&server, &known, &sms.last_code_for(&known).expect("a code"), &challenge_id).await;
    let token = answer["data"]["login"]["accessToken"].as_str().expect("a token").to_owned();
    let mut refresh = answer["data"]["login"]["refreshToken"].as_str().expect("a token").to_owned();
    let challenge_id = ask(&server, &other).await;
    let code = sms.last_code_for(&other).expect("a code");

    let ways: [(Action, Action); 2] = [(OwnRedis::stop, OwnRedis::start_again), (OwnRedis::pause, OwnRedis::resume)];
    for (fail, recover) in ways {
        fail(&redis);
        let begun = Instant::now();
        let refused = server.run(None, ASK, json!({ "input": { "phone": phone() } })).await;
        assert_eq!(code_of(&refused), "UNAVAILABLE");
        assert_eq!(code_of(&login(&server, &other, &code, &challenge_id).await), "UNAVAILABLE");
        assert!(begun.elapsed() < Duration::from_secs(4), "two requests took {:?}", begun.elapsed());

        assert!(server.run(Some(&token), ME, json!({})).await["errors"].is_null());
        let refreshed = server.run(None, REFRESH, json!({ "input": { "refreshToken": refresh } })).await;
        let next = &refreshed["data"]["refreshSession"]["refreshToken"];
        next.as_str().unwrap_or_else(|| panic!("{refreshed}")).clone_into(&mut refresh);

        recover(&redis);
        ask(&server, &phone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_a_request_in_flight_finish() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[]);
    let servers = Arc::into_inner(servers).expect("the only reference");
    let [server, _] = servers;

    sms.set(Behaviour::Stall);
    let phone = phone();
    let base = server.base.clone();
    let request = tokio::spawn(async move {
        let client = reqwest::Client::builder().build().expect("a client");
        let body = json!({ "query": with_fragment(ASK), "variables": { "input": { "phone": phone } } }).to_string();
        let request = client.post(format!("{base}/graphql")).header("content-type", "application/json").body(body);
        request.send().await.expect("an answer").text().await.expect("a body")
    });
    while sms.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    server.terminate();
    let answer = folded(serde_json::from_str(&request.await.expect("the task ends")).expect("JSON"));
    assert_eq!(code_of(&answer), "SMS_SEND_FAILED");
    let (status, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert!(status.success(), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_requests_and_have_no_phone_numbers() {
    let sms = stub().await;
    let database = servers::mariadb().create_database();
    let mut env = shared_env(&database, &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("METRICS_ADDR".to_owned(), "127.0.0.1:0".to_owned());
    let server = Server::start(&env);
    let phone = phone();
    let challenge_id = ask(&server, &phone).await;
    login(&server, &phone, &sms.last_code_for(&phone).expect("a code"), &challenge_id).await;
    server.run(None, ASK, json!({ "input": { "phone": phone } })).await;

    let before = server.metrics().await;
    assert!(before.contains("\nsms_login_wrong_codes_ratio 0\n"), "a right code is never a wrong one\n{before}");

    let (other, guesses) = (crate::app::phone(), ["000000", "000001"]);
    let challenge_id = ask(&server, &other).await;
    let code = sms.last_code_for(&other).expect("a code");
    for guess in guesses {
        let guess = if guess == code { "000002" } else { guess };
        login(&server, &other, guess, &challenge_id).await;
    }
    let page = server.metrics().await;
    for line in [
        r#"sms_login_codes_requested_total{purpose="login",outcome="sent"} 2"#,
        r#"sms_login_codes_requested_total{purpose="login",outcome="COOLDOWN"} 1"#,
        r#"sms_login_attempts_total{purpose="login",outcome="right"} 1"#,
        r#"sms_login_operations_total{operation="requestCode",outcome="ok"} 2"#,
        r#"sms_login_operations_total{operation="requestCode",outcome="RATE_LIMITED"} 1"#,
        r#"sms_login_operations_total{operation="login",outcome="CODE_INCORRECT"} 2"#,
        r#"sms_login_operation_seconds_count{operation="login"} 3"#,
        r#"sms_login_rate_limited_total{limit="COOLDOWN"} 1"#,
        r#"sms_login_build_info{version=""#,
        r#"sms_login_sms_send_seconds_count{provider="tencent"} 2"#,
        r#"sms_login_provider_answers_total{route="tencent",region="CN",code="accepted"} 2"#,
        // One right and one wrong code before the last attempt.
        "sms_login_wrong_codes_ratio 0.5",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert!(!page.contains(&phone[6..]));
    assert_eq!(server.get("/metrics").await.0, 404, "not on the public address");
}

async fn sql(database: &str, statement: &'static str) {
    let mut connection = sqlx::MySqlConnection::connect(database).await.expect("a connection");
    sqlx::query(statement).execute(&mut connection).await.expect("it is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_stays_valid_if_the_database_refuses_to_store_the_user() {
    let sms = stub().await;
    let (servers, database) = two_servers(&sms, &[]);
    let phone = phone();
    let challenge_id = ask(&servers[0], &phone).await;
    let code = sms.last_code_for(&phone).expect("a code");

    sql(&database, "RENAME TABLE sessions TO elsewhere").await;
    let refused = login(&servers[0], &phone, &code, &challenge_id).await;
    assert_eq!(code_of(&refused), "SIGNUP_FAILED", "{refused}");
    assert_eq!(refused["errors"][0]["extensions"]["errorCode"], -1201);
    assert!(refused["errors"][0]["extensions"]["retryAfterSeconds"].is_number());
    assert_eq!(users(&database).await, 0, "the user is not stored without the session");

    sql(&database, "RENAME TABLE elsewhere TO sessions").await;
    let answer = login(&servers[1], &phone, &code, &challenge_id).await;
    assert_eq!(answer["data"]["login"]["isNewUser"], true, "{answer}");
    let token = answer["data"]["login"]["accessToken"].as_str().expect("a token");

    sql(&database, "RENAME TABLE sessions TO elsewhere").await;
    let fault = servers[0].run(Some(token), ME, json!({})).await;
    assert_eq!(code_of(&fault), "INTERNAL");
    let extensions = &fault["errors"][0]["extensions"];
    assert_eq!(extensions["errorCode"], -1599);
    let text = fault.to_string();
    assert!(!text.contains("sessions") && !text.contains("SELECT") && !text.contains("1146"), "{text}");

    let request_id = extensions["requestId"].as_str().expect("an id");
    let line = servers[0].printed_line(request_id).await;
    assert!(line.contains("internal fault"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_delete_old_sessions() {
    let sms = stub().await;
    let database = servers::mariadb().create_database();
    let mut env = shared_env(&database, &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    let server = Server::start(&env);
    for _ in 0..2 {
        let phone = phone();
        let challenge_id = ask(&server, &phone).await;
        login(&server, &phone, &sms.last_code_for(&phone).expect("a code"), &challenge_id).await;
    }
    drop(server);

    sql(&database, "UPDATE sessions SET ended_at = 1 ORDER BY id LIMIT 1").await;
    let _servers = [Server::start(&env), Server::start(&env)];
    let mut connection = sqlx::MySqlConnection::connect(&database).await.expect("a connection");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM sessions").fetch_one(&mut connection);
        let left: i64 = count.await.expect("a count");
        if left == 1 {
            break;
        }
        assert!(left == 2 && Instant::now() < deadline, "{left} sessions are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_over_tls_needs_a_known_authority() {
    let (sms, redis) = (stub().await, OwnRedis::start_with_tls());
    let url = redis.url().replace("redis://", "rediss://");
    let mut env = shared_env(&servers::mariadb().create_database(), &url, &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    let server = Server::start(&env);
    let refused = server.run(None, ASK, json!({ "input": { "phone": phone() } })).await;
    assert_eq!(code_of(&refused), "UNAVAILABLE", "this machine does not know the authority");

    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/ca.pem");
    env.insert("SSL_CERT_FILE".to_owned(), authority.to_owned());
    let server = Server::start(&env);
    let phone = phone();
    let challenge_id = ask(&server, &phone).await;
    let answer = login(&server, &phone, &sms.last_code_for(&phone).expect("a code"), &challenge_id).await;
    assert_eq!(answer["data"]["login"]["isNewUser"], true, "{answer}");
}
