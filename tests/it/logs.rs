//! The log: what an operator reads in a line about a failure, and about a sent code.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::app::{ASK, LOGIN, phone};
use crate::process::{self, Server, shared_env, stub};
use crate::servers;
use crate::servers::own::{OwnMariaDb, OwnRedis};
use crate::tencent_stub::{Behaviour, SERIAL, TencentStub};

fn start(sms: &TencentStub, redis: &str, database: &str, format: &str) -> Server {
    let mut env = shared_env(database, redis, sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("LOG_FORMAT".to_owned(), format.to_owned());
    Server::start(&env)
}

async fn ask(server: &Server) -> Value {
    server.run(None, ASK, json!({ "input": { "phone": phone() } })).await
}

async fn line(server: &Server, message: &str) -> Value {
    serde_json::from_str(&server.printed_line(message).await).expect("a line of JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_store_call_names_the_store_and_all_causes() {
    let (sms, redis, mariadb) = (stub().await, OwnRedis::start(), OwnMariaDb::start());
    let json = start(&sms, &redis.url(), &mariadb.create_database(), "json");
    let text = start(&sms, &redis.url(), &mariadb.create_database(), "text");

    redis.stop();
    ask(&json).await;
    ask(&text).await;
    let logged = line(&json, "a store is unavailable").await;
    assert_eq!((&logged["error"], &logged["store"]), (&json!("Redis cannot be reached"), &json!("redis")), "{logged}");
    let causes = logged["error.sources"].as_array().expect("causes");
    assert!(causes.iter().any(|cause| cause.as_str().is_some_and(|cause| cause.contains("refused"))), "{logged}");
    assert!(logged["span"]["request.id"].is_string() && logged["timestamp"].is_string(), "{logged}");
    let logged = text.printed_line("a store is unavailable").await;
    assert!(logged.contains("error=Redis cannot be reached error.sources=[") && logged.contains("refused"), "{logged}");
    assert!(logged.contains(" store=\"redis\""), "{logged}");
    redis.start_again();

    let challenge_id = ask(&json).await["data"]["requestCode"]["challengeId"].clone();
    assert!(challenge_id.is_string());
    mariadb.stop();
    let phone = sms.messages().pop().expect("a message").phone;
    let input = json!({ "phone": phone, "code": sms.last_code_for(&phone), "challengeId": challenge_id });
    json.run(None, LOGIN, json!({ "input": input })).await;
    let logged = json.printed_line("the database").await;
    let logged: Value = serde_json::from_str(&logged).expect("a line of JSON");
    assert_eq!((&logged["error"], &logged["store"]), (&json!("the database cannot be reached"), &json!("database")));
    assert!(logged["error.sources"].is_array(), "{logged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_send_names_its_route_and_all_causes() {
    let sms = stub().await;
    let server = start(&sms, &servers::redis().fresh_url(), &servers::mariadb().create_database(), "json");
    sms.set(Behaviour::Stall);
    ask(&server).await;
    let logged = line(&server, "an SMS could not be sent").await;
    assert_eq!(logged["span"]["sms.route"], "tencent", "{logged}");
    assert_eq!(logged["error"], "the SMS provider gave no clear answer", "{logged}");
    assert_eq!(logged["error.sources"][0], "no answer arrived in time", "{logged}");
    assert_eq!(logged["store"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sent_code_has_its_region_and_the_providers_serial_number() {
    let sms = stub().await;
    let server = start(&sms, &servers::redis().fresh_url(), &servers::mariadb().create_database(), "json");
    ask(&server).await;
    let logged = line(&server, "code sent").await;
    assert_eq!((&logged["phone.region"], &logged["sms.serial"]), (&json!("CN"), &json!(SERIAL)), "{logged}");
    assert!(logged["phone.masked"].as_str().is_some_and(|phone| phone.contains("****")), "{logged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_no_terminal_has_no_colours() {
    let sms = stub().await;
    let server = start(&sms, &servers::redis().fresh_url(), &servers::mariadb().create_database(), "text");
    ask(&server).await;
    server.printed_line("code sent").await;
    assert!(!server.printed().contains('\u{1b}'), "{}", server.printed());
}

/// `users` and `spend` work on the stores of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_name_the_store_that_they_cannot_reach() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    assert!(process::run(&["migrate"], &env).status.success());
    let user = phone();
    assert!(process::run(&["users", "add", &user], &env).status.success());

    let failed = |args: &[&str], env: &BTreeMap<String, String>, store: &str| {
        let output = process::run(args, env);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", output.out);
        assert!(output.err.contains(store) && output.err.lines().count() == 1, "{args:?}: {}", output.err);
    };
    env.insert("REDIS_URL".to_owned(), "redis://127.0.0.1:1".to_owned());
    failed(&["users", "ban", &user], &env, "Redis cannot be reached: ");
    failed(&["spend"], &env, "Redis cannot be reached: ");
    env.insert("DATABASE_URL".to_owned(), "mysql://root@127.0.0.1:1/x".to_owned());
    failed(&["users", "list"], &env, "the database cannot be ");
}
