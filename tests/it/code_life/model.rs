//! The rules of a code's life in their plainest form: the model keeps what happened, and derives every outcome from that.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use sms_login::purpose::Purpose;
use sms_login::tags::{AddressTag, DeviceTag};
use sms_login::verification::store::{
    AttemptOutcome, CodeClaim, IssueOutcome, NewChallenge, Refund, RequestKey, SentAnswer, Subject,
};

use super::{COOLDOWN, DAILY, DAILY_BY_ADDRESS, FAILURES, MAX_ATTEMPTS};

const LEASE: Duration = Duration::from_secs(10);
const SEND_LEASE: Duration = Duration::from_secs(20);
const FAILURE_MEMORY: Duration = Duration::from_hours(30 * 24);
const WAIT_MINUTES: [u64; 4] = [1, 5, 15, 60];
/// How many codes a challenge accepts, its own included.
const CODES: usize = 3;
const DEVICES_SHARE: u32 = 3;

/// The bucket of a device, or the common one.
type Bucket = Option<DeviceTag>;

/// The events of one phone.
#[derive(Default)]
pub(super) struct Model {
    challenges: Vec<Challenge>,
    failures: HashMap<Bucket, Vec<Timestamp>>,
    failures_by_address: HashMap<(Bucket, AddressTag), Vec<Timestamp>>,
    keys: HashMap<String, Request>,
    revoked_at: Option<Timestamp>,
    /// The devices of claims that were recognized, by the claim's token.
    recognized_claims: HashMap<String, DeviceTag>,
}

struct Challenge {
    purpose: Purpose,
    reference: Option<String>,
    bucket: Bucket,
    address: AddressTag,
    day: i64,
    issued_at: Timestamp,
    expires_at: Timestamp,
    /// The challenges whose codes are accepted, the latest first.
    codes: Vec<usize>,
    replaces: Option<usize>,
    replaced: bool,
    wrong: u32,
    claim: Option<(String, Timestamp)>,
    consumed_by: Option<String>,
    /// A code of the same purpose was consumed after this challenge was issued.
    overtaken: bool,
    void: Option<Refund>,
}

struct Request {
    arguments: String,
    challenge: usize,
    nonce: String,
    answer: Option<SentAnswer>,
}

impl Model {
    pub(super) fn issue(&mut self, new: &NewChallenge, resend_of: Option<usize>, day: i64) -> IssueOutcome {
        let now = new.issued_at;
        if let Some(outcome) = new.key.as_ref().and_then(|key| self.outcome_of_key(key, now)) {
            return outcome;
        }
        let bucket = self.bucket(&new.subject);
        if let Some(until) = self.wait(&bucket, &new.subject.address, now) {
            return IssueOutcome::FailureWait { until };
        }

        let paid = || self.challenges.iter().filter(|challenge| challenge.void != Some(Refund::Send));
        let today = || paid().filter(|challenge| challenge.day == day);
        let own = count(today().filter(|challenge| challenge.bucket == bucket));
        let (second, limit) = if bucket.is_some() {
            (count(today().filter(|challenge| challenge.bucket.is_some())), DEVICES_SHARE * DAILY)
        } else {
            let is_here =
                |challenge: &&Challenge| challenge.bucket.is_none() && challenge.address == new.subject.address;
            (count(today().filter(is_here)), DAILY_BY_ADDRESS)
        };
        if own >= DAILY || second >= limit {
            return IssueOutcome::DailyLimit;
        }
        let in_bucket = paid().filter(|challenge| challenge.bucket == bucket);
        if let Some(until) = in_bucket.map(|sent| sent.issued_at + COOLDOWN).max().filter(|until| *until > now) {
            return IssueOutcome::Cooldown { until };
        }

        let remaining = Some((DAILY - own).min(limit - second) - 1);
        let outcome = IssueOutcome::Issued { sends: own + 1, remaining, recognized: bucket.is_some() };
        self.store(new, bucket, resend_of, day);
        outcome
    }

    fn store(&mut self, new: &NewChallenge, bucket: Bucket, resend_of: Option<usize>, day: i64) {
        let (index, now) = (self.challenges.len(), new.issued_at);
        let replaces = resend_of.filter(|old| {
            let is_free = self.is_open(*old, now) && !self.is_held(*old, None, now);
            is_free && self.challenges[*old].reference == new.reference
        });
        let mut codes = vec![index];
        if let Some(old) = replaces {
            self.challenges[old].replaced = true;
            let live = self.challenges[old].codes.iter().filter(|code| self.challenges[**code].expires_at > now);
            codes.extend(live.take(CODES - 1));
        }
        self.challenges.push(Challenge {
            purpose: new.purpose,
            reference: new.reference.clone(),
            bucket,
            address: new.subject.address.clone(),
            day,
            issued_at: now,
            expires_at: new.expires_at,
            codes,
            replaces,
            replaced: false,
            wrong: 0,
            claim: None,
            consumed_by: None,
            overtaken: false,
            void: None,
        });
        if let Some(RequestKey { tag, arguments }) = new.key.clone() {
            let request = Request { arguments, challenge: index, nonce: new.nonce.clone(), answer: None };
            self.keys.insert(tag, request);
        }
    }

    fn outcome_of_key(&self, key: &RequestKey, now: Timestamp) -> Option<IssueOutcome> {
        let request = self.keys.get(&key.tag).filter(|request| self.is_open(request.challenge, now))?;
        if request.answer.is_none() && self.challenges[request.challenge].issued_at + SEND_LEASE <= now {
            return None;
        }
        Some(match request.answer {
            _ if request.arguments != key.arguments => IssueOutcome::KeyMismatch,
            Some(answer) => IssueOutcome::Repeated { nonce: request.nonce.clone(), answer },
            None => IssueOutcome::InFlight,
        })
    }

    pub(super) fn confirm(&mut self, index: usize, answer: SentAnswer) {
        for request in self.keys.values_mut().filter(|request| request.challenge == index) {
            request.answer = Some(answer);
        }
    }

    /// Attempts the code of the challenge `code`, or a wrong one.
    pub(super) fn attempt(
        &mut self,
        index: usize,
        code: Option<usize>,
        by: &CodeClaim,
        now: Timestamp,
    ) -> AttemptOutcome {
        let bucket = self.bucket(&by.subject);
        if let Some(until) = self.wait(&bucket, &by.subject.address, now) {
            return AttemptOutcome::FailureWait { until };
        }
        if !self.is_open(index, now) || self.is_held(index, Some(&by.token), now) {
            return AttemptOutcome::Expired;
        }
        let recognized = bucket.is_some();
        if let Some(code) = code
            && self.challenges[index].codes.contains(&code)
            && self.challenges[code].expires_at > now
        {
            match bucket {
                Some(device) => self.recognized_claims.insert(by.token.clone(), device),
                None => self.recognized_claims.remove(&by.token),
            };
            self.challenges[index].claim = Some((by.token.clone(), now));
            return AttemptOutcome::Claimed { reference: self.challenges[index].reference.clone(), recognized };
        }
        let challenge = &mut self.challenges[index];
        challenge.claim = None;
        challenge.wrong += 1;
        let attempts_remaining = MAX_ATTEMPTS - challenge.wrong;
        self.failures.entry(bucket.clone()).or_default().push(now);
        self.failures_by_address.entry((bucket, by.subject.address.clone())).or_default().push(now);
        AttemptOutcome::Incorrect { attempts_remaining, recognized }
    }

    pub(super) fn consume(&mut self, index: usize, by: &CodeClaim) -> bool {
        if self.challenges[index].consumed_by.is_some() {
            return self.challenges[index].consumed_by.as_ref() == Some(&by.token);
        }
        if !self.holds(index, by) {
            return false;
        }

        self.challenges[index].consumed_by = Some(by.token.clone());
        let purpose = self.challenges[index].purpose;
        for challenge in self.challenges.iter_mut().filter(|challenge| challenge.purpose == purpose) {
            challenge.overtaken = true;
        }
        let bucket = by.subject.device.as_ref().map(|device| device.tag.clone());
        self.failures.remove(&bucket);
        self.failures_by_address.remove(&(bucket, by.subject.address.clone()));
        true
    }

    pub(super) fn release(&mut self, index: usize, by: &CodeClaim) {
        if self.challenges[index].consumed_by.is_none() && self.holds(index, by) {
            self.challenges[index].claim = None;
        }
    }

    pub(super) fn void(&mut self, index: usize, refund: Refund) {
        let challenge = &mut self.challenges[index];
        if challenge.void.is_some()
            || challenge.replaced
            || challenge.claim.is_some()
            || challenge.wrong >= MAX_ATTEMPTS
        {
            return;
        }
        challenge.void = Some(refund);
        if let Some(old) = challenge.replaces {
            self.challenges[old].replaced = false;
            self.challenges[old].claim = None;
        }
        self.keys.retain(|_, request| request.challenge != index);
    }

    pub(super) fn revoke_devices(&mut self, at: Timestamp) {
        self.revoked_at = self.revoked_at.max(Some(at));
    }

    /// Returns whether the attempt of the claim recognized the device.
    pub(super) fn recognized_claim(&self, token: &str, device: &DeviceTag) -> bool {
        self.recognized_claims.get(token) == Some(device)
    }

    fn bucket(&self, subject: &Subject) -> Bucket {
        let device = subject.device.as_ref()?;
        self.revoked_at.is_none_or(|at| device.issued_at > at).then(|| device.tag.clone())
    }

    /// Returns whether the code of a challenge can be used, now or when its claim is released.
    fn is_open(&self, index: usize, now: Timestamp) -> bool {
        let challenge = &self.challenges[index];
        let has_ended =
            challenge.void.is_some() || challenge.replaced || challenge.overtaken || challenge.wrong >= MAX_ATTEMPTS;
        !has_ended && now < challenge.expires_at
    }

    /// Returns whether another request than that of `token` has claimed the challenge.
    fn is_held(&self, index: usize, token: Option<&String>, now: Timestamp) -> bool {
        let claim = self.challenges[index].claim.as_ref();
        claim.is_some_and(|(holder, at)| Some(holder) != token && now < *at + LEASE)
    }

    fn holds(&self, index: usize, by: &CodeClaim) -> bool {
        let challenge = &self.challenges[index];
        !challenge.replaced && challenge.claim.as_ref().is_some_and(|(token, _)| *token == by.token)
    }

    /// Returns until when a bucket waits at this address.
    fn wait(&self, bucket: &Bucket, address: &AddressTag, now: Timestamp) -> Option<Timestamp> {
        let by_address =
            self.failures_by_address.get(&(bucket.clone(), address.clone())).map_or(&[][..], Vec::as_slice);
        let in_all = self.failures.get(bucket).map_or(&[][..], Vec::as_slice);
        let by_address = wait_after(by_address, FAILURES.by_address);
        by_address.max(wait_after(in_all, FAILURES.in_all)).filter(|until| *until > now)
    }
}

fn count<'a>(challenges: impl Iterator<Item = &'a Challenge>) -> u32 {
    u32::try_from(challenges.count()).expect("a few")
}

/// The wait that the last of these failures brought.
fn wait_after(failures: &[Timestamp], threshold: u32) -> Option<Timestamp> {
    let last = *failures.last()?;
    let forgotten = failures.windows(2).rposition(|two| two[0] + FAILURE_MEMORY <= two[1]);
    let in_a_row = failures.len() - forgotten.map_or(0, |index| index + 1);
    let past = in_a_row.checked_sub(usize::try_from(threshold).ok()?)?;
    Some(last + Duration::from_mins(WAIT_MINUTES[past.min(3)]))
}
