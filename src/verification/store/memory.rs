//! The code store of an embedded server: challenges in the memory of this process.
//!
//! Phones are spread over shards. Each shard has a lock, which is held for one step and never across an `await`. When the
//! number of a shard's phones has doubled since its last sweep, the next step removes the entries that have no effect any
//! more.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Attempt, AttemptOutcome, CHALLENGE_MEMORY, CLAIM_LEASE, CodeClaim, CodeDigest, CodeStore, FAILURE_MEMORY,
    FAILURE_WAITS, FailureLimits, IssueOutcome, LIVE_CHALLENGES, NewChallenge, PHONE_MEMORY, PhoneLimits, Refund,
    Subject,
};
use crate::purpose::Purpose;
use crate::store::StoreError;
use crate::tags::{AddressTag, PhoneTag};

const SHARDS: usize = 64;

/// A shard is not swept while it has fewer phones than this.
const SWEEP_FLOOR: usize = 256;

/// The code store of an embedded server.
#[derive(Debug)]
pub struct MemoryCodeStore {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

impl Default for MemoryCodeStore {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl MemoryCodeStore {
    fn shard(&self, phone: &PhoneTag) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(self.hasher.hash_one(phone) % SHARDS as u64).unwrap_or_default();
        // A panic inside a step leaves no half-done state that matters, because each step writes its fields last.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Shard {
    phones: HashMap<PhoneTag, Phone>,
    sweep_at: usize,
}

impl Shard {
    fn phone(&mut self, tag: &PhoneTag, now: Timestamp) -> &mut Phone {
        if self.phones.len() >= self.sweep_at.max(SWEEP_FLOOR) {
            self.phones.retain(|_, phone| phone.sweep(now));
            self.sweep_at = self.phones.len() * 2;
        }
        self.phones.entry(tag.clone()).or_default()
    }
}

#[derive(Debug, Default)]
struct Phone {
    /// When the last challenge was issued, even if its send was refunded.
    last_issue: Option<Timestamp>,
    /// When the last send happened that was not refunded.
    last_send: Option<Timestamp>,
    day: i64,
    sends: u32,
    sequence: u64,
    voided: HashMap<Purpose, u64>,
    failures: Failures,
    failures_by_address: HashMap<AddressTag, Failures>,
    challenges: HashMap<String, Challenge>,
    /// The nonces of the last challenges. The key is the sequence modulo `LIVE_CHALLENGES`.
    live: HashMap<u64, String>,
}

impl Phone {
    fn wait(&self, address: &AddressTag, limits: FailureLimits, now: Timestamp) -> Option<Timestamp> {
        let by_address = self.failures_by_address.get(address).and_then(|failures| failures.wait_until);
        let by_address = by_address.filter(|_| limits.by_address > 0);
        let in_all = self.failures.wait_until.filter(|_| limits.in_all > 0);
        by_address.max(in_all).filter(|until| *until > now)
    }

    /// Returns the outcome of one more send, without counting it.
    fn check(&self, new: &NewChallenge, limits: &PhoneLimits) -> IssueOutcome {
        let now = new.issued_at;
        if let Some(until) = self.wait(&new.subject.address, limits.failures, now) {
            return IssueOutcome::FailureWait { until };
        }

        let sends = self.sends_on(limits.day);
        if limits.daily > 0 && sends >= limits.daily {
            return IssueOutcome::DailyLimit;
        }

        let free_from = self.last_send.map(|sent| sent + limits.cooldown).filter(|_| !limits.cooldown.is_zero());
        if let Some(until) = free_from.filter(|until| *until > now) {
            return IssueOutcome::Cooldown { until };
        }
        IssueOutcome::Issued { sends: sends + 1 }
    }

    /// Returns the sends of this day, or of a later day that the store has already begun to count.
    fn sends_on(&self, day: i64) -> u32 {
        if self.day >= day { self.sends } else { 0 }
    }

    /// Counts the send and stores its challenge.
    fn store(&mut self, new: &NewChallenge, limits: &PhoneLimits) {
        let now = new.issued_at;
        self.challenges.retain(|_, challenge| challenge.remembered(now));

        self.sends = self.sends_on(limits.day) + 1;
        self.day = self.day.max(limits.day);
        self.last_issue = Some(now);
        self.last_send = Some(now);
        self.sequence += 1;

        let challenge = Challenge {
            state: State::Issued,
            digest: new.digest.clone(),
            reference: new.reference.clone(),
            sequence: self.sequence,
            day: self.day,
            issued_at: now,
            expires_at: new.expires_at,
            attempts: 0,
        };
        self.challenges.insert(new.nonce.clone(), challenge);
        if let Some(oldest) = self.live.insert(self.sequence % u64::from(LIVE_CHALLENGES), new.nonce.clone()) {
            self.challenges.remove(&oldest);
        }
    }

    /// Removes entries that have no effect any more, and returns whether any are left.
    fn sweep(&mut self, now: Timestamp) -> bool {
        self.challenges.retain(|_, challenge| challenge.remembered(now));
        self.failures_by_address.retain(|_, failures| failures.remembered(now));
        let quiet = self.last_issue.is_none_or(|issued| issued + PHONE_MEMORY <= now);
        !(quiet && self.challenges.is_empty() && self.failures_by_address.is_empty() && !self.failures.remembered(now))
    }
}

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    last: Option<Timestamp>,
    wait_until: Option<Timestamp>,
}

impl Failures {
    fn remembered(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| last + FAILURE_MEMORY > now)
    }

    fn add(&mut self, threshold: u32, now: Timestamp) {
        self.count = if self.remembered(now) { self.count.saturating_add(1) } else { 1 };
        self.last = Some(now);
        self.wait_until = (threshold > 0 && self.count >= threshold).then(|| {
            let step = usize::try_from(self.count - threshold).unwrap_or(usize::MAX);
            now + FAILURE_WAITS[step.min(FAILURE_WAITS.len() - 1)]
        });
    }
}

#[derive(Debug)]
struct Challenge {
    state: State,
    digest: CodeDigest,
    reference: Option<String>,
    sequence: u64,
    day: i64,
    issued_at: Timestamp,
    expires_at: Timestamp,
    attempts: u32,
}

impl Challenge {
    fn remembered(&self, now: Timestamp) -> bool {
        self.expires_at + CHALLENGE_MEMORY > now
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Issued,
    Claimed { token: String, at: Timestamp },
    Consumed { token: String },
    Exhausted,
    Void,
}

#[async_trait]
impl CodeStore for MemoryCodeStore {
    async fn issue(&self, new: &NewChallenge, limits: &PhoneLimits) -> Result<IssueOutcome, StoreError> {
        let mut shard = self.shard(&new.subject.phone);
        let phone = shard.phone(&new.subject.phone, new.issued_at);
        let outcome = phone.check(new, limits);
        if matches!(outcome, IssueOutcome::Issued { .. }) {
            phone.store(new, limits);
        }
        Ok(outcome)
    }

    async fn check(&self, new: &NewChallenge, limits: &PhoneLimits) -> Result<IssueOutcome, StoreError> {
        let shard = self.shard(&new.subject.phone);
        let phone = shard.phones.get(&new.subject.phone);
        Ok(phone.map_or(IssueOutcome::Issued { sends: 1 }, |phone| phone.check(new, limits)))
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError> {
        let Attempt { claim, at: now, .. } = attempt;
        let Subject { phone, address } = &claim.subject;
        let mut shard = self.shard(phone);
        let Some(phone) = shard.phones.get_mut(phone) else {
            return Ok(AttemptOutcome::Expired);
        };
        if let Some(until) = phone.wait(address, attempt.failures, *now) {
            return Ok(AttemptOutcome::FailureWait { until });
        }

        let voided = phone.voided.get(&claim.purpose).copied().unwrap_or_default();
        let Some(challenge) = phone.challenges.get_mut(&claim.nonce) else {
            return Ok(AttemptOutcome::Expired);
        };
        let usable = match &challenge.state {
            State::Issued => true,
            State::Claimed { token, at } => *token == claim.token || *at + CLAIM_LEASE <= *now,
            State::Consumed { .. } | State::Exhausted | State::Void => false,
        };
        if !usable
            || challenge.sequence <= voided
            || challenge.expires_at <= *now
            || challenge.attempts >= attempt.max_attempts
        {
            return Ok(AttemptOutcome::Expired);
        }

        if challenge.digest.matches(&attempt.digest) {
            challenge.state = State::Claimed { token: claim.token.clone(), at: *now };
            return Ok(AttemptOutcome::Claimed { reference: challenge.reference.clone() });
        }

        challenge.attempts += 1;
        let attempts_remaining = attempt.max_attempts - challenge.attempts;
        challenge.state = if attempts_remaining == 0 { State::Exhausted } else { State::Issued };

        phone.failures.add(attempt.failures.in_all, *now);
        let by_address = phone.failures_by_address.entry(address.clone()).or_default();
        by_address.add(attempt.failures.by_address, *now);
        Ok(AttemptOutcome::Incorrect { attempts_remaining })
    }

    async fn consume(&self, claim: &CodeClaim) -> Result<bool, StoreError> {
        let mut shard = self.shard(&claim.subject.phone);
        let Some(phone) = shard.phones.get_mut(&claim.subject.phone) else {
            return Ok(false);
        };
        let Some(challenge) = phone.challenges.get_mut(&claim.nonce) else {
            return Ok(false);
        };

        match &challenge.state {
            State::Consumed { token } => return Ok(*token == claim.token),
            State::Claimed { token, .. } if *token == claim.token => {}
            State::Claimed { .. } | State::Issued | State::Exhausted | State::Void => return Ok(false),
        }

        challenge.state = State::Consumed { token: claim.token.clone() };
        phone.voided.insert(claim.purpose, phone.sequence);
        phone.failures = Failures::default();
        phone.failures_by_address.remove(&claim.subject.address);
        Ok(true)
    }

    async fn release(&self, claim: &CodeClaim) -> Result<(), StoreError> {
        let mut shard = self.shard(&claim.subject.phone);
        let phone = shard.phones.get_mut(&claim.subject.phone);
        let challenge = phone.and_then(|phone| phone.challenges.get_mut(&claim.nonce));
        if let Some(challenge) = challenge
            && matches!(&challenge.state, State::Claimed { token, .. } if *token == claim.token)
        {
            challenge.state = State::Issued;
        }
        Ok(())
    }

    async fn void(&self, new: &NewChallenge, refund: Refund) -> Result<(), StoreError> {
        let mut shard = self.shard(&new.subject.phone);
        let Some(phone) = shard.phones.get_mut(&new.subject.phone) else {
            return Ok(());
        };
        let Some(challenge) = phone.challenges.get_mut(&new.nonce) else {
            return Ok(());
        };

        if challenge.state != State::Issued {
            return Ok(());
        }

        challenge.state = State::Void;
        if refund == Refund::Send {
            if phone.last_send == Some(challenge.issued_at) {
                phone.last_send = None;
            }
            if phone.day == challenge.day {
                phone.sends = phone.sends.saturating_sub(1);
            }
        }
        Ok(())
    }
}
