//! The commands of operators, on SQLite and MariaDB.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use sms_login::account_store::AccountStore;
use sms_login::clock::{Clock, SystemClock};
use sms_login::database::Database;
use tempfile::TempDir;
use uuid::Uuid;

use crate::process::{self, Output, env};
use crate::servers;

/// A database of one engine, and the program that uses it.
struct Desk {
    env: BTreeMap<String, String>,
    folder: TempDir,
}

impl Desk {
    fn both() -> [Self; 2] {
        [false, true].map(|is_mysql| {
            let folder = TempDir::new().expect("a folder");
            let data = folder.path().to_str().expect("a path");
            let mut env = env([("DATA_DIR", data), ("PUBLIC_URL", "https://login.example.com")]);
            if is_mysql {
                let key = sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa)
                    .expect("a key")
                    .private_pem;
                env.insert("DATABASE_URL".to_owned(), servers::mariadb().create_database());
                env.insert("JWT_SIGNING_KEY".to_owned(), key);
                assert!(process::run(&["migrate"], &env).status.success());
            }
            Self { env, folder }
        })
    }

    fn run(&self, args: &[&str]) -> Output {
        process::run(&[&["users"], args].concat(), &self.env)
    }

    /// Runs a command that succeeds, and returns what it prints.
    #[track_caller]
    fn say(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert!(done.status.success(), "{args:?}: {}", done.err);
        done.out
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.say(args)).expect("JSON")
    }

    #[track_caller]
    fn refusal(&self, args: &[&str]) -> String {
        let refused = self.run(args);
        assert!(!refused.status.success(), "{args:?}: {}", refused.out);
        refused.err
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    }
}

const PHONE: &str = "+8613711112222";

#[test]
fn phones_are_masked_unless_the_operator_reveals_them() {
    for desk in Desk::both() {
        let id = desk.say(&["add", PHONE]).trim().to_owned();
        for user in [PHONE, "13711112222", &id] {
            assert!(desk.say(&["find", user]).starts_with(&format!("+86137****2222\t{id}\t")), "{user}");
        }
        assert_eq!(desk.json(&["find", PHONE, "--json"])["phone"], "+86137****2222");
        assert_eq!(desk.json(&["list", "--json"])["id"], id);
        for args in [&["find", PHONE][..], &["list"], &["export", PHONE], &["find", PHONE, "--json"]] {
            assert!(!desk.say(args).contains(PHONE), "{args:?}");
            assert!(desk.say(&[args, &["--reveal"]].concat()).contains(PHONE), "{args:?}");
        }

        let export = desk.json(&["export", &id]);
        let events: Vec<&Value> = export["events"].as_array().expect("events").iter().rev().collect();
        let kinds: Vec<&str> = events.iter().filter_map(|event| event["kind"].as_str()).collect();
        assert_eq!(kinds, [&["user.added"][..], &["user.revealed"; 5]].concat(), "what was read in full is recorded");
        assert!(events.iter().all(|event| event["facts"]["operator"].as_str().is_some_and(|name| !name.is_empty())));
        assert!(!export.to_string().contains(PHONE));
    }
}

#[test]
fn operators_ban_change_and_delete_users() {
    for desk in Desk::both() {
        let id = desk.say(&["add", PHONE]).trim().to_owned();
        desk.say(&["add", "+8613711113333"]);

        desk.say(&["ban", PHONE]);
        assert!(desk.say(&["find", PHONE]).contains("\tbanned 20"));
        assert!(desk.refusal(&["ban", PHONE]).contains("banned already"));
        desk.say(&["unban", &id]);
        assert!(desk.refusal(&["unban", PHONE]).contains("not banned"));
        assert_eq!(desk.say(&["end-sessions", PHONE]), "0\n");

        assert!(desk.refusal(&["change-phone", PHONE, "+8613711113333"]).contains("has this phone already"));
        desk.say(&["change-phone", PHONE, "+8613711114444"]);
        assert!(desk.refusal(&["find", PHONE]).contains("no user has this phone"));
        assert!(desk.say(&["find", "+8613711114444"]).contains(&id));

        desk.say(&["delete", &id]);
        assert!(desk.refusal(&["delete", &id]).contains("no user has this id"));
        assert_eq!(desk.say(&["list"]).lines().count(), 1);
    }
}

#[test]
fn an_import_can_be_repeated_and_reports_lines_that_are_no_users() {
    for desk in Desk::both() {
        desk.say(&["add", PHONE]);
        let file = desk.file(
            "users.jsonl",
            r#"{"phone":"+8613711112222","name":"Mia"}
{"phone":"13711113333","name":"Noah","avatar":"https://example.com/n.png","created_at":"2020-01-02T03:04:05Z"}
{"phone":"+8613711114444"}
{"phone":"+8613711114444","name":"twice"}
{"phone":"12345"}
not JSON
{"phone":"+8613711115555","created_at":"yesterday"}
"#,
        );
        let first = desk.run(&["import", &file]);
        assert_eq!((first.status.code(), first.out.as_str()), (Some(1), "2 added, 2 skipped, 3 rejected\n"));
        for line in
            ["user 5 of the file: the phone", "user 6 of the file: not a user", "user 7 of the file: not a user"]
        {
            assert!(first.err.contains(line), "{}", first.err);
        }
        assert_eq!(desk.run(&["import", &file]).out, "0 added, 4 skipped, 3 rejected\n");

        let noah = desk.json(&["find", "13711113333", "--json"]);
        assert_eq!((&noah["name"], &noah["created_at"]), (&"Noah".into(), &"2020-01-02T03:04:05Z".into()));
        assert_eq!(noah["avatar"], "https://example.com/n.png");
        let plain = desk.json(&["find", "+8613711114444", "--json"]);
        assert_eq!(plain["name"], "");
        assert!(plain["avatar"].as_str().is_some_and(|avatar| avatar.starts_with("https://login.example.com/")));
    }
}

/// The columns of the table `info` in <https://github.com/qcloudsms/smsLogin>.
#[test]
fn the_table_of_tencents_demo_is_imported() {
    let avatar = "https://imgcache.qq.com/qcloud/public/static//avatar0_100.20191230.png";
    for desk in Desk::both() {
        let mut desk = desk;
        // The demo's phones are national ones of mainland China, whatever the default region of the server is.
        desk.env.insert("DEFAULT_REGION".to_owned(), "SG".to_owned());
        let csv = desk.file(
            "info.csv",
            &format!("userId,phone,name,avatar,time\n1,13711112222,\"Mia, \"\"M\"\"\",{avatar},1577836800000\n2,13711113333,,,\n3,x,,,\n"),
        );
        let done = desk.run(&["import", "--smslogin-demo", &csv]);
        assert_eq!(done.out, "2 added, 0 skipped, 1 rejected\n", "{}", done.err);
        let mia = desk.json(&["find", PHONE, "--json"]);
        assert_eq!((&mia["name"], &mia["avatar"]), (&"Mia, \"M\"".into(), &avatar.into()));
        assert_eq!(mia["created_at"], "2020-01-01T00:00:00Z");

        let json = desk.file(
            "info.jsonl",
            "{\"userId\":4,\"phone\":13711114444,\"name\":\"\",\"time\":1577836800000}\n{\"userId\":1,\"phone\":\"13711112222\"}\n",
        );
        assert_eq!(desk.say(&["import", "--smslogin-demo", &json]), "1 added, 1 skipped, 0 rejected\n");
    }
}

/// A quoted text that spans lines could hide users, or invent some.
#[test]
fn csv_whose_users_are_not_one_a_line_stops_the_import() {
    const HEADER: &str = "userId,phone,name,avatar,time\n";
    for desk in Desk::both() {
        let cases = [
            ("3,13711113333,\"oops,,", "line 3 of the file: a quote is not closed"),
            ("3,13711113333,o\"ops,,", "line 3 of the file: a quote is not closed"),
            ("3,13711113333,\"a \\\"q\\\" b\",,", "line 3 of the file: a backslash before a quote"),
            ("3,13711113333,a\\", "line 3 of the file: a backslash before"),
            ("3,13711113333,a\r4,13711119999,b", "line 3 of the file: a carriage return"),
        ];
        for (line, reason) in cases {
            let rest = "9,13711119999,Eve,,\n".repeat(3);
            let file = desk.file("bad.csv", &format!("\u{feff}{HEADER}2,13711112222,Mia,,\n{line}\n{rest}"));
            let stopped = desk.refusal(&["import", "--smslogin-demo", &file]);
            assert!(stopped.contains(reason), "{line:?}: {stopped}");
            assert!(!desk.run(&["find", "13711119999"]).status.success(), "{line:?}");
        }

        let long = format!("{HEADER}2,13711112222,{},,\n", "x".repeat(70_000));
        let stopped = desk.refusal(&["import", "--smslogin-demo", &desk.file("long.csv", &long)]);
        assert!(stopped.contains("line 2 of the file: the line is longer than 64 KiB"), "{stopped}");

        let good = format!("\u{feff}{HEADER}2,13711112222,\"Mia \"\"M\"\"\",,\r\n\r\n3,13711113333,Noah,,");
        let good = desk.say(&["import", "--smslogin-demo", &desk.file("good.csv", &good)]);
        assert_eq!(good, "2 added, 0 skipped, 0 rejected\n");
    }
}

#[test]
fn an_implausible_time_of_sign_up_is_rejected() {
    for desk in Desk::both() {
        let csv = "phone,time\n13711112222,1577836800\n13711113333,4102444800000\n13711114444,1577836800000000\n";
        let done = desk.run(&["import", "--smslogin-demo", &desk.file("times.csv", csv)]);
        assert_eq!(done.out, "0 added, 0 skipped, 3 rejected\n");
        let reason = "user 1 of the file: the time of sign-up is before 2000 or in the future";
        assert!(done.err.contains(reason), "{}", done.err);

        let jsonl = [1999, 2100]
            .map(|year| format!("{{\"phone\":\"+8613711115555\",\"created_at\":\"{year}-12-31T23:59:59Z\"}}\n"));
        let done = desk.run(&["import", &desk.file("times.jsonl", &jsonl.concat())]);
        assert_eq!(done.out, "0 added, 0 skipped, 2 rejected\n");
    }
}

#[test]
fn the_tail_of_a_line_that_is_too_long_is_no_user() {
    const MAX_LINE: usize = 64 * 1024;
    for desk in Desk::both() {
        let tail = "{\"phone\":\"+8613711119999\"}\n";
        let text = format!("{}{tail}{{\"phone\":\"{PHONE}\"}}\n", " ".repeat(MAX_LINE));
        let done = desk.run(&["import", &desk.file("long.jsonl", &format!("{{}}\n{text}"))]);
        assert_eq!(done.out, "1 added, 0 skipped, 2 rejected\n", "{}", done.err);
        assert!(done.err.contains("user 2 of the file: the line is longer than 64 KiB"), "{}", done.err);
        assert!(desk.refusal(&["find", "+8613711119999"]).contains("no user has this phone"));
    }
}

#[test]
fn a_change_is_stored_if_redis_is_down_and_says_what_is_left_to_do() {
    for mut desk in Desk::both() {
        let id = desk.say(&["add", PHONE]).trim().to_owned();
        desk.env.insert("REDIS_URL".to_owned(), format!("redis://127.0.0.1:{}", servers::unused_port()));
        desk.env.insert("CODE_SECRET".to_owned(), "0123456789abcdef0123456789abcdef".to_owned());
        let left = |args: &[&str], done: &str, phone: &str| {
            let said = desk.refusal(args);
            for text in [done, "Redis failed", "sms-login users revoke-devices", phone] {
                assert!(said.contains(text), "{args:?}: {said}");
            }
        };

        left(&["ban", PHONE], "the ban is stored", "with the user's phone");
        assert!(desk.say(&["find", &id]).contains("\tbanned 20"));
        left(&["end-sessions", PHONE], "the sessions are ended", "with the user's phone");
        left(&["change-phone", PHONE, "+8613711114444"], "the phone is changed", "with the old phone");
        assert!(desk.say(&["find", &id]).contains("+86137****4444"));
        left(&["delete", &id], "the user is deleted", "with the user's phone");
        assert!(desk.refusal(&["find", &id]).contains("no user has this id"));
        assert!(desk.refusal(&["revoke-devices", PHONE]).contains("Redis failed: no device token was revoked"));

        desk.env.insert("REDIS_URL".to_owned(), servers::redis().fresh_url());
        assert_eq!(desk.say(&["revoke-devices", PHONE]), "");
    }
}

/// A mistake in the settings must not look like a user who does not exist.
#[test]
fn a_command_that_needs_users_creates_no_database() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let url = format!("sqlite://{}", folder.path().join("other.db").display());
    let file = env([("DATA_DIR", data.to_str().expect("a path"))]);
    let url = env([("DATA_DIR", data.to_str().expect("a path")), ("DATABASE_URL", &url)]);
    for env in [file, url] {
        for args in [&["users", "find", PHONE][..], &["users", "ban", PHONE], &["users", "list"], &["events", "dead"]] {
            let refused = process::run(args, &env);
            assert!(!refused.status.success(), "{args:?}");
            assert!(refused.err.contains(".db does not exist: DATA_DIR and DATABASE_URL say"), "{}", refused.err);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn an_error_says_which_phone_is_wrong() {
    for desk in Desk::both() {
        desk.say(&["add", PHONE]);
        desk.say(&["add", "+8613711113333"]);
        assert!(desk.refusal(&["change-phone", PHONE, "12"]).contains("the new phone: "));
        assert!(desk.refusal(&["change-phone", "12", PHONE]).contains("USER is no id, and no phone either: "));
        assert!(desk.refusal(&["change-phone", PHONE, "+8613711113333"]).contains("the new phone: a user has"));
    }
}

#[test]
fn many_users_are_imported_in_batches() {
    const MANY: usize = 3000;
    for desk in Desk::both() {
        let mut text = String::new();
        for number in 0..MANY {
            writeln!(text, "{{\"phone\":\"+86137{number:08}\"}}").expect("text");
        }
        let file = desk.file("many.jsonl", &text);
        assert_eq!(desk.say(&["import", &file]), format!("{MANY} added, 0 skipped, 0 rejected\n"));
        assert_eq!(desk.say(&["import", &file]), format!("0 added, {MANY} skipped, 0 rejected\n"));
        assert_eq!(desk.say(&["list"]).lines().count(), MANY);
    }
}

/// The store that the commands use.
async fn store(desk: &Desk) -> (AccountStore, Database) {
    let database = match desk.env.get("DATABASE_URL") {
        Some(url) => Database::open(url).await,
        None => Database::open_file(&desk.folder.path().join("sms-login.db")).await,
    };
    let database = database.expect("a database");
    (AccountStore::new(database.clone()).delivering_events(), database)
}

async fn run_sql(database: &Database, sql: &'static str) {
    match database {
        Database::MySql(pool) => sqlx::query(sql).execute(pool).await.map(drop),
        Database::Sqlite(pool) => sqlx::query(sql).execute(pool).await.map(drop),
    }
    .expect("the statement runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_commands_are_delivered_if_a_server_delivers() {
    for desk in Desk::both() {
        desk.say(&["add", PHONE]);
        let (store, database) = store(&desk).await;
        let now = SystemClock.now();
        assert!(store.find_due_events(now, 10).await.expect("events").is_empty(), "no server delivers");

        // The clock of the server is behind by a day.
        let lease = now - Duration::from_hours(24);
        assert!(store.take_event_lease(Uuid::new_v4(), lease, lease).await.expect("a lease"));
        desk.say(&["ban", PHONE]);
        let due = store.find_due_events(lease, 10).await.expect("events");
        assert_eq!(due.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["user.banned"]);

        // The webhook was removed ten days ago.
        run_sql(&database, "UPDATE leases SET expires_at = expires_at - 864000000").await;
        desk.say(&["unban", PHONE]);
        assert_eq!(store.event_backlog().await.expect("a backlog").pending, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_events_that_were_given_up_are_retried_at_once() {
    for desk in Desk::both() {
        let file = desk.file(
            "users.jsonl",
            &(0..600).fold(String::new(), |mut text, number| {
                writeln!(text, r#"{{"phone":"+86137{number:08}"}}"#).expect("a line");
                text
            }),
        );
        desk.say(&["import", &file]);
        let (store, database) = store(&desk).await;
        run_sql(&database, "UPDATE events SET dead_at = created_at").await;

        let events = |args: &[&str]| process::run(&[&["events"], args].concat(), &desk.env);
        assert_eq!(events(&["dead"]).out.lines().count(), 100);
        assert_eq!(events(&["retry", "--all"]).out, "600\n");
        assert_eq!(
            (events(&["dead"]).out.as_str(), store.event_backlog().await.expect("a backlog").pending),
            ("", 600)
        );
        assert!(!events(&["retry"]).status.success(), "an id or --all");
    }
}
