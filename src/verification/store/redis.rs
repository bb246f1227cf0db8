//! The code store of servers that share a Redis.
//!
//! Each step is one Lua script. All keys of a phone carry its tag in braces, so that a Redis Cluster keeps them in one
//! slot. Keys hold no phone number, address or code. A TTL only collects garbage: the server's clock decides what is valid.

use async_trait::async_trait;
use serde::Serialize;

use super::{
    Attempt, AttemptOutcome, CHALLENGE_MEMORY, CLAIM_LEASE, CodeClaim, CodeStore, FAILURE_MEMORY, FAILURE_WAITS,
    IssueOutcome, LIVE_CHALLENGES, NewChallenge, PHONE_MEMORY, PhoneLimits, Refund, Subject,
};
use crate::redis::{RedisPool, ScriptReply, StoreScript, milliseconds, unexpected};
use crate::store::StoreError;

/// The code store of servers that share a Redis.
pub struct RedisCodeStore {
    redis: RedisPool,
    issue: StoreScript,
    attempt: StoreScript,
    consume: StoreScript,
    release: StoreScript,
    void: StoreScript,
}

#[derive(Serialize)]
struct IssueArgs<'a> {
    now: i64,
    check_only: bool,
    cooldown: u64,
    daily: u32,
    day: i64,
    by_address: u32,
    in_all: u32,
    nonce: &'a str,
    digest: String,
    expires_at: i64,
    challenges: &'a str,
    live_challenges: u32,
    phone_memory: u64,
    challenge_memory: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
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
struct VoidArgs {
    refund: bool,
}

impl RedisCodeStore {
    /// Creates a store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        let with_failures = |body: &str| [include_str!("failures.lua"), body].concat();
        Self {
            redis,
            issue: StoreScript::admitting(&with_failures(include_str!("issue.lua"))),
            attempt: StoreScript::admitting(&with_failures(include_str!("attempt.lua"))),
            consume: StoreScript::settling(&with_failures(include_str!("consume.lua"))),
            release: StoreScript::settling(include_str!("release.lua")),
            void: StoreScript::settling(include_str!("void.lua")),
        }
    }

    fn keys(&self, subject: &Subject, nonce: &str) -> Keys {
        let Subject { phone, address } = subject;
        let challenges = self.redis.key(phone, "challenge:");
        Keys {
            phone: self.redis.key(phone, "phone"),
            challenge: format!("{challenges}{nonce}"),
            challenges,
            failures: self.redis.key(phone, format_args!("failures:{address}")),
        }
    }

    async fn run_issue(
        &self,
        new: &NewChallenge,
        limits: &PhoneLimits,
        check_only: bool,
    ) -> Result<IssueOutcome, StoreError> {
        let keys = self.keys(&new.subject, &new.nonce);

        let args = IssueArgs {
            now: new.issued_at.as_millisecond(),
            check_only,
            cooldown: milliseconds(limits.cooldown),
            daily: limits.daily,
            day: limits.day,
            by_address: limits.failures.by_address,
            in_all: limits.failures.in_all,
            nonce: &new.nonce,
            digest: new.digest.to_base64url(),
            expires_at: new.expires_at.as_millisecond(),
            challenges: &keys.challenges,
            live_challenges: LIVE_CHALLENGES,
            phone_memory: milliseconds(PHONE_MEMORY),
            challenge_memory: milliseconds(CHALLENGE_MEMORY),
            reference: new.reference.as_deref(),
        };

        let reply: ScriptReply =
            self.redis.run(&self.issue, [keys.phone, keys.challenge, keys.failures], &args).await?;
        match reply.word.as_str() {
            "issued" => Ok(IssueOutcome::Issued { sends: reply.number()? }),
            "wait" => Ok(IssueOutcome::FailureWait { until: reply.instant()? }),
            "cooldown" => Ok(IssueOutcome::Cooldown { until: reply.instant()? }),
            "daily" => Ok(IssueOutcome::DailyLimit),
            _ => Err(unexpected()),
        }
    }
}

/// The keys that a step uses.
struct Keys {
    phone: String,
    challenge: String,
    /// The key of a challenge of this phone, without the nonce.
    challenges: String,
    failures: String,
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
        let keys = self.keys(&claim.subject, &claim.nonce);
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
        };

        let reply: ScriptReply =
            self.redis.run(&self.attempt, [keys.phone, keys.challenge, keys.failures], &args).await?;
        match reply.word.as_str() {
            "claimed" => Ok(AttemptOutcome::Claimed { reference: reply.text()? }),
            "incorrect" => Ok(AttemptOutcome::Incorrect { attempts_remaining: reply.number()? }),
            "wait" => Ok(AttemptOutcome::FailureWait { until: reply.instant()? }),
            "expired" => Ok(AttemptOutcome::Expired),
            _ => Err(unexpected()),
        }
    }

    async fn consume(&self, claim: &CodeClaim) -> Result<bool, StoreError> {
        let keys = self.keys(&claim.subject, &claim.nonce);
        let args = ConsumeArgs {
            claim: &claim.token,
            purpose: claim.purpose.name(),
            phone_memory: milliseconds(PHONE_MEMORY),
        };
        self.redis.run(&self.consume, [keys.phone, keys.challenge, keys.failures], &args).await
    }

    async fn release(&self, claim: &CodeClaim) -> Result<(), StoreError> {
        let keys = self.keys(&claim.subject, &claim.nonce);
        let args = ReleaseArgs { claim: &claim.token };
        self.redis.run::<bool>(&self.release, [keys.challenge], &args).await.map(drop)
    }

    async fn void(&self, new: &NewChallenge, refund: Refund) -> Result<(), StoreError> {
        let keys = self.keys(&new.subject, &new.nonce);
        let args = VoidArgs { refund: refund == Refund::Send };
        self.redis.run::<bool>(&self.void, [keys.phone, keys.challenge], &args).await.map(drop)
    }
}
