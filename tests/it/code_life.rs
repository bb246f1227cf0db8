//! Random operations and clock steps on one phone: every store must give the same answers as a simple model.
//!
//! `PROPTEST_CASES` sets the number of runs. The steps consume or release a claim, or void a challenge, at most one
//! minute after the code's expiry, as a server does: after that, the stores may forget a challenge at different times.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use sms_login::purpose::Purpose;
use sms_login::tags::{AddressTag, PhoneTag};
use sms_login::verification::store::{
    Attempt, AttemptOutcome, CodeClaim, FailureLimits, IssueOutcome, NewChallenge, PhoneLimits, Refund, Subject,
};
use tokio::runtime::Runtime;

use crate::code_store::{Store, digest, memory_store, redis_store, unique};

use model::Model;

mod model;

const CODE_TTL: Duration = Duration::from_mins(5);
const COOLDOWN: Duration = Duration::from_secs(9);
const DAILY: u32 = 6;
const MAX_ATTEMPTS: u32 = 3;
const FAILURES: FailureLimits = FailureLimits { by_address: 4, in_all: 6 };
const PURPOSES: [Purpose; 2] = [Purpose::Login, Purpose::Verify];
/// How long after its expiry a challenge is still used by the steps.
const REMEMBERED: Duration = Duration::from_mins(1);

#[test]
fn random_operations_in_memory_agree_with_the_model() {
    lead_lives(128, memory_store);
}

#[test]
fn random_operations_on_redis_agree_with_the_model() {
    lead_lives(64, redis_store);
}

/// One operation or clock step. A number of 0 means the latest challenge or claim, 1 the one before it, and so on.
#[derive(Debug, Clone)]
enum Step {
    Issue { purpose: usize },
    Attempt { challenge: usize, right: bool, address: usize },
    AttemptAgain { claim: usize },
    Consume { claim: usize },
    Release { claim: usize },
    Void { challenge: usize, refund: bool },
    Pass(Duration),
    PassToMidnight,
}

fn step() -> impl Strategy<Value = Step> {
    let recent = || prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => 2..4_usize];
    let short = prop::sample::select(vec![1, 999, 1_000, 9_000, 10_000, 29_999, 30_000, 59_000, 60_000, 299_999]);
    let long = prop::sample::select(vec![5 * 60, 15 * 60, 3_600, 24 * 3_600, 30 * 24 * 3_600]);
    prop_oneof![
        12 => prop_oneof![3 => Just(0_usize), 1 => Just(1)].prop_map(|purpose| Step::Issue { purpose }),
        12 => (recent(), prop::bool::weighted(0.6), 0..3_usize)
            .prop_map(|(challenge, right, address)| Step::Attempt { challenge, right, address }),
        2 => recent().prop_map(|claim| Step::AttemptAgain { claim }),
        7 => recent().prop_map(|claim| Step::Consume { claim }),
        3 => recent().prop_map(|claim| Step::Release { claim }),
        3 => (recent(), any::<bool>()).prop_map(|(challenge, refund)| Step::Void { challenge, refund }),
        10 => short.prop_map(|milliseconds| Step::Pass(Duration::from_millis(milliseconds))),
        2 => long.prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
        1 => Just(Step::PassToMidnight),
    ]
}

fn lead_lives(cases: u32, new_store: fn() -> Store) {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }

    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(async { new_store() });
    let steps = prop::collection::vec(step(), 1..60);

    let outcome = TestRunner::new(config).run(&steps, |steps| runtime.block_on(lead_a_life(&store, &steps)));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => panic!("{reason}\nthe shortest list of steps that fails: {steps:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

async fn lead_a_life(store: &Store, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut life = Life::new(store);
    let mut log = String::new();
    for step in steps {
        let (answer, expected) = life.take(step).await;
        let _ = writeln!(log, "{} {step:?} -> {answer}", life.now);
        if answer != expected {
            return Err(TestCaseError::fail(format!(
                "the model expects {expected}, but the last answer of the store differs:\n{log}"
            )));
        }
    }
    Ok(())
}

/// A phone in the store, and the model that takes the same steps.
struct Life {
    store: Store,
    phone: PhoneTag,
    now: Timestamp,
    challenges: Vec<(NewChallenge, Purpose)>,
    claims: Vec<(CodeClaim, usize)>,
    model: Model,
}

impl Life {
    fn new(store: &Store) -> Self {
        Self {
            store: Arc::clone(store),
            phone: PhoneTag::new(unique()),
            now: "2026-02-27T23:50:00Z".parse().expect("a time"),
            challenges: Vec::new(),
            claims: Vec::new(),
            model: Model::default(),
        }
    }

    /// Takes a step on both. Returns the answers of the store and of the model.
    async fn take(&mut self, step: &Step) -> (String, String) {
        match *step {
            Step::Issue { purpose } => self.issue(PURPOSES[purpose]).await,
            Step::Attempt { challenge, right, address } => match nth_last(challenge, self.challenges.len()) {
                Some(challenge) => {
                    let (of, purpose) = &self.challenges[challenge];
                    let claim = CodeClaim {
                        subject: self.subject(address),
                        nonce: of.nonce.clone(),
                        purpose: *purpose,
                        token: unique(),
                    };
                    self.claims.push((claim, challenge));
                    self.attempt(self.claims.len() - 1, right).await
                }
                None => nothing(),
            },
            Step::AttemptAgain { claim } => match nth_last(claim, self.claims.len()) {
                Some(claim) => self.attempt(claim, true).await,
                None => nothing(),
            },
            Step::Consume { claim } => match self.remembered_claim(claim) {
                Some((claim, challenge)) => {
                    let answer = self.store.consume(&claim).await;
                    told(&answer.expect("the store answers"), &self.model.consume(challenge, &claim))
                }
                None => nothing(),
            },
            Step::Release { claim } => match self.remembered_claim(claim) {
                Some((claim, challenge)) => {
                    self.store.release(&claim).await.expect("the store answers");
                    self.model.release(challenge, &claim);
                    nothing()
                }
                None => nothing(),
            },
            Step::Void { challenge, refund } => self.void(challenge, refund).await,
            Step::Pass(time) => self.pass(time),
            Step::PassToMidnight => {
                let end = (self.day() + 1) * 24 * 3_600;
                let left = Timestamp::from_second(end).expect("a time").duration_since(self.now);
                self.pass(left.unsigned_abs())
            }
        }
    }

    async fn issue(&mut self, purpose: Purpose) -> (String, String) {
        let reference = (purpose == Purpose::Verify).then(|| format!("transfer:{}", self.challenges.len()));
        let challenge = NewChallenge {
            subject: self.subject(0),
            purpose,
            nonce: unique(),
            digest: digest("135790"),
            reference,
            resend_of: None,
            key: None,
            issued_at: self.now,
            expires_at: self.now + CODE_TTL,
        };
        let limits =
            PhoneLimits { cooldown: COOLDOWN, daily: DAILY, daily_by_address: 0, day: self.day(), failures: FAILURES };
        let answer = self.store.issue(&challenge, &limits).await.expect("the store answers");
        let expected = self.model.issue(&challenge, purpose, self.day());

        if matches!(answer, IssueOutcome::Issued { .. }) {
            self.challenges.push((challenge, purpose));
        }
        told(&answer, &expected)
    }

    async fn attempt(&mut self, claim: usize, right: bool) -> (String, String) {
        let (claim, challenge) = self.claims[claim].clone();
        let attempt = Attempt {
            digest: digest(if right { "135790" } else { "246802" }),
            max_attempts: MAX_ATTEMPTS,
            failures: FAILURES,
            at: self.now,
            claim,
        };
        let answer: AttemptOutcome = self.store.attempt(&attempt).await.expect("the store answers");
        told(&answer, &self.model.attempt(challenge, right, &attempt.claim, self.now))
    }

    async fn void(&mut self, challenge: usize, refund: bool) -> (String, String) {
        let index = nth_last(challenge, self.challenges.len()).filter(|index| self.is_remembered(*index));
        let Some(index) = index else { return nothing() };

        let refund = if refund { Refund::Send } else { Refund::Nothing };
        self.store.void(&self.challenges[index].0, refund).await.expect("the store answers");
        self.model.void(index, refund);
        nothing()
    }

    fn pass(&mut self, time: Duration) -> (String, String) {
        self.now += time;
        nothing()
    }

    fn subject(&self, address: usize) -> Subject {
        Subject { phone: self.phone.clone(), address: AddressTag::new(format!("address-{address}")), device: None }
    }

    /// Days since 1970 in UTC.
    fn day(&self) -> i64 {
        self.now.as_second() / (24 * 3_600)
    }

    fn is_remembered(&self, challenge: usize) -> bool {
        self.now < self.challenges[challenge].0.expires_at + REMEMBERED
    }

    fn remembered_claim(&self, ago: usize) -> Option<(CodeClaim, usize)> {
        let (claim, challenge) = &self.claims[nth_last(ago, self.claims.len())?];
        self.is_remembered(*challenge).then(|| (claim.clone(), *challenge))
    }
}

/// Returns the index of the last of `count` items if `ago` is 0, of the one before it if `ago` is 1, and so on.
fn nth_last(ago: usize, count: usize) -> Option<usize> {
    count.checked_sub(ago + 1)
}

/// Returns the answers of the store and of the model as texts, to be compared and logged.
fn told<T: std::fmt::Debug>(answer: &T, expected: &T) -> (String, String) {
    (format!("{answer:?}"), format!("{expected:?}"))
}

/// Returns the answers of a step that has none.
fn nothing() -> (String, String) {
    (String::new(), String::new())
}
