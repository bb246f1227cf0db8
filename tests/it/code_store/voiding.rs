//! Voiding challenges whose SMS the provider rejected or may not have sent.

use super::{CLAIMED, EXPIRED, IssueOutcome, MINUTE, Phone, RIGHT, Refund, SECOND, Store, WRONG, incorrect, issued};

pub(crate) async fn a_void_challenge_is_expired(store: &Store) {
    let phone = Phone::new(store);
    for refund in [Refund::Send, Refund::Nothing] {
        let (challenge, other) = (phone.issued().await, phone.issued().await);
        phone.void(&challenge, refund).await;
        assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
        assert_eq!(phone.try_code(&challenge, WRONG).await, EXPIRED);
        assert_eq!(phone.try_code(&other, RIGHT).await, CLAIMED, "the phone's other challenges stay");
    }
}

pub(crate) async fn cooldown_and_count_are_refunded_once(store: &Store) {
    let mut phone = Phone::new(store);
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(phone.send().await, issued(2));

    phone.limits.cooldown = 30 * SECOND;
    phone.pass(30 * SECOND);
    let refused = phone.issued().await;

    phone.void(&refused, Refund::Send).await;

    phone.void(&refused, Refund::Send).await;
    assert_eq!(phone.send().await, issued(3));
    phone.void(&refused, Refund::Send).await;
    let until = phone.now + 30 * SECOND;
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until }, "the later send is not refunded");
}

pub(crate) async fn without_a_refund_cooldown_and_count_stay(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    let lost = phone.issued().await;
    phone.void(&lost, Refund::Nothing).await;

    let until = phone.now + 30 * SECOND;
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until });

    phone.pass(30 * SECOND);
    assert_eq!(phone.send().await, issued(2));
}

pub(crate) async fn a_challenge_voided_without_refund_is_not_refunded_later(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    let lost = phone.issued().await;
    phone.void(&lost, Refund::Nothing).await;
    phone.void(&lost, Refund::Send).await;
    let until = phone.now + 30 * SECOND;
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until });
}

pub(crate) async fn refunding_an_older_send_does_not_end_the_cooldown_of_the_last(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    let older = phone.issued().await;
    phone.pass(30 * SECOND);
    assert_eq!(phone.send().await, issued(2));

    phone.void(&older, Refund::Send).await;
    let until = phone.now + 30 * SECOND;
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until });

    phone.pass(30 * SECOND);
    assert_eq!(phone.send().await, issued(2), "the count is refunded");
}

pub(crate) async fn refunding_yesterdays_send_does_not_change_todays_count(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 2;
    let yesterdays = phone.issued().await;

    phone.pass(SECOND);
    phone.limits.day += 1;
    assert_eq!(phone.send().await, issued(1));

    phone.void(&yesterdays, Refund::Send).await;
    assert_eq!(phone.send().await, issued(2));
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
}

pub(crate) async fn voiding_does_not_change_claimed_consumed_or_exhausted_challenges(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = MINUTE;

    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;
    phone.void(&challenge, Refund::Send).await;
    assert!(matches!(phone.send().await, IssueOutcome::Cooldown { .. }), "claimed: no refund");

    assert!(phone.consume(&claim).await);
    phone.void(&challenge, Refund::Send).await;
    assert!(matches!(phone.send().await, IssueOutcome::Cooldown { .. }), "consumed: no refund");
    assert!(phone.consume(&claim).await);

    phone.pass(MINUTE);
    let exhausted = phone.issued().await;
    for remaining in [2, 1, 0] {
        assert_eq!(phone.try_code(&exhausted, WRONG).await, incorrect(remaining));
    }

    phone.void(&exhausted, Refund::Send).await;
    assert!(matches!(phone.send().await, IssueOutcome::Cooldown { .. }), "exhausted: no refund");
    phone.pass(MINUTE);
    assert_eq!(phone.send().await, issued(3));
}

pub(crate) async fn voiding_an_unknown_challenge_does_nothing(store: &Store) {
    let mut phone = Phone::new(store);
    phone.void(&phone.challenge(RIGHT), Refund::Send).await;
    phone.limits.cooldown = MINUTE;
    let challenge = phone.issued().await;
    phone.void(&phone.challenge(RIGHT), Refund::Send).await;
    assert!(matches!(phone.send().await, IssueOutcome::Cooldown { .. }));
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
}
