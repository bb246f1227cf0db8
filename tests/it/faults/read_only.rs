//! Stores that answer but write nothing: a database after a failover, and a Redis that is a replica or has no memory left.

use serde_json::{Value, json};
use sms_login::database::Database;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tempfile::TempDir;

use super::Stage;
use crate::app::{ASK, LOGIN, ME, REFRESH, phone};
use crate::process::{self, Server};
use crate::processes::code_of;
use crate::servers::own::OwnRedis;

const UPDATE: &str = r#"mutation { updateProfile(input: { name: "Ada" }) { __typename } }"#;
const LOGOUT: &str = "mutation { logout { __typename } }";

/// Runs statements as root.
async fn sql(stage: &Stage, statements: &str) {
    let mut root = MySqlConnection::connect(&stage.database).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut root).await.expect("the statements run");
}

/// Gives the servers of the stage a user for whom `read_only` counts.
async fn with_plain_user(stage: &mut Stage) {
    sql(
        stage,
        "CREATE USER plain@'127.0.0.1'; GRANT ALL ON *.* TO plain@'127.0.0.1'; \
        REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM plain@'127.0.0.1'",
    )
    .await;
    let url = stage.database.replace("root@", "plain@");
    stage.env.insert("DATABASE_URL".to_owned(), url);
}

async fn part(server: &Server, name: &str) -> (u16, bool) {
    let (status, body) = server.get("/readyz").await;
    let parts: Value = serde_json::from_str(&body).expect("JSON");
    (status, parts[name].as_bool().expect("a part"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_read_only_database_a_server_is_not_ready_and_writes_are_unavailable() {
    let mut stage = Stage::new().await;
    with_plain_user(&mut stage).await;
    let server = Server::start(&stage.env);
    let user = stage.sign_in(&server).await;
    let token = user["accessToken"].as_str();
    let input = stage.login_input(&server, &phone()).await;
    assert_eq!(part(&server, "database").await, (200, true));

    sql(&stage, "SET GLOBAL read_only = 1").await;
    assert_eq!(part(&server, "database").await, (503, false));
    let refresh = json!({ "refreshToken": user["refreshToken"] });
    for (token, document, input) in
        [(None, LOGIN, input), (None, REFRESH, refresh), (token, UPDATE, Value::Null), (token, LOGOUT, Value::Null)]
    {
        let answer = server.run(token, document, json!({ "input": input })).await;
        assert_eq!(code_of(&answer), "UNAVAILABLE", "{document}: {answer}");
    }
    assert!(server.run(token, ME, json!({})).await["errors"].is_null(), "reads work");
    let check = process::run(&["check"], &stage.env);
    assert!(check.out.contains("failed  database: ") && check.out.contains("read-only"), "{}", check.out);

    sql(&stage, "SET GLOBAL read_only = 0").await;
    assert_eq!(part(&server, "database").await, (200, true));
    stage.recovers(&server).await;
}

/// Behind a moved name, an open connection still leads to the old primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_closes_the_connections_to_a_read_only_database() {
    let mut stage = Stage::new().await;
    with_plain_user(&mut stage).await;
    let server = Server::start(&stage.env);
    let user = stage.sign_in(&server).await;
    let token = user["accessToken"].as_str();
    let document = format!("{{ {} }}", (0..8).map(|n| format!("a{n}: me {{ id }}")).collect::<Vec<_>>().join(" "));
    tokio::join!(server.run(token, &document, json!({})), server.run(token, ME, json!({})));

    let before = connections(&stage).await;
    assert!(!before.is_empty());
    sql(&stage, "SET GLOBAL read_only = 1").await;
    // A connection that is used at the moment of a failed write is closed by a later one.
    let begun = std::time::Instant::now();
    while connections(&stage).await.iter().any(|id| before.contains(id)) {
        assert!(begun.elapsed() < super::RECOVERY, "a connection is kept");
        let answer = server.run(token, UPDATE, json!({})).await;
        assert_eq!(code_of(&answer), "UNAVAILABLE", "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Returns the ids of the connections of the stage's servers.
async fn connections(stage: &Stage) -> Vec<u64> {
    let mut root = MySqlConnection::connect(&stage.database).await.expect("a connection");
    let ids =
        sqlx::query_scalar("SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist WHERE user = 'plain'");
    ids.fetch_all(&mut root).await.expect("ids")
}

/// Sends a command to the Redis of the stage.
async fn redis(stage: &Stage, command: &[&str]) {
    let client = redis::Client::open(stage.redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let mut sent = redis::cmd(command[0]);
    sent.arg(&command[1..]);
    sent.query_async::<redis::Value>(&mut connection).await.expect("an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_redis_that_writes_nothing_a_server_is_not_ready() {
    let (stage, other) = (Stage::new().await, OwnRedis::start());
    let server = Server::start(&stage.env);
    stage.sign_in(&server).await;
    assert_eq!(part(&server, "codes").await, (200, true));

    let other = other.url();
    let (host, port) = other.trim_start_matches("redis://").split_once(':').expect("an address");
    let faults = [
        (vec!["REPLICAOF", host, port], vec!["REPLICAOF", "NO", "ONE"]),
        (vec!["CONFIG", "SET", "maxmemory", "1"], vec!["CONFIG", "SET", "maxmemory", "0"]),
        (vec!["CONFIG", "SET", "min-replicas-to-write", "1"], vec!["CONFIG", "SET", "min-replicas-to-write", "0"]),
    ];
    for (fault, end) in faults {
        redis(&stage, &fault).await;
        assert_eq!(part(&server, "codes").await, (503, false), "{fault:?}");
        let asked = server.run(None, ASK, json!({ "input": { "phone": phone() } })).await;
        assert_eq!(code_of(&asked), "UNAVAILABLE", "{fault:?}: {asked}");
        let check = process::run(&["check"], &stage.env);
        assert!(check.out.contains("failed  codes: Redis does not accept writes: "), "{fault:?}: {}", check.out);

        redis(&stage, &end).await;
        assert_eq!(part(&server, "codes").await, (200, true), "{end:?}");
        stage.recovers(&server).await;
    }
}

#[tokio::test]
async fn a_read_only_sqlite_file_is_not_writable() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("test.db");
    let database = Database::open_file(&path).await.expect("SQLite");
    database.migrate().await.expect("tables");
    database.check_writable().await.expect("it is writable");

    let read_only = Database::open(&format!("sqlite://{}?mode=ro", path.display())).await.expect("SQLite");
    let refused = read_only.check_writable().await;
    assert!(matches!(refused, Err(sms_login::store::StoreError::Unavailable(_))), "{refused:?}");
}
