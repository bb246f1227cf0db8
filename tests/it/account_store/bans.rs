//! The contract of bans.

use sms_login::account_store::SignInOutcome;
use sms_login::events::Actor;

use super::{MILLISECOND, another_session, engines, live, new_session, new_user, row, sign_in, start, stored, user};
use crate::app::phone;

fn operator() -> Actor {
    Actor::Operator("mia".to_owned())
}

#[tokio::test]
async fn a_banned_user_has_no_session_and_cannot_sign_in() {
    for engine in engines().await {
        let phone = phone();
        let (owner, _, first) = sign_in(&engine, &phone, start()).await;
        another_session(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &crate::app::phone(), start()).await;

        let at = start() + MILLISECOND;
        assert!(engine.accounts.ban_user(owner.id, &operator(), at).await.expect("a ban"));
        assert!(!engine.accounts.ban_user(owner.id, &operator(), at).await.expect("an answer"), "banned already");
        assert_eq!(user(&engine, owner.id).await.banned_at, Some(at));
        assert!(live(&engine, owner.id, at).await.is_empty());
        assert_eq!(row(&engine, first.id).await.ended_at, Some(at));
        assert_eq!(live(&engine, stranger.id, at).await, [foreign.id]);

        for known in [true, false] {
            let session = new_session(at);
            let outcome = if known {
                engine.accounts.sign_in_known(&owner.phone, &session).await
            } else {
                engine.accounts.sign_in(&new_user(&phone), &session).await
            };
            assert!(matches!(outcome, Ok(SignInOutcome::Banned)), "{outcome:?}");
            assert!(engine.accounts.find_session(session.id).await.expect("an answer").is_none());
        }
        assert_eq!(user(&engine, owner.id).await.last_login_at, start(), "nothing is stored");

        assert!(engine.accounts.unban_user(owner.id, &operator(), at).await.expect("the end of a ban"));
        assert!(!engine.accounts.unban_user(owner.id, &operator(), at).await.expect("an answer"), "not banned");
        stored(engine.accounts.sign_in(&new_user(&phone), &new_session(at)).await.expect("a sign-in"));
    }
}

/// A server of the previous version does not know bans, so it can start a session for a banned user.
#[tokio::test]
async fn a_session_of_a_banned_user_is_not_live() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        engine.accounts.ban_user(owner.id, &operator(), start()).await.expect("a ban");
        engine.accounts.unban_user(owner.id, &operator(), start()).await.expect("the end of a ban");
        let session = another_session(&engine, &owner, new_session(start())).await;
        assert!(engine.accounts.find_live_user(session.id, start()).await.expect("an answer").is_some());

        engine.run("UPDATE users SET banned_at = 1").await;
        assert!(engine.accounts.find_live_user(session.id, start()).await.expect("an answer").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_at_the_time_of_the_ban_leaves_no_session() {
    for engine in engines().await {
        for _ in 0..20 {
            let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
            let sign_ins: Vec<_> = (0..4)
                .map(|_| {
                    let (engine, phone) = (engine.clone(), owner.phone.clone());
                    tokio::spawn(async move { engine.accounts.sign_in_known(&phone, &new_session(start())).await })
                })
                .collect();
            assert!(engine.accounts.ban_user(owner.id, &operator(), start()).await.expect("a ban"));
            for sign_in in sign_ins {
                sign_in.await.expect("a task").expect("an outcome");
            }
            assert!(live(&engine, owner.id, start()).await.is_empty());
        }
    }
}
