//! Claims: consumed, released, lapsed.

use super::{
    CLAIM_LEASE, CLAIMED, CODE_TTL, EXPIRED, MILLISECOND, Phone, Purpose, RIGHT, SECOND, Store, WRONG, incorrect,
};

pub(crate) async fn consuming_says_true_again_to_a_repeat_and_false_to_another_token(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;
    assert!(!phone.consume(&phone.claim(&challenge)).await, "another token, while it is claimed");
    assert!(phone.consume(&claim).await);
    assert!(phone.consume(&claim).await);
    assert!(!phone.consume(&phone.claim(&challenge)).await, "another token, after it was consumed");
    assert!(phone.consume(&claim).await);
}

pub(crate) async fn a_consumed_code_is_past_use(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.consumed(&challenge).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert_eq!(phone.attempt(&claim, RIGHT).await, EXPIRED, "nor with the token that used it");
    phone.pass(CLAIM_LEASE);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED, "nor when the lease is over");
}

pub(crate) async fn what_is_not_claimed_is_not_consumed(store: &Store) {
    let phone = Phone::new(store);
    assert!(!phone.consume(&phone.claim(&phone.challenge(RIGHT))).await, "no send to this phone yet");
    let challenge = phone.issued().await;
    let claim = phone.claim(&challenge);
    assert!(!phone.consume(&claim).await, "issued only");
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

pub(crate) async fn consuming_voids_what_was_issued_since_the_claim(store: &Store) {
    let phone = Phone::new(store);
    let claim = phone.claimed(&phone.issued().await).await;
    let between = phone.issued().await;
    assert!(phone.consume(&claim).await);
    assert_eq!(phone.try_code(&between, RIGHT).await, EXPIRED);
}

pub(crate) async fn consuming_leaves_other_purposes_and_later_challenges_and_other_phones(store: &Store) {
    let (phone, other) = (Phone::new(store), Phone::new(store));
    let (login, elsewhere) = (phone.issued().await, other.issued().await);
    let change = phone.issued_for(Purpose::ChangePhone).await;
    let claim = phone.consumed(&login).await;
    let later = phone.issued().await;
    assert!(phone.consume(&claim).await, "a repeat");
    assert_eq!(phone.attempt(&phone.claim_for(Purpose::ChangePhone, &change), RIGHT).await, CLAIMED);
    assert_eq!(phone.try_code(&later, RIGHT).await, CLAIMED, "a repeat voids nothing that was issued since");
    assert_eq!(other.try_code(&elsewhere, RIGHT).await, CLAIMED);

    let change = phone.issued_for(Purpose::ChangePhone).await;
    let (another, login) = (phone.issued_for(Purpose::ChangePhone).await, phone.issued().await);
    let claim = phone.claim_for(Purpose::ChangePhone, &change);
    assert_eq!(phone.attempt(&claim, RIGHT).await, CLAIMED);
    assert!(phone.consume(&claim).await);
    assert_eq!(phone.attempt(&phone.claim_for(Purpose::ChangePhone, &another), RIGHT).await, EXPIRED);
    assert_eq!(phone.try_code(&login, RIGHT).await, CLAIMED);
}

pub(crate) async fn a_challenge_claimed_before_another_was_consumed_can_be_consumed(store: &Store) {
    let phone = Phone::new(store);
    let (first, second) = (phone.issued().await, phone.issued().await);
    let (first, second) = (phone.claimed(&first).await, phone.claimed(&second).await);
    assert!(phone.consume(&second).await);
    assert!(phone.consume(&first).await);
}

pub(crate) async fn a_released_code_is_good_again(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(2));
    for _ in 0..5 {
        let claim = phone.claimed(&challenge).await;
        phone.release(&claim).await;
        phone.release(&claim).await;
    }
    assert_eq!(phone.try_code(&challenge, WRONG).await, incorrect(1), "claims use no attempts up and give none back");
    phone.consumed(&challenge).await;
}

pub(crate) async fn a_released_code_of_an_overtaken_challenge_is_past_use(store: &Store) {
    let phone = Phone::new(store);
    let (first, second) = (phone.issued().await, phone.issued().await);
    let claim = phone.claimed(&first).await;
    phone.consumed(&second).await;
    phone.release(&claim).await;
    assert_eq!(phone.try_code(&first, RIGHT).await, EXPIRED);
}

pub(crate) async fn releasing_leaves_anothers_claim(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let lapsed = phone.claimed(&challenge).await;
    phone.pass(CLAIM_LEASE);
    let held = phone.claimed(&challenge).await;
    phone.release(&lapsed).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert!(phone.consume(&held).await);
}

pub(crate) async fn releasing_leaves_a_consumed_challenge(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.consumed(&challenge).await;
    phone.release(&claim).await;
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
    assert!(phone.consume(&claim).await);
}

pub(crate) async fn releasing_what_never_was_does_nothing(store: &Store) {
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

pub(crate) async fn a_lapsed_claim_is_consumed_where_nobody_else_claimed(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let claim = phone.claimed(&challenge).await;
    phone.pass(CLAIM_LEASE + SECOND);
    assert!(phone.consume(&claim).await);
    assert_eq!(phone.try_code(&challenge, RIGHT).await, EXPIRED);
}

pub(crate) async fn a_lapsed_claim_is_lost_to_whoever_claimed_since(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    let late = phone.claimed(&challenge).await;
    phone.pass(CLAIM_LEASE);
    let held = phone.claimed(&challenge).await;
    assert!(!phone.consume(&late).await);
    assert!(phone.consume(&held).await);
    assert!(!phone.consume(&late).await);
}

pub(crate) async fn a_claim_outlives_its_codes_expiry_and_a_resend(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    phone.pass_nearly(CODE_TTL);
    let claim = phone.claimed(&challenge).await;
    phone.pass(SECOND);
    let resend = phone.issued().await;
    assert!(phone.consume(&claim).await, "its code was good when it was claimed");
    assert_eq!(phone.try_code(&resend, RIGHT).await, EXPIRED, "issued between claim and consume");
}

pub(crate) async fn a_consumed_claim_is_remembered_past_its_codes_expiry_and_a_resend(store: &Store) {
    let mut phone = Phone::new(store);
    let challenge = phone.issued().await;
    phone.pass_nearly(CODE_TTL);
    let claim = phone.consumed(&challenge).await;
    phone.pass(SECOND);
    phone.issued().await;
    assert!(phone.consume(&claim).await, "a repeat, of a server that lost the answer");
}
