//! A read replica: only `user(id)` reads it, and the primary answers if the replica fails or does not have the user yet.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use super::Stage;
use crate::app::ME;
use crate::process::{self, Server};
use crate::servers::own::OwnMariaDb;

async fn sql(database: &str, statement: &str) {
    let mut connection = MySqlConnection::connect(database).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("it is done");
}

async fn name(server: &Server, user: &Value, query: &str) -> String {
    let answer = server.run(user["accessToken"].as_str(), query, json!({})).await;
    let data = &answer["data"];
    let name = data["user"]["name"].as_str().or(data["me"]["name"].as_str());
    name.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The replica is a separate database with other names, so that each answer shows which one was read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_user_by_id_reads_the_replica() {
    let (mut stage, replica) = (Stage::new().await, OwnMariaDb::start());
    let copy = replica.create_database();
    let primary = stage.database.clone();
    stage.env.insert("DATABASE_URL".to_owned(), copy.clone());
    assert!(process::run(&["migrate"], &stage.env).status.success());
    stage.env.insert("DATABASE_URL".to_owned(), primary.clone());
    stage.env.insert("DATABASE_READ_URL".to_owned(), copy.clone());
    stage.env.insert("METRICS_ADDR".to_owned(), "127.0.0.1:0".to_owned());
    let server = Server::start(&stage.env);
    let user = stage.sign_in(&server).await;
    let id = user["user"]["id"].as_str().expect("an id");
    let by_id = format!("{{ user(id: \"{id}\") {{ name }} }}");

    sql(&primary, "UPDATE users SET name = 'of the primary'").await;
    assert_eq!(name(&server, &user, &by_id).await, "of the primary", "the replica does not have the user yet");
    let hex = id.replace('-', "");
    let insert = format!(
        "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at)
         VALUES (UNHEX('{hex}'), '{}', 'of the replica', '', 1, 1)",
        user["user"]["phone"].as_str().expect("a phone"),
    );
    sql(&copy, &insert).await;
    assert_eq!(name(&server, &user, &by_id).await, "of the replica");
    assert_eq!(name(&server, &user, ME).await, "of the primary");

    for hangs in [true, false] {
        if hangs {
            replica.pause();
        } else {
            replica.stop();
        }
        let begun = Instant::now();
        assert_eq!(name(&server, &user, &by_id).await, "of the primary");
        assert_eq!(name(&server, &user, &by_id).await, "of the primary");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        if hangs {
            replica.resume();
        } else {
            replica.start_again();
        }

        let begun = Instant::now();
        while name(&server, &user, &by_id).await != "of the replica" {
            assert!(begun.elapsed() < Duration::from_secs(10), "the replica is not read again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    // After each failure the second request, and each one while the replica rests, goes to the primary at once.
    let page = server.metrics().await;
    assert!(page.contains(r#"sms_login_replica_reads_total{outcome="failed"} 2"#), "{page}");
    for outcome in ["ok", "skipped"] {
        assert!(page.contains(&format!("sms_login_replica_reads_total{{outcome=\"{outcome}\"}}")), "{outcome}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tries_the_replica() {
    let (mut stage, replica) = (Stage::new().await, OwnMariaDb::start());
    stage.env.insert("DATABASE_READ_URL".to_owned(), stage.database.clone());
    let good = process::run(&["check"], &stage.env);
    assert!(good.out.contains("ok      read replica: MariaDB 1") && good.status.success(), "{}", good.out);

    stage.env.insert("DATABASE_READ_URL".to_owned(), replica.create_database());
    let empty = process::run(&["check"], &stage.env);
    assert!(empty.out.contains("failed  read replica: MariaDB 1") && !empty.status.success(), "{}", empty.out);

    replica.stop();
    let stopped = process::run(&["check"], &stage.env);
    assert!(stopped.out.contains("failed  read replica: ") && !stopped.status.success(), "{}", stopped.out);
    assert!(stopped.out.contains("ok      database: "), "{}", stopped.out);
}
