//! The contract of exports: everything about a user, and nothing about others.

use std::time::Duration;

use sms_login::events::Actor;

use super::{another_session, engines, new_session, sign_in, start};
use crate::app::phone;

const MANY: usize = 120;

#[tokio::test]
async fn an_export_has_all_sessions_and_events_of_the_user() {
    for engine in engines().await {
        let (owner, _, first) = sign_in(&engine, &phone(), start()).await;
        sign_in(&engine, &phone(), start()).await;
        for _ in 1..MANY {
            another_session(&engine, &owner, new_session(start())).await;
        }
        let at = start() + Duration::from_secs(1);
        engine.accounts.end_user_sessions(owner.id, Some(&[first.id]), &Actor::User, at).await.expect("an end");

        let sessions = engine.accounts.export_sessions(owner.id).await.expect("sessions");
        assert_eq!(sessions.len(), MANY);
        let ended = sessions.iter().find(|session| session.id == first.id).expect("the ended session");
        assert_eq!((ended.ended_at, ended.expires_at), (Some(at), first.expires_at));
        let address = first.address.to_string();
        assert_eq!((&ended.first_address, &ended.last_address), (&address, &address));

        let events = engine.accounts.export_events(owner.id).await.expect("events");
        assert_eq!(events.len(), MANY + 1);
        assert_eq!(events[0].kind, "user.sessions_ended", "the latest comes first");
        assert_eq!(events[MANY].kind, "user.signed_up");
        assert_eq!(events[MANY].facts["sessionId"], first.id.to_string());
    }
}
