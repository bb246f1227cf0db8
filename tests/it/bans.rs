//! Bans by an operator, as clients see them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{Answer, HOME, ME, Stores, TestApp, phone, wrong};
use crate::process;

fn operate(app: &TestApp, args: &[&str]) {
    let done = process::run(&[&["users"], args].concat(), &app.env);
    assert!(done.status.success(), "{args:?}: {}", done.err);
}

/// Bans a new user, and returns the answer to their sign-in.
pub(crate) async fn login_of_a_banned_user(app: &TestApp) -> Answer {
    let phone = phone();
    let someone = app.anonymous();
    operate(app, &["add", &phone]);
    operate(app, &["ban", &phone]);
    let challenge_id = someone.ask(&phone).await;
    someone.login(&phone, &app.code(&phone), &challenge_id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_user_is_signed_out_at_once_and_cannot_sign_in_until_the_ban_ends() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        operate(&app, &["ban", &user.phone]);
        assert_eq!(user.run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(user.refresh().await.code(), "TOKEN_INVALID");

        app.advance(Duration::from_mins(1));
        let someone = app.anonymous();
        let challenge_id = someone.ask(&user.phone).await;
        let code = app.code(&user.phone);
        // Only somebody with the right code learns of the ban.
        assert_eq!(someone.login(&user.phone, &wrong(&code), &challenge_id).await.code(), "CODE_INCORRECT");
        let refused = someone.login(&user.phone, &code, &challenge_id).await;
        assert_eq!((refused.code(), &refused.extensions()["errorCode"]), ("ACCOUNT_DISABLED", &json!(-1204)));
        assert_eq!(someone.login(&user.phone, &code, &challenge_id).await.code(), "CODE_EXPIRED", "the code is used");

        operate(&app, &["unban", &user.id]);
        assert_eq!(user.refresh().await.code(), "TOKEN_INVALID", "the old session stays ended");
        app.advance(Duration::from_mins(1));
        let again = app.sign_in(&user.phone).await;
        assert_eq!(again.id, user.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_has_client_addresses_and_ended_sessions() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        operate(&app, &["ban", &user.phone]);
        let done = process::run(&["users", "export", &user.id], &app.env);
        let export: Value = serde_json::from_str(&done.out).expect("JSON");
        let session = &export["sessions"][0];
        assert_eq!((&session["first_address"], &session["last_address"]), (&json!(HOME), &json!(HOME)));
        assert!(session["ended_at"].is_string() && session["authenticated_at"].is_string(), "{session}");
    }
}
