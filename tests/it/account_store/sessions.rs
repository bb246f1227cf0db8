//! The contract of sessions: finding, listing, rotating, ending and purging them.

use std::time::Duration;

use jiff::Timestamp;
use sms_login::account_store::{NewSession, Rotation};
use sms_login::client::ClientAddress;
use sms_login::events::Actor;
use uuid::Uuid;

use super::{DAY, MILLISECOND, another_session, engines, live, new_session, row, sign_in, sorted, start};
use crate::app::phone;

const MANY: usize = 50;

fn rotation(session_id: Uuid, from: u32, at: Timestamp) -> Rotation {
    let address = ClientAddress::from("203.0.113.9".parse::<std::net::IpAddr>().expect("an address"));
    Rotation { session_id, from, address, at, expires_at: at + DAY, key: None }
}

#[tokio::test]
async fn a_session_is_found_with_its_user_in_every_state() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        let named = NewSession { device_name: Some("Mia’s phone".to_owned()), ..new_session(start()) };
        let session = another_session(&engine, &owner, named).await;

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
async fn one_of_simultaneous_rotations_succeeds() {
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
async fn only_the_current_generation_of_a_live_session_rotates() {
    for engine in engines().await {
        let rotate = async |session: &NewSession, from, at| {
            engine.accounts.rotate_session(&rotation(session.id, from, at)).await.expect("an answer")
        };
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let other = another_session(&engine, &owner, new_session(start())).await;

        assert!(!rotate(&session, 1, start()).await, "a later generation");
        assert!(rotate(&session, 0, start()).await);
        assert!(!rotate(&session, 0, start()).await, "an earlier generation");
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
async fn a_list_starts_with_the_last_used_session_and_has_at_most_a_hundred() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let (stranger, _, others) = sign_in(&engine, &phone(), start()).await;
        let mut twins = vec![first.id];
        twins.push(another_session(&engine, &owner, new_session(start())).await.id);
        twins = sorted(twins);

        let later = another_session(&engine, &owner, new_session(start() + MILLISECOND)).await;
        assert_eq!(live(&engine, owner.id, start()).await, [later.id, twins[1], twins[0]]);
        assert_eq!(live(&engine, stranger.id, start()).await, [others.id]);

        let at = start() + 2 * MILLISECOND;
        assert!(engine.accounts.rotate_session(&rotation(twins[0], 0, at)).await.expect("an answer"));
        assert_eq!(live(&engine, owner.id, at).await, [twins[0], later.id, twins[1]]);

        engine.accounts.end_session(later.id, at).await.expect("an end");
        assert_eq!(live(&engine, owner.id, at).await, [twins[0], twins[1]]);
        assert_eq!(live(&engine, owner.id, start() + DAY).await, [twins[0]], "the other has expired");

        for number in 1..=100 {
            another_session(&engine, &owner, new_session(at + number * MILLISECOND)).await;
        }
        let listed = live(&engine, owner.id, at).await;
        assert_eq!((listed.len(), listed.contains(&twins[0]), listed.contains(&twins[1])), (100, false, false));
        assert_eq!(live(&engine, Uuid::new_v4(), at).await, [] as [Uuid; 0]);
    }
}

#[tokio::test]
async fn a_session_ends_once_and_alone() {
    for engine in engines().await {
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let other = another_session(&engine, &owner, new_session(start())).await;
        engine.accounts.end_session(session.id, start()).await.expect("an end");
        engine.accounts.end_session(session.id, start() + DAY).await.expect("an end");
        assert_eq!(row(&engine, session.id).await.ended_at, Some(start()));
        assert_eq!(live(&engine, owner.id, start()).await, [other.id]);
        engine.accounts.end_session(Uuid::new_v4(), start()).await.expect("nothing to end");
    }
}

#[tokio::test]
async fn a_user_ends_only_their_own_live_sessions() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let (stranger, _, foreign) = sign_in(&engine, &phone(), start()).await;
        let mut own = vec![first.id];
        for _ in 0..4 {
            own.push(another_session(&engine, &owner, new_session(start())).await.id);
        }
        let short = NewSession { expires_at: start() + MILLISECOND, ..new_session(start()) };
        let expired = another_session(&engine, &owner, short).await.id;
        let at = start() + MILLISECOND;
        let end = async |ids: Option<&[Uuid]>| {
            engine.accounts.end_user_sessions(owner.id, ids, &Actor::User, at).await.expect("a count")
        };
        assert_eq!(end(Some(&[])).await, 0, "an empty list ends no session");
        assert_eq!(end(Some(&[foreign.id, Uuid::new_v4(), expired])).await, 0);
        assert_eq!(live(&engine, owner.id, at).await.len(), 5);

        assert_eq!(end(Some(&[own[0], foreign.id, own[1], own[1]])).await, 2);
        assert_eq!(end(Some(&own[..3])).await, 1, "two had ended before");
        assert_eq!(sorted(live(&engine, owner.id, at).await), sorted(own[3..].to_vec()));
        assert_eq!(row(&engine, own[2]).await.ended_at, Some(at));

        assert_eq!(end(None).await, 2);
        assert_eq!(end(None).await, 0);
        assert_eq!(live(&engine, owner.id, at).await, [] as [Uuid; 0]);
        assert_eq!(row(&engine, expired).await.ended_at, None, "it had expired already");
        assert_eq!(live(&engine, stranger.id, at).await, [foreign.id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_sessions_are_purged_in_batches_and_once() {
    const OVER: u64 = 1300;
    const BATCH: u64 = 500;
    for engine in engines().await {
        let (owner, _, living) = sign_in(&engine, &phone(), start()).await;
        let before = start() + Duration::from_mins(1);
        let just_over = before - MILLISECOND;
        for number in 0..OVER {
            let expires_at = if number % 2 == 0 { just_over } else { start() + DAY };
            let session = another_session(&engine, &owner, NewSession { expires_at, ..new_session(start()) }).await;
            if number % 2 == 1 {
                engine.accounts.end_session(session.id, just_over).await.expect("an end");
            }
        }
        let expires = NewSession { expires_at: before, ..new_session(start()) };
        let expires = another_session(&engine, &owner, expires).await;
        let ended = another_session(&engine, &owner, new_session(start())).await;
        engine.accounts.end_session(ended.id, before).await.expect("an end");

        assert_eq!(engine.accounts.purge_sessions(start()).await.expect("a count"), 0);
        assert_eq!(engine.accounts.purge_sessions(before).await.expect("a count"), BATCH);
        let purgers = [(); 2].map(|()| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut all = 0;
                loop {
                    match engine.accounts.purge_sessions(before).await.expect("simultaneous purges do not conflict") {
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
