//! The round trips of each operation: Redis and MariaDB themselves count the scripts and statements that they run.
//! The record of a delivery is one script in the background: the client does not wait for it.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Connection;

use crate::app::{ASK, LOGIN, ME, Stores, TestApp, phone};
use crate::servers::own::{OwnMariaDb, OwnRedis};

struct Counters {
    mariadb: OwnMariaDb,
    redis: redis::Client,
    _own: OwnRedis,
}

impl Counters {
    async fn app() -> (Self, TestApp) {
        let (mariadb, own) = (OwnMariaDb::start(), OwnRedis::start());
        let (database, redis_url) = (mariadb.create_database(), own.url());
        let builder = TestApp::on(Stores::Shared).set("DATABASE_URL", database).set("REDIS_URL", redis_url.clone());
        let redis = redis::Client::open(redis_url).expect("a URL");
        (Self { mariadb, redis, _own: own }, builder.start().await)
    }

    /// Reads the counters when nothing is written in the background any more.
    async fn quiet(&self) -> (i64, i64) {
        let mut before = self.read().await;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let after = self.read().await;
            if after == before {
                return after;
            }
            before = after;
        }
    }

    /// Returns the number of scripts that Redis has run, and of reading and writing statements that MariaDB has run.
    async fn read(&self) -> (i64, i64) {
        let mut redis = self.redis.get_multiplexed_async_connection().await.expect("a connection");
        let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await.expect("statistics");
        let calls = |name: &str| -> i64 {
            let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
            line.and_then(|line| line.split(',').next()).map_or(0, |count| count.parse().expect("a number"))
        };
        let scripts = calls("evalsha") + calls("eval");

        let mut sql = sqlx::MySqlConnection::connect(&self.mariadb.url()).await.expect("a connection");
        let query =
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_select', 'Com_insert', 'Com_update', 'Com_delete')";
        let rows: Vec<(String, String)> = sqlx::query_as(query).fetch_all(&mut sql).await.expect("statistics");
        (scripts, rows.iter().map(|(_, count)| count.parse::<i64>().expect("a number")).sum())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_stay_within_their_round_trips() {
    let (counters, app) = Counters::app().await;
    let keyed = || json!({ "input": { "phone": phone(), "idempotencyKey": "a key of the client" } });
    // The first operation of each kind loads its script and prepares its statements.
    let user = app.signed_in().await;
    user.run(ME, json!({})).await.data("me");
    app.anonymous().run(ASK, keyed()).await.data("requestCode");
    app.advance(Duration::from_mins(1));

    // A script in the background may come after the answer.
    let cost = async |label: &str, before: (i64, i64), redis: i64, sql: i64| {
        let mut after = counters.read().await;
        let started = Instant::now();
        while after.0 - before.0 < redis && started.elapsed() < Duration::from_secs(5) {
            after = counters.read().await;
        }
        assert_eq!(after.0 - before.0, redis, "Redis, {label}");
        assert_eq!(after.1 - before.1, sql, "SQL, {label}");
    };

    let idle = counters.quiet().await;
    let before = counters.read().await;
    assert_eq!(before, idle, "reading the counters is not counted");

    let challenge_id = app.anonymous().ask(&user.phone).await;
    cost("requestCode: limits, issue; in the background the delivery", before, 2 + 1, 0).await;

    let before = counters.read().await;
    assert_eq!(app.anonymous().try_ask(&user.phone).await.extensions()["limit"], "COOLDOWN");
    cost("requestCode rejected by the phone's cooldown", before, 1, 0).await;

    let before = counters.read().await;
    let input = keyed();
    app.anonymous().run(ASK, input.clone()).await.data("requestCode");
    cost("requestCode with a key: issue, limits, confirm; in the background the delivery", before, 3 + 1, 0).await;

    let before = counters.read().await;
    app.anonymous().run(ASK, input).await.data("requestCode");
    cost("requestCode that repeats its key", before, 1, 0).await;

    let before = counters.read().await;
    let input = json!({ "input": {
        "phone": user.phone, "code": app.code(&user.phone), "challengeId": challenge_id, "idempotencyKey": "a key of the test",
    } });
    let signed_in = app.anonymous().run(LOGIN, input.clone()).await;
    let device_token = signed_in.data("login")["deviceToken"].clone();
    let label = "login of a known user: limits, attempt, and consume with limits at once; in the background the use";
    cost(label, before, 4 + 1, 4).await;

    // Loads the script that refunds an attempt.
    app.anonymous().run(LOGIN, input.clone()).await.data("login");
    let before = counters.read().await;
    app.anonymous().run(LOGIN, input).await.data("login");
    cost("login repeated with its key: limits, attempt, refund", before, 3, 1).await;

    // The same calls with every text: their time must not show whether a device token belongs to the phone.
    let forged = json!(format!("sld_{}", "A".repeat(76)));
    for token in [&json!(null), &forged, &device_token] {
        let phone = phone();
        for expected in [2, 1] {
            let before = counters.read().await;
            let input = json!({ "input": { "phone": phone, "deviceToken": token } });
            let is_sent = app.anonymous().run(ASK, input).await.body["errors"].is_null();
            assert_eq!(is_sent, expected == 2, "the second request is within the cooldown");
            let background = i64::from(is_sent);
            cost("requestCode with a device token of another phone", before, expected + background, 0).await;
            let before = counters.read().await;
            let input = json!({ "phone": phone, "code": "000000", "challengeId": "x", "deviceToken": token });
            app.anonymous().run(LOGIN, json!({ "input": input })).await.code();
            cost("login with an invalid challenge id", before, 0, 0).await;
        }
    }

    let before = counters.read().await;
    user.run(ME, json!({})).await.data("me");
    cost("me", before, 0, 1).await;

    let before = counters.read().await;
    user.run("{ __typename }", json!({})).await.data("__typename");
    cost("a query without a store", before, 0, 0).await;

    let others = [app.signed_in().await.id, app.signed_in().await.id];
    let fields: Vec<String> = (0..40).map(|n| format!("u{n}: user(id: \"{}\") {{ name }}", others[n % 2])).collect();
    let fields = fields.join(" ");
    let before = counters.quiet().await;
    user.run(&format!("{{ me {{ id }} {fields} }}"), json!({})).await.data("u39");
    cost("me and forty users", before, 0, 2).await;

    let before = counters.read().await;
    app.anonymous().try_ask("12345").await.code();
    app.anonymous().login(&phone(), "123456", "x").await.code();
    cost("bad input", before, 0, 0).await;
}
