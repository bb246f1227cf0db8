//! Closed sign-up: only phones that an operator has added sign in, and a client cannot find out which ones they are.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use sms_login::account_store::AccountStore;
use sms_login::database::Database;
use sms_login::events::Actor;
use sms_login::phone::PhoneNumber;
use sms_login::users::NewUser;
use uuid::Uuid;

use crate::app::{ASK, Answer, LOGIN, START, Stores, TestApp, phone, wrong};
use crate::process;
use crate::tencent_stub::Behaviour;

async fn closed(stores: Stores) -> TestApp {
    TestApp::on(stores).set("SIGN_UP", "closed").start().await
}

async fn accounts(app: &TestApp) -> AccountStore {
    let database = match app.env.get("DATABASE_URL") {
        Some(url) => Database::open(url).await,
        None => Database::open_file(&Path::new(&app.env["DATA_DIR"]).join("sms-login.db")).await,
    };
    AccountStore::new(database.expect("a database"))
}

/// Adds a user with a new phone, and returns the phone.
async fn added(app: &TestApp) -> String {
    let phone = phone();
    let number = PhoneNumber::from_e164(phone.clone()).expect("a phone");
    let start: Timestamp = START.parse().expect("a time");
    let avatar = "https://example.com/a.png".to_owned();
    let user = NewUser { id: Uuid::new_v4(), phone: number, name: String::new(), avatar, created_at: start };
    for added in [1, 0] {
        let users = std::slice::from_ref(&user);
        let count = accounts(app).await.add_users(users, &Actor::User, start).await.expect("an answer");
        assert_eq!(count, added, "the phone is free once");
    }
    phone
}

/// Returns the answer without the challenge id, which is random.
fn comparable(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    if let Some(id) = body.pointer_mut("/data/requestCode/challengeId") {
        *id = json!(id.as_str().map(str::len));
    }
    if let Some(id) = body.pointer_mut("/errors/0/extensions/requestId") {
        *id = json!(id.as_str().map(str::len));
    }
    json!({ "status": answer.status.as_u16(), "body": body })
}

/// The attacker wants to know which phones have an account.
#[tokio::test]
async fn a_phone_without_an_account_gets_the_same_answers_and_no_sms() {
    for stores in Stores::BOTH {
        let app = closed(stores).await;
        let (known, unknown) = (added(&app).await, phone());

        let mut lives = Vec::new();
        for (number, phone) in [&known, &unknown].into_iter().enumerate() {
            // From two addresses, because they have separate limits.
            let client = app.at(&format!("198.51.100.{number}"));
            let asked = client.try_ask(phone).await;
            let id = asked.data("requestCode")["challengeId"].as_str().expect("an id").to_owned();
            let mut life = vec![comparable(&asked), comparable(&client.try_ask(phone).await)];
            let guess = app.sms.last_code_for(&known).map_or_else(|| "123456".to_owned(), |code| wrong(&code));
            for _ in 0..4 {
                life.push(comparable(&client.login(phone, &guess, &id).await));
            }
            life.push(comparable(&client.login(phone, "12345", &id).await));
            life.push(comparable(&client.login(phone, &guess, "unknown").await));
            lives.push(life);
        }
        assert_eq!(lives[0], lives[1]);
        assert_eq!(lives[0][2]["body"]["errors"][0]["extensions"]["attemptsRemaining"], 2);
        assert!(app.sms.last_code_for(&known).is_some());
        assert_eq!(app.sms.messages().len(), 1);
    }
}

/// The attacker also repeats requests, resends, and sends a device token of his own making.
#[tokio::test]
async fn repetitions_resends_and_device_tokens_do_not_show_who_has_an_account() {
    for stores in Stores::BOTH {
        let (known, unknown) = (life(stores, true).await, life(stores, false).await);
        assert_eq!(known, unknown);
        assert_eq!(known[4]["body"]["errors"][0]["extensions"]["code"], "CODE_EXPIRED", "the old id is void");
        assert_eq!(known[5]["body"]["errors"][0]["extensions"]["attemptsRemaining"], 2);
    }
}

/// Returns the answers to an attacker's requests for a phone.
async fn life(stores: Stores, has_account: bool) -> Vec<Value> {
    const KEY: &str = "0190163d-8694-739b";
    let app = closed(stores).await;
    let phone = if has_account { added(&app).await } else { phone() };
    let ask = async |more: Value| {
        let mut input = json!({ "phone": phone, "deviceToken": format!("sld_{}", "A".repeat(76)) });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        app.anonymous().run(ASK, json!({ "input": input })).await
    };

    let with_key = json!({ "idempotencyKey": KEY });
    let (first, burst) = tokio::join!(ask(with_key.clone()), ask(with_key.clone()));
    let repeated = ask(with_key).await;
    assert_eq!((&burst.body, &repeated.body), (&first.body, &first.body));
    let old = first.data("requestCode")["challengeId"].clone();
    let reused = ask(json!({ "idempotencyKey": KEY, "resendOf": old })).await;

    app.advance(Duration::from_secs(30));
    let resent = ask(json!({ "resendOf": old, "idempotencyKey": "0190163d-8694-739c" })).await;
    let new = &resent.data("requestCode")["challengeId"];
    let mut life: Vec<Value> = [&first, &repeated, &reused, &resent].map(comparable).to_vec();

    let guess = app.sms.last_code_for(&phone).map_or_else(|| "123456".to_owned(), |code| wrong(&code));
    for id in [&old, new, new, new, new] {
        let input = json!({ "phone": phone, "code": guess, "challengeId": id, "idempotencyKey": KEY });
        life.push(comparable(&app.anonymous().run(LOGIN, json!({ "input": input })).await));
    }
    app.advance(Duration::from_secs(30));
    life.push(comparable(&ask(json!({})).await));
    assert_eq!(app.sms.messages().len(), if has_account { 3 } else { 0 });
    life
}

/// The attacker measures how long an answer takes. The provider of these tests answers at once.
#[tokio::test]
async fn a_phone_without_an_account_waits_as_long_as_a_send_takes() {
    let app = closed(Stores::Embedded).await;
    let known = added(&app).await;
    let timed = async || {
        let started = Instant::now();
        app.anonymous().ask(&phone()).await;
        started.elapsed()
    };
    let usual = Duration::from_millis(150);
    assert!(timed().await >= usual, "before the first send, the wait is that of a usual provider");

    app.anonymous().ask(&known).await;
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        fastest = fastest.min(timed().await);
    }
    assert!(fastest < usual, "{fastest:?}");
}

#[tokio::test]
async fn while_sends_fail_a_phone_without_an_account_gets_the_same_failure() {
    let app = closed(Stores::Embedded).await;
    let (known, unknown) = (added(&app).await, phone());
    for behaviour in ["InternalError.OtherError", "FailedOperation.InsufficientBalanceInSmsPackage"] {
        app.sms.set(Behaviour::Error(behaviour.to_owned()));
        let refused = app.anonymous().try_ask(&known).await;
        assert_eq!(refused.code(), "SMS_SEND_FAILED");
        assert_eq!(comparable(&app.anonymous().try_ask(&unknown).await), comparable(&refused));
    }
    app.sms.set(Behaviour::Accept);
    for phone in [&known, &unknown] {
        app.anonymous().ask(phone).await;
    }
}

#[tokio::test]
async fn an_added_phone_signs_in() {
    for stores in Stores::BOTH {
        let app = closed(stores).await;
        let phone = added(&app).await;
        let session_id = app.anonymous().ask(&phone).await;
        let answer = app.anonymous().login(&phone, &app.code(&phone), &session_id).await;
        assert_eq!(answer.data("login")["isNewUser"], false);

        app.advance(Duration::from_mins(1));
        app.sign_in(&phone).await;
    }
}

/// The account is deleted between the request for a code and the sign-in with it.
#[tokio::test]
async fn a_code_of_a_deleted_account_does_not_sign_up() {
    for stores in Stores::BOTH {
        let app = closed(stores).await;
        let phone = added(&app).await;
        let session_id = app.anonymous().ask(&phone).await;
        let accounts = accounts(&app).await;
        let number = PhoneNumber::from_e164(phone.clone()).expect("a phone");
        let user = accounts.find_user_by_phone(&number).await.expect("an answer").expect("a user");
        accounts.delete_user(&user, &Actor::User, START.parse().expect("a time")).await.expect("gone");

        let answer = app.anonymous().login(&phone, &app.code(&phone), &session_id).await;
        assert_eq!(answer.code(), "CODE_EXPIRED");
        assert!(accounts.find_user_by_phone(&number).await.expect("an answer").is_none());
    }
}

#[tokio::test]
async fn codes_that_create_no_account_go_to_every_phone() {
    let app = closed(Stores::Embedded).await;
    let user = app.sign_in(&added(&app).await).await;
    let (verified, new) = (phone(), phone());
    app.anonymous().run(ASK, json!({ "input": { "phone": verified, "purpose": "VERIFY" } })).await.data("requestCode");
    user.ask_for("CHANGE_PHONE", &new).await;
    for phone in [verified, new] {
        app.code(&phone);
    }
}

#[tokio::test]
async fn operators_add_list_and_remove_users() {
    let data = tempfile::TempDir::new().expect("a folder");
    let env = std::collections::BTreeMap::from([
        ("DATA_DIR".to_owned(), data.path().to_str().expect("a path").to_owned()),
        ("SIGN_UP".to_owned(), "closed".to_owned()),
        ("PUBLIC_URL".to_owned(), "https://login.example.com".to_owned()),
    ]);
    let run = |args: &[&str]| process::run(&[&["users"], args].concat(), &env);
    assert_eq!(run(&["list"]).out, "");

    let ids: Vec<String> = ["+8613711112222", "13711113333"]
        .map(|phone| {
            let added = run(&["add", phone]);
            assert!(added.status.success(), "{}", added.err);
            added.out.trim().to_owned()
        })
        .to_vec();
    let listed = run(&["list"]).out;
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][..2], ["+86137****2222", &ids[0]]);
    assert_eq!(rows[1][..2], ["+86137****3333", &ids[1]]);

    for (args, reason) in [
        (["add", "+8613711112222"], "a user has this phone already"),
        (["add", "12345"], "not the number of a mobile phone"),
        (["remove", "+8613711119999"], "no user has this phone"),
    ] {
        let refused = run(&args);
        assert!(!refused.status.success() && refused.err.contains(reason), "{args:?}: {}", refused.err);
    }
    assert!(run(&["remove", "+8613711112222"]).status.success());
    assert_eq!(run(&["list"]).out.lines().count(), 1);
}

/// The removed user's device has no separate quota any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_a_user_revokes_their_device_tokens() {
    let app = closed(Stores::Shared).await;
    let phone = added(&app).await;
    let challenge_id = app.anonymous().ask(&phone).await;
    let signed_in = app.anonymous().login(&phone, &app.code(&phone), &challenge_id).await;
    let device_token = &signed_in.data("login")["deviceToken"];
    let ask = async || {
        let input = json!({ "phone": phone, "deviceToken": device_token });
        app.anonymous().run(ASK, json!({ "input": input })).await
    };
    ask().await.data("requestCode");

    let mut unreachable = app.env.clone();
    unreachable.insert("REDIS_URL".to_owned(), "redis://127.0.0.1:1".to_owned());
    let removed = process::run(&["users", "remove", &phone], &unreachable);
    assert!(!removed.status.success() && removed.err.contains("revoke-devices"), "{}", removed.err);
    let revoked = process::run(&["users", "revoke-devices", &phone], &app.env);
    assert!(revoked.status.success(), "{}", revoked.err);

    app.advance(Duration::from_secs(30));
    app.anonymous().ask(&phone).await;
    let limited = ask().await;
    assert_eq!((limited.code(), &limited.extensions()["limit"]), ("RATE_LIMITED", &json!("COOLDOWN")));
}
