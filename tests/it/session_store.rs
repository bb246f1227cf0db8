//! The contract of sessions and of what an account changes, on every SQL engine.

use std::time::Duration;

use jiff::Timestamp;
use sms_login::client::ClientAddress;
use sms_login::phone::PhoneNumber;
use sms_login::sessions::{NewSession, Rotation, SessionRow};
use sms_login::users::{PhoneChange, PhoneChangeOutcome, ProfileChange, User};
use uuid::Uuid;

use crate::app::phone;
use crate::user_store::{Engine, engines, new_session, new_user, sign_in, start};

const MANY: usize = 50;
const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

fn rotation(session_id: Uuid, from: u32, at: Timestamp) -> Rotation {
    let address = ClientAddress::from("203.0.113.9".parse::<std::net::IpAddr>().expect("an address"));
    Rotation { session_id, from, address, at, expires_at: at + DAY }
}

async fn row(engine: &Engine, session_id: Uuid) -> SessionRow {
    engine.accounts.find_session(session_id).await.expect("an answer").expect("a session").0
}

async fn user(engine: &Engine, id: Uuid) -> User {
    engine.accounts.find_users(&[id]).await.expect("users").pop().expect("a user")
}

/// The ids of the user's live sessions, in the store's order.
async fn live(engine: &Engine, user_id: Uuid, at: Timestamp) -> Vec<Uuid> {
    let rows = engine.accounts.list_live_sessions(user_id, at).await.expect("sessions");
    rows.into_iter().map(|row| row.id).collect()
}

/// One more session of a user.
async fn another(engine: &Engine, user: &User, session: NewSession) -> NewSession {
    let (same, is_new) = engine.accounts.sign_in(&new_user(user.phone.e164()), &session).await.expect("a sign-in");
    assert_eq!((same.id, is_new), (user.id, false));
    session
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort();
    ids
}

#[tokio::test]
async fn a_session_is_found_with_its_user_whatever_its_state() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        let named = NewSession { device_name: Some("Mia’s phone".to_owned()), ..new_session(start()) };
        let session = another(&engine, &owner, named).await;
        sign_in(&engine, &phone(), start()).await;
        let (row, user) = engine.accounts.find_session(session.id).await.expect("an answer").expect("a session");
        assert_eq!(user, owner);
        assert_eq!((row.id, row.generation, row.salt.as_slice()), (session.id, 0, session.salt.as_slice()));
        assert_eq!((row.created_at, row.rotated_at, row.last_used_at), (start(), start(), start()));
        assert_eq!((row.expires_at, row.ended_at), (session.expires_at, None));
        assert_eq!(row.device_name, session.device_name);
        let later = start() + MILLISECOND;
        engine.accounts.end_session(session.id, later).await.expect("an end");
        let (row, _) = engine.accounts.find_session(session.id).await.expect("an answer").expect("a session");
        assert_eq!(row.ended_at, Some(later));
        assert!(engine.accounts.find_session(Uuid::new_v4()).await.expect("an answer").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_simultaneous_rotations_one_is_true() {
    for engine in engines().await {
        let (_, _, session) = sign_in(&engine, &phone(), start()).await;
        let at = start() + MILLISECOND;
        let tasks: Vec<_> = (0..MANY)
            .map(|_| {
                let (engine, rotation) = (engine.clone(), rotation(session.id, 0, at));
                tokio::spawn(async move { engine.accounts.rotate_session(&rotation).await.expect("an answer") })
            })
            .collect();
        let mut rotated = 0;
        for task in tasks {
            rotated += usize::from(task.await.expect("an answer"));
        }
        assert_eq!(rotated, 1);
        let row = row(&engine, session.id).await;
        assert_eq!((row.generation, row.rotated_at, row.last_used_at), (1, at, at));
        assert_eq!((row.expires_at, row.created_at), (at + DAY, start()));
    }
}

#[tokio::test]
async fn only_the_present_generation_of_a_live_session_rotates() {
    for engine in engines().await {
        let rotate = async |session: &NewSession, from, at| {
            engine.accounts.rotate_session(&rotation(session.id, from, at)).await.expect("an answer")
        };
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let other = another(&engine, &owner, new_session(start())).await;
        assert!(!rotate(&session, 1, start()).await, "a generation to come");
        assert!(rotate(&session, 0, start()).await);
        assert!(!rotate(&session, 0, start()).await, "a generation that was");
        assert_eq!((row(&engine, session.id).await.generation, row(&engine, other.id).await.generation), (1, 0));

        assert!(!rotate(&other, 0, other.expires_at).await, "expired");
        assert!(rotate(&other, 0, other.expires_at - MILLISECOND).await);
        engine.accounts.end_session(session.id, start()).await.expect("an end");
        assert!(!rotate(&session, 1, start()).await, "ended");
        assert_eq!(row(&engine, session.id).await.generation, 1);
        assert!(!rotate(&new_session(start()), 0, start()).await, "unknown");
    }
}

#[tokio::test]
async fn a_list_has_the_last_used_first_and_a_hundred_at_most() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let (stranger, _, others) = sign_in(&engine, &phone(), start()).await;
        let mut twins = vec![first.id];
        twins.push(another(&engine, &owner, new_session(start())).await.id);
        twins = sorted(twins);
        let later = another(&engine, &owner, new_session(start() + MILLISECOND)).await;
        assert_eq!(live(&engine, owner.id, start()).await, [later.id, twins[1], twins[0]]);
        assert_eq!(live(&engine, stranger.id, start()).await, [others.id]);

        let at = start() + 2 * MILLISECOND;
        assert!(engine.accounts.rotate_session(&rotation(twins[0], 0, at)).await.expect("an answer"));
        assert_eq!(live(&engine, owner.id, at).await, [twins[0], later.id, twins[1]]);
        engine.accounts.end_session(later.id, at).await.expect("an end");
        assert_eq!(live(&engine, owner.id, at).await, [twins[0], twins[1]]);
        assert_eq!(live(&engine, owner.id, start() + DAY).await, [twins[0]], "the other has expired");

        for number in 1..=100 {
            another(&engine, &owner, new_session(at + number * MILLISECOND)).await;
        }
        let listed = live(&engine, owner.id, at).await;
        assert_eq!((listed.len(), listed.contains(&twins[0]), listed.contains(&twins[1])), (100, false, false));
        assert_eq!(live(&engine, Uuid::new_v4(), at).await, [] as [Uuid; 0]);
    }
}

#[tokio::test]
async fn an_end_is_for_one_session_and_once() {
    for engine in engines().await {
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let other = another(&engine, &owner, new_session(start())).await;
        engine.accounts.end_session(session.id, start()).await.expect("an end");
        engine.accounts.end_session(session.id, start() + DAY).await.expect("an end");
        assert_eq!(row(&engine, session.id).await.ended_at, Some(start()));
        assert_eq!(live(&engine, owner.id, start()).await, [other.id]);
        engine.accounts.end_session(Uuid::new_v4(), start()).await.expect("nothing to end");
    }
}

#[tokio::test]
async fn a_user_ends_their_own_live_sessions() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;
        let mut own = vec![first.id];
        for _ in 0..4 {
            own.push(another(&engine, &owner, new_session(start())).await.id);
        }
        let short = NewSession { expires_at: start() + MILLISECOND, ..new_session(start()) };
        let expired = another(&engine, &owner, short).await.id;
        let at = start() + MILLISECOND;
        let end =
            async |ids: Option<&[Uuid]>| engine.accounts.end_user_sessions(owner.id, ids, at).await.expect("a count");
        assert_eq!(end(Some(&[])).await, 0, "an empty list names none");
        assert_eq!(end(Some(&[foreign.id, Uuid::new_v4(), expired])).await, 0);
        assert_eq!(live(&engine, owner.id, at).await.len(), 5);
        assert_eq!(end(Some(&[own[0], foreign.id, own[1], own[1]])).await, 2);
        assert_eq!(end(Some(&own[..3])).await, 1, "two have ended before");
        assert_eq!(sorted(live(&engine, owner.id, at).await), sorted(own[3..].to_vec()));
        assert_eq!(row(&engine, own[2]).await.ended_at, Some(at));
        assert_eq!(end(None).await, 2);
        assert_eq!(end(None).await, 0);
        assert_eq!(live(&engine, owner.id, at).await, [] as [Uuid; 0]);
        assert_eq!(row(&engine, expired).await.ended_at, None, "it was over already");
        assert_eq!(live(&engine, stranger.id, at).await, [foreign.id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purging_takes_what_is_over_in_batches_and_once() {
    const OVER: u64 = 1300;
    const BATCH: u64 = 500;
    for engine in engines().await {
        let (owner, _, living) = sign_in(&engine, &phone(), start()).await;
        let before = start() + Duration::from_mins(1);
        let just_over = before - MILLISECOND;
        for number in 0..OVER {
            let expires_at = if number % 2 == 0 { just_over } else { start() + DAY };
            let session = another(&engine, &owner, NewSession { expires_at, ..new_session(start()) }).await;
            if number % 2 == 1 {
                engine.accounts.end_session(session.id, just_over).await.expect("an end");
            }
        }
        let expires = NewSession { expires_at: before, ..new_session(start()) };
        let expires = another(&engine, &owner, expires).await;
        let ended = another(&engine, &owner, new_session(start())).await;
        engine.accounts.end_session(ended.id, before).await.expect("an end");

        assert_eq!(engine.accounts.purge_sessions(start()).await.expect("a count"), 0);
        assert_eq!(engine.accounts.purge_sessions(before).await.expect("a count"), BATCH);
        let purgers = [(); 2].map(|()| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut all = 0;
                loop {
                    match engine.accounts.purge_sessions(before).await.expect("purgers keep out of each other's way") {
                        0 => return all,
                        count => {
                            assert!(count <= BATCH);
                            all += count;
                        }
                    }
                }
            })
        });
        let mut purged = 0;
        for purger in purgers {
            purged += purger.await.expect("a count");
        }
        assert_eq!(purged, OVER - BATCH, "each once");
        for id in [living.id, expires.id, ended.id] {
            row(&engine, id).await;
        }
        assert_eq!(engine.accounts.purge_sessions(before + MILLISECOND).await.expect("a count"), 2);
        assert_eq!(live(&engine, owner.id, before).await, [living.id]);
    }
}

fn to(phone: &str, user_id: Uuid, kept_session: Uuid) -> PhoneChange {
    let phone = PhoneNumber::from_e164(phone.to_owned()).expect("a phone");
    PhoneChange { user_id, phone, kept_session, at: start() }
}

#[tokio::test]
async fn a_change_of_phone_keeps_one_session() {
    for engine in engines().await {
        let (old, new) = (phone(), phone());
        let (owner, _, kept) = sign_in(&engine, &old, start()).await;
        let other = another(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;
        let change = to(&new, owner.id, kept.id);
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
        let other = another(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;
        let change = to(stranger.phone.e164(), owner.id, kept.id);
        assert_eq!(engine.accounts.change_phone(&change).await.expect("an outcome"), PhoneChangeOutcome::Taken);
        assert_eq!((user(&engine, owner.id).await, user(&engine, stranger.id).await), (owner.clone(), stranger));
        assert_eq!(sorted(live(&engine, owner.id, start()).await), sorted(vec![kept.id, other.id]));
        assert_eq!(row(&engine, foreign.id).await.ended_at, None);
        sign_in(&engine, &phone(), start()).await; // nothing holds the table
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_phone_goes_to_one_of_two_users() {
    for engine in engines().await {
        for _ in 0..20 {
            let wanted = phone();
            let mut tries = Vec::new();
            for _ in 0..2 {
                let (owner, _, kept) = sign_in(&engine, &phone(), start()).await;
                another(&engine, &owner, new_session(start())).await;
                tries.push((owner.clone(), to(&wanted, owner.id, kept.id)));
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
async fn a_deleted_user_leaves_nothing_behind() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let second = another(&engine, &owner, new_session(start())).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;
        engine.accounts.delete_user(owner.id).await.expect("an end");
        assert!(engine.accounts.find_users(&[owner.id]).await.expect("users").is_empty());
        for id in [first.id, second.id] {
            assert!(engine.accounts.find_session(id).await.expect("an answer").is_none());
        }
        assert_eq!(live(&engine, owner.id, start()).await, [] as [Uuid; 0], "no row without a user");
        assert_eq!(user(&engine, stranger.id).await, stranger);
        row(&engine, foreign.id).await;
        let (anew, is_new, _) = sign_in(&engine, owner.phone.e164(), start()).await;
        assert!(is_new && anew.id != owner.id);
        engine.accounts.delete_user(owner.id).await.expect("nothing to delete");
    }
}

#[tokio::test]
async fn a_profile_changes_where_it_is_said() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
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
            engine.accounts.update_profile(owner.id, &change).await.expect("a change");
            expected.name = change.name.unwrap_or(expected.name);
            expected.avatar = change.avatar.unwrap_or(expected.avatar);
            assert_eq!(user(&engine, owner.id).await, expected);
        }
        assert_eq!(user(&engine, stranger.id).await, stranger);
    }
}

#[tokio::test]
async fn a_user_who_is_gone_is_told_from_one_who_stays_the_same() {
    for engine in engines().await {
        let session = new_session(start());
        let (user, _) = engine.accounts.sign_in(&new_user(&phone()), &session).await.expect("a sign-in");
        let same = ProfileChange { name: Some("same".to_owned()), avatar: None };
        for _ in 0..2 {
            assert!(
                engine.accounts.update_profile(user.id, &same).await.expect("an answer"),
                "also where nothing changes"
            );
        }
        engine.accounts.delete_user(user.id).await.expect("gone");
        assert!(!engine.accounts.update_profile(user.id, &same).await.expect("an answer"));
        let change = PhoneChange { user_id: user.id, phone: user.phone, kept_session: session.id, at: start() };
        assert_eq!(engine.accounts.change_phone(&change).await.expect("an answer"), PhoneChangeOutcome::Gone);
    }
}
