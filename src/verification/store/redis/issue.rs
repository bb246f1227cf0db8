//! The arguments of `issue.lua` and its replies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::redis::{ScriptReply, milliseconds, unexpected};
use crate::store::StoreError;
use crate::verification::store::{
    CHALLENGE_MEMORY, CLAIM_LEASE, DEVICES_SHARE, IssueOutcome, LIVE_CHALLENGES, NewChallenge, OLDER_CODES,
    PHONE_MEMORY, PhoneLimits, SEND_LEASE, SentAnswer,
};

#[derive(Serialize)]
pub(super) struct IssueArgs<'a> {
    now: i64,
    check_only: bool,
    cooldown: u64,
    daily: u32,
    daily_by_address: u32,
    daily_of_devices: u32,
    day: i64,
    by_address: u32,
    in_all: u32,
    purpose: &'static str,
    nonce: &'a str,
    digest: String,
    expires_at: i64,
    challenges: &'a str,
    live_challenges: u32,
    older_codes: usize,
    claim_lease: u64,
    phone_memory: u64,
    challenge_memory: u64,
    send_lease: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_issued_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resend_of: Option<&'a str>,
    needs_predecessor: bool,
}

impl<'a> IssueArgs<'a> {
    pub(super) fn new(new: &'a NewChallenge, limits: &PhoneLimits, challenges: &'a str, check_only: bool) -> Self {
        Self {
            now: new.issued_at.as_millisecond(),
            check_only,
            cooldown: milliseconds(limits.cooldown),
            daily: limits.daily,
            daily_by_address: limits.daily_by_address,
            daily_of_devices: limits.daily.saturating_mul(DEVICES_SHARE),
            day: limits.day,
            by_address: limits.failures.by_address,
            in_all: limits.failures.in_all,
            purpose: new.purpose.name(),
            nonce: &new.nonce,
            digest: new.digest.to_base64url(),
            expires_at: new.expires_at.as_millisecond(),
            challenges,
            live_challenges: LIVE_CHALLENGES,
            older_codes: OLDER_CODES,
            claim_lease: milliseconds(CLAIM_LEASE),
            phone_memory: milliseconds(PHONE_MEMORY),
            challenge_memory: milliseconds(CHALLENGE_MEMORY),
            send_lease: milliseconds(SEND_LEASE),
            reference: new.reference.as_deref(),
            device_issued_at: new.subject.device.as_ref().map(|device| device.issued_at.as_millisecond()),
            key_arguments: new.key.as_ref().map(|key| key.arguments.as_str()),
            resend_of: new.resend_of.as_deref(),
            needs_predecessor: new.needs_predecessor,
        }
    }
}

#[derive(Deserialize)]
struct Issued {
    sends: u32,
    remaining: Option<u32>,
    recognized: bool,
}

#[derive(Deserialize)]
struct Repeated {
    nonce: String,
    expires_at: i64,
    resend_at: i64,
    sends_remaining: Option<u32>,
}

/// Reads the reply of the script.
pub(super) fn outcome(reply: ScriptReply) -> Result<IssueOutcome, StoreError> {
    match reply.word.as_str() {
        "issued" => {
            let Issued { sends, remaining, recognized } = reply.json()?;
            Ok(IssueOutcome::Issued { sends, remaining, recognized })
        }
        "repeated" => {
            let repeated: Repeated = reply.json()?;
            let answer = SentAnswer {
                expires_at: instant(repeated.expires_at)?,
                resend_at: instant(repeated.resend_at)?,
                sends_remaining: repeated.sends_remaining,
            };
            Ok(IssueOutcome::Repeated { nonce: repeated.nonce, answer })
        }
        "in_flight" => Ok(IssueOutcome::InFlight),
        "mismatch" => Ok(IssueOutcome::KeyMismatch),
        "no_predecessor" => Ok(IssueOutcome::NoPredecessor),
        "wait" => Ok(IssueOutcome::FailureWait { until: reply.instant()? }),
        "cooldown" => Ok(IssueOutcome::Cooldown { until: reply.instant()? }),
        "daily" => Ok(IssueOutcome::DailyLimit),
        _ => Err(unexpected()),
    }
}

fn instant(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| unexpected())
}
