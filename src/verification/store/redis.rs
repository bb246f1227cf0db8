//! The code store of servers that share a Redis.
//!
//! Each step is one Lua script. All keys of a phone carry its tag in braces, so that a Redis Cluster keeps them in one
//! slot. Keys hold no phone number, address or code. A TTL only collects garbage: the server's clock decides what is valid.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Attempt, AttemptOutcome, CLAIM_LEASE, CodeClaim, CodeStore, FAILURE_MEMORY, FAILURE_WAITS, IssueOutcome,
    NewChallenge, PHONE_MEMORY, PhoneLimits, Refund, SentAnswer, Subject,
};
use crate::redis::{RedisPool, ScriptReply, StoreScript, milliseconds, unexpected};
use crate::store::StoreError;
use crate::tags::PhoneTag;

mod issue;
mod keys;

use issue::IssueArgs;
use keys::Keys;

/// The code store of servers that share a Redis.
pub struct RedisCodeStore {
    redis: RedisPool,
    issue: StoreScript,
    attempt: StoreScript,
    consume: StoreScript,
    release: StoreScript,
    void: StoreScript,
    confirm: StoreScript,
    recognizes: StoreScript,
    revoke_devices: StoreScript,
}

#[derive(Serialize)]
struct AttemptArgs<'a> {
    now: i64,
    digest: String,
    claim: &'a str,
    purpose: &'static str,
    max_attempts: u32,
    claim_lease: u64,
    by_address: u32,
    in_all: u32,
    failure_memory: u64,
    waits: [u64; FAILURE_WAITS.len()],
    #[serde(skip_serializing_if = "Option::is_none")]
    device_issued_at: Option<i64>,
}

#[derive(Deserialize)]
struct Claimed {
    reference: Option<String>,
    recognized: bool,
}

#[derive(Deserialize)]
struct Incorrect {
    attempts_remaining: u32,
    recognized: bool,
}

#[derive(Serialize)]
struct ConsumeArgs<'a> {
    claim: &'a str,
    purpose: &'static str,
    phone_memory: u64,
}

#[derive(Serialize)]
struct ReleaseArgs<'a> {
    claim: &'a str,
}

#[derive(Serialize)]
struct VoidArgs<'a> {
    refund: bool,
    nonce: &'a str,
    challenges: &'a str,
    has_key: bool,
}

#[derive(Serialize)]
struct ConfirmArgs<'a> {
    nonce: &'a str,
    expires_at: i64,
    resend_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sends_remaining: Option<u32>,
}

#[derive(Serialize)]
struct RecognizesArgs {
    device_issued_at: i64,
}

#[derive(Serialize)]
struct RevokeArgs {
    at: i64,
    memory: u64,
}

impl RedisCodeStore {
    /// Creates a store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        let recognition = |body: &str| [include_str!("recognition.lua"), body].concat();
        let with_failures = |body: &str| [include_str!("failures.lua"), body].concat();
        Self {
            redis,
            issue: StoreScript::admitting("issue", &recognition(&with_failures(include_str!("issue.lua")))),
            attempt: StoreScript::admitting("attempt", &recognition(&with_failures(include_str!("attempt.lua")))),
            consume: StoreScript::settling("consume", &with_failures(include_str!("consume.lua"))),
            release: StoreScript::settling("release", include_str!("release.lua")),
            void: StoreScript::settling("void", include_str!("void.lua")),
            confirm: StoreScript::settling("confirm", include_str!("confirm.lua")),
            recognizes: StoreScript::settling("recognizes", &recognition(include_str!("recognizes.lua"))),
            revoke_devices: StoreScript::settling("revoke_devices", include_str!("revoke_devices.lua")),
        }
    }

    fn keys<'a>(&'a self, subject: &'a Subject) -> Keys<'a> {
        Keys { redis: &self.redis, subject }
    }

    async fn run_issue(
        &self,
        new: &NewChallenge,
        limits: &PhoneLimits,
        check_only: bool,
    ) -> Result<IssueOutcome, StoreError> {
        let keys = self.keys(&new.subject);
        let challenges = keys.challenges();
        let args = IssueArgs::new(new, limits, &challenges, check_only);
        let reply = self.redis.run(&self.issue, keys.of_issue(new), &args).await?;
        issue::outcome(reply)
    }
}

#[async_trait]
impl CodeStore for RedisCodeStore {
    async fn issue(&self, new: &NewChallenge, limits: &PhoneLimits) -> Result<IssueOutcome, StoreError> {
        self.run_issue(new, limits, false).await
    }

    async fn check(&self, new: &NewChallenge, limits: &PhoneLimits) -> Result<IssueOutcome, StoreError> {
        self.run_issue(new, limits, true).await
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError> {
        let claim = &attempt.claim;
        let device = claim.subject.device.as_ref();
        let args = AttemptArgs {
            now: attempt.at.as_millisecond(),
            digest: attempt.digest.to_base64url(),
            claim: &claim.token,
            purpose: claim.purpose.name(),
            max_attempts: attempt.max_attempts,
            claim_lease: milliseconds(CLAIM_LEASE),
            by_address: attempt.failures.by_address,
            in_all: attempt.failures.in_all,
            failure_memory: milliseconds(FAILURE_MEMORY),
            waits: FAILURE_WAITS.map(milliseconds),
            device_issued_at: device.map(|device| device.issued_at.as_millisecond()),
        };

        let keys = self.keys(&claim.subject).of_attempt(&claim.nonce);
        let reply: ScriptReply = self.redis.run(&self.attempt, keys, &args).await?;
        match reply.word.as_str() {
            "claimed" => {
                let Claimed { reference, recognized } = reply.json()?;
                Ok(AttemptOutcome::Claimed { reference, recognized })
            }
            "incorrect" => {
                let Incorrect { attempts_remaining, recognized } = reply.json()?;
                Ok(AttemptOutcome::Incorrect { attempts_remaining, recognized })
            }
            "wait" => Ok(AttemptOutcome::FailureWait { until: reply.instant()? }),
            "expired" => Ok(AttemptOutcome::Expired),
            _ => Err(unexpected()),
        }
    }

    async fn consume(&self, claim: &CodeClaim) -> Result<bool, StoreError> {
        let args = ConsumeArgs {
            claim: &claim.token,
            purpose: claim.purpose.name(),
            phone_memory: milliseconds(PHONE_MEMORY),
        };
        self.redis.run(&self.consume, self.keys(&claim.subject).of_consume(&claim.nonce), &args).await
    }

    async fn release(&self, claim: &CodeClaim) -> Result<(), StoreError> {
        let challenge = self.keys(&claim.subject).challenge(&claim.nonce);
        let args = ReleaseArgs { claim: &claim.token };
        self.redis.run::<bool>(&self.release, [challenge], &args).await.map(drop)
    }

    async fn void(&self, new: &NewChallenge, refund: Refund) -> Result<(), StoreError> {
        let keys = self.keys(&new.subject);
        let args = VoidArgs {
            refund: refund == Refund::Send,
            nonce: &new.nonce,
            challenges: &keys.challenges(),
            has_key: new.key.is_some(),
        };
        self.redis.run::<bool>(&self.void, keys.of_void(new), &args).await.map(drop)
    }

    async fn confirm(&self, challenge: &NewChallenge, answer: &SentAnswer) -> Result<(), StoreError> {
        let Some(key) = &challenge.key else {
            return Ok(());
        };
        let args = ConfirmArgs {
            nonce: &challenge.nonce,
            expires_at: answer.expires_at.as_millisecond(),
            resend_at: answer.resend_at.as_millisecond(),
            sends_remaining: answer.sends_remaining,
        };
        let request = self.keys(&challenge.subject).request(key);
        self.redis.run::<bool>(&self.confirm, [request], &args).await.map(drop)
    }

    async fn recognizes(&self, subject: &Subject) -> Result<bool, StoreError> {
        let Some(device) = &subject.device else {
            return Ok(false);
        };
        let args = RecognizesArgs { device_issued_at: device.issued_at.as_millisecond() };
        self.redis.run(&self.recognizes, [keys::revoked(&self.redis, &subject.phone)], &args).await
    }

    async fn revoke_devices(&self, phone: &PhoneTag, at: Timestamp, memory: Duration) -> Result<(), StoreError> {
        let args = RevokeArgs { at: at.as_millisecond(), memory: milliseconds(memory) };
        self.redis.run::<bool>(&self.revoke_devices, [keys::revoked(&self.redis, phone)], &args).await.map(drop)
    }
}
