//! The contract of the queue of events: delivery is in order, stays fast with many rows, and works beside the previous version.

use std::time::{Duration, Instant};

use sms_login::account_store::{DeliveryOutcome, EventBacklog};
use sms_login::database::Database;
use sms_login::events::StoredEvent;
use uuid::Uuid;

use super::{DAY, Engine, MILLISECOND, another_session, engines, new_session, sign_in, start};
use crate::app::phone;

async fn delivering() -> Vec<Engine> {
    engines().await.into_iter().map(Engine::delivering_events).collect()
}

async fn due(engine: &Engine, at: jiff::Timestamp) -> Vec<StoredEvent> {
    engine.accounts.find_due_events(at, 10).await.expect("events")
}

async fn record(engine: &Engine, event: &StoredEvent, outcome: DeliveryOutcome) {
    engine.accounts.record_delivery(event, &outcome, start()).await.expect("a record");
}

fn retry() -> DeliveryOutcome {
    DeliveryOutcome::Retry { due_at: start() + DAY, failure: "HTTP 500".to_owned() }
}

#[tokio::test]
async fn an_event_is_due_after_the_earlier_ones_of_its_user() {
    for engine in engines().await {
        let engine = engine.delivering_events();
        let accounts = &engine.accounts;
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        another_session(&engine, &owner, new_session(start())).await;
        let (stranger, _, _) = sign_in(&engine, &phone(), start()).await;
        let due = async |at| -> Vec<StoredEvent> { accounts.find_due_events(at, 10).await.expect("events") };
        let of = |events: &[StoredEvent]| -> Vec<Option<Uuid>> { events.iter().map(|event| event.user_id).collect() };

        let first = due(start()).await;
        assert_eq!(of(&first), [Some(owner.id), Some(stranger.id)], "one of each user, oldest first");

        let retry = DeliveryOutcome::Retry { due_at: start() + DAY, failure: "ü".repeat(300) };
        accounts.record_delivery(&first[0], &retry, start()).await.expect("a record");
        accounts.record_delivery(&first[1], &DeliveryOutcome::Delivered, start()).await.expect("a record");
        assert!(due(start()).await.is_empty(), "the second event waits for the first");

        let again = due(start() + DAY).await;
        assert_eq!((again[0].id, again[0].attempts), (first[0].id, 1));
        assert!(again[0].failure.as_ref().is_some_and(|failure| failure.starts_with('ü')));
        let given_up = DeliveryOutcome::GivenUp { failure: "HTTP 500".to_owned() };
        accounts.record_delivery(&again[0], &given_up, start()).await.expect("a record");
        assert_eq!(due(start() + DAY).await.len(), 1, "the second event");
        assert_eq!(accounts.list_dead_events().await.expect("events")[0].id, first[0].id);

        assert!(accounts.retry_event(first[0].id).await.expect("an answer"));
        assert!(!accounts.retry_event(first[0].id).await.expect("an answer"), "it is not dead any more");
        assert_eq!((due(start()).await[0].id, due(start()).await[0].attempts), (first[0].id, 0));
    }
}

#[tokio::test]
async fn one_server_has_the_lease_until_it_expires() {
    for engine in engines().await {
        let take = async |holder, now, expires_at| {
            engine.accounts.take_event_lease(holder, now, expires_at).await.expect("an answer")
        };
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        let end = start() + DAY;
        assert!(take(one, start(), end).await);
        assert!(take(one, start(), end).await, "renewed");
        assert!(!take(two, end - MILLISECOND, end + DAY).await);
        assert!(take(two, end, end + DAY).await);
        assert!(!take(one, end, end + DAY).await);
    }
}

/// The clock of an operator's machine, or of another server, can be ahead.
#[tokio::test]
async fn a_new_event_is_due_at_once_whatever_the_clock_of_its_writer_says() {
    for engine in delivering().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start() + DAY).await;
        assert_eq!(due(&engine, start()).await[0].user_id, Some(owner.id));
    }
}

#[tokio::test]
async fn later_events_wait_while_the_first_one_of_the_user_is_retried() {
    for engine in delivering().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        another_session(&engine, &owner, new_session(start())).await;
        record(&engine, &due(&engine, start()).await[0], retry()).await;
        another_session(&engine, &owner, new_session(start())).await;
        assert!(due(&engine, start()).await.is_empty());

        // No statement has to skip them.
        let due_now = "SELECT COUNT(*) FROM pending_events WHERE due_at = 0";
        assert_eq!((engine.number(due_now).await, engine.number("SELECT COUNT(*) FROM pending_events").await), (0, 3));
        for left in [2, 1, 0] {
            let next = due(&engine, start() + DAY).await;
            assert_eq!(next.len(), 1);
            record(&engine, &next[0], DeliveryOutcome::Delivered).await;
            assert_eq!(engine.number("SELECT COUNT(*) FROM pending_events").await, left);
        }
    }
}

#[tokio::test]
async fn events_that_wait_are_counted_and_not_purged() {
    for engine in delivering().await {
        let accounts = &engine.accounts;
        let backlog = async || accounts.event_backlog().await.expect("a backlog");
        assert_eq!(backlog().await, EventBacklog { pending: 0, oldest: None });

        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        let first = due(&engine, start()).await;
        another_session(&engine, &owner, new_session(start() + MILLISECOND)).await;
        assert_eq!(backlog().await, EventBacklog { pending: 2, oldest: Some(start()) }, "one is not in the queue yet");
        assert_eq!(accounts.purge_events(start() + DAY).await.expect("a count"), 0);

        record(&engine, &first[0], DeliveryOutcome::Delivered).await;
        assert_eq!(accounts.purge_events(start() + DAY).await.expect("a count"), 1);
        assert_eq!(backlog().await, EventBacklog { pending: 1, oldest: Some(start() + MILLISECOND) });

        let second = due(&engine, start()).await;
        record(&engine, &second[0], DeliveryOutcome::GivenUp { failure: "HTTP 500".to_owned() }).await;
        assert_eq!(backlog().await.pending, 0);
        assert_eq!(accounts.retry_dead_events().await.expect("a count"), 1);
        assert_eq!((accounts.retry_dead_events().await.expect("a count"), backlog().await.pending), (0, 1));
    }
}

/// The previous version writes the time of an event in `due_at`, and the time of its next attempt.
#[tokio::test]
async fn the_previous_version_can_run_beside_this_one() {
    const DUE_FOR_THE_PREVIOUS_VERSION: &str = "SELECT COUNT(*) FROM events WHERE due_at <= 1";
    for engine in delivering().await {
        let (owner, _, _) = sign_in(&engine, &phone(), start()).await;
        another_session(&engine, &owner, new_session(start())).await;
        assert_eq!(engine.number(DUE_FOR_THE_PREVIOUS_VERSION).await, 2, "it delivers the events of this version");

        // It has attempted the first event.
        let tomorrow = start() + DAY;
        let attempt = "UPDATE events SET attempts = 1, due_at = created_at + 86400000 WHERE kind = 'user.signed_up'";
        engine.run(attempt).await;
        assert!(due(&engine, start()).await.is_empty());
        assert_eq!(due(&engine, tomorrow).await[0].attempts, 1);
        assert_eq!(
            engine.number("SELECT COUNT(*) FROM events WHERE due_at IS NOT NULL").await,
            0,
            "it delivers none of them"
        );

        // It deletes an old event, although that waits.
        engine.run("DELETE FROM events WHERE kind = 'user.signed_up'").await;
        assert_eq!(due(&engine, tomorrow).await[0].kind, "user.signed_in");
    }
}

/// Searches for due events five times, and returns how long that took and the number of events that were found each time.
async fn search(engine: &Engine) -> (Duration, usize) {
    let (started, mut found) = (Instant::now(), 0);
    for _ in 0..5 {
        found = due(engine, start()).await.len();
    }
    (started.elapsed(), found)
}

#[tokio::test]
async fn delivered_and_waiting_events_do_not_slow_delivery_down() {
    // 300,000 delivered events, then 200,000 of 100,000 users that wait.
    const MYSQL: [&str; 2] = [
        "INSERT INTO events (id, user_id, kind, facts, created_at) SELECT UNHEX(LPAD(HEX(seq), 32, '0')), \
         UNHEX(LPAD(HEX(seq % 100000), 32, '0')), 'user.signed_in', '{}', seq FROM seq_1_to_500000",
        "ANALYZE TABLE events, pending_events",
    ];
    const SQLITE: [&str; 2] = [
        "WITH RECURSIVE numbers (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < 500000) \
         INSERT INTO events (id, user_id, kind, facts, created_at) SELECT CAST(printf('%016d', seq) AS BLOB), \
         CAST(printf('%016d', seq % 100000) AS BLOB), 'user.signed_in', '{}', seq FROM numbers",
        "ANALYZE",
    ];
    const LIMIT: Duration = Duration::from_millis(300);

    for engine in delivering().await {
        let [insert, analyze] = if matches!(engine.database, Database::MySql(_)) { MYSQL } else { SQLITE };
        engine.run(insert).await;
        let wait = "INSERT INTO pending_events (sequence, queue, due_at) \
                    SELECT sequence, user_id, 0 FROM events WHERE sequence > 300000";
        engine.run(wait).await;
        engine.run(analyze).await;
        let (elapsed, found) = search(&engine).await;
        assert!(found == 10 && elapsed < LIMIT, "{found} events, {elapsed:?}");

        // The receiver was down: the first event of each user is retried later, and the second one waits for it.
        engine.run("UPDATE pending_events SET due_at = 9000000000000").await;
        engine.run(analyze).await;
        let (elapsed, found) = search(&engine).await;
        assert!(found == 0 && elapsed < LIMIT, "{found} events, {elapsed:?}");
    }
}
