//! Attempts: the store checks state, age, attempts and digits, in that order.

use super::{
    AttemptOutcome, CLAIMED, CODE_TTL, CodeDigest, EXPIRED, MILLISECOND, NewChallenge, Phone, RIGHT, Refund, SECOND,
    Store, WRONG, at_once, incorrect, issued,
};

pub(crate) async fn a_right_code_is_claimed_and_returns_its_reference(store: &Store) {
    let phone = Phone::new(store);
    for reference in [None, Some("transfer:9981"), Some("转账：9981"), Some("")] {
        let reference = reference.map(str::to_owned);
        let challenge = NewChallenge { reference: reference.clone(), ..phone.challenge(RIGHT) };
        assert!(matches!(phone.issue(&challenge).await, super::IssueOutcome::Issued { .. }));
        assert_eq!(phone.try_code(&challenge, RIGHT).await, AttemptOutcome::Claimed { reference, recognized: false });
    }
}

pub(crate) async fn an_unknown_challenge_is_expired(store: &Store) {
    let phone = Phone::new(store);
    assert_eq!(phone.try_code(&phone.challenge(RIGHT), RIGHT).await, EXPIRED, "no send to this phone yet");
    phone.issued().await;
    assert_eq!(phone.try_code(&phone.challenge(RIGHT), RIGHT).await, EXPIRED, "another challenge was issued");
}

pub(crate) async fn a_code_is_valid_only_for_its_own_challenge(store: &Store) {
    let phone = Phone::new(store);
    let (first, second) = (phone.challenge(RIGHT), phone.challenge(WRONG));
    assert_eq!(phone.issue(&first).await, issued(1));
    assert_eq!(phone.issue(&second).await, issued(2));
    assert_eq!(phone.try_code(&first, WRONG).await, incorrect(2));
    assert_eq!(phone.try_code(&second, RIGHT).await, incorrect(2));
    assert_eq!(Phone::new(store).try_code(&first, RIGHT).await, EXPIRED, "another phone");
}

pub(crate) async fn every_live_challenge_of_a_phone_works(store: &Store) {
    let mut phone = Phone::new(store);
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(phone.issued().await);
        phone.pass(SECOND);
    }
    for challenge in challenges {
        assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
    }
}

pub(crate) async fn a_new_challenge_does_not_change_the_attempts_of_older_ones(store: &Store) {
    let phone = Phone::new(store);
    let older = phone.issued().await;
    assert_eq!(phone.try_code(&older, WRONG).await, incorrect(2));
    let newer = phone.issued().await;
    assert_eq!(phone.try_code(&older, WRONG).await, incorrect(1));
    assert_eq!(phone.try_code(&newer, WRONG).await, incorrect(2));
    assert_eq!(phone.try_code(&older, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_code_is_rejected_from_its_expiry_on(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;

    phone.pass_nearly(CODE_TTL);
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));
    let claim = phone.claimed(&challenge).await;
    phone.release(&claim).await;

    phone.pass(MILLISECOND);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&challenge, WRONG).await, EXPIRED);
}

pub(crate) async fn a_new_code_works_after_the_old_one_expired(store: &Store) {
    let mut phone = Phone::new(store);
    let old = phone.issued().await;
    phone.pass(CODE_TTL);
    assert_eq!(phone.try_code(&old, RIGHT).await, EXPIRED);

    let new = phone.issued().await;
    assert_eq!(phone.try_code(&old, RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&new, WRONG).await, incorrect(2));
    assert_eq!(phone.try_code(&new, RIGHT).await, CLAIMED);
}

pub(crate) async fn the_third_wrong_code_ends_a_challenge(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    for remaining in [2, 1, 0] {
        assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(remaining));
    }
    assert_eq!(phone.try_code(&challenge, WRONG).await, EXPIRED);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
}

pub(crate) async fn wrong_codes_for_one_challenge_use_no_attempts_of_another(store: &Store) {
    let phone = Phone::new(store);
    let (spent, other) = (phone.issued().await, phone.issued().await);
    for remaining in [2, 1, 0] {
        assert_eq!(phone.try_code(&spent, WRONG).await, incorrect(remaining));
    }
    assert_eq!(phone.try_code(&other, WRONG).await, incorrect(2));
    assert_eq!(phone.try_code(&other, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_lowered_attempt_limit_applies_to_existing_challenges(store: &Store) {
    let mut phone = Phone::new(store);
    phone.max_attempts = 5;
    let challenge = phone.issued().await;
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(4));
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(3));

    phone.max_attempts = 2;
    assert_eq!(phone.try_code(&challenge, WRONG).await, EXPIRED);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
}

pub(crate) async fn a_digest_that_differs_in_any_bit_is_wrong(store: &Store) {
    let mut phone = Phone::new(store);
    phone.max_attempts = 300;
    let right = [0x5a; 32];
    let challenge = NewChallenge { digest: CodeDigest::new(right), ..phone.challenge(RIGHT) };
    assert_eq!(phone.issue(&challenge).await, issued(1));

    for bit in 0..256 {
        let mut digest = right;
        digest[bit / 8] ^= 1 << (bit % 8);
        let outcome = phone.attempt_digest(&phone.claim(&challenge), CodeDigest::new(digest)).await;
        assert!(matches!(outcome, AttemptOutcome::Incorrect { .. }), "bit {bit}: {outcome:?}");
    }
    assert_eq!(phone.attempt_digest(&phone.claim(&challenge), CodeDigest::new(right)).await, CLAIMED);
}

pub(crate) async fn an_attempt_at_an_unusable_challenge_is_not_counted_as_a_failure(store: &Store) {
    let mut phone = Phone::new(store);
    let old = phone.issued().await;
    phone.pass(CODE_TTL);

    let (spent, consumed, void) = (phone.issued().await, phone.issued().await, phone.issued().await);
    for remaining in [2, 1, 0] {
        assert_eq!(phone.try_code(&spent, WRONG).await, incorrect(remaining));
    }
    phone.void(&void, Refund::Nothing).await;
    phone.consumed(&consumed).await;

    phone.limits.failures = super::FailureLimits { by_address: 1, in_all: 1 };
    for challenge in [&old, &spent, &consumed, &void, &phone.challenge(RIGHT)] {
        assert_eq!(phone.try_code(challenge, WRONG).await, EXPIRED);
    }

    let usable = phone.issued().await;
    assert_eq!(phone.try_code(&usable, RIGHT).await, CLAIMED);
}

pub(crate) async fn simultaneous_wrong_codes_do_not_exceed_the_attempt_limit(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let outcomes = at_once(50, || try_code(phone.clone(), challenge.clone(), WRONG)).await;

    for remaining in [2, 1, 0] {
        let times = outcomes.iter().filter(|outcome| **outcome == incorrect(remaining)).count();
        assert_eq!(times, 1, "{remaining} remaining");
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == EXPIRED).count(), 47);
}

pub(crate) async fn exactly_one_of_fifty_simultaneous_right_codes_is_claimed(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let outcomes = at_once(50, || try_code(phone.clone(), challenge.clone(), RIGHT)).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == CLAIMED).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == EXPIRED).count(), 49);
}

pub(crate) async fn repeating_an_attempt_with_the_same_claim_token_claims_again(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = NewChallenge { reference: Some("transfer:9981".to_owned()), ..phone.challenge(RIGHT) };
    assert_eq!(phone.issue(&challenge).await, issued(1));
    let claim = phone.claim(&challenge);
    for _ in 0..3 {
        let claimed = AttemptOutcome::Claimed { reference: challenge.reference.clone(), recognized: false };
        assert_eq!(phone.attempt(&claim, RIGHT).await, claimed);
        phone.pass(SECOND);
    }
    assert!(phone.consume(&claim).await);
}

pub(crate) async fn a_claimed_challenge_is_expired_for_other_requests_and_counts_no_attempt(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.failures = super::FailureLimits { by_address: 1, in_all: 1 };
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;

    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    for _ in 0..5 {
        assert_eq!(phone.try_code(&challenge, WRONG).await, EXPIRED);
    }

    phone.release(&claim).await;
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2), "no attempt was used up");
}

async fn try_code(phone: Phone, challenge: NewChallenge, code: &str) -> AttemptOutcome {
    phone.try_code(&challenge, code).await
}
