//! The memory store forgets what nobody can use any more, and nothing else, when it has grown.

use super::{
    AttemptOutcome, CLAIMED, CODE_TTL, Duration, FailureLimits, IssueOutcome, MINUTE, Phone, RIGHT, Refund, Store,
    WRONG, incorrect, memory_store,
};

/// Enough phones that every shard is swept at least once.
const PHONES: usize = 40_000;

#[tokio::test]
async fn a_sweep_forgets_no_wait_and_no_challenge_in_use() {
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
    assert!(late.consume(&claim).await, "a claim is kept a while past its code's expiry");
}

#[tokio::test]
async fn a_sweep_forgets_no_count_of_today_even_after_a_refund() {
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

/// So many other phones that ask for a code, `after` the start.
async fn crowd(store: &Store, after: Duration) {
    for _ in 0..PHONES {
        let mut phone = Phone::new(store);
        phone.pass(after);
        phone.issued().await;
    }
}
