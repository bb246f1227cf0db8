//! The code store of an embedded server: challenges in the memory of this process.
//!
//! Phones are spread over shards. Each shard has a lock, which is held for one step and never across an `await`. When the
//! number of a shard's phones has doubled since its last sweep, the next step removes the entries that have no effect any
//! more.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use self::challenge::State;
use self::phone::Phone;
use super::{
    Attempt, AttemptOutcome, CodeClaim, CodeStore, IssueOutcome, NewChallenge, PhoneLimits, Refund, SentAnswer, Subject,
};
use crate::store::StoreError;
use crate::tags::PhoneTag;

mod bucket;
mod challenge;
mod phone;

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
        let unknown = Phone::default();
        Ok(shard.phones.get(&new.subject.phone).unwrap_or(&unknown).check(new, limits))
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError> {
        let Attempt { claim, at: now, .. } = attempt;
        let mut shard = self.shard(&claim.subject.phone);
        let Some(phone) = shard.phones.get_mut(&claim.subject.phone) else {
            return Ok(AttemptOutcome::Expired);
        };
        if let Some(until) = phone.wait(&claim.subject, attempt.failures, *now) {
            return Ok(AttemptOutcome::FailureWait { until });
        }

        let device = phone.recognized(&claim.subject);
        let recognized = device.is_some();
        let challenge = phone.challenges.get(&claim.nonce).filter(|challenge| phone.is_usable(challenge, *now));
        let is_free = challenge.is_some_and(|challenge| {
            !challenge.is_held_by_another(Some(&claim.token), *now) && challenge.attempts < attempt.max_attempts
        });
        let Some(challenge) = phone.challenges.get_mut(&claim.nonce).filter(|_| is_free) else {
            return Ok(AttemptOutcome::Expired);
        };

        if challenge.accepts(&attempt.digest, *now) {
            challenge.state = State::Claimed { token: claim.token.clone(), at: *now };
            return Ok(AttemptOutcome::Claimed { reference: challenge.reference.clone(), recognized });
        }

        challenge.attempts += 1;
        let attempts_remaining = attempt.max_attempts - challenge.attempts;
        challenge.state = if attempts_remaining == 0 { State::Exhausted } else { State::Issued };
        phone.bucket(device).count_failure(&claim.subject.address, attempt.failures, *now);
        Ok(AttemptOutcome::Incorrect { attempts_remaining, recognized })
    }

    async fn consume(&self, claim: &CodeClaim) -> Result<bool, StoreError> {
        let Subject { phone, address, device } = &claim.subject;
        let mut shard = self.shard(phone);
        let Some(phone) = shard.phones.get_mut(phone) else {
            return Ok(false);
        };
        let Some(challenge) = phone.challenges.get_mut(&claim.nonce) else {
            return Ok(false);
        };

        match &challenge.state {
            State::Consumed { token } => return Ok(*token == claim.token),
            State::Claimed { token, .. } if *token == claim.token => {}
            State::Claimed { .. } | State::Issued | State::Exhausted | State::Replaced | State::Void => {
                return Ok(false);
            }
        }

        challenge.state = State::Consumed { token: claim.token.clone() };
        phone.void_all(claim.purpose);
        phone.bucket(device.as_ref().map(|device| &device.tag)).reset_failures(address);
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
        if let Some(phone) = shard.phones.get_mut(&new.subject.phone) {
            phone.void(new, refund);
        }
        Ok(())
    }

    async fn confirm(&self, challenge: &NewChallenge, answer: &SentAnswer) -> Result<(), StoreError> {
        let mut shard = self.shard(&challenge.subject.phone);
        let phone = shard.phones.get_mut(&challenge.subject.phone);
        if let (Some(phone), Some(key)) = (phone, &challenge.key) {
            phone.confirm(key, &challenge.nonce, answer);
        }
        Ok(())
    }

    async fn recognizes(&self, subject: &Subject) -> Result<bool, StoreError> {
        let shard = self.shard(&subject.phone);
        let unknown = Phone::default();
        Ok(shard.phones.get(&subject.phone).unwrap_or(&unknown).recognized(subject).is_some())
    }

    async fn revoke_devices(&self, phone: &PhoneTag, at: Timestamp, memory: Duration) -> Result<(), StoreError> {
        self.shard(phone).phone(phone, at).revoke_devices(at, at + memory);
        Ok(())
    }
}
