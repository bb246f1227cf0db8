//! The gate before a send: what it reports, and how often.

use serde_json::{Value, json};

use crate::app::{ASK, phone};
use crate::process::{Server, shared_env, stub};
use crate::processes::code_of;
use crate::servers;
use crate::tencent_stub::captcha::{APP_ID, APP_SECRET_KEY};

/// A send that is found suspect is verified and counted in several steps. The log and the metric must count sends, not
/// steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspect_send_is_reported_once() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    for (name, value) in [
        ("AUTO_MIGRATE", "true"),
        ("CAPTCHA", "challenge"),
        ("GUARD_MODE", "challenge"),
        ("GUARD_HOURLY_FLOOR", "1"),
        ("TENCENT_CAPTCHA_APP_ID", &APP_ID.to_string()),
        ("TENCENT_CAPTCHA_APP_SECRET_KEY", APP_SECRET_KEY),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    let server = Server::start(&env);
    let request = async |captcha: Value| {
        server.run(None, ASK, json!({ "input": { "phone": phone(), "captcha": captcha } })).await
    };
    let solved = json!({ "ticket": "t03-a-ticket", "randstr": "@random" });

    let ordinary = request(Value::Null).await;
    assert!(ordinary["errors"].is_null(), "{ordinary}");
    let suspect = request(solved).await;
    assert!(suspect["errors"].is_null(), "found suspect first, then counted: {suspect}");
    let without = request(Value::Null).await;
    assert_eq!(code_of(&without), "CAPTCHA_REQUIRED");

    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert_eq!(log.matches(REPORT).count(), 2, "once for each suspect send: {log}");
}

const REPORT: &str = "more unverified sends than verified traffic explains";
