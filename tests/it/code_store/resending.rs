//! Resends: the new challenge replaces the old one, and accepts the digits of both.

use super::{
    AttemptOutcome, CLAIM_LEASE, CLAIMED, CODE_TTL, EXPIRED, MILLISECOND, MINUTE, NewChallenge, OLDER_CODES, Phone,
    Purpose, Refund, Store, WRONG, at_once, digest, incorrect, unique,
};

const FIRST: &str = "111111";
const SECOND: &str = "222222";

impl Phone {
    async fn issued_code(&self, code: &str) -> NewChallenge {
        self.stored(self.challenge(code)).await
    }

    fn resend(&self, of: &NewChallenge, code: &str) -> NewChallenge {
        NewChallenge { resend_of: Some(of.nonce.clone()), ..self.challenge(code) }
    }

    async fn resent(&self, of: &NewChallenge, code: &str) -> NewChallenge {
        self.stored(self.resend(of, code)).await
    }
}

pub(crate) async fn a_resend_accepts_both_codes_and_voids_the_old_id(store: &Store) {
    for code in [FIRST, SECOND] {
        let phone = Phone::new(store);
        let old = phone.issued_code(FIRST).await;
        let new = phone.resent(&old, SECOND).await;
        assert_eq!(phone.try_code(&old, FIRST).await, EXPIRED);
        assert_eq!(phone.try_code(&old, SECOND).await, EXPIRED);

        let claim = phone.claim(&new);
        assert_eq!(phone.attempt(&claim, code).await, CLAIMED);
        assert!(phone.consume(&claim).await);
        for again in [FIRST, SECOND] {
            assert_eq!(phone.try_code(&new, again).await, EXPIRED, "both are used once");
        }
    }
}

pub(crate) async fn the_old_code_is_accepted_until_its_own_expiry(store: &Store) {
    let mut phone = Phone::new(store);
    let old = phone.issued_code(FIRST).await;
    phone.pass(MINUTE);
    let new = phone.resent(&old, SECOND).await;
    phone.pass_nearly(4 * MINUTE);
    let claim = phone.claim(&new);
    assert_eq!(phone.attempt(&claim, FIRST).await, CLAIMED);
    phone.release(&claim).await;
    phone.pass(MILLISECOND);
    assert_eq!(phone.try_code(&new, FIRST).await, incorrect(2), "expired, so it is as wrong as any other");
    assert_eq!(phone.try_code(&new, SECOND).await, CLAIMED);
}

pub(crate) async fn both_codes_share_new_attempts(store: &Store) {
    let phone = Phone::new(store);
    let old = phone.issued_code(FIRST).await;
    assert_eq!(phone.try_code(&old, WRONG).await, incorrect(2));
    let new = phone.resent(&old, SECOND).await;
    for left in [2, 1, 0] {
        assert_eq!(phone.try_code(&new, WRONG).await, incorrect(left));
    }
    for code in [FIRST, SECOND] {
        assert_eq!(phone.try_code(&new, code).await, EXPIRED);
        assert_eq!(phone.try_code(&old, code).await, EXPIRED);
    }
}

pub(crate) async fn a_chain_of_resends_keeps_the_last_codes(store: &Store) {
    let codes = ["111111", "222222", "333333", "444444", "555555"];
    for (place, code) in codes.iter().enumerate() {
        let phone = Phone::new(store);
        let mut last = phone.issued_code(codes[0]).await;
        for code in &codes[1..] {
            last = phone.resent(&last, code).await;
        }
        let expected = if place + OLDER_CODES + 1 >= codes.len() { CLAIMED } else { incorrect(2) };
        assert_eq!(phone.try_code(&last, code).await, expected, "code {place}");
    }
}

pub(crate) async fn a_resend_of_what_is_past_use_has_no_effect(store: &Store) {
    let mut phone = Phone::new(store);
    let unknown = phone.challenge(FIRST);
    assert_alone(&phone, &unknown).await;

    let void = phone.issued_code(FIRST).await;
    phone.void(&void, Refund::Nothing).await;
    assert_alone(&phone, &void).await;

    let exhausted = phone.issued_code(FIRST).await;
    for _ in 0..3 {
        phone.try_code(&exhausted, WRONG).await;
    }
    assert_alone(&phone, &exhausted).await;

    let replaced = phone.issued_code(FIRST).await;
    let replacement = phone.resent(&replaced, SECOND).await;
    assert_alone(&phone, &replaced).await;
    assert_eq!(phone.try_code(&replacement, FIRST).await, CLAIMED, "the first resend stays valid");

    let (overtaken, used) = (phone.issued_code(FIRST).await, phone.issued_code(super::RIGHT).await);
    phone.consumed(&used).await;
    assert_alone(&phone, &overtaken).await;
    assert_alone(&phone, &used).await;

    let expired = phone.issued_code(FIRST).await;
    phone.pass(CODE_TTL);
    assert_alone(&phone, &expired).await;
}

/// Asserts that a resend of `old` accepts its own code only.
async fn assert_alone(phone: &Phone, old: &NewChallenge) {
    let new = phone.resent(old, SECOND).await;
    assert_eq!(phone.try_code(&new, FIRST).await, incorrect(2));
    assert_eq!(phone.try_code(&new, SECOND).await, CLAIMED);
}

pub(crate) async fn a_resend_with_another_reference_has_no_effect(store: &Store) {
    let phone = Phone::new(store);
    let about = |reference: &str, challenge: NewChallenge| NewChallenge {
        purpose: Purpose::Verify,
        reference: Some(reference.to_owned()),
        ..challenge
    };
    let old = phone.stored(about("transfer:1", phone.challenge(FIRST))).await;
    let other = phone.stored(about("transfer:2", phone.resend(&old, SECOND))).await;
    let claim = |of: &NewChallenge| phone.claim_for(Purpose::Verify, of);
    assert_eq!(phone.attempt(&claim(&other), FIRST).await, incorrect(2));

    let same = phone.stored(about("transfer:1", phone.resend(&old, SECOND))).await;
    let claimed = AttemptOutcome::Claimed { reference: same.reference.clone(), recognized: false };
    assert_eq!(phone.attempt(&claim(&same), FIRST).await, claimed);
}

pub(crate) async fn a_claimed_challenge_is_not_replaced_while_its_lease_lasts(store: &Store) {
    let mut phone = Phone::new(store);
    let old = phone.issued_code(FIRST).await;
    let claim = phone.claim(&old);
    assert_eq!(phone.attempt(&claim, FIRST).await, CLAIMED);
    phone.pass_nearly(CLAIM_LEASE);
    let new = phone.resent(&old, SECOND).await;
    assert_eq!(phone.try_code(&new, FIRST).await, incorrect(2));

    phone.pass(MILLISECOND);
    let new = phone.resent(&old, SECOND).await;
    assert!(!phone.consume(&claim).await, "the lapsed claim is lost to the resend");
    phone.release(&claim).await;
    assert_eq!(phone.try_code(&old, FIRST).await, EXPIRED);
    assert_eq!(phone.try_code(&new, FIRST).await, CLAIMED);
}

/// The client has only the old id if the resend fails, and the first SMS may still arrive.
pub(crate) async fn a_failed_resend_makes_the_old_challenge_valid_again(store: &Store) {
    for refund in [Refund::Send, Refund::Nothing] {
        let phone = Phone::new(store);
        let first = phone.issued_code(FIRST).await;
        assert_eq!(phone.try_code(&first, WRONG).await, incorrect(2));
        let second = phone.resent(&first, SECOND).await;
        let third = phone.resent(&second, "333333").await;
        phone.void(&third, refund).await;
        assert_eq!(phone.try_code(&third, "333333").await, EXPIRED);
        assert_eq!(phone.try_code(&first, FIRST).await, EXPIRED, "only the last one was replaced by it");
        assert_eq!(phone.try_code(&second, FIRST).await, CLAIMED);

        let old = phone.issued_code(FIRST).await;
        assert_eq!(phone.try_code(&old, WRONG).await, incorrect(2));
        let failed = phone.resent(&old, SECOND).await;
        phone.void(&failed, refund).await;
        phone.void(&failed, refund).await;
        assert_eq!(phone.try_code(&old, SECOND).await, incorrect(1), "with the attempts that it had");
        assert_eq!(phone.try_code(&old, FIRST).await, CLAIMED);
    }
}

pub(crate) async fn a_challenge_that_was_used_up_meanwhile_is_not_made_valid_again(store: &Store) {
    let phone = Phone::new(store);
    let (old, other) = (phone.issued_code(FIRST).await, phone.issued_code(super::RIGHT).await);
    let failed = phone.resent(&old, SECOND).await;
    phone.consumed(&other).await;
    phone.void(&failed, Refund::Send).await;
    assert_eq!(phone.try_code(&old, FIRST).await, EXPIRED);
}

pub(crate) async fn a_refused_resend_replaces_nothing(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = MINUTE;
    let old = phone.issued_code(FIRST).await;
    let refused = phone.resend(&old, SECOND);
    phone.check_of(&refused).await;
    assert!(matches!(phone.issue(&refused).await, super::IssueOutcome::Cooldown { .. }));
    assert_eq!(phone.try_code(&old, FIRST).await, CLAIMED);
}

pub(crate) async fn of_simultaneous_resends_one_replaces_the_old_challenge(store: &Store) {
    let phone = Phone::new(store);
    let old = phone.issued_code(FIRST).await;
    let resends = at_once(8, || {
        let (phone, old) = (phone.clone(), old.clone());
        async move { phone.resent(&old, SECOND).await }
    })
    .await;
    let mut accepted = 0;
    for resend in &resends {
        accepted += u32::from(phone.try_code(resend, FIRST).await == CLAIMED);
    }
    assert_eq!(accepted, 1);
}

pub(crate) async fn a_digest_that_differs_from_both_anywhere_is_wrong(store: &Store) {
    let mut phone = Phone::new(store);
    phone.max_attempts = 1000;
    let old = phone.issued_code(FIRST).await;
    let new = phone.resent(&old, SECOND).await;
    for _ in 0..3 {
        let outcome = phone.attempt_digest(&phone.claim(&new), digest(&unique()[..6])).await;
        assert!(matches!(outcome, AttemptOutcome::Incorrect { .. }), "{outcome:?}");
    }
    for code in [FIRST, SECOND] {
        let claim = phone.claim(&new);
        assert_eq!(phone.attempt(&claim, code).await, CLAIMED);
        phone.release(&claim).await;
    }
}
