//! Consecutive wrong codes, counted by address and over all addresses. A new code does not reset the counts.

use super::{
    AttemptOutcome, CLAIMED, CODE_TTL, Duration, FAILURE_MEMORY, FAILURE_WAITS, FailureLimits, IssueOutcome,
    MILLISECOND, MINUTE, NewChallenge, Phone, RIGHT, SECOND, Store, Timestamp, WRONG,
};

const WAITS: [Duration; 5] =
    [MINUTE, Duration::from_mins(5), Duration::from_mins(15), Duration::from_hours(1), Duration::from_hours(1)];

pub(crate) async fn the_fifth_wrong_code_is_incorrect_and_then_waits_grow(store: &Store) {
    let mut phone = guessed(store, 5, 0);
    let challenge = long_lived(&phone).await;
    fail(&phone, &challenge, 4).await;
    for wait in WAITS {
        fail(&phone, &challenge, 1).await;
        assert_waits(&phone, &challenge, phone.now + wait).await;
        phone.pass(wait);
    }
    assert_eq!(FAILURE_WAITS, WAITS[..4]);
}

pub(crate) async fn a_wait_applies_to_sends_and_attempts_and_ends_to_the_millisecond(store: &Store) {
    let mut phone = guessed(store, 1, 0);
    let challenge = phone.issued().await;
    fail(&phone, &challenge, 1).await;

    let until = phone.now + MINUTE;
    phone.pass_nearly(MINUTE);
    assert_waits(&phone, &challenge, until).await;

    phone.pass(MILLISECOND);
    assert_free(&phone).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_wait_applies_only_to_its_address(store: &Store) {
    let phone = guessed(store, 5, 0);
    let challenge = phone.issued().await;
    fail(&phone, &challenge, 5).await;
    assert_waits(&phone, &challenge, phone.now + MINUTE).await;

    let owner = phone.from("the-owners");
    assert_free(&owner).await;
    fail(&owner, &challenge, 4).await;
    assert_free(&owner).await;
    assert_eq!(owner.try_code(&challenge, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_wait_applies_only_to_its_phone(store: &Store) {
    let phone = guessed(store, 1, 1);
    fail(&phone, &phone.issued().await, 1).await;
    let other = guessed(store, 1, 1);
    assert_free(&other).await;
    assert_eq!(other.try_code(&other.issued().await, RIGHT).await, CLAIMED);
}

pub(crate) async fn wrong_codes_over_all_addresses_make_every_address_wait(store: &Store) {
    let mut phone = guessed(store, 5, 50);
    let challenge = long_lived(&phone).await;
    for number in 0..24 {
        fail(&phone.from(&format!("address-{number}")), &challenge, 2).await;
        assert_free(&phone).await;
    }
    fail(&phone.from("the-last"), &challenge, 2).await;

    for wait in WAITS {
        assert_waits(&phone, &challenge, phone.now + wait).await;
        assert_waits(&phone.from("never-seen"), &challenge, phone.now + wait).await;
        phone.pass(wait);
        fail(&phone.from(&format!("after-{}", phone.now)), &challenge, 1).await;
    }
}

pub(crate) async fn the_longer_of_two_waits_applies(store: &Store) {
    let mut phone = guessed(store, 1, 2);
    let challenge = long_lived(&phone).await;
    fail(&phone, &challenge, 1).await;
    phone.pass(MINUTE);
    fail(&phone, &challenge, 1).await;
    assert_waits(&phone, &challenge, phone.now + 5 * MINUTE).await;
    assert_waits(&phone.from("another"), &challenge, phone.now + MINUTE).await;

    let mut phone = guessed(store, 2, 1);
    let challenge = long_lived(&phone).await;
    fail(&phone, &challenge, 1).await;
    phone.pass(MINUTE);
    fail(&phone, &challenge, 1).await;
    assert_waits(&phone, &challenge, phone.now + 5 * MINUTE).await;
    assert_waits(&phone.from("another"), &challenge, phone.now + 5 * MINUTE).await;
}

pub(crate) async fn attempts_during_a_wait_are_not_counted(store: &Store) {
    let mut phone = guessed(store, 1, 1);
    phone.max_attempts = 3;
    let challenge = phone.issued().await;
    assert_eq!(phone.try_code(&challenge, WRONG).await, super::incorrect(2));

    let until = phone.now + MINUTE;
    for _ in 0..5 {
        phone.pass(SECOND);
        assert_eq!(phone.try_code(&challenge, WRONG).await, AttemptOutcome::FailureWait { until });
        assert_eq!(phone.send().await, IssueOutcome::FailureWait { until });
    }

    phone.pass(55 * SECOND);
    assert_eq!(phone.try_code(&challenge, WRONG).await, super::incorrect(1));
    assert_waits(&phone, &challenge, phone.now + 5 * MINUTE).await;
}

pub(crate) async fn a_right_code_works_after_the_wait(store: &Store) {
    let mut phone = guessed(store, 5, 5);
    let challenge = phone.issued().await;
    fail(&phone, &challenge, 5).await;
    assert_waits(&phone, &challenge, phone.now + MINUTE).await;

    phone.pass(MINUTE);
    phone.consumed(&challenge).await;

    let next = phone.issued().await;
    fail(&phone, &next, 4).await;
    assert_free(&phone).await;
    fail(&phone, &next, 1).await;
    assert_waits(&phone, &next, phone.now + MINUTE).await;
}

pub(crate) async fn consuming_resets_the_failures_of_the_address(store: &Store) {
    let phone = guessed(store, 2, 0);
    let challenge = phone.issued().await;
    fail(&phone, &challenge, 1).await;
    phone.consumed(&challenge).await;

    let next = phone.issued().await;
    fail(&phone, &next, 1).await;
    assert_free(&phone).await;
    fail(&phone, &next, 1).await;
    assert_waits(&phone, &next, phone.now + MINUTE).await;
}

pub(crate) async fn consuming_resets_the_failures_over_all_addresses(store: &Store) {
    let phone = guessed(store, 0, 2);
    let challenge = phone.issued().await;
    fail(&phone.from("a-strangers"), &challenge, 1).await;
    phone.consumed(&challenge).await;

    let next = phone.issued().await;
    fail(&phone.from("another"), &next, 1).await;
    assert_free(&phone).await;
    fail(&phone.from("a-third"), &next, 1).await;
    assert_waits(&phone, &next, phone.now + MINUTE).await;
}

pub(crate) async fn consuming_does_not_reset_the_failures_of_other_addresses(store: &Store) {
    let owner = guessed(store, 2, 0);
    let stranger = owner.from("a-strangers");
    let challenge = owner.issued().await;
    fail(&stranger, &challenge, 1).await;
    owner.consumed(&challenge).await;

    let next = owner.issued().await;
    fail(&stranger, &next, 1).await;
    assert_waits(&stranger, &next, owner.now + MINUTE).await;
    assert_free(&owner).await;
}

pub(crate) async fn claiming_and_releasing_do_not_reset_failures(store: &Store) {
    for (by_address, in_all) in [(2, 0), (0, 2)] {
        let phone = guessed(store, by_address, in_all);
        let challenge = phone.issued().await;
        fail(&phone, &challenge, 1).await;
        let claim = phone.claimed(&challenge).await;
        phone.release(&claim).await;
        fail(&phone, &challenge, 1).await;
        assert_waits(&phone, &challenge, phone.now + MINUTE).await;
    }
}

pub(crate) async fn a_new_code_does_not_reset_failures(store: &Store) {
    for (by_address, in_all) in [(3, 0), (0, 3)] {
        let mut phone = guessed(store, by_address, in_all);
        for _ in 0..2 {
            fail(&phone, &phone.issued().await, 1).await;
            phone.pass(CODE_TTL);
        }
        let last = phone.issued().await;
        fail(&phone, &last, 1).await;
        assert_waits(&phone, &last, phone.now + MINUTE).await;
    }
}

pub(crate) async fn failures_are_forgotten_after_thirty_days(store: &Store) {
    for (by_address, in_all) in [(2, 0), (0, 2)] {
        let mut phone = guessed(store, by_address, in_all);
        fail(&phone, &phone.issued().await, 1).await;
        phone.pass(FAILURE_MEMORY);
        fail(&phone, &phone.issued().await, 1).await;
        assert_free(&phone).await;

        phone.pass_nearly(FAILURE_MEMORY);
        let last = phone.issued().await;
        fail(&phone, &last, 1).await;
        assert_waits(&phone, &last, phone.now + MINUTE).await;
    }
}

pub(crate) async fn limits_of_zero_cause_no_wait(store: &Store) {
    let mut phone = guessed(store, 0, 0);
    let challenge = phone.issued().await;
    fail(&phone, &challenge, 60).await;
    assert_free(&phone).await;

    phone.limits.failures = FailureLimits { by_address: 61, in_all: 0 };
    fail(&phone, &challenge, 1).await;
    assert_waits(&phone, &challenge, phone.now + MINUTE).await;

    phone.limits.failures = FailureLimits { by_address: 0, in_all: 0 };
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED, "a wait ends when its limit is turned off");
}

/// Returns a phone whose challenges allow many wrong codes.
fn guessed(store: &Store, by_address: u32, in_all: u32) -> Phone {
    let mut phone = Phone::new(store);
    phone.max_attempts = 1000;
    phone.limits.failures = FailureLimits { by_address, in_all };
    phone
}

/// Issues a challenge that is valid longer than all waits.
async fn long_lived(phone: &Phone) -> NewChallenge {
    let challenge = NewChallenge { expires_at: phone.now + Duration::from_hours(24), ..phone.challenge(RIGHT) };
    assert!(matches!(phone.issue(&challenge).await, IssueOutcome::Issued { .. }));
    challenge
}

async fn fail(phone: &Phone, challenge: &NewChallenge, times: usize) {
    for _ in 0..times {
        let outcome = phone.try_code(challenge, WRONG).await;
        assert!(matches!(outcome, AttemptOutcome::Incorrect { .. }), "{outcome:?}");
    }
}

async fn assert_waits(phone: &Phone, challenge: &NewChallenge, until: Timestamp) {
    assert_eq!(phone.send().await, IssueOutcome::FailureWait { until });
    assert_eq!(phone.try_code(challenge, WRONG).await, AttemptOutcome::FailureWait { until });
    assert_eq!(phone.try_code(challenge, RIGHT).await, AttemptOutcome::FailureWait { until });
}

async fn assert_free(phone: &Phone) {
    let outcome = phone.check().await;
    assert!(matches!(outcome, IssueOutcome::Issued { .. }), "{outcome:?}");
}
