//! A bucket: the counts of sends and wrong codes that belong together, of a phone or of one of its recognized devices.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::tags::AddressTag;
use crate::verification::store::{FAILURE_MEMORY, FAILURE_WAITS, FailureLimits, LIVE_CHALLENGES, PHONE_MEMORY};

#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When the last challenge was issued, even if its send was refunded.
    last_issue: Option<Timestamp>,
    /// When the last send happened that was not refunded.
    pub(super) last_send: Option<Timestamp>,
    pub(super) sends: Daily,
    pub(super) failures: Failures,
    pub(super) failures_by_address: HashMap<AddressTag, Failures>,
    issued: u64,
    /// The nonces of the last challenges. The key is their number modulo `LIVE_CHALLENGES`.
    live: HashMap<u64, String>,
}

impl Bucket {
    pub(super) fn wait(&self, address: &AddressTag, limits: FailureLimits, now: Timestamp) -> Option<Timestamp> {
        let by_address = self.failures_by_address.get(address).and_then(|failures| failures.wait_until);
        let by_address = by_address.filter(|_| limits.by_address > 0);
        let in_all = self.failures.wait_until.filter(|_| limits.in_all > 0);
        by_address.max(in_all).filter(|until| *until > now)
    }

    /// Counts a send, and returns the nonce of the live challenge that the new one drops.
    pub(super) fn count_send(&mut self, nonce: &str, day: i64, now: Timestamp) -> Option<String> {
        self.sends.add(day);
        self.last_issue = Some(now);
        self.last_send = Some(now);
        self.issued += 1;
        self.live.insert(self.issued % u64::from(LIVE_CHALLENGES), nonce.to_owned())
    }

    pub(super) fn count_failure(&mut self, address: &AddressTag, limits: FailureLimits, now: Timestamp) {
        self.failures.add(limits.in_all, now);
        self.failures_by_address.entry(address.clone()).or_default().add(limits.by_address, now);
    }

    pub(super) fn reset_failures(&mut self, address: &AddressTag) {
        self.failures = Failures::default();
        self.failures_by_address.remove(address);
    }

    /// Removes counts that do not matter any more, and returns whether any are left.
    pub(super) fn sweep(&mut self, now: Timestamp) -> bool {
        self.failures_by_address.retain(|_, failures| failures.remembered(now));
        let is_quiet = self.last_issue.is_none_or(|issued| issued + PHONE_MEMORY <= now);
        !is_quiet || !self.failures_by_address.is_empty() || self.failures.remembered(now)
    }
}

/// A count of sends that starts again each calendar day.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Daily {
    day: i64,
    count: u32,
}

impl Daily {
    /// Returns the day that the count goes on with, and the count. A day never goes back.
    pub(super) const fn on(self, day: i64) -> (i64, u32) {
        if self.day >= day { (self.day, self.count) } else { (day, 0) }
    }

    /// Counts a send, and returns the day on which it is counted.
    pub(super) const fn add(&mut self, day: i64) -> i64 {
        let (day, count) = self.on(day);
        *self = Self { day, count: count + 1 };
        day
    }

    /// Takes back a send that was counted on `day`.
    pub(super) const fn refund(&mut self, day: i64) {
        if self.day == day {
            self.count = self.count.saturating_sub(1);
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Failures {
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
