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
use sms_login::tags::{AddressTag, DeviceTag, PhoneTag};
use sms_login::verification::store::{
    Attempt, AttemptOutcome, CodeClaim, FailureLimits, IssueOutcome, KnownDevice, NewChallenge, PhoneLimits, Refund,
    RequestKey, SentAnswer, Subject,
};
use tokio::runtime::Runtime;

use crate::code_store::{Store, digest, memory_store, redis_store, unique};

use model::Model;

mod model;

const CODE_TTL: Duration = Duration::from_mins(5);
const COOLDOWN: Duration = Duration::from_secs(9);
const DAILY: u32 = 6;
const DAILY_BY_ADDRESS: u32 = 4;
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

/// Where a call comes from: an address, and a device with a token for the phone or none.
#[derive(Debug, Clone, Copy)]
struct Client {
    address: usize,
    device: Option<usize>,
}

/// One thing that happens to the phone. Challenges and claims are named by how many were made since.
#[derive(Debug, Clone)]
enum Step {
    Issue { purpose: usize, resend_of: Option<usize>, key: Option<usize>, client: Client },
    Confirm { challenge: usize },
    Attempt { challenge: usize, code: usize, client: Client },
    AttemptAgain { claim: usize },
    Consume { claim: usize },
    Release { claim: usize },
    Void { challenge: usize, refund: bool },
    RevokeDevices,
    Pass(Duration),
    PassToMidnight,
}

fn step() -> impl Strategy<Value = Step> {
    let recent = || prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => 2..4_usize];
    let short = prop::sample::select(vec![1, 999, 1_000, 9_000, 10_000, 29_999, 30_000, 59_000, 60_000, 299_999]);
    let long = prop::sample::select(vec![5 * 60, 15 * 60, 3_600, 24 * 3_600, 30 * 24 * 3_600]);
    let purpose = prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    let resend_of = prop::option::weighted(0.4, recent());
    let key = prop::option::weighted(0.3, 0..2_usize);
    // The code of the challenge, of one that was issued up to two challenges before it, or a wrong one.
    let code = prop_oneof![5 => Just(0_usize), 2 => Just(1), 1 => Just(2), 1 => Just(3), 3 => Just(usize::MAX)];
    prop_oneof![
        12 => (purpose, resend_of, key, client())
            .prop_map(|(purpose, resend_of, key, client)| Step::Issue { purpose, resend_of, key, client }),
        3 => recent().prop_map(|challenge| Step::Confirm { challenge }),
        12 => (recent(), code, client())
            .prop_map(|(challenge, code, client)| Step::Attempt { challenge, code, client }),
        2 => recent().prop_map(|claim| Step::AttemptAgain { claim }),
        7 => recent().prop_map(|claim| Step::Consume { claim }),
        3 => recent().prop_map(|claim| Step::Release { claim }),
        3 => (recent(), any::<bool>()).prop_map(|(challenge, refund)| Step::Void { challenge, refund }),
        1 => Just(Step::RevokeDevices),
        10 => short.prop_map(|milliseconds| Step::Pass(Duration::from_millis(milliseconds))),
        2 => long.prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
        1 => Just(Step::PassToMidnight),
    ]
}

fn client() -> impl Strategy<Value = Client> {
    (0..3_usize, prop::option::weighted(0.3, 0..2_usize)).prop_map(|(address, device)| Client { address, device })
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
    challenges: Vec<NewChallenge>,
    claims: Vec<(CodeClaim, usize)>,
    /// When the tokens of the two devices were issued.
    tokens: [Timestamp; 2],
    model: Model,
}

impl Life {
    fn new(store: &Store) -> Self {
        let now: Timestamp = "2026-02-27T23:50:00Z".parse().expect("a time");
        Self {
            store: Arc::clone(store),
            phone: PhoneTag::new(unique()),
            // The second device signs in when the life is a minute old.
            tokens: [now - Duration::from_secs(1), now + Duration::from_mins(1)],
            now,
            challenges: Vec::new(),
            claims: Vec::new(),
            model: Model::default(),
        }
    }

    /// Takes a step on both. Returns the answers of the store and of the model.
    async fn take(&mut self, step: &Step) -> (String, String) {
        match *step {
            Step::Issue { purpose, resend_of, key, client } => {
                let resend_of = resend_of.and_then(|ago| nth_last(ago, self.challenges.len()));
                self.issue(PURPOSES[purpose], resend_of, key, client).await
            }
            Step::Confirm { challenge } => self.confirm(challenge).await,
            Step::Attempt { challenge, code, client } => match nth_last(challenge, self.challenges.len()) {
                Some(challenge) => {
                    let of = &self.challenges[challenge];
                    let claim = CodeClaim {
                        subject: self.subject(client),
                        nonce: of.nonce.clone(),
                        purpose: of.purpose,
                        token: unique(),
                    };
                    self.claims.push((claim, challenge));
                    self.attempt(self.claims.len() - 1, challenge.checked_sub(code)).await
                }
                None => nothing(),
            },
            Step::AttemptAgain { claim } => match nth_last(claim, self.claims.len()) {
                Some(claim) => self.attempt(claim, Some(self.claims[claim].1)).await,
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
            Step::RevokeDevices => {
                let memory = Duration::from_hours(180 * 24);
                self.store.revoke_devices(&self.phone, self.now, memory).await.expect("the store answers");
                self.model.revoke_devices(self.now);
                nothing()
            }
            Step::Pass(time) => self.pass(time),
            Step::PassToMidnight => {
                let end = (self.day() + 1) * 24 * 3_600;
                let left = Timestamp::from_second(end).expect("a time").duration_since(self.now);
                self.pass(left.unsigned_abs())
            }
        }
    }

    async fn issue(
        &mut self,
        purpose: Purpose,
        resend_of: Option<usize>,
        key: Option<usize>,
        client: Client,
    ) -> (String, String) {
        let number = self.challenges.len();
        // As in the service, a resend is always of a challenge with the same purpose.
        let resend_of = resend_of.filter(|index| self.challenges[*index].purpose == purpose);
        let challenge = NewChallenge {
            subject: self.subject(client),
            purpose,
            nonce: unique(),
            digest: digest(&code_of(number)),
            reference: (purpose == Purpose::Verify).then(|| format!("transfer:{}", number / 4)),
            resend_of: resend_of.map(|index| self.challenges[index].nonce.clone()),
            needs_predecessor: false,
            key: key.map(|key| RequestKey { tag: format!("key-{key}"), arguments: purpose.name().to_owned() }),
            issued_at: self.now,
            expires_at: self.now + CODE_TTL,
        };
        let limits = PhoneLimits {
            cooldown: COOLDOWN,
            daily: DAILY,
            daily_by_address: DAILY_BY_ADDRESS,
            day: self.day(),
            failures: FAILURES,
        };
        let answer = self.store.issue(&challenge, &limits).await.expect("the store answers");
        let expected = self.model.issue(&challenge, resend_of, self.day());
        if matches!(answer, IssueOutcome::Issued { .. }) {
            self.challenges.push(challenge);
        }
        told(&answer, &expected)
    }

    async fn confirm(&mut self, challenge: usize) -> (String, String) {
        let index = nth_last(challenge, self.challenges.len()).filter(|index| self.is_remembered(*index));
        let Some(index) = index else { return nothing() };
        let challenge = &self.challenges[index];
        let answer = SentAnswer {
            expires_at: challenge.expires_at,
            resend_at: challenge.issued_at + COOLDOWN,
            sends_remaining: Some(1),
        };
        self.store.confirm(challenge, &answer).await.expect("the store answers");
        self.model.confirm(index, answer);
        nothing()
    }

    /// Attempts the code of the challenge `code`, or a wrong one.
    async fn attempt(&mut self, claim: usize, code: Option<usize>) -> (String, String) {
        let (claim, challenge) = self.claims[claim].clone();
        let attempt = Attempt {
            digest: digest(&code.map_or_else(|| "246802".to_owned(), code_of)),
            max_attempts: MAX_ATTEMPTS,
            failures: FAILURES,
            at: self.now,
            claim,
        };
        let answer: AttemptOutcome = self.store.attempt(&attempt).await.expect("the store answers");
        told(&answer, &self.model.attempt(challenge, code, &attempt.claim, self.now))
    }

    async fn void(&mut self, challenge: usize, refund: bool) -> (String, String) {
        let index = nth_last(challenge, self.challenges.len()).filter(|index| self.is_remembered(*index));
        let Some(index) = index else { return nothing() };

        let refund = if refund { Refund::Send } else { Refund::Nothing };
        self.store.void(&self.challenges[index], refund).await.expect("the store answers");
        self.model.void(index, refund);
        nothing()
    }

    fn pass(&mut self, time: Duration) -> (String, String) {
        self.now += time;
        nothing()
    }

    fn subject(&self, client: Client) -> Subject {
        let device = client.device.map(|device| KnownDevice {
            tag: DeviceTag::new(format!("device-{device}")),
            issued_at: self.tokens[device],
        });
        Subject {
            phone: self.phone.clone(),
            address: AddressTag::new(format!("address-{}", client.address)),
            device: device.filter(|device| device.issued_at <= self.now),
        }
    }

    /// Days since 1970 in UTC.
    fn day(&self) -> i64 {
        self.now.as_second() / (24 * 3_600)
    }

    fn is_remembered(&self, challenge: usize) -> bool {
        self.now < self.challenges[challenge].expires_at + REMEMBERED
    }

    fn remembered_claim(&self, ago: usize) -> Option<(CodeClaim, usize)> {
        let (claim, challenge) = &self.claims[nth_last(ago, self.claims.len())?];
        let mut claim = claim.clone();
        // As in the service, the claim keeps its device only if the attempt recognized it.
        claim.subject.device.take_if(|device| !self.model.recognized_claim(&claim.token, &device.tag));
        self.is_remembered(*challenge).then_some((claim, *challenge))
    }
}

/// Returns the code of a challenge.
fn code_of(challenge: usize) -> String {
    format!("{challenge:06}")
}

/// The index of the one before which `ago` others were made later, among `count`.
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
