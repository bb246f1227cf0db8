//! One phone: its buckets, its challenges and its idempotency keys.

use std::collections::HashMap;

use jiff::Timestamp;

use super::bucket::{Bucket, Daily};
use super::challenge::{Challenge, State, StoredCode};
use crate::purpose::Purpose;
use crate::tags::{AddressTag, DeviceTag};
use crate::verification::store::{
    CHALLENGE_MEMORY, DEVICES_SHARE, FailureLimits, IssueOutcome, NewChallenge, OLDER_CODES, PHONE_MEMORY, PhoneLimits,
    Refund, RequestKey, SEND_LEASE, SentAnswer, Subject,
};

#[derive(Debug, Default)]
pub(super) struct Phone {
    common: Bucket,
    devices: HashMap<DeviceTag, Bucket>,
    sends_by_address: HashMap<AddressTag, (Daily, Timestamp)>,
    sends_of_devices: Daily,
    /// When the devices were last revoked, and until when that is remembered.
    revoked: Option<(Timestamp, Timestamp)>,
    sequence: u64,
    voided: HashMap<Purpose, u64>,
    pub(super) challenges: HashMap<String, Challenge>,
    requests: HashMap<String, Request>,
}

/// A request with an idempotency key.
#[derive(Debug)]
struct Request {
    arguments: String,
    nonce: String,
    lease_ends: Timestamp,
    forgotten_at: Timestamp,
    answer: Option<SentAnswer>,
}

impl Phone {
    /// Returns the subject's device if it is recognized.
    pub(super) fn recognized<'a>(&self, subject: &'a Subject) -> Option<&'a DeviceTag> {
        let device = subject.device.as_ref()?;
        let is_revoked = self.revoked.is_some_and(|(at, _)| device.issued_at <= at);
        (!is_revoked).then_some(&device.tag)
    }

    pub(super) fn revoke_devices(&mut self, at: Timestamp, remembered_until: Timestamp) {
        let (before, until) = self.revoked.unwrap_or((at, remembered_until));
        self.revoked = Some((before.max(at), until.max(remembered_until)));
    }

    /// Returns the bucket of a recognized device, or the common one.
    pub(super) fn bucket(&mut self, device: Option<&DeviceTag>) -> &mut Bucket {
        match device {
            Some(device) => self.devices.entry(device.clone()).or_default(),
            None => &mut self.common,
        }
    }

    fn existing_bucket(&self, device: Option<&DeviceTag>) -> Option<&Bucket> {
        match device {
            Some(device) => self.devices.get(device),
            None => Some(&self.common),
        }
    }

    pub(super) fn wait(&self, subject: &Subject, limits: FailureLimits, now: Timestamp) -> Option<Timestamp> {
        let bucket = self.existing_bucket(self.recognized(subject))?;
        bucket.wait(&subject.address, limits, now)
    }

    /// Returns the outcome of issuing the challenge, without issuing it.
    pub(super) fn check(&self, new: &NewChallenge, limits: &PhoneLimits) -> IssueOutcome {
        let now = new.issued_at;
        if let Some(outcome) = new.key.as_ref().and_then(|key| self.outcome_of_key(key, now)) {
            return outcome;
        }
        let predecessor = new.resend_of.as_ref().and_then(|nonce| self.challenges.get(nonce));
        if new.needs_predecessor && !predecessor.is_some_and(|challenge| self.is_usable(challenge, now)) {
            return IssueOutcome::NoPredecessor;
        }
        if let Some(until) = self.wait(&new.subject, limits.failures, now) {
            return IssueOutcome::FailureWait { until };
        }

        let device = self.recognized(&new.subject);
        let bucket = self.existing_bucket(device);
        let (day, sends) = bucket.map(|bucket| bucket.sends).unwrap_or_default().on(limits.day);
        let (second, second_limit) = self.second_count(&new.subject, limits);
        let left = [(sends, limits.daily), (second.on(day).1, second_limit)];
        let left = left.into_iter().filter(|(_, limit)| *limit > 0).map(|(sends, limit)| limit.saturating_sub(sends));
        let left = left.min();
        if left == Some(0) {
            return IssueOutcome::DailyLimit;
        }

        let last_send = bucket.and_then(|bucket| bucket.last_send).filter(|_| !limits.cooldown.is_zero());
        if let Some(until) = last_send.map(|sent| sent + limits.cooldown).filter(|until| *until > now) {
            return IssueOutcome::Cooldown { until };
        }
        IssueOutcome::Issued { sends: sends + 1, remaining: left.map(|left| left - 1), recognized: device.is_some() }
    }

    /// Returns the outcome of a request whose key is in use.
    fn outcome_of_key(&self, key: &RequestKey, now: Timestamp) -> Option<IssueOutcome> {
        let request = self.requests.get(&key.tag)?;
        self.challenges.get(&request.nonce).filter(|challenge| self.is_usable(challenge, now))?;
        if request.answer.is_none() && request.lease_ends <= now {
            return None;
        }
        Some(match request.answer {
            _ if request.arguments != key.arguments => IssueOutcome::KeyMismatch,
            Some(answer) => IssueOutcome::Repeated { nonce: request.nonce.clone(), answer },
            None => IssueOutcome::InFlight,
        })
    }

    /// Returns the second count of a send and its limit: all sends of recognized devices, or the sends from the address.
    fn second_count(&self, subject: &Subject, limits: &PhoneLimits) -> (Daily, u32) {
        if self.recognized(subject).is_some() {
            return (self.sends_of_devices, limits.daily.saturating_mul(DEVICES_SHARE));
        }
        let by_address = self.sends_by_address.get(&subject.address);
        (by_address.map(|(daily, _)| *daily).unwrap_or_default(), limits.daily_by_address)
    }

    /// Counts the send, and stores its challenge and its idempotency key.
    pub(super) fn store(&mut self, new: &NewChallenge, limits: &PhoneLimits) {
        let now = new.issued_at;
        self.challenges.retain(|_, challenge| challenge.remembered(now));
        self.requests.retain(|_, request| request.forgotten_at > now);

        let device = self.recognized(&new.subject).cloned();
        let bucket = self.bucket(device.as_ref());
        let (day, _) = bucket.sends.on(limits.day);
        let dropped = bucket.count_send(&new.nonce, day, now);
        let second_day = self.count_second(&new.subject, limits, day, now);
        self.sequence += 1;

        let (replaces, older) = self.replace(new, now).unzip();
        let challenge = Challenge {
            state: State::Issued,
            purpose: new.purpose,
            code: StoredCode { digest: new.digest.clone(), expires_at: new.expires_at },
            older: older.unwrap_or_default(),
            reference: new.reference.clone(),
            replaces,
            sequence: self.sequence,
            issued_at: now,
            attempts: 0,
            device,
            day,
            second_day,
        };
        self.challenges.insert(new.nonce.clone(), challenge);
        if let Some(dropped) = dropped {
            self.challenges.remove(&dropped);
        }
        if let Some(key) = &new.key {
            self.reserve(key, new);
        }
    }

    fn count_second(&mut self, subject: &Subject, limits: &PhoneLimits, day: i64, now: Timestamp) -> Option<i64> {
        let (_, limit) = self.second_count(subject, limits);
        if limit == 0 {
            return None;
        }
        if self.recognized(subject).is_some() {
            return Some(self.sends_of_devices.add(day));
        }
        let (daily, counted_at) = self.sends_by_address.entry(subject.address.clone()).or_default();
        *counted_at = now;
        Some(daily.add(day))
    }

    /// Replaces the challenge that `new` is a resend of. Returns its nonce and the codes that the new challenge accepts too.
    fn replace(&mut self, new: &NewChallenge, now: Timestamp) -> Option<(String, Vec<StoredCode>)> {
        let nonce = new.resend_of.as_ref()?;
        let old = self.challenges.get(nonce)?;
        if !self.is_usable(old, now) || old.is_held_by_another(None, now) || old.reference != new.reference {
            return None;
        }

        let older = old.older.iter().filter(|code| code.expires_at > now);
        let codes = std::iter::once(&old.code).chain(older).take(OLDER_CODES).cloned().collect();
        self.challenges.get_mut(nonce)?.state = State::Replaced;
        Some((nonce.clone(), codes))
    }

    fn reserve(&mut self, key: &RequestKey, new: &NewChallenge) {
        let request = Request {
            arguments: key.arguments.clone(),
            nonce: new.nonce.clone(),
            lease_ends: new.issued_at + SEND_LEASE,
            forgotten_at: new.expires_at + CHALLENGE_MEMORY,
            answer: None,
        };
        self.requests.insert(key.tag.clone(), request);
    }

    /// Stores the answer of the request that issued the challenge.
    pub(super) fn confirm(&mut self, key: &RequestKey, nonce: &str, answer: &SentAnswer) {
        if let Some(request) = self.requests.get_mut(&key.tag).filter(|request| request.nonce == nonce) {
            request.answer = Some(*answer);
        }
    }

    /// Voids an issued challenge, forgets its key, and makes the challenge that it replaced valid again.
    pub(super) fn void(&mut self, new: &NewChallenge, refund: Refund) {
        let challenge = self.challenges.get_mut(&new.nonce).filter(|challenge| challenge.state == State::Issued);
        let Some(challenge) = challenge else {
            return;
        };
        challenge.state = State::Void;
        let (issued_at, day, second_day) = (challenge.issued_at, challenge.day, challenge.second_day);
        let (device, replaces) = (challenge.device.clone(), challenge.replaces.clone());

        if let Some(key) = &new.key
            && self.requests.get(&key.tag).is_some_and(|request| request.nonce == new.nonce)
        {
            self.requests.remove(&key.tag);
        }
        // The user may still have, or get, the SMS of the replaced challenge.
        if let Some(old) = replaces.and_then(|nonce| self.challenges.get_mut(&nonce))
            && old.state == State::Replaced
        {
            old.state = State::Issued;
        }
        if refund == Refund::Nothing {
            return;
        }

        let bucket = self.bucket(device.as_ref());
        if bucket.last_send == Some(issued_at) {
            bucket.last_send = None;
        }
        bucket.sends.refund(day);
        match (second_day, device) {
            (Some(day), Some(_)) => self.sends_of_devices.refund(day),
            (Some(day), None) => {
                if let Some((daily, _)) = self.sends_by_address.get_mut(&new.subject.address) {
                    daily.refund(day);
                }
            }
            (None, _) => {}
        }
    }

    /// Returns whether a challenge is open, and no later code of its purpose was used.
    pub(super) fn is_usable(&self, challenge: &Challenge, now: Timestamp) -> bool {
        let voided = self.voided.get(&challenge.purpose).copied().unwrap_or_default();
        challenge.is_open(now) && challenge.sequence > voided
    }

    /// Voids all challenges of a purpose that were issued so far.
    pub(super) fn void_all(&mut self, purpose: Purpose) {
        self.voided.insert(purpose, self.sequence);
    }

    /// Removes entries that nobody can use any more, and returns whether any are left.
    pub(super) fn sweep(&mut self, now: Timestamp) -> bool {
        self.challenges.retain(|_, challenge| challenge.remembered(now));
        self.requests.retain(|_, request| request.forgotten_at > now);
        self.sends_by_address.retain(|_, (_, counted_at)| *counted_at + PHONE_MEMORY > now);
        self.devices.retain(|_, bucket| bucket.sweep(now));
        self.revoked = self.revoked.filter(|(_, until)| *until > now);
        let is_in_use = self.common.sweep(now);
        is_in_use || !self.challenges.is_empty() || !self.devices.is_empty() || self.revoked.is_some()
    }
}
