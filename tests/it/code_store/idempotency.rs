//! Idempotency keys: a repeated request gets the stored answer, and sends nothing.

use super::{
    CODE_TTL, IssueOutcome, MILLISECOND, MINUTE, NewChallenge, Phone, Purpose, RIGHT, Refund, RequestKey, SECOND,
    SEND_LEASE, SentAnswer, Store, WRONG, at_once, unique,
};

fn key(arguments: &str) -> RequestKey {
    RequestKey { tag: unique(), arguments: arguments.to_owned() }
}

impl Phone {
    /// Returns a new challenge of a request with this key.
    fn keyed(&self, key: &RequestKey) -> NewChallenge {
        NewChallenge { key: Some(key.clone()), ..self.challenge(RIGHT) }
    }

    fn answer(&self) -> SentAnswer {
        SentAnswer { expires_at: self.now + CODE_TTL, resend_at: self.now + 30 * SECOND, sends_remaining: Some(4) }
    }

    async fn confirm(&self, challenge: &NewChallenge, answer: &SentAnswer) {
        self.store.confirm(challenge, answer).await.expect("the store answers");
    }

    /// Issues a challenge with the key and confirms its answer.
    async fn sent(&self, key: &RequestKey) -> (NewChallenge, SentAnswer) {
        let (challenge, answer) = (self.stored(self.keyed(key)).await, self.answer());
        self.confirm(&challenge, &answer).await;
        (challenge, answer)
    }

    /// Returns the outcome of one more request with the key.
    async fn again(&self, key: &RequestKey) -> IssueOutcome {
        let challenge = self.keyed(key);
        let checked = self.check_of(&challenge).await;
        let outcome = self.issue(&challenge).await;
        assert_eq!(checked, outcome, "a check says what issuing would");
        outcome
    }
}

fn repeated((challenge, answer): &(NewChallenge, SentAnswer)) -> IssueOutcome {
    IssueOutcome::Repeated { nonce: challenge.nonce.clone(), answer: *answer }
}

fn is_issued(outcome: &IssueOutcome) -> bool {
    matches!(outcome, IssueOutcome::Issued { .. })
}

pub(crate) async fn a_repeated_key_repeats_the_answer_until_the_code_expires(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.cooldown = 30 * SECOND;
    phone.limits.daily = 1;
    let key = key("arguments");
    let sent = phone.sent(&key).await;
    for address in ["an-address", "another-address"] {
        assert_eq!(phone.from(address).again(&key).await, repeated(&sent), "in the cooldown, past the daily limit");
    }
    phone.pass_nearly(CODE_TTL);
    assert_eq!(phone.again(&key).await, repeated(&sent));
    phone.pass(MILLISECOND);
    assert_eq!(phone.again(&key).await, IssueOutcome::DailyLimit, "a new request");
    phone.limits.daily = 0;
    assert!(is_issued(&phone.again(&key).await));
    assert_eq!(phone.again(&key).await, IssueOutcome::InFlight, "the new request has the key");
}

pub(crate) async fn an_answer_without_a_daily_limit_is_repeated_as_it_was(store: &Store) {
    let phone = Phone::new(store);
    let key = key("arguments");
    let challenge = phone.stored(phone.keyed(&key)).await;
    let answer = SentAnswer { sends_remaining: None, ..phone.answer() };
    phone.confirm(&challenge, &answer).await;
    assert_eq!(phone.again(&key).await, repeated(&(challenge, answer)));
}

pub(crate) async fn a_repeated_key_is_answered_during_a_failure_wait(store: &Store) {
    let mut phone = Phone::new(store);
    phone.limits.failures.by_address = 1;
    let key = key("arguments");
    let sent = phone.sent(&key).await;
    phone.try_code(&sent.0, WRONG).await;
    assert!(matches!(phone.send().await, IssueOutcome::FailureWait { .. }));
    assert_eq!(phone.again(&key).await, repeated(&sent));
}

pub(crate) async fn a_key_belongs_to_its_phone_and_its_arguments(store: &Store) {
    let (phone, other) = (Phone::new(store), Phone::new(store));
    let key = key("arguments");
    let different = RequestKey { arguments: "others".to_owned(), ..key.clone() };
    let challenge = phone.stored(phone.keyed(&key)).await;
    assert_eq!(phone.again(&different).await, IssueOutcome::KeyMismatch, "while the first is sent");
    let sent = (challenge, phone.answer());
    phone.confirm(&sent.0, &sent.1).await;
    assert_eq!(phone.again(&different).await, IssueOutcome::KeyMismatch);
    assert_eq!(phone.again(&key).await, repeated(&sent));
    assert!(is_issued(&other.again(&different).await), "for another phone it is another key");
}

pub(crate) async fn of_simultaneous_requests_with_one_key_one_sends(store: &Store) {
    let phone = Phone::new(store);
    let key = key("arguments");
    let outcomes = at_once(20, || {
        let (phone, key) = (phone.clone(), key.clone());
        async move { phone.issue(&phone.keyed(&key)).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| is_issued(outcome)).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == IssueOutcome::InFlight).count(), 19);
}

pub(crate) async fn a_failed_send_forgets_its_key(store: &Store) {
    let phone = Phone::new(store);
    for refund in [Refund::Send, Refund::Nothing] {
        let key = key("arguments");
        let failed = phone.stored(phone.keyed(&key)).await;
        phone.void(&failed, refund).await;
        let different = RequestKey { arguments: "others".to_owned(), ..key };
        let sent = phone.sent(&different).await;
        phone.void(&failed, refund).await;
        phone.confirm(&failed, &phone.answer()).await;
        assert_eq!(phone.again(&different).await, repeated(&sent), "a late call of the first leaves the key alone");
    }
}

/// A server that crashed while it was sending keeps nobody waiting for long.
pub(crate) async fn a_key_in_flight_is_free_after_its_lease(store: &Store) {
    let mut phone = Phone::new(store);
    let key = key("arguments");
    let crashed = phone.stored(phone.keyed(&key)).await;
    phone.pass_nearly(SEND_LEASE);
    assert_eq!(phone.again(&key).await, IssueOutcome::InFlight);
    phone.pass(MILLISECOND);
    let next = phone.sent(&key).await;
    phone.confirm(&crashed, &phone.answer()).await;
    assert_eq!(phone.again(&key).await, repeated(&next), "the key belongs to the second request");
}

pub(crate) async fn a_key_is_forgotten_when_its_challenge_ends(store: &Store) {
    let mut phone = Phone::new(store);
    let used = key("arguments");
    let sent = phone.sent(&used).await;
    let claim = phone.claimed(&sent.0).await;
    assert_eq!(phone.again(&used).await, repeated(&sent), "a claimed code may be released");
    assert!(phone.consume(&claim).await);
    assert!(is_issued(&phone.again(&used).await), "used");

    let exhausted = key("arguments");
    let sent = phone.sent(&exhausted).await;
    for _ in 0..3 {
        phone.try_code(&sent.0, WRONG).await;
    }
    assert!(is_issued(&phone.again(&exhausted).await), "out of attempts");

    let overtaken = key("arguments");
    phone.sent(&overtaken).await;
    phone.consumed(&phone.issued().await).await;
    assert!(is_issued(&phone.again(&overtaken).await), "voided by the use of another code");

    let replaced = key("arguments");
    let (first, _) = phone.sent(&replaced).await;
    phone.stored(NewChallenge { resend_of: Some(first.nonce), ..phone.challenge(RIGHT) }).await;
    assert!(is_issued(&phone.again(&replaced).await), "replaced by a resend");

    let of_another_purpose = key("arguments");
    let verify = NewChallenge { purpose: Purpose::Verify, ..phone.keyed(&of_another_purpose) };
    let verify = (phone.stored(verify).await, phone.answer());
    phone.confirm(&verify.0, &verify.1).await;
    phone.consumed(&phone.issued().await).await;
    phone.pass(MINUTE);
    assert_eq!(phone.again(&of_another_purpose).await, repeated(&verify), "a login voids only logins");
}

pub(crate) async fn confirming_without_a_key_does_nothing(store: &Store) {
    let phone = Phone::new(store);
    let challenge = phone.issued().await;
    phone.confirm(&challenge, &phone.answer()).await;
    let unknown = phone.keyed(&key("arguments"));
    phone.confirm(&unknown, &phone.answer()).await;
    assert!(is_issued(&phone.issue(&unknown).await));
}
