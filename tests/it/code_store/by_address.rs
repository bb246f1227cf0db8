//! Sends to one phone from one address: a part of the phone's sends of a day.

use super::{CLAIMED, IssueOutcome, MINUTE, Phone, RIGHT, Refund, SECOND, Store, at_once, issued};

pub(crate) async fn one_address_gets_a_part_of_the_phones_sends(store: &Store) {
    let mut phone = Phone::new(store);
    (phone.limits.daily, phone.limits.daily_by_address) = (5, 2);
    let stranger = phone.from("another-address");
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(phone.send().await, issued(2));
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
    assert_eq!(phone.check().await, IssueOutcome::DailyLimit);
    assert_eq!(stranger.send().await, issued(3));
    assert_eq!(stranger.send().await, issued(4));
    assert_eq!(stranger.send().await, IssueOutcome::DailyLimit);
    let third = phone.from("a-third-address");
    assert_eq!(third.send().await, issued(5));
    assert_eq!(third.send().await, IssueOutcome::DailyLimit, "the phone's own limit");
}

pub(crate) async fn the_smaller_of_both_limits_is_what_remains(store: &Store) {
    let mut phone = Phone::new(store);
    (phone.limits.daily, phone.limits.daily_by_address) = (4, 3);
    for left in [2, 1] {
        assert_eq!(remaining(&phone).await, Some(left));
    }
    let other = phone.from("another-address");
    assert_eq!(remaining(&other).await, Some(1), "the phone's own limit is smaller");
    (phone.limits.daily, phone.limits.daily_by_address) = (0, 0);
    assert_eq!(remaining(&phone).await, None);
}

async fn remaining(phone: &Phone) -> Option<u32> {
    let outcome = phone.issue(&phone.challenge(RIGHT)).await;
    let IssueOutcome::Issued { remaining, .. } = outcome else { panic!("not issued: {outcome:?}") };
    remaining
}

pub(crate) async fn an_address_gets_its_part_again_on_a_new_day(store: &Store) {
    let mut phone = Phone::new(store);
    (phone.limits.daily, phone.limits.daily_by_address) = (5, 1);
    phone.issued().await;
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
    phone.limits.day += 1;
    assert_eq!(phone.send().await, issued(1));
    phone.limits.day -= 1;
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit, "a day never goes back");
}

pub(crate) async fn a_refund_gives_the_address_its_send_back_once(store: &Store) {
    let mut phone = Phone::new(store);
    (phone.limits.daily, phone.limits.daily_by_address) = (5, 2);
    let refused = phone.issued().await;
    phone.void(&refused, Refund::Send).await;
    phone.void(&refused, Refund::Send).await;
    assert_eq!(phone.send().await, issued(1));
    assert_eq!(phone.send().await, issued(2));
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);

    let other = phone.from("another-address");
    let lost = other.issued().await;
    other.void(&lost, Refund::Nothing).await;
    assert_eq!(other.send().await, issued(4));
    assert_eq!(other.send().await, IssueOutcome::DailyLimit, "without a refund the send stays counted");
}

pub(crate) async fn simultaneous_requests_keep_to_the_limit_of_their_address(store: &Store) {
    let mut phone = Phone::new(store);
    (phone.limits.daily, phone.limits.daily_by_address) = (20, 3);
    let outcomes = at_once(12, || {
        let phone = phone.clone();
        async move { phone.send().await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, IssueOutcome::Issued { .. })).count(), 3);
}

pub(crate) async fn a_send_that_was_not_counted_for_its_address_refunds_nothing_to_it(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.daily = 5;
    let uncounted = phone.issued().await;
    phone.limits.daily_by_address = 1;
    phone.pass(SECOND);
    let counted = phone.issued().await;
    phone.void(&uncounted, Refund::Send).await;
    phone.pass(MINUTE);
    assert_eq!(phone.send().await, IssueOutcome::DailyLimit);
    assert_eq!(phone.try_code(&counted, RIGHT).await, CLAIMED);
}
