//! The commands, and the refusals of settings, each in one line that names its setting.

use std::collections::BTreeMap;

use sms_login::config::Config;
use sms_login::tokens::keys::{Keys, SigningAlgorithm};
use tempfile::TempDir;

use crate::app::settings;
use crate::process::{self, Server, env, shared_env, stub};
use crate::servers;
use crate::servers::own::OwnRedis;

const KEY32: &str = "0123456789abcdef0123456789abcdef";

fn refusal(set: &[(&str, &str)]) -> String {
    match settings(&[], set.iter().copied()).and_then(Config::try_from) {
        Ok(_) => panic!("{set:?} is accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_refusal_names_its_setting_in_one_line() {
    let tencent = [
        ("TENCENTCLOUD_SECRET_ID", "id"),
        ("TENCENTCLOUD_SECRET_KEY", "key"),
        ("TENCENT_SMS_SDK_APP_ID", "1400000000"),
        ("TENCENT_SMS_TEMPLATE_ID", "1"),
        ("TENCENT_SMS_SIGN_NAME", "sign"),
    ];
    let without = |name: &str| tencent.into_iter().filter(|(set, _)| *set != name).collect::<Vec<_>>();
    let mut cases = vec![
        (vec![("LISTEN_ADDR", "0.0.0.0:8000")], "LISTEN_ADDR"),
        (vec![("LISTEN_ADDR", "[::]:8000")], "LISTEN_ADDR"),
        (vec![("LISTEN_ADDR", "localhost")], "LISTEN_ADDR"),
        (vec![("DATABASE_URL", "mysql://root@127.0.0.1/x")], "JWT_SIGNING_KEY"),
        (vec![("DATABASE_URL", "postgres://x")], "DATABASE_URL"),
        (vec![("REDIS_URL", "localhost:6379")], "REDIS_URL"),
        (vec![("JWT_SIGNING_KEY", "x"), ("JWT_SECRET", KEY32)], "JWT_SECRET"),
        (vec![("JWT_AUDIENCE", "a"), ("PROOF_AUDIENCE", "a")], "PROOF_AUDIENCE"),
        (vec![("CODE_TTL", "11m")], "CODE_TTL"),
        (vec![("CODE_TTL", "0s")], "CODE_TTL"),
        (vec![("CODE_TTL", "soon")], "CODE_TTL"),
        (vec![("CODE_SECRET", "short")], "CODE_SECRET"),
        (vec![("CODE_MAX_ATTEMPTS", "0")], "CODE_MAX_ATTEMPTS"),
        (vec![("CODE_MAX_ATTEMPTS", "11")], "CODE_MAX_ATTEMPTS"),
        (vec![("SEND_COOLDOWN", "30")], "SEND_COOLDOWN"),
        (vec![("SEND_DAILY_LIMIT", "-1")], "SEND_DAILY_LIMIT"),
        (vec![("DAY_OFFSET", "8")], "DAY_OFFSET"),
        (vec![("DEFAULT_REGION", "XX")], "DEFAULT_REGION"),
        (vec![("ALLOWED_REGIONS", "CN,China")], "ALLOWED_REGIONS"),
        (vec![("AUTO_MIGRATE", "maybe")], "AUTO_MIGRATE"),
        (vec![("LOG_FORMAT", "xml")], "LOG_FORMAT"),
        (vec![("MAX_CONNECTIONS", "0")], "MAX_CONNECTIONS"),
        (vec![("MAX_CONNECTIONS_PER_ADDRESS", "-1")], "MAX_CONNECTIONS_PER_ADDRESS"),
        (vec![("SMS_PROVIDER", "twilio")], "SMS_PROVIDER"),
        (vec![("SMS_PROVIDER", "tencent")], "TENCENTCLOUD_SECRET_ID"),
        (vec![("TENCENT_SMS_TEMPLATE_ID", "1")], "TENCENT_SMS_TEMPLATE_ID"),
        (vec![("TENCENTCLOUD_REGION", "ap-singapore")], "TENCENTCLOUD_REGION"),
        (vec![("TENCENT_SMS_ENDPOINT", "https://sms.example")], "TENCENT_SMS_ENDPOINT"),
        (vec![("TENCENT_SMS_TEMPLATE_PARAMS", "code,hours")], "TENCENT_SMS_TEMPLATE_PARAMS"),
        (vec![("TENCENT_SMS_ENDPOINT", "nowhere")], "TENCENT_SMS_ENDPOINT"),
        (vec![("AVATARS", "http://localhost/a.png")], "AVATARS"),
        (vec![("AVATARS", "https://example.com/a.png,b.png")], "AVATARS"),
        (vec![("CODE_SECRET_FILE", "/nonexistent/secret")], "CODE_SECRET_FILE"),
        (vec![("CODE_SECRET_FILE", "/nonexistent/secret"), ("CODE_SECRET", KEY32)], "CODE_SECRET_FILE"),
    ];
    for (name, _) in tencent {
        let named = if name == "TENCENTCLOUD_SECRET_ID" { "TENCENTCLOUD_SECRET_KEY" } else { name };
        cases.push((without(name), named));
    }
    for (set, name) in cases {
        let refusal = refusal(&set);
        assert!(refusal.starts_with(&format!("{name}: ")) && !refusal.contains('\n'), "{set:?}: {refusal}");
    }
}

#[test]
fn a_refusal_never_repeats_a_secret() {
    let secret = "hunter2-hunter2";
    for name in ["CODE_SECRET", "DATABASE_URL", "REDIS_URL"] {
        assert!(!refusal(&[(name, secret)]).contains("hunter2"), "{name}");
    }
    let env = env([("DATA_DIR", "/nonexistent"), ("JWT_SECRET", secret)]);
    let refused = process::run(&["serve"], &env);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    let printed = format!("{:?}", settings(&[], [("JWT_SECRET", KEY32), ("TENCENTCLOUD_SECRET_KEY", "hunter2")]));
    assert!(!printed.contains(KEY32) && !printed.contains("hunter2"), "{printed}");
}

#[test]
fn flags_come_before_the_environment_and_files_stand_in_for_secrets() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{KEY32}\n")).expect("a file");
    let file = file.to_str().expect("a path");
    let set =
        [("CODE_SECRET_FILE", file), ("CODE_TTL", "1m"), ("JWT_ISSUER", ""), ("AVATARS", "https://a/1,https://a/2")];
    let read = settings(&["--code-ttl", "2m"], set).expect("settings");
    assert_eq!(read.codes.code_secret.expect("a secret").expose(), KEY32);
    assert_eq!(read.codes.code_ttl.as_secs(), 120, "the flag wins");
    assert_eq!(read.tokens.jwt_issuer, None, "an empty variable is unset");
    assert_eq!(read.new_users.avatars, ["https://a/1", "https://a/2"]);
}

#[test]
fn help_has_every_setting_and_its_default() {
    let help = process::run(&["--help"], &BTreeMap::new());
    assert!(help.status.success());
    let text = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in [
        "--listen-addr <ADDR> Address and port that the server listens on [default: 127.0.0.1:8000]",
        "--code-ttl <DURATION> How long a code is valid, at most 10m [default: 5m]",
        "[default: SQLite in DATA_DIR]",
        "[default: ap-guangzhou]",
        "[default: https://sms.tencentcloudapi.com]",
        "[default: +08:00]",
    ] {
        assert!(text.contains(setting), "{setting}");
    }
    let flags: Vec<&str> = help.out.split_whitespace().filter(|word| word.starts_with("--")).collect();
    let named = help.out.lines().filter(|line| line.trim_start().starts_with("--")).count();
    assert!(named >= 40 && flags.len() >= named, "{named} settings");
    for secret in ["CODE_SECRET_FILE", "JWT_SIGNING_KEY_FILE", "TENCENTCLOUD_SECRET_KEY_FILE"] {
        assert!(text.contains(secret), "{secret}");
    }
}

#[test]
fn keygen_prints_a_key_that_serves() {
    let made = process::run(&["keygen"], &BTreeMap::new());
    assert!(made.out.starts_with("-----BEGIN PRIVATE KEY-----\n") && made.out.ends_with("-----END PRIVATE KEY-----\n"));
    assert!(made.err.contains("kid: ") && made.err.contains("-----BEGIN PUBLIC KEY-----"));
    let keys = Keys::from_private_pem(&made.out, SigningAlgorithm::EdDsa).expect("a key");
    assert!(made.err.contains(keys.kid()));
    let one_line = made.out.replace('\n', "\\n");
    settings(&[], [("JWT_SIGNING_KEY", one_line.as_str())]).and_then(Config::try_from).expect("a key in one line");
}

#[test]
fn schema_prints_the_schema() {
    assert_eq!(process::run(&["schema"], &BTreeMap::new()).out, include_str!("../../schema.graphql"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_is_served_once_it_is_migrated() {
    let sms = stub().await;
    let env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    let refused = process::run(&["serve"], &env);
    assert!(!refused.status.success());
    assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
    assert!(refused.err.contains("DATABASE_URL") && refused.err.contains("sms-login migrate"), "{}", refused.err);
    for _ in 0..2 {
        assert!(process::run(&["migrate"], &env).status.success());
    }
    let server = Server::start(&env);
    assert_eq!(server.get("/healthz").await, (200, "ok\n".to_owned()));
    let mut address = env.clone();
    address.insert("LISTEN_ADDR".to_owned(), server.base.trim_start_matches("http://").to_owned());
    assert!(process::run(&["healthcheck"], &address).status.success());
    drop(server);
    assert!(!process::run(&["healthcheck"], &address).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tries_every_part() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    let unmigrated = process::run(&["check"], &env);
    assert_eq!(unmigrated.status.code(), Some(1));
    assert!(
        unmigrated.out.contains("failed  database: MariaDB 1") && unmigrated.out.contains(", not migrated"),
        "{}",
        unmigrated.out
    );
    process::run(&["migrate"], &env);
    let good = process::run(&["check"], &env);
    assert!(good.status.success(), "{}", good.out);
    assert_eq!(good.out.lines().filter(|line| line.starts_with("ok      ")).count(), 7, "{}", good.out);
    let agrees = ["its clock agrees: this server's clock is ", "ok      sms: this server's clock is "];
    for found in ["database: MariaDB 1", ", up to date", ", kid ", "codes: Redis ", "events: kept for 90 d"]
        .iter()
        .chain(&agrees)
    {
        assert!(good.out.contains(found), "{found}: {}", good.out);
    }
    assert!(!good.out.contains("warn"), "{}", good.out);
    let older = sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa).expect("a key");
    env.insert("JWT_VERIFYING_KEYS".to_owned(), older.public_pem);
    env.insert("TRUSTED_PROXIES".to_owned(), "0.0.0.0/0".to_owned());
    let risky = process::run(&["check"], &env);
    assert!(risky.status.success() && risky.out.contains(&format!(", older kid {}", older.kid)), "{}", risky.out);
    assert!(risky.out.contains("warn    TRUSTED_PROXIES (0.0.0.0/0): every address"), "{}", risky.out);
    assert!(sms.messages().is_empty(), "nothing is sent");
    env.insert("TENCENTCLOUD_SECRET_KEY".to_owned(), "wrong".to_owned());
    let wrong_key = process::run(&["check"], &env);
    assert!(wrong_key.out.contains("failed  sms: ") && !wrong_key.out.contains("failed  codes"), "{}", wrong_key.out);
    env.insert("REDIS_URL".to_owned(), "redis://127.0.0.1:1".to_owned());
    env.insert("DATABASE_URL".to_owned(), "mysql://root@127.0.0.1:1/x".to_owned());
    let down = process::run(&["check"], &env);
    assert!(down.out.contains("failed  codes: ") && down.out.contains("failed  database: "), "{}", down.out);
}

type Set = &'static [(&'static str, &'static str)];

/// Runs `check` with more settings, and returns the lines that warn.
fn warnings(base: &BTreeMap<String, String>, more: &[(&str, &str)]) -> Vec<String> {
    let mut env = base.clone();
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let checked = process::run(&["check"], &env);
    checked.out.lines().filter_map(|line| line.strip_prefix("warn    ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_warns_of_each_risky_setting_and_of_no_other() {
    const PUBLIC_REDIS: &str = "redis+sentinel://192.0.2.1:26379/main";
    const PUBLIC_DATABASE: &str = "mysql://root@192.0.2.1:3306/x";
    const ENCRYPTED_DATABASE: &str = "mysql://root@192.0.2.1:3306/x?ssl-mode=VERIFY_IDENTITY";

    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());

    // Each pair has a risky set-up, and one that differs as little as possible and is fine.
    let printing: Set = &[("SMS_PROVIDER", "console"), ("ALLOW_CONSOLE_SMS", "true"), ("LISTEN_ADDR", "0.0.0.0:0")];
    let cases: [(Set, Set, &str); 8] = [
        (
            &[("METRICS_ADDR", "0.0.0.0:1")],
            &[("METRICS_ADDR", "10.0.0.1:1")],
            "METRICS_ADDR: metrics are served on 0.0.0.0:1",
        ),
        (
            &[("CORS_ORIGINS", "*")],
            &[("CORS_ORIGINS", "https://app.example.com")],
            "CORS_ORIGINS: pages of every origin",
        ),
        (
            &[("PUBLIC_URL", "http://login.example.com")],
            &[("PUBLIC_URL", "http://127.0.0.1:8000")],
            "PUBLIC_URL: clients send codes and tokens without encryption",
        ),
        (&[("GUARD_MODE", "off")], &[("GUARD_MODE", "record")], "GUARD_MODE: off"),
        (
            &[("ALLOWED_REGIONS", "*")],
            &[("ALLOWED_REGIONS", "*"), ("SEND_TOTAL_DAILY_LIMIT", "1000")],
            "ALLOWED_REGIONS: codes are sent to every region",
        ),
        (
            &[("REDIS_URL", PUBLIC_REDIS)],
            &[("REDIS_URL", "rediss+sentinel://192.0.2.1:26379/main")],
            "REDIS_URL: the connection to 192.0.2.1, which is not a private address, may be unencrypted",
        ),
        (
            &[("DATABASE_READ_URL", PUBLIC_DATABASE)],
            &[("DATABASE_READ_URL", ENCRYPTED_DATABASE)],
            "DATABASE_READ_URL: the connection to 192.0.2.1",
        ),
        (&[("DATABASE_URL", PUBLIC_DATABASE)], &[("DATABASE_URL", ENCRYPTED_DATABASE)], "DATABASE_URL: the connection"),
    ];
    for (risky, fine, expected) in cases {
        let warned = warnings(&env, risky);
        assert!(warned.len() == 1 && warned[0].starts_with(expected), "{risky:?}: {warned:?}");
        assert_eq!(warnings(&env, fine), Vec::<String>::new(), "{fine:?}");
    }

    for name in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"] {
        env.remove(name);
    }
    env.retain(|name, _| !name.starts_with("TENCENT_SMS"));
    env.insert("PUBLIC_URL".to_owned(), "https://login.example.com".to_owned());
    let warned = warnings(&env, printing);
    assert!(warned.len() == 1 && warned[0].starts_with("ALLOW_CONSOLE_SMS: codes are printed"), "{warned:?}");
    assert_eq!(warnings(&env, &[("SMS_PROVIDER", "console"), ("GUARD_MODE", "off")]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_warns_of_a_redis_that_deletes_keys() {
    let (sms, redis) = (stub().await, OwnRedis::start());
    let mut env = shared_env(&servers::mariadb().create_database(), &redis.url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    assert_eq!(warnings(&env, &[]), Vec::<String>::new());

    let set = ["-u", &redis.url(), "config", "set", "maxmemory-policy", "allkeys-lru"];
    let set = std::process::Command::new("redis-cli").args(set).output().expect("redis-cli runs");
    assert!(set.status.success());
    let warned = warnings(&env, &[]);
    assert!(
        warned.len() == 1 && warned[0].starts_with("REDIS_URL: maxmemory-policy of Redis is allkeys-lru"),
        "{warned:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_warns_at_start_of_risky_settings() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("CORS_ORIGINS".to_owned(), "*".to_owned());
    let log = Server::start(&env).printed();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("CORS_ORIGINS")), "{log}");
}
