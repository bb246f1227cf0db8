//! Claims: consuming, releasing, and the end of the lease.

use super::{
    CLAIM_LEASE, CLAIMED, CODE_TTL, EXPIRED, MILLISECOND, Phone, Purpose, RIGHT, SECOND, Store, WRONG, incorrect,
};

pub(crate) async fn consuming_again_returns_true_for_the_same_token_and_false_for_another(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;
    assert!(!phone.consume(&phone.claim(&challenge)).await, "another token, while it is claimed");
    assert!(phone.consume(&claim).await);
    assert!(phone.consume(&claim).await);
    assert!(!phone.consume(&phone.claim(&challenge)).await, "another token, after it was consumed");
    assert!(phone.consume(&claim).await);
}

pub(crate) async fn a_consumed_code_is_expired(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.consumed(&challenge).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert_eq!(phone.attempt(&claim, RIGHT).await, EXPIRED, "the token that consumed it");
    phone.pass(CLAIM_LEASE);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED, "after the end of the lease");
}

pub(crate) async fn only_a_held_claim_can_be_consumed(store: &Store) {
    let phone = Phone::new(store);
    assert!(!phone.consume(&phone.claim(&phone.challenge(RIGHT))).await, "no send to this phone yet");

    let challenge = phone.issued().await;
    let claim = phone.claim(&challenge);
    assert!(!phone.consume(&claim).await, "issued, but not claimed");

    assert_eq!(phone.attempt(&claim, WRONG).await, incorrect(2));
    assert!(!phone.consume(&claim).await, "the code was wrong");

    assert_eq!(phone.attempt(&claim, RIGHT).await, CLAIMED);
    phone.release(&claim).await;
    assert!(!phone.consume(&claim).await, "released");
    assert!(!phone.consume(&phone.claim(&phone.challenge(RIGHT))).await, "unknown");
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
}

pub(crate) async fn consuming_voids_the_other_challenges_of_the_purpose(store: &Store) {
    let phone = Phone::new(store);
    let (before, used, after) = (phone.issued().await, phone.issued().await, phone.issued().await);
    phone.consumed(&used).await;
    assert_eq!(phone.try_code(&before, RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&after, RIGHT).await, EXPIRED);
}

pub(crate) async fn consuming_voids_challenges_issued_after_the_claim(store: &Store) {
    let phone = Phone::new(store);
    let claim = phone.claimed(&phone.issued().await).await;
    let between = phone.issued().await;
    assert!(phone.consume(&claim).await);
    assert_eq!(phone.try_code(&between, RIGHT).await, EXPIRED);
}

pub(crate) async fn consuming_does_not_void_other_purposes_other_phones_or_later_challenges(store: &Store) {
    let (phone, other) = (Phone::new(store), Phone::new(store));
    let (login, elsewhere) = (phone.issued().await, other.issued().await);
    let change = phone.issued_for(Purpose::ChangePhone).await;
    let claim = phone.consumed(&login).await;
    let later = phone.issued().await;
    assert!(phone.consume(&claim).await, "a repeat");

    assert_eq!(phone.attempt(&phone.claim_for(Purpose::ChangePhone, &change), RIGHT).await, CLAIMED);
    assert_eq!(phone.try_code(&later, RIGHT).await, CLAIMED, "a repeat does not void later challenges");
    assert_eq!(other.try_code(&elsewhere, RIGHT).await, CLAIMED);

    let change = phone.issued_for(Purpose::ChangePhone).await;
    let (another, login) = (phone.issued_for(Purpose::ChangePhone).await, phone.issued().await);
    let claim = phone.claim_for(Purpose::ChangePhone, &change);
    assert_eq!(phone.attempt(&claim, RIGHT).await, CLAIMED);
    assert!(phone.consume(&claim).await);
    assert_eq!(phone.attempt(&phone.claim_for(Purpose::ChangePhone, &another), RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&login, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_claim_made_before_another_challenge_was_consumed_can_be_consumed(store: &Store) {
    let phone = Phone::new(store);
    let (first, second) = (phone.issued().await, phone.issued().await);
    let (first, second) = (phone.claimed(&first).await, phone.claimed(&second).await);
    assert!(phone.consume(&second).await);
    assert!(phone.consume(&first).await);
}

pub(crate) async fn a_released_code_can_be_tried_again(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));

    for _ in 0..5 {
        let claim = phone.claimed(&challenge).await;
        phone.release(&claim).await;
        phone.release(&claim).await;
    }

    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(1), "claims do not change the number of attempts");
    phone.consumed(&challenge).await;
}

pub(crate) async fn a_released_code_is_expired_if_another_code_was_consumed(store: &Store) {
    let phone = Phone::new(store);
    let (first, second) = (phone.issued().await, phone.issued().await);
    let claim = phone.claimed(&first).await;
    phone.consumed(&second).await;
    phone.release(&claim).await;
    assert_eq!(phone.try_code(&first, RIGHT).await, EXPIRED);
}

pub(crate) async fn releasing_a_lapsed_claim_does_not_release_a_newer_one(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let lapsed = phone.claimed(&challenge).await;
    phone.pass(CLAIM_LEASE);
    let held = phone.claimed(&challenge).await;

    phone.release(&lapsed).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert!(phone.consume(&held).await);
}

pub(crate) async fn releasing_a_consumed_claim_does_nothing(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.consumed(&challenge).await;
    phone.release(&claim).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert!(phone.consume(&claim).await);
}

pub(crate) async fn releasing_an_unknown_claim_does_nothing(store: &Store) {
    let phone = Phone::new(store);
    let unknown = phone.challenge(RIGHT);
    phone.release(&phone.claim(&unknown)).await;

    let challenge = phone.issued().await;
    phone.release(&phone.claim(&unknown)).await;
    phone.release(&phone.claim(&challenge)).await;

    assert_eq!(phone.try_code(&unknown, RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_claim_falls_back_after_its_lease(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    phone.claimed(&challenge).await;

    phone.pass_nearly(CLAIM_LEASE);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);

    phone.pass(MILLISECOND);
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_repeated_claim_renews_its_lease(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;

    phone.pass(9 * SECOND);
    assert_eq!(phone.attempt(&claim, RIGHT).await, CLAIMED);

    phone.pass_nearly(CLAIM_LEASE);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);

    phone.pass(MILLISECOND);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_lapsed_claim_can_be_consumed_if_no_other_request_claimed(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;
    phone.pass(CLAIM_LEASE + SECOND);
    assert!(phone.consume(&claim).await);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
}

pub(crate) async fn a_lapsed_claim_cannot_be_consumed_after_another_request_claimed(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let late = phone.claimed(&challenge).await;
    phone.pass(CLAIM_LEASE);
    let held = phone.claimed(&challenge).await;

    assert!(!phone.consume(&late).await);
    assert!(phone.consume(&held).await);
    assert!(!phone.consume(&late).await);
}

pub(crate) async fn a_claim_can_be_consumed_after_its_code_expired_and_another_was_issued(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    phone.pass_nearly(CODE_TTL);
    let claim = phone.claimed(&challenge).await;

    phone.pass(SECOND);
    let resend = phone.issued().await;

    assert!(phone.consume(&claim).await, "the code was valid when it was claimed");
    assert_eq!(phone.try_code(&resend, RIGHT).await, EXPIRED, "it was issued between claim and consume");
}

pub(crate) async fn consuming_can_be_repeated_after_the_code_expired_and_another_was_issued(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    phone.pass_nearly(CODE_TTL);
    let claim = phone.consumed(&challenge).await;
    phone.pass(SECOND);
    phone.issued().await;
    assert!(phone.consume(&claim).await, "a repeat by a server that lost the answer");
}
