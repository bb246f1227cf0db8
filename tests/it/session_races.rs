//! Simultaneous requests to two server processes that share one MariaDB.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use sms_login::tokens::keys;

use crate::app::{ME, REFRESH, phone};
use crate::process::{self, Server, shared_env, stub};
use crate::processes::{ask, code_of, login, two_servers};
use crate::servers;
use crate::tencent_stub::TencentStub;

const MANY: usize = 50;

const LOG_OUT: &str = "mutation { logout { ... on LogoutPayload { endedSessions } ...P } }";
const ASK_TO_CHANGE: &str = "mutation($phone: PhoneNumber!) {
  requestCode(input: { phone: $phone, purpose: CHANGE_PHONE }) { ... on RequestCodePayload { challengeId } ...P } }";
const CHANGE: &str = "mutation($input: ChangePhoneInput!) { changePhone(input: $input) { ... on ChangePhonePayload { user { phone } } ...P } }";

struct Tokens {
    access: String,
    refresh: String,
}

fn tokens_of(answer: &Value, field: &str) -> Tokens {
    let text = |name: &str| answer["data"][field][name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    Tokens { access: text("accessToken"), refresh: text("refreshToken") }
}

async fn sign_in(server: &Server, sms: &TencentStub, phone: &str) -> Tokens {
    let session_id = ask(server, phone).await;
    let code = sms.last_code_for(phone).expect("a code");
    tokens_of(&login(server, phone, &code, &session_id).await, "login")
}

async fn refresh(server: &Server, token: &str) -> Value {
    server.run(None, REFRESH, json!({ "input": { "refreshToken": token } })).await
}

/// Returns the input of `changePhone` with the code that was sent to the new phone.
async fn proven(server: &Server, sms: &TencentStub, user: &Tokens, phone: &str) -> Value {
    let asked = server.run(Some(&user.access), ASK_TO_CHANGE, json!({ "phone": phone })).await;
    let session_id = &asked["data"]["requestCode"]["challengeId"];
    assert!(session_id.is_string(), "{asked}");
    json!({ "input": { "phone": phone, "code": sms.last_code_for(phone), "challengeId": session_id } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_refreshes_of_one_token_have_one_successor() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[]);
    let mut current = sign_in(&servers[0], &sms, &phone()).await.refresh;
    // The first rounds open connections. In the later ones the requests overlap.
    for _ in 0..5 {
        let tries = (0..MANY).map(|number| {
            let (servers, token) = (Arc::clone(&servers), current.clone());
            tokio::spawn(async move { refresh(&servers[number % 2], &token).await })
        });

        let (mut successors, mut access) = (HashSet::new(), Vec::new());
        for attempt in tries.collect::<Vec<_>>() {
            let tokens = tokens_of(&attempt.await.expect("an answer"), "refreshSession");
            successors.insert(tokens.refresh);
            access.push(tokens.access);
        }

        assert_eq!(successors.len(), 1);
        for (number, token) in access.iter().enumerate() {
            assert_eq!(code_of(&servers[number % 2].run(Some(token), ME, json!({})).await), "none");
        }
        let successor = successors.into_iter().next().expect("one");
        assert_ne!(successor, current);
        current = successor;
    }
    assert_eq!(code_of(&refresh(&servers[1], &current).await), "none", "it is the current one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_takes_effect_on_the_other_server_at_once() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[]);
    for _ in 0..5 {
        let tokens = sign_in(&servers[0], &sms, &phone()).await;
        assert_eq!(code_of(&servers[1].run(Some(&tokens.access), ME, json!({})).await), "none");
        let answer = servers[0].run(Some(&tokens.access), LOG_OUT, json!({})).await;
        assert_eq!(answer["data"]["logout"]["endedSessions"], 1);
        assert_eq!(code_of(&servers[1].run(Some(&tokens.access), ME, json!({})).await), "TOKEN_INVALID");
        assert_eq!(code_of(&refresh(&servers[1], &tokens.refresh).await), "TOKEN_INVALID");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_users_gets_the_phone() {
    let sms = stub().await;
    let (servers, _) = two_servers(&sms, &[("SEND_COOLDOWN", "0s")]);
    let old = [phone(), phone()];
    let users = [sign_in(&servers[0], &sms, &old[0]).await, sign_in(&servers[1], &sms, &old[1]).await];
    let wanted = phone();

    let mut tries = Vec::new();
    for (number, user) in users.iter().enumerate() {
        let input = proven(&servers[number], &sms, user, &wanted).await;
        let (servers, token) = (Arc::clone(&servers), user.access.clone());
        tries.push(async move { servers[number].run(Some(&token), CHANGE, input).await });
    }

    let tries = tries.into_iter().map(tokio::spawn).collect::<Vec<_>>();
    let mut lost = Vec::new();
    for (number, attempt) in tries.into_iter().enumerate() {
        let answer = attempt.await.expect("an answer");
        let now = servers[1 - number].run(Some(&users[number].access), ME, json!({})).await;
        let has_it = now["data"]["me"]["phone"] == wanted;
        match code_of(&answer) {
            "none" => assert!(has_it, "{now}"),
            // The winner's request voids the phone's other codes, so the loser's code is gone unless it was claimed first.
            code => {
                assert!(["PHONE_TAKEN", "CODE_EXPIRED"].contains(&code), "{answer}");
                assert_eq!(now["data"]["me"]["phone"], old[number]);
                lost.push(number);
            }
        }
    }

    assert_eq!(lost.len(), 1, "one user has the phone");
    let (server, loser) = (&servers[lost[0]], &users[lost[0]]);
    let again = proven(server, &sms, loser, &wanted).await;
    assert_eq!(code_of(&server.run(Some(&loser.access), CHANGE, again).await), "PHONE_TAKEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_signing_key_ends_no_session() {
    let sms = stub().await;
    let (old, new) = (
        keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key"),
        keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key"),
    );
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("JWT_SIGNING_KEY".to_owned(), old.private_pem);
    let migrated = process::run(&["migrate"], &env);
    assert!(migrated.status.success(), "{}", migrated.err);

    let before = [Server::start(&env), Server::start(&env)];
    let fresh = sign_in(&before[0], &sms, &phone()).await;
    let begun = sign_in(&before[1], &sms, &phone()).await;
    let refreshed = tokens_of(&refresh(&before[0], &begun.refresh).await, "refreshSession");
    drop(before);

    env.insert("JWT_SIGNING_KEY".to_owned(), new.private_pem);
    env.insert("JWT_VERIFYING_KEYS".to_owned(), old.public_pem.clone());
    let after = [Server::start(&env), Server::start(&env)];
    for tokens in [fresh, refreshed] {
        for server in &after {
            assert_eq!(code_of(&server.run(Some(&tokens.access), ME, json!({})).await), "none");
        }
        let next = tokens_of(&refresh(&after[0], &tokens.refresh).await, "refreshSession");
        let same = tokens_of(&refresh(&after[1], &tokens.refresh).await, "refreshSession");
        assert_eq!(next.refresh, same.refresh, "within the grace period");
        for server in &after {
            for access in [&tokens.access, &next.access, &same.access] {
                assert_eq!(code_of(&server.run(Some(access), ME, json!({})).await), "none");
            }
        }
        assert_eq!(code_of(&refresh(&after[1], &next.refresh).await), "none");
        assert_eq!(code_of(&refresh(&after[0], &tokens.refresh).await), "TOKEN_INVALID", "it is two generations old");
        assert_eq!(code_of(&after[1].run(Some(&next.access), ME, json!({})).await), "TOKEN_INVALID");
    }

    let stranger = keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key");
    env.insert("JWT_VERIFYING_KEYS".to_owned(), stranger.public_pem);
    let without = Server::start(&env);
    assert_eq!(code_of(&refresh(&without, &begun.refresh).await), "TOKEN_INVALID", "the old key is needed");
}
