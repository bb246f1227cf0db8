//! A challenge and its states.

use jiff::Timestamp;

use crate::purpose::Purpose;
use crate::tags::DeviceTag;
use crate::verification::store::{CHALLENGE_MEMORY, CLAIM_LEASE, CodeDigest};

#[derive(Debug)]
pub(super) struct Challenge {
    pub(super) state: State,
    pub(super) purpose: Purpose,
    pub(super) code: StoredCode,
    /// The codes of the challenges that this one replaced, the latest first.
    pub(super) older: Vec<StoredCode>,
    pub(super) reference: Option<String>,
    /// The nonce of the challenge that this one replaced.
    pub(super) replaces: Option<String>,
    pub(super) sequence: u64,
    pub(super) issued_at: Timestamp,
    pub(super) attempts: u32,
    /// The recognized device in whose bucket the send is counted.
    pub(super) device: Option<DeviceTag>,
    /// The day on which the bucket counts the send.
    pub(super) day: i64,
    /// The day on which the second count has the send: the count of the address, or of all devices.
    pub(super) second_day: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredCode {
    pub(super) digest: CodeDigest,
    pub(super) expires_at: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Issued,
    Claimed { token: String, at: Timestamp },
    Consumed { token: String },
    Exhausted,
    Replaced,
    Void,
}

impl Challenge {
    /// Returns whether its state allows that it is used, now or when its claim is released.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Issued | State::Claimed { .. }) && self.code.expires_at > now
    }

    /// Returns whether another request than that of `token` has claimed it.
    pub(super) fn is_held_by_another(&self, token: Option<&str>, now: Timestamp) -> bool {
        match &self.state {
            State::Claimed { token: holder, at } => token != Some(holder.as_str()) && *at + CLAIM_LEASE > now,
            State::Issued | State::Consumed { .. } | State::Exhausted | State::Replaced | State::Void => false,
        }
    }

    /// Compares a submitted code with every code, in constant time.
    pub(super) fn accepts(&self, submitted: &CodeDigest, now: Timestamp) -> bool {
        self.older.iter().fold(self.code.digest.matches(submitted), |right, code| {
            let same = code.digest.matches(submitted);
            right || (same && code.expires_at > now)
        })
    }

    pub(super) fn remembered(&self, now: Timestamp) -> bool {
        self.code.expires_at + CHALLENGE_MEMORY > now
    }
}
