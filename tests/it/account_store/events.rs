//! The contract of events: each change writes its event, and a change that fails writes nothing.

use sms_login::events::{Actor, StoredEvent};
use sms_login::phone::PhoneNumber;
use sms_login::users::{PhoneChange, PhoneChangeOutcome, User};
use uuid::Uuid;

use super::{DAY, Engine, MILLISECOND, another_session, engines, new_session, new_user, sign_in, start};
use crate::app::phone;

/// Returns the user's events, oldest first.
async fn events(engine: &Engine, user_id: Uuid) -> Vec<StoredEvent> {
    let mut events = engine.accounts.list_user_events(user_id).await.expect("events");
    events.reverse();
    events
}

async fn kinds(engine: &Engine, user_id: Uuid) -> Vec<String> {
    events(engine, user_id).await.into_iter().map(|event| event.kind).collect()
}

fn change(user: &User, phone: &str, by: Actor) -> PhoneChange {
    let phone = PhoneNumber::from_e164(phone.to_owned()).expect("a phone");
    PhoneChange { user_id: user.id, phone, kept_session: None, by, at: start() }
}

#[tokio::test]
async fn each_change_of_an_account_writes_one_event() {
    for engine in engines().await {
        let operator = Actor::Operator("mia".to_owned());
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let second = another_session(&engine, &owner, new_session(start())).await;
        let third = another_session(&engine, &owner, new_session(start())).await;
        another_session(&engine, &owner, new_session(start())).await;

        let accounts = &engine.accounts;
        accounts.end_session(first.id, start()).await.expect("an end");
        accounts.undo_session(second.id, start()).await.expect("an end");
        accounts.end_user_sessions(owner.id, Some(&[third.id]), &Actor::User, start()).await.expect("an end");
        accounts.change_phone(&change(&owner, &phone(), operator.clone())).await.expect("a change");
        accounts.ban_user(owner.id, &operator, start()).await.expect("a ban");
        accounts.unban_user(owner.id, &operator, start()).await.expect("the end of a ban");
        accounts.delete_user(&owner, &operator, start()).await.expect("a deletion");

        let events = events(&engine, owner.id).await;
        let found: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        let sign_ins = ["user.signed_up", "user.signed_in", "user.signed_in", "user.signed_in"];
        let changes = ["session.token_reused", "user.sessions_ended", "user.sessions_ended", "user.phone_changed"];
        assert_eq!(found, [&sign_ins[..], &changes, &["user.banned", "user.unbanned", "user.deleted"]].concat());

        assert_eq!(events[0].facts["sessionId"], first.id.to_string());
        assert_eq!(events[0].facts["phone"], owner.phone.to_string(), "masked");
        assert_eq!(events[6].facts["sessionsEnded"], 1);
        let by: Vec<bool> = events.iter().map(|event| event.facts["operator"] == "mia").collect();
        assert_eq!(by, [vec![false; 7], vec![true; 4]].concat());
        assert!(events.iter().all(|event| event.created_at == start() && event.id.get_version_num() == 7));
    }
}

#[tokio::test]
async fn a_change_that_fails_writes_no_event() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        let (stranger, _, _) = sign_in(&engine, &phone(), start()).await;
        let accounts = &engine.accounts;

        let taken = change(&owner, stranger.phone.e164(), Actor::User);
        assert_eq!(accounts.change_phone(&taken).await.expect("an outcome"), PhoneChangeOutcome::Taken);
        // The session's id is taken, so the sign-in is not stored.
        assert!(accounts.sign_in(&new_user(owner.phone.e164()), &first).await.is_err());
        accounts.end_session(Uuid::new_v4(), start()).await.expect("nothing to end");
        accounts.end_user_sessions(owner.id, Some(&[]), &Actor::User, start()).await.expect("nothing to end");
        assert!(!accounts.unban_user(owner.id, &Actor::User, start()).await.expect("an answer"));
        assert_eq!(kinds(&engine, owner.id).await, ["user.signed_up"]);

        // The event cannot be written, so the change is not made.
        engine.run("ALTER TABLE events RENAME TO elsewhere").await;
        assert!(accounts.ban_user(owner.id, &Actor::User, start()).await.is_err());
        assert!(accounts.sign_in(&new_user(owner.phone.e164()), &new_session(start() + DAY)).await.is_err());
        engine.run("ALTER TABLE elsewhere RENAME TO events").await;
        assert_eq!(super::user(&engine, owner.id).await, owner);
    }
}

#[tokio::test]
async fn added_users_are_those_whose_phone_is_free() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        let (one, two) = (new_user(&phone()), new_user(&phone()));
        let same = new_user(one.phone.e164());
        let users = [new_user(owner.phone.e164()), one.clone(), two.clone(), same];

        let operator = Actor::Operator("mia".to_owned());
        assert_eq!(engine.accounts.add_users(&users, &operator, start()).await.expect("users"), 2);
        assert_eq!(engine.accounts.add_users(&users, &operator, start()).await.expect("users"), 0);
        for user in [one, two] {
            assert_eq!(super::user(&engine, user.id).await.phone, user.phone);
            assert_eq!(kinds(&engine, user.id).await, ["user.added"]);
        }
        assert_eq!(kinds(&engine, owner.id).await, ["user.signed_up"]);
    }
}

/// MySQL cuts a text that is too long if its `sql_mode` is not strict.
#[tokio::test]
async fn a_long_name_of_an_operator_is_shortened() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        let operator = Actor::Operator("ü".repeat(2000));
        engine.accounts.ban_user(owner.id, &operator, start()).await.expect("a ban");
        let events = events(&engine, owner.id).await;
        assert_eq!(events[1].facts["operator"].as_str().map(str::len), Some(128));
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_does_not_hide_the_others() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        another_session(&engine, &owner, new_session(start())).await;
        engine.run("UPDATE events SET facts = '{\"pho' WHERE kind = 'user.signed_up'").await;
        let events = events(&engine, owner.id).await;
        assert_eq!((&events[0].facts, events[1].facts.is_object()), (&"{\"pho".into(), true));
    }
}

#[tokio::test]
async fn events_without_a_webhook_are_never_due_and_old_ones_are_purged() {
    for engine in engines().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        assert!(engine.accounts.find_due_events(start() + DAY, 10).await.expect("events").is_empty());
        assert_eq!(engine.accounts.purge_events(start()).await.expect("a count"), 0);
        assert_eq!(kinds(&engine, owner.id).await.len(), 1);
        assert_eq!(engine.accounts.purge_events(start() + MILLISECOND).await.expect("a count"), 1);
        assert!(kinds(&engine, owner.id).await.is_empty());
    }
}
