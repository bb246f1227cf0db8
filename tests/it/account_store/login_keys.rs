//! The contract of idempotency keys, of reauthentication, and of sign-ins that may not create a user.

use std::time::Duration;

use jiff::Timestamp;
use sms_login::account_store::{LoginKey, NewSession, SignInOutcome};
use uuid::Uuid;

use super::{DAY, Engine, MILLISECOND, engines, live, new_session, new_user, row, sign_in, start, stored};
use crate::app::phone;

const REPEATABLE: Duration = Duration::from_mins(2);

fn login_key(at: Timestamp) -> LoginKey {
    LoginKey {
        key: sms_login::random::bytes(),
        arguments: sms_login::random::bytes(),
        forgotten_before: at - REPEATABLE,
    }
}

fn with_key(login: &LoginKey, at: Timestamp) -> NewSession {
    let login = LoginKey { forgotten_before: at - REPEATABLE, ..*login };
    NewSession { login: Some(login), ..new_session(at) }
}

async fn store(engine: &Engine, phone: &str, session: &NewSession) -> SignInOutcome {
    engine.accounts.sign_in(&new_user(phone), session).await.expect("an outcome")
}

/// Returns the id of the session that the outcome repeats.
fn repeated(outcome: SignInOutcome) -> Uuid {
    let SignInOutcome::Repeated(found) = outcome else { panic!("not repeated: {outcome:?}") };
    found.0.id
}

#[tokio::test]
async fn a_login_key_names_one_session_until_it_is_forgotten() {
    for engine in engines().await {
        let (phone, login) = (phone(), login_key(start()));
        let first = with_key(&login, start());
        let (user, _) = stored(store(&engine, &phone, &first).await);

        let last = start() + REPEATABLE - MILLISECOND;
        assert_eq!(repeated(store(&engine, &phone, &with_key(&login, last)).await), first.id);
        assert_eq!(live(&engine, user.id, last).await, [first.id], "nothing was stored");
        let (found, owner) =
            engine.accounts.find_session_of_login(&login.key).await.expect("an answer").expect("found");
        assert_eq!((found.id, owner.id, found.login_arguments), (first.id, user.id, Some(login.arguments.to_vec())));

        let second = with_key(&login, start() + REPEATABLE);
        let (same, is_new) = stored(store(&engine, &phone, &second).await);
        assert_eq!((same.id, is_new), (user.id, false));
        let (found, _) = engine.accounts.find_session_of_login(&login.key).await.expect("an answer").expect("found");
        assert_eq!(found.id, second.id);
        assert_eq!(live(&engine, user.id, last).await.len(), 2, "the first session lives on");

        let unknown = login_key(start()).key;
        assert!(engine.accounts.find_session_of_login(&unknown).await.expect("an answer").is_none());
    }
}

#[tokio::test]
async fn an_undone_session_forgets_its_login_key() {
    for engine in engines().await {
        let (phone, login) = (phone(), login_key(start()));
        let first = with_key(&login, start());
        stored(store(&engine, &phone, &first).await);
        engine.accounts.undo_session(first.id, start()).await.expect("an end");
        assert_eq!(row(&engine, first.id).await.ended_at, Some(start()));
        stored(store(&engine, &phone, &with_key(&login, start())).await);

        engine.accounts.undo_session(Uuid::new_v4(), start()).await.expect("nothing to end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_simultaneous_sign_ins_with_a_login_key_is_stored() {
    for engine in engines().await {
        for _ in 0..10 {
            let (phone, login) = (phone(), login_key(start()));
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let (engine, phone) = (engine.clone(), phone.clone());
                    tokio::spawn(async move { store(&engine, &phone, &with_key(&login, start())).await })
                })
                .collect();

            let mut fresh = 0;
            for task in tasks {
                match task.await.expect("an outcome") {
                    SignInOutcome::Stored { .. } => fresh += 1,
                    SignInOutcome::Repeated(_) => {}
                    SignInOutcome::NoUser | SignInOutcome::Banned => panic!("the sign-up is allowed"),
                }
            }
            assert_eq!(fresh, 1);
        }
    }
}

#[tokio::test]
async fn a_live_session_is_reauthenticated() {
    for engine in engines().await {
        let (_, _, session) = sign_in(&engine, &phone(), start()).await;
        let (_, _, other) = sign_in(&engine, &phone(), start()).await;
        assert_eq!(row(&engine, session.id).await.authenticated_at, start());

        let later = start() + MILLISECOND;
        let reauthenticate = async |id, at| engine.accounts.reauthenticate_session(id, at).await.expect("an answer");
        assert!(reauthenticate(session.id, later).await);
        assert_eq!(row(&engine, session.id).await.authenticated_at, later);
        let live = engine.accounts.find_live_user(session.id, later).await.expect("an answer").expect("it lives");
        assert_eq!(live.authenticated_at, later);
        assert_eq!(row(&engine, other.id).await.authenticated_at, start());

        assert!(!reauthenticate(session.id, start() + DAY).await, "expired");
        engine.accounts.end_session(session.id, later).await.expect("an end");
        assert!(!reauthenticate(session.id, later).await, "ended");
        assert!(!reauthenticate(Uuid::new_v4(), later).await, "unknown");
    }
}

#[tokio::test]
async fn a_sign_in_of_known_users_creates_no_user() {
    for engine in engines().await {
        let (known, unknown) = (phone(), phone());
        let (user, _, _) = sign_in(&engine, &known, start()).await;
        let session = new_session(start());
        let outcome = engine.accounts.sign_in_known(&user.phone, &session).await.expect("an outcome");
        assert_eq!(stored(outcome), (user, false));

        let stranger = new_user(&unknown);
        let outcome = engine.accounts.sign_in_known(&stranger.phone, &new_session(start())).await.expect("an outcome");
        assert!(matches!(outcome, SignInOutcome::NoUser), "{outcome:?}");
        let (_, is_new, _) = sign_in(&engine, &unknown, start()).await;
        assert!(is_new, "nothing was stored");
    }
}
