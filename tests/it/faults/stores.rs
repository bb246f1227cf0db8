//! A store that is stopped or hangs: every operation that needs it is `UNAVAILABLE` within two seconds, and the server
//! works again by itself when the store is back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Stage;
use crate::app::{ASK, LOGIN, ME, REFRESH, phone};
use crate::process::Server;
use crate::processes::code_of;

/// The longest time to an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something to do to the stores.
type Action = fn(&Stage);

/// The ways in which a store fails and comes back.
const DATABASE_FAULTS: [(Action, Action); 2] = [
    (|stage| stage.mariadb.stop(), |stage| stage.mariadb.start_again()),
    (|stage| stage.mariadb.pause(), |stage| stage.mariadb.resume()),
];
const REDIS_FAULTS: [(Action, Action); 2] = [
    (|stage| stage.redis.stop(), |stage| stage.redis.start_again()),
    (|stage| stage.redis.pause(), |stage| stage.redis.resume()),
];

const UPDATE: &str = r#"mutation { updateProfile(input: { name: "Ada" }) { __typename } }"#;
const LOGOUT: &str = "mutation { logout { __typename } }";

/// A request: its name, access token, document and input.
struct Operation {
    name: &'static str,
    token: Option<String>,
    document: String,
    input: Value,
}

impl Operation {
    fn new(name: &'static str, token: Option<&str>, document: impl Into<String>, input: Value) -> Self {
        Self { name, token: token.map(str::to_owned), document: document.into(), input }
    }
}

/// The operations that need Redis, and those that need only the database.
struct Operations {
    of_codes: Vec<Operation>,
    of_accounts: Vec<Operation>,
}

async fn operations(stage: &Stage, server: &Server) -> Operations {
    let user = stage.sign_in(server).await;
    let token = user["accessToken"].as_str().expect("a token");
    let by_id = format!("{{ user(id: {}) {{ id }} }}", user["user"]["id"]);
    let login = stage.login_input(server, &phone()).await;
    let of_codes = vec![
        Operation::new("requestCode", None, ASK, json!({ "phone": phone() })),
        Operation::new("login", None, LOGIN, login),
    ];
    let of_accounts = vec![
        Operation::new("me", Some(token), ME, Value::Null),
        Operation::new("user", Some(token), by_id, Value::Null),
        Operation::new("updateProfile", Some(token), UPDATE, Value::Null),
        Operation::new("refreshSession", None, REFRESH, json!({ "refreshToken": user["refreshToken"] })),
        Operation::new("logout", Some(token), LOGOUT, Value::Null),
    ];
    Operations { of_codes, of_accounts }
}

/// Runs the operations one after another, and asserts that each is unavailable in time.
async fn all_unavailable(server: &Server, operations: &[&Operation]) {
    for operation in operations {
        let begun = Instant::now();
        let input = json!({ "input": operation.input });
        let answer = server.run(operation.token.as_deref(), &operation.document, input).await;
        let took = begun.elapsed();
        assert_eq!(code_of(&answer), "UNAVAILABLE", "{}: {answer}", operation.name);
        assert!(took < PATIENCE, "{} took {took:?}", operation.name);
    }
    let begun = Instant::now();
    assert_eq!(server.get("/readyz").await.0, 503);
    assert!(begun.elapsed() < PATIENCE, "/readyz took {:?}", begun.elapsed());
    assert_eq!(server.get("/healthz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_mariadb_every_operation_is_unavailable_within_two_seconds() {
    let stage = Stage::new().await;
    let server = Server::start(&stage.env);
    for (fail, recover) in DATABASE_FAULTS {
        let operations = operations(&stage, &server).await;
        fail(&stage);
        let login = operations.of_codes.iter().filter(|operation| operation.name == "login");
        all_unavailable(&server, &login.chain(&operations.of_accounts).collect::<Vec<_>>()).await;
        recover(&stage);
        stage.recovers(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_every_operation_with_codes_is_unavailable_within_two_seconds() {
    let stage = Stage::new().await;
    let server = Server::start(&stage.env);
    for (fail, recover) in REDIS_FAULTS {
        let operations = operations(&stage, &server).await;
        fail(&stage);
        all_unavailable(&server, &operations.of_codes.iter().collect::<Vec<_>>()).await;
        recover(&stage);
        stage.recovers(&server).await;
    }
}

/// More requests than the pool has connections hang at once. None of their connections may be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_whose_connections_all_hung_recovers() {
    let stage = Stage::new().await;
    let server = Arc::new(Server::start(&stage.env));
    let user = stage.sign_in(&server).await;
    let token = user["accessToken"].as_str().expect("a token").to_owned();
    stage.mariadb.pause();
    let requests: JoinSet<_> = (0..64)
        .map(|_| {
            let (server, token) = (Arc::clone(&server), token.clone());
            async move {
                let begun = Instant::now();
                let answer = server.run(Some(&token), ME, json!({})).await;
                (code_of(&answer).to_owned(), begun.elapsed())
            }
        })
        .collect();
    for (code, took) in requests.join_all().await {
        assert!(code == "UNAVAILABLE" && took < PATIENCE, "{code} after {took:?}");
    }
    stage.mariadb.resume();
    stage.recovers(&server).await;
}
