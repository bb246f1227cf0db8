//! No secret gets into the log, even at trace level: a whole sign-in with its errors.

use serde_json::json;

use crate::app::{ASK, LOGIN, ME, phone, wrong};
use crate::process::{self, Server, shared_env, stub};
use crate::servers;
use crate::tencent_stub::{self, Behaviour};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_line_has_a_secret() {
    for format in ["text", "json"] {
        no_line_has_a_secret(format).await;
    }
}

async fn no_line_has_a_secret(format: &str) {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    process::run(&["migrate"], &env);
    env.insert("LOG".to_owned(), "trace".to_owned());
    env.insert("LOG_FORMAT".to_owned(), format.to_owned());
    env.insert("CODE_SECRET".to_owned(), "a-code-secret-of-some-forty-characters-".to_owned());
    env.insert("CALLBACK_SECRET".to_owned(), "a-secret-of-the-path-of-receipts".to_owned());
    let server = Server::start(&env);
    let phone = phone();
    let asked = server.run(None, ASK, json!({ "input": { "phone": phone } })).await;
    let challenge_id = asked["data"]["requestCode"]["challengeId"].as_str().expect("an id").to_owned();
    let code = sms.last_code_for(&phone).expect("a code");
    let input = |code: &str| json!({ "input": { "phone": phone, "code": code, "challengeId": challenge_id } });
    server.run(None, LOGIN, input(&wrong(&code))).await;
    let login = server.run(None, LOGIN, input(&code)).await;
    let login = &login["data"]["login"];
    let access = login["accessToken"].as_str().expect("a token").to_owned();
    let refresh = login["refreshToken"].as_str().expect("a token").to_owned();
    server.run(Some(&access), ME, json!({})).await;
    server.run(Some("not-a-token-but-a-secret"), ME, json!({})).await;
    sms.set(Behaviour::Error("InternalError.OtherError".to_owned()));
    server.run(None, ASK, json!({ "input": { "phone": "+8613711119999" } })).await;
    server.get(&format!("/graphql?query=%7Bme%7Bid%7D%7D&token={access}")).await;
    let receipt =
        json!([{ "nationcode": "86", "mobile": &phone[3..], "report_status": "SUCCESS", "sid": "the-serial" }]);
    let path = "/callbacks/tencent/a-secret-of-the-path-of-receipts";
    assert_eq!(server.post(path, receipt.to_string()).await, 200);
    server.printed_line("delivery receipts").await;
    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    let masked = format!("{}****{}", &phone[..6], &phone[10..]);
    assert!(log.contains(&masked) && log.contains("signed in") && log.contains("wrong code"), "{log}");
    assert!(log.contains("an SMS could not be sent"), "{log}");
    let national = phone.trim_start_matches("+86");
    let key = env["JWT_SIGNING_KEY"].lines().nth(1).expect("a key").to_owned();
    for secret in [
        national,
        "13711119999",
        &challenge_id,
        &code,
        &wrong(&code),
        &access,
        &refresh,
        &key,
        access.rsplit('.').next().expect("a signature"),
        "not-a-token-but-a-secret",
        "a-code-secret-of-some",
        "a-secret-of-the-path",
        tencent_stub::SECRET_KEY,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
