//! An upgrade under load: the previous release serves on a database that this version has migrated.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::app::{ME, REFRESH, phone};
use crate::process::{self, Server, shared_env, stub};
use crate::processes::{ask, code_of, login};
use crate::servers;
use crate::tencent_stub::TencentStub;

/// Signs a phone in at one server, with a code that another one sent.
async fn sign_in(asked: &Server, server: &Server, sms: &TencentStub, phone: &str) -> Value {
    let challenge_id = ask(asked, phone).await;
    let code = sms.last_code_for(phone).expect("a code");
    login(server, phone, &code, &challenge_id).await["data"]["login"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the program of the previous release: make test-upgrade"]
async fn the_previous_release_serves_on_the_migrated_database() {
    let previous = PathBuf::from(std::env::var_os("PREVIOUS_PROGRAM").expect("PREVIOUS_PROGRAM"));
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("SEND_COOLDOWN".to_owned(), "0".to_owned());

    // The previous release is in use.
    assert!(process::run_program(&previous, &["migrate"], &env).status.success());
    let old = Server::start_program(&previous, &env);
    let (first, second) = (phone(), phone());
    let before = sign_in(&old, &old, &sms, &first).await;

    // This version migrates the database and serves beside it.
    assert!(process::run(&["migrate"], &env).status.success());
    let new = Server::start(&env);
    for (asked, server) in [(&old, &new), (&new, &old)] {
        let again = sign_in(asked, server, &sms, &first).await;
        assert_eq!(again["user"]["id"], before["user"]["id"]);
        for server in [&old, &new] {
            let me = server.run(Some(text(&again["accessToken"])), ME, json!({})).await;
            assert_eq!(me["data"]["me"]["id"], before["user"]["id"], "{me}");
        }
    }
    let signed_up = sign_in(&new, &old, &sms, &second).await;
    assert_eq!(signed_up["isNewUser"], true, "the previous release signs users up");

    // A session moves between the versions.
    let mut token = text(&before["refreshToken"]).to_owned();
    for server in [&new, &old, &new] {
        let answer = server.run(None, REFRESH, json!({ "input": { "refreshToken": token } })).await;
        token = text(&answer["data"]["refreshSession"]["refreshToken"]).to_owned();
    }

    // A ban ends sessions at both. The previous release does not know it, but its sessions are not accepted by this version.
    assert!(process::run(&["users", "ban", &second], &env).status.success());
    for server in [&old, &new] {
        let me = server.run(Some(text(&signed_up["accessToken"])), ME, json!({})).await;
        assert_eq!(code_of(&me), "TOKEN_INVALID", "{me}");
    }
    let evading = sign_in(&old, &old, &sms, &second).await;
    let me = new.run(Some(text(&evading["accessToken"])), ME, json!({})).await;
    assert_eq!(code_of(&me), "TOKEN_INVALID", "{me}");

    // The previous release can restart.
    drop(old);
    let old = Server::start_program(&previous, &env);
    assert_eq!(old.get("/readyz").await.0, 200);
    let again = sign_in(&old, &new, &sms, &first).await;
    assert_eq!(again["user"]["id"], before["user"]["id"]);
}
