//! Sends: the daily count, the cooldown and the daily limit.

use super::{
    CLAIMED, Duration, EXPIRED, IssueOutcome, LIVE_CHALLENGES, MILLISECOND, MINUTE, Phone, RIGHT, Refund, SECOND,
    Store, WRONG, at_once, incorrect, issued,
};

pub(crate) async fn the_first_send_of_a_day_is_counted_as_one(store: &Store) {
    assert_eq!(Phone::new(store).send().await, issued(1));
}

pub(crate) async fn each_send_of_a_day_is_counted_for_its_own_phone(store: &Store) {
    let (phone, other) = (Phone::new(store), Phone::new(store));
    for sends in 1..=3 {
        assert_eq!(phone.send().await, issued(sends));
    }
    assert_eq!(other.send().await, issued(1));
    assert_eq!(phone.from("another-address").send().await, issued(4), "all addresses share the phone's count");
}

pub(crate) async fn a_second_send_within_the_cooldown_is_rejected(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    let until = phone.now + 30 * SECOND;
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until });

    phone.pass_nearly(30 * SECOND);
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until });
    assert_eq!(phone.from("another-address").send().await, IssueOutcome::Cooldown { until });

    phone.pass(MILLISECOND);
    assert_eq!(phone.send().await, issued(2));
}

pub(crate) async fn a_rejected_send_does_not_change_the_cooldown_or_the_count(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    assert_eq!(phone.send().await, issued(1));
    let until = phone.now + 30 * SECOND;

    for _ in 0..3 {
        phone.pass(9 * SECOND);
        assert_eq!(phone.send().await, IssueOutcome::Cooldown { until });
    }

    phone.pass(3 * SECOND);
    assert_eq!(phone.send().await, issued(2));
}

pub(crate) async fn the_daily_limit_holds_until_a_new_day(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 2;
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(phone.send().await, issued(2));
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
    phone.pass(MINUTE);
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);

    phone.limits.day += 1;
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(phone.send().await, issued(2));
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
}

pub(crate) async fn limits_of_zero_are_off(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = Duration::ZERO;
    phone.limits.daily = 0;
    for sends in 1..=50 {
        assert_eq!(phone.send().await, issued(sends));
    }
}

pub(crate) async fn rejections_are_reported_in_the_order_wait_daily_limit_cooldown(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 10 * MINUTE;
    phone.limits.daily = 1;
    phone.limits.failures.by_address = 1;

    let challenge = phone.issued().await;
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));
    assert_eq!(phone.send().await, IssueOutcome::FailureWait { until: phone.now + MINUTE });

    phone.pass(MINUTE);
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
    phone.limits.day += 1;
    assert_eq!(phone.send().await, IssueOutcome::Cooldown { until: phone.now + 9 * MINUTE });
}

pub(crate) async fn a_rejected_challenge_is_not_stored(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    let first = phone.issued().await;
    let refused = phone.challenge(RIGHT);
    assert!(matches!(phone.issue(&refused).await, IssueOutcome::Cooldown { .. }));
    assert_eq!(phone.try_code(&refused, RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&first, RIGHT).await, CLAIMED);
}

pub(crate) async fn with_a_cooldown_only_one_of_simultaneous_requests_sends(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    let outcomes = at_once(20, || send(phone.clone())).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == issued(1)).count(), 1, "{outcomes:?}");
    let until = phone.now + 30 * SECOND;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == IssueOutcome::Cooldown { until }).count(), 19);
}

pub(crate) async fn simultaneous_requests_do_not_exceed_the_daily_limit(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 7;
    let outcomes = at_once(20, || send(phone.clone())).await;
    for sends in 1..=7 {
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == issued(sends)).count(), 1, "{outcomes:?}");
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == IssueOutcome::DailyLimit).count(), 13);
}

async fn send(phone: Phone) -> IssueOutcome {
    phone.send().await
}

/// The clocks of two servers differ a little: the second request may have an earlier time than the first.
pub(crate) async fn without_a_cooldown_all_simultaneous_requests_send(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = Duration::ZERO;
    let outcomes = at_once(10, || send(phone.clone())).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, IssueOutcome::Issued { .. })), "{outcomes:?}");

    phone.now -= MILLISECOND;
    assert_eq!(phone.send().await, issued(11));
}

pub(crate) async fn a_check_returns_the_outcome_of_issue_and_changes_nothing(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    phone.limits.daily = 2;
    phone.limits.failures.by_address = 1;

    for _ in 0..3 {
        assert_eq!(phone.check().await, issued(1));
    }

    let challenge = phone.issued().await;
    assert_eq!(phone.check().await, IssueOutcome::Cooldown { until: phone.now + 30 * SECOND });

    phone.pass(30 * SECOND);
    for _ in 0..3 {
        assert_eq!(phone.check().await, issued(2));
    }

    assert_eq!(phone.send().await, issued(2));
    assert_eq!(phone.check().await, IssueOutcome::DailyLimit);
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));
    assert_eq!(phone.check().await, IssueOutcome::FailureWait { until: phone.now + MINUTE });
}

/// Servers whose days begin at different times share one day's quota.
pub(crate) async fn the_day_of_the_count_never_goes_back(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 4;
    assert_eq!(phone.send().await, issued(1));

    phone.limits.day += 1;
    assert_eq!(phone.send().await, issued(1), "a new day, on the server whose day begins first");

    for (step, sends) in [(-1, 2), (1, 3), (-1, 4)] {
        phone.limits.day += step;
        assert_eq!(phone.check().await, issued(sends));
        assert_eq!(phone.send().await, issued(sends));
    }

    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);

    phone.limits.day += 1;
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);

    phone.limits.day += 1;
    assert_eq!(phone.send().await, issued(1));
}

pub(crate) async fn a_refund_applies_to_the_day_that_counted_the_send(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 2;
    phone.limits.day += 1;
    assert_eq!(phone.send().await, issued(1));

    phone.limits.day -= 1;
    let refused = phone.issued().await;
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);

    phone.void(&refused, Refund::Send).await;
    assert_eq!(phone.send().await, issued(2));
}

pub(crate) async fn the_oldest_of_too_many_live_challenges_is_dropped(store: &Store) {
    let phone = Phone::new(store);
    let mut challenges = Vec::new();
    for _ in 0..LIVE_CHALLENGES + 2 {
        challenges.push(phone.issued().await);
    }
    for (place, challenge) in challenges.iter().enumerate() {
        let expected = if place < 2 { EXPIRED } else { CLAIMED };
        assert_eq!(phone.try_code(challenge, RIGHT).await, expected, "challenge {place}");
    }
}
