//! A Galera cluster, with a server on each node: sign-ups race on all nodes, and one node is killed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};
use tokio::task::JoinSet;

use crate::app::{LOGIN, ME, phone};
use crate::process::{self, Server, shared_env, stub};
use crate::processes::{ask, code_of};
use crate::servers::own::OwnRedis;
use crate::servers::{self};

const PHONES: usize = 40;
const NODES: usize = 3;
/// How long the nodes that are left need to agree that the third is gone, and a killed claim to end.
const FINISHED: Duration = Duration::from_mins(1);

/// The phone, and the input of a login.
type Login = (String, Value);

async fn count_users(database: &str) -> i64 {
    let mut connection = MySqlConnection::connect(database).await.expect("a connection");
    sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&mut connection).await.expect("a count")
}

/// Repeats a login until its outcome is final: its result, or `None` if another login of the phone has voided the code.
async fn finish(servers: Arc<Vec<Server>>, first: usize, (phone, input): Login) -> (String, Option<Value>) {
    let begun = Instant::now();
    for number in 0.. {
        // A client is sent to the next server by its balancer. The last server loses its database.
        let server = &servers[if number == 0 { first } else { number % (NODES - 1) }];
        let answer = server.run(None, LOGIN, json!({ "input": input })).await;
        match code_of(&answer) {
            "none" => return (phone, Some(answer["data"]["login"].clone())),
            "CODE_EXPIRED" if begun.elapsed() > Duration::from_secs(11) || number == 0 => return (phone, None),
            // The claim of a login that got no clear answer ends after ten seconds.
            "UNAVAILABLE" | "CODE_EXPIRED" | "SIGNUP_FAILED" => {}
            code => panic!("{code}: {answer}"),
        }
        assert!(begun.elapsed() < FINISHED, "{answer}\n{}", server.printed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    unreachable!("the loop ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs galera-4 and takes long: make test-galera"]
async fn sign_ups_that_race_on_all_nodes_lose_and_double_no_user() {
    let (sms, redis, nodes) = (stub().await, OwnRedis::start(), servers::galera::start());
    let first = nodes[0].create_database();
    let name = first.rsplit('/').next().expect("a name").to_owned();
    let databases: Vec<String> = nodes.iter().map(|node| format!("{}/{name}", node.url())).collect();
    let mut env = shared_env(&first, &redis.url(), &sms);
    for limit in ["SEND_COOLDOWN", "SEND_DAILY_LIMIT", "SEND_IP_HOURLY_LIMIT", "SEND_IP_DAILY_LIMIT"] {
        env.insert(limit.to_owned(), "0".to_owned());
    }
    assert!(process::run(&["migrate"], &env).status.success());
    let start = |database: &String| {
        env.insert("DATABASE_URL".to_owned(), database.clone());
        Server::start(&env)
    };
    let servers: Arc<Vec<Server>> = Arc::new(databases.iter().map(start).collect());

    // A login of each phone through each server, with a separate code.
    let mut logins: Vec<Login> = Vec::new();
    for _ in 0..PHONES {
        let phone = phone();
        for node in 0..NODES {
            let challenge_id = ask(&servers[node], &phone).await;
            let code = sms.last_code_for(&phone).expect("a code");
            let key = format!("the key of the login at {node}");
            let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id, "idempotencyKey": key });
            logins.push((phone.clone(), input));
        }
    }

    let running: JoinSet<_> = logins
        .into_iter()
        .enumerate()
        .map(|(number, login)| finish(Arc::clone(&servers), number % NODES, login))
        .collect();
    while count_users(&databases[0]).await < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    nodes[NODES - 1].kill();

    let mut signed_in: HashMap<String, Vec<Value>> = HashMap::new();
    for (phone, result) in running.join_all().await {
        signed_in.entry(phone).or_default().extend(result);
    }
    assert!(signed_in.values().all(|results| !results.is_empty()), "each phone has a session");
    for results in signed_in.values() {
        let ids: HashSet<&str> = results.iter().map(|result| result["user"]["id"].as_str().expect("an id")).collect();
        assert_eq!(ids.len(), 1, "one user: {results:?}");
        for (number, result) in results.iter().enumerate() {
            let me = servers[number % (NODES - 1)].run(result["accessToken"].as_str(), ME, json!({})).await;
            assert_eq!(me["data"]["me"]["id"], result["user"]["id"], "the session is kept: {me}");
        }
    }
    for database in &databases[..NODES - 1] {
        assert_eq!(count_users(database).await, i64::try_from(PHONES).expect("a number"), "0 lost and 0 double");
    }
}
