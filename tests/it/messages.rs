//! The first example of `docs/messages.md` as it stands: mainland SMS by Tencent Cloud, everything else by a webhook, a call after
//! an SMS, receipts that reach the client, and the bill.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{ASK, LOGIN, phone};
use crate::process::{self, Server, env, stub};
use crate::tencent_stub as stand_in;
use crate::webhook::{Gateway, SECRET};

const CALLBACK_SECRET: &str = "a-secret-in-a-path";
const DELIVERY: &str = "query($id: ID!) { codeDelivery(challengeId: $id) { status } }";

/// Returns the example, with the account of the stand-ins.
fn example(gateway: &Gateway, folder: &TempDir) -> String {
    let document = include_str!("../../docs/messages.md");
    let (_, rest) = document.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("the end of the example");
    let file = |name: &str, secret: &str| {
        let path = folder.path().join(name);
        fs::write(&path, secret).expect("a file");
        path.to_str().expect("a path").to_owned()
    };

    let mut text = example.to_owned();
    for (theirs, ours) in [
        ("AKID…", stand_in::SECRET_ID.to_owned()),
        ("/run/secrets/tencent", file("tencent", stand_in::SECRET_KEY)),
        ("/run/secrets/callbacks", file("callbacks", CALLBACK_SECRET)),
        ("/run/secrets/webhook", file("webhook", SECRET)),
        ("https://sms.example.com/codes", gateway.url.clone()),
        ("\"1400000001\"", format!("\"{}\"", stand_in::VOICE_APP_ID)),
        ("\"1400000000\"", format!("\"{}\"", stand_in::SDK_APP_ID)),
        ("sign_name = \"…\"", format!("sign_name = \"{}\"", stand_in::SIGN_NAME)),
        ("100009", stand_in::NOTICE_TEMPLATE.to_owned()),
    ] {
        assert!(text.contains(theirs), "{theirs}");
        text = text.replace(theirs, &ours);
    }
    text
}

async fn ask(server: &Server, input: Value) -> String {
    let answer = server.run(None, ASK, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["requestCode"]["challengeId"].as_str().expect("an id").to_owned()
}

/// Asks until the status is this one. The message is recorded in the background.
async fn reaches(server: &Server, id: &str, expected: &str) {
    let mut status = Value::Null;
    for _ in 0..200 {
        let answer = server.run(None, DELIVERY, json!({ "id": id })).await;
        status = answer["data"]["codeDelivery"]["status"].clone();
        if status == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{status} instead of {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_sends_by_two_providers_calls_follows_and_counts() {
    let (sms, gateway, folder) = (stub().await, Gateway::start().await, TempDir::new().expect("a folder"));
    let config = folder.path().join("sms-login.toml");
    fs::write(&config, example(&gateway, &folder)).expect("a file");
    let endpoint = sms.endpoint();
    let env = env([
        ("CONFIG", config.to_str().expect("a path")),
        ("DATA_DIR", folder.path().to_str().expect("a path")),
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("SEND_COOLDOWN", "0"),
        ("TENCENT_SMS_ENDPOINT", &endpoint),
        ("TENCENT_VMS_ENDPOINT", &endpoint),
    ]);
    let checked = process::run(&["check"], &env);
    for route in ["tencent-cn", "gateway", "call-cn"] {
        assert!(checked.out.contains(&format!("ok      sms: route {route:?}")), "{}{}", checked.out, checked.err);
    }

    let server = Server::start(&env);
    let (at_home, abroad) = (phone(), "+85251234567");
    let by_sms = ask(&server, json!({ "phone": at_home })).await;
    let elsewhere = ask(&server, json!({ "phone": abroad })).await;
    assert_eq!((sms.messages().len(), gateway.messages().len()), (1, 1 + 1), "a check and a message");
    reaches(&server, &elsewhere, "ACCEPTED").await;

    let receipt = json!([{
        "nationcode": "86", "mobile": at_home.trim_start_matches("+86"), "report_status": "SUCCESS", "errmsg": "DELIVRD",
        "sid": stand_in::SERIAL, "user_receive_time": "2026-03-01 12:00:04", "description": "",
    }]);
    let client = reqwest::Client::builder().build().expect("a client");
    let url = format!("{}/callbacks/tencent/{CALLBACK_SECRET}", server.base);
    let answer = client.post(url).body(receipt.to_string()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    reaches(&server, &by_sms, "DELIVERED").await;

    let by_call = ask(&server, json!({ "phone": at_home, "channel": "VOICE", "resendOf": by_sms })).await;
    let code = sms.calls().pop().expect("a call").code;
    let input = json!({ "phone": at_home, "code": code, "challengeId": by_call });
    let login = server.run(None, LOGIN, json!({ "input": input })).await;
    assert!(login["errors"].is_null(), "{login}");

    server.terminate();
    let (status, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    assert!(status.success(), "{log}");
    let bill = process::run(&["spend", "--days", "2", "--csv"], &env);
    let rows: Vec<_> = bill.out.lines().map(|line| line.split(',').skip(1).collect::<Vec<_>>()).collect();
    for (route, region, accepted, delivered, used, price) in [
        ("tencent-cn", "CN", "1", "1", "0", "0.045"),
        ("gateway", "HK", "1", "0", "0", "0.05"),
        ("call-cn", "CN", "1", "0", "1", "0.06"),
    ] {
        let row =
            rows.iter().find(|row| row.first() == Some(&route)).unwrap_or_else(|| panic!("{route}: {}", bill.out));
        assert_eq!(
            (row[1], row[3], row[4], row[6], row[10]),
            (region, accepted, delivered, used, price),
            "{}",
            bill.out
        );
    }
}
