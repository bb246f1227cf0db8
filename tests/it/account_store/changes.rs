//! The contract of changes to an account: its phone, its profile and its deletion.

use sms_login::events::Actor;
use sms_login::phone::PhoneNumber;
use sms_login::users::{PhoneChange, PhoneChangeOutcome, ProfileChange, User};
use uuid::Uuid;

use super::{another_session, engines, live, new_session, new_user, row, sign_in, sorted, start, stored, user};
use crate::app::phone;

fn change_to(phone: &str, user_id: Uuid, kept_session: Uuid) -> PhoneChange {
    let phone = PhoneNumber::from_e164(phone.to_owned()).expect("a phone");
    PhoneChange { user_id, phone, kept_session: Some(kept_session), by: Actor::User, at: start() }
}

#[tokio::test]
async fn a_phone_change_ends_all_other_sessions() {
    for engine in engines().await {
        let (old, new) = (phone(), phone());
        let (owner, _, kept) = sign_in(&engine, &old, start()).await;
        let other = another_session(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;

        let change = change_to(&new, owner.id, kept.id);
        assert_eq!(engine.accounts.change_phone(&change).await.expect("an outcome"), PhoneChangeOutcome::Changed);
        assert_eq!(user(&engine, owner.id).await, User { phone: change.phone, ..owner.clone() });
        assert_eq!(live(&engine, owner.id, start()).await, [kept.id]);
        assert_eq!(row(&engine, other.id).await.ended_at, Some(start()));
        assert_eq!(live(&engine, stranger.id, start()).await, [foreign.id]);
        assert_eq!(user(&engine, stranger.id).await, stranger);

        let (same, is_new, _) = sign_in(&engine, &new, start()).await;
        assert_eq!((same.id, is_new), (owner.id, false), "the new phone signs in");
        let (fresh, is_new, _) = sign_in(&engine, &old, start()).await;
        assert!(is_new && fresh.id != owner.id, "the old one signs up");
    }
}

#[tokio::test]
async fn a_taken_phone_changes_nothing() {
    for engine in engines().await {
        let (owner, _, kept) = sign_in(&engine, &phone(), start()).await;
        let other = another_session(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;

        let change = change_to(stranger.phone.e164(), owner.id, kept.id);
        assert_eq!(engine.accounts.change_phone(&change).await.expect("an outcome"), PhoneChangeOutcome::Taken);
        assert_eq!((user(&engine, owner.id).await, user(&engine, stranger.id).await), (owner.clone(), stranger));
        assert_eq!(sorted(live(&engine, owner.id, start()).await), sorted(vec![kept.id, other.id]));
        assert_eq!(row(&engine, foreign.id).await.ended_at, None);

        // No transaction keeps a lock.
        sign_in(&engine, &phone(), start()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_users_gets_the_phone() {
    for engine in engines().await {
        for _ in 0..20 {
            let wanted = phone();
            let mut tries = Vec::new();
            for _ in 0..2 {
                let (owner, _, kept) = sign_in(&engine, &phone(), start()).await;
                another_session(&engine, &owner, new_session(start())).await;
                tries.push((owner.clone(), change_to(&wanted, owner.id, kept.id)));
            }

            let tries: Vec<_> = tries
                .into_iter()
                .map(|(owner, change)| {
                    let engine = engine.clone();
                    tokio::spawn(async move { (engine.accounts.change_phone(&change).await, owner) })
                })
                .collect();

            let mut won = 0;
            for attempt in tries {
                let (outcome, owner) = attempt.await.expect("an answer");
                let won_this = outcome.expect("an outcome") == PhoneChangeOutcome::Changed;
                won += usize::from(won_this);
                assert_eq!(user(&engine, owner.id).await.phone.e164() == wanted, won_this);
                assert_eq!(live(&engine, owner.id, start()).await.len(), if won_this { 1 } else { 2 });
            }
            assert_eq!(won, 1);
        }
    }
}

#[tokio::test]
async fn deleting_a_user_deletes_their_sessions() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let second = another_session(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;

        engine.accounts.delete_user(&owner, &Actor::User, start()).await.expect("an end");
        assert!(engine.accounts.find_users(&[owner.id]).await.expect("users").is_empty());
        for id in [first.id, second.id] {
            assert!(engine.accounts.find_session(id).await.expect("an answer").is_none());
        }
        assert_eq!(live(&engine, owner.id, start()).await, [] as [Uuid; 0], "no session without a user");

        assert_eq!(user(&engine, stranger.id).await, stranger);
        row(&engine, foreign.id).await;

        let (new, is_new, _) = sign_in(&engine, owner.phone.e164(), start()).await;
        assert!(is_new && new.id != owner.id);
        engine.accounts.delete_user(&owner, &Actor::User, start()).await.expect("nothing to delete");
    }
}

#[tokio::test]
async fn only_the_given_fields_of_a_profile_change() {
    for engine in engines().await {
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let (stranger, _, _) = sign_in(&engine, &phone(), start()).await;
        let name = Some("王伟 👩‍🚀".to_owned());
        let avatar = Some("https://example.com/b.png".to_owned());
        let mut expected = owner.clone();
        for change in [
            ProfileChange::default(),
            ProfileChange { name: name.clone(), avatar: None },
            ProfileChange { name: None, avatar: avatar.clone() },
            ProfileChange { name: Some("Mia".to_owned()), avatar: Some("https://example.com/c.png".to_owned()) },
            ProfileChange::default(),
        ] {
            assert!(engine.accounts.update_profile(owner.id, session.id, &change, start()).await.expect("a change"));
            expected.name = change.name.unwrap_or(expected.name);
            expected.avatar = change.avatar.unwrap_or(expected.avatar);
            assert_eq!(user(&engine, owner.id).await, expected);
        }
        assert_eq!(user(&engine, stranger.id).await, stranger);
    }
}

#[tokio::test]
async fn a_deleted_user_is_distinguished_from_an_unchanged_one() {
    for engine in engines().await {
        let session = new_session(start());
        let (user, _) = stored(engine.accounts.sign_in(&new_user(&phone()), &session).await.expect("a sign-in"));
        let same = ProfileChange { name: Some("same".to_owned()), avatar: None };
        for _ in 0..2 {
            let updated = engine.accounts.update_profile(user.id, session.id, &same, start()).await;
            assert!(updated.expect("an answer"), "also if nothing changes");
        }

        engine.accounts.delete_user(&user, &Actor::User, start()).await.expect("gone");
        assert!(!engine.accounts.update_profile(user.id, session.id, &same, start()).await.expect("an answer"));
        let change = change_to(user.phone.e164(), user.id, session.id);
        assert_eq!(engine.accounts.change_phone(&change).await.expect("an answer"), PhoneChangeOutcome::Gone);
    }
}
