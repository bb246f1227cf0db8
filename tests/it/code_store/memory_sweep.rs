//! When the memory store has grown, it removes the entries that have no effect any more, and no others.

use super::{
    AttemptOutcome, CLAIMED, CODE_TTL, Duration, FailureLimits, IssueOutcome, MINUTE, Phone, RIGHT, Refund, Store,
    WRONG, incorrect, memory_store,
};

/// So many phones that every shard is swept at least once.
const PHONES: usize = 40_000;

#[tokio::test]
async fn a_sweep_keeps_waits_and_challenges_in_use() {
    let store = memory_store();
    let mut waiting = Phone::new(&store);
    waiting.limits.failures = FailureLimits { by_address: 1, in_all: 0 };
    assert_eq!(waiting.try_code(&waiting.issued().await, WRONG).await, incorrect(2));
    let until = waiting.now + MINUTE;

    let live = Phone::new(&store);
    let challenge = live.issued().await;

    let mut late = Phone::new(&store);
    let claimed = late.issued().await;
    late.pass(4 * MINUTE);
    let claim = late.claimed(&claimed).await;

    crowd(&store, Duration::ZERO).await;
    assert_eq!(waiting.try_code(&challenge, RIGHT).await, AttemptOutcome::FailureWait { until });
    assert_eq!(live.try_code(&challenge, RIGHT).await, CLAIMED);

    crowd(&store, CODE_TTL + MINUTE / 2).await;
    assert!(late.consume(&claim).await, "a claim is kept for a while after its code has expired");
}

#[tokio::test]
async fn a_sweep_keeps_todays_count_even_after_a_refund() {
    let store = memory_store();
    let mut counted = Phone::new(&store);
    counted.limits.daily = 3;
    counted.issued().await;
    counted.issued().await;
    let refused = counted.issued().await;
    counted.void(&refused, Refund::Send).await;

    let later = CODE_TTL + 2 * MINUTE;
    crowd(&store, later).await;
    counted.pass(later);
    assert_eq!(counted.send().await, super::issued(3));
    assert_eq!(counted.send().await, IssueOutcome::DailyLimit);
}

/// Issues a challenge for each of many other phones, at the time `after` the start.
async fn crowd(store: &Store, after: Duration) {
    for _ in 0..PHONES {
        let mut phone = Phone::new(store);
        phone.pass(after);
        phone.issued().await;
    }
}
