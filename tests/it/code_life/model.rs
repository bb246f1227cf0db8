//! A simple model of a phone's challenges. It stores every event and derives each answer from them.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use sms_login::purpose::Purpose;
use sms_login::tags::AddressTag;
use sms_login::verification::store::{AttemptOutcome, CodeClaim, IssueOutcome, NewChallenge, Refund};

use super::{COOLDOWN, DAILY, FAILURES, MAX_ATTEMPTS};

const LEASE: Duration = Duration::from_secs(10);
const FAILURE_MEMORY: Duration = Duration::from_hours(30 * 24);
const WAIT_MINUTES: [u64; 4] = [1, 5, 15, 60];

/// The events of one phone.
#[derive(Default)]
pub(super) struct Model {
    challenges: Vec<Challenge>,
    failures: Vec<Timestamp>,
    failures_by_address: HashMap<AddressTag, Vec<Timestamp>>,
}

struct Challenge {
    purpose: Purpose,
    reference: Option<String>,
    day: i64,
    issued_at: Timestamp,
    expires_at: Timestamp,
    wrong: u32,
    claim: Option<(String, Timestamp)>,
    consumed_by: Option<String>,
    /// A code of the same purpose was consumed after this challenge was issued.
    overtaken: bool,
    void: bool,
    refunded: bool,
}

impl Model {
    pub(super) fn issue(&mut self, new: &NewChallenge, purpose: Purpose, day: i64) -> IssueOutcome {
        let now = new.issued_at;
        if let Some(until) = self.wait(&new.subject.address, now) {
            return IssueOutcome::FailureWait { until };
        }

        let paid = || self.challenges.iter().filter(|challenge| !challenge.refunded);
        let today = paid().filter(|challenge| challenge.day == day).count();
        let sends = u32::try_from(today).expect("a few");
        if sends >= DAILY {
            return IssueOutcome::DailyLimit;
        }
        if let Some(until) = paid().map(|sent| sent.issued_at + COOLDOWN).max().filter(|until| *until > now) {
            return IssueOutcome::Cooldown { until };
        }

        self.challenges.push(Challenge {
            purpose,
            reference: new.reference.clone(),
            day,
            issued_at: now,
            expires_at: new.expires_at,
            wrong: 0,
            claim: None,
            consumed_by: None,
            overtaken: false,
            void: false,
            refunded: false,
        });
        IssueOutcome::Issued { sends: sends + 1, remaining: Some(DAILY - sends - 1), recognized: false }
    }

    pub(super) fn attempt(&mut self, index: usize, right: bool, by: &CodeClaim, now: Timestamp) -> AttemptOutcome {
        if let Some(until) = self.wait(&by.subject.address, now) {
            return AttemptOutcome::FailureWait { until };
        }

        let challenge = &mut self.challenges[index];
        let held = challenge.claim.as_ref().is_some_and(|(token, at)| *token != by.token && now < *at + LEASE);
        let ended = challenge.void || challenge.overtaken || challenge.wrong >= MAX_ATTEMPTS;
        if held || ended || now >= challenge.expires_at {
            return AttemptOutcome::Expired;
        }

        if right {
            challenge.claim = Some((by.token.clone(), now));
            return AttemptOutcome::Claimed { reference: challenge.reference.clone(), recognized: false };
        }

        challenge.claim = None;
        challenge.wrong += 1;
        let attempts_remaining = MAX_ATTEMPTS - challenge.wrong;
        self.failures.push(now);
        self.failures_by_address.entry(by.subject.address.clone()).or_default().push(now);
        AttemptOutcome::Incorrect { attempts_remaining, recognized: false }
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
        self.failures.clear();
        self.failures_by_address.remove(&by.subject.address);
        true
    }

    pub(super) fn release(&mut self, index: usize, by: &CodeClaim) {
        if self.challenges[index].consumed_by.is_none() && self.holds(index, by) {
            self.challenges[index].claim = None;
        }
    }

    pub(super) fn void(&mut self, index: usize, refund: Refund) {
        let challenge = &mut self.challenges[index];
        if !challenge.void && challenge.claim.is_none() && challenge.wrong < MAX_ATTEMPTS {
            challenge.void = true;
            challenge.refunded = refund == Refund::Send;
        }
    }

    fn holds(&self, index: usize, by: &CodeClaim) -> bool {
        self.challenges[index].claim.as_ref().is_some_and(|(token, _)| *token == by.token)
    }

    /// Returns the time until which the phone has to wait when it is used from this address.
    fn wait(&self, address: &AddressTag, now: Timestamp) -> Option<Timestamp> {
        let by_address = self.failures_by_address.get(address).map_or(&[][..], Vec::as_slice);
        let by_address = wait_after(by_address, FAILURES.by_address);
        by_address.max(wait_after(&self.failures, FAILURES.in_all)).filter(|until| *until > now)
    }
}

/// Returns the end of the wait that the last of these failures caused.
fn wait_after(failures: &[Timestamp], threshold: u32) -> Option<Timestamp> {
    let last = *failures.last()?;
    let forgotten = failures.windows(2).rposition(|two| two[0] + FAILURE_MEMORY <= two[1]);
    let in_a_row = failures.len() - forgotten.map_or(0, |index| index + 1);
    let past = in_a_row.checked_sub(usize::try_from(threshold).ok()?)?;
    Some(last + Duration::from_mins(WAIT_MINUTES[past.min(3)]))
}
