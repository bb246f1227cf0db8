//! Challenges in Redis, shared by any number of servers.
//!
//! Each step is one Lua script. All keys of a phone carry its tag in braces, so that a Redis Cluster keeps them in one
//! slot. Keys hold no phone number, address or code. A TTL only collects garbage; the clock decides.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    Attempt, AttemptOutcome, CLAIM_LEASE, Claim, CodeStore, FAILURE_MEMORY, FAILURE_WAITS, IssueOutcome,
    LIVE_CHALLENGES, NewChallenge, PHONE_MEMORY, Refund, SendLimits, Subject,
};
use crate::redis::{Answer, RedisPool, StoreScript, unexpected};
use crate::store::StoreError;

/// The code store of servers that share a Redis.
pub struct RedisCodeStore {
    redis: RedisPool,
    scripts: Scripts,
}

struct Scripts {
    issue: StoreScript,
    attempt: StoreScript,
    consume: StoreScript,
    release: StoreScript,
    void: StoreScript,
}

impl RedisCodeStore {
    /// A store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        let with_shared = |body: &str| [include_str!("failures.lua"), body].concat();
        let scripts = Scripts {
            issue: StoreScript::admitting(&with_shared(include_str!("issue.lua"))),
            attempt: StoreScript::admitting(&with_shared(include_str!("attempt.lua"))),
            consume: StoreScript::settling(&with_shared(include_str!("consume.lua"))),
            release: StoreScript::settling(include_str!("release.lua")),
            void: StoreScript::settling(include_str!("void.lua")),
        };
        Self { redis, scripts }
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
        limits: &SendLimits,
        step: &'static str,
    ) -> Result<IssueOutcome, StoreError> {
        let keys = self.keys(&new.subject, &new.nonce);
        let call = self
            .scripts
            .issue
            .keys([keys.phone, keys.challenge, keys.failures])
            .arg(step)
            .arg(new.issued_at.as_millisecond())
            .arg(milliseconds(limits.cooldown))
            .arg(limits.daily)
            .arg(limits.day)
            .arg(limits.failures.by_address)
            .arg(limits.failures.in_all)
            .arg(&new.nonce)
            .arg(new.digest.to_base64url())
            .arg(new.expires_at.as_millisecond())
            .arg(keys.challenges)
            .arg(LIVE_CHALLENGES)
            .arg(milliseconds(PHONE_MEMORY))
            .arg(new.reference.as_deref());
        let answer = Answer::of(self.redis.run(call).await?)?;
        match answer.kind.as_str() {
            "issued" => Ok(IssueOutcome::Issued { sends: answer.number()? }),
            "wait" => Ok(IssueOutcome::FailureWait { until: answer.instant()? }),
            "cooldown" => Ok(IssueOutcome::Cooldown { until: answer.instant()? }),
            "daily" => Ok(IssueOutcome::DailyLimit),
            _ => Err(unexpected()),
        }
    }
}

/// A challenge's keys, and what stands before the nonce in the names of its phone's challenges.
struct Keys {
    phone: String,
    challenge: String,
    challenges: String,
    failures: String,
}

#[async_trait]
impl CodeStore for RedisCodeStore {
    async fn issue(&self, new: &NewChallenge, limits: &SendLimits) -> Result<IssueOutcome, StoreError> {
        self.run_issue(new, limits, "issue").await
    }

    async fn check(&self, new: &NewChallenge, limits: &SendLimits) -> Result<IssueOutcome, StoreError> {
        self.run_issue(new, limits, "check").await
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError> {
        let claim = &attempt.claim;
        let keys = self.keys(&claim.subject, &claim.nonce);
        let call = self
            .scripts
            .attempt
            .keys([keys.phone, keys.challenge, keys.failures])
            .arg(attempt.at.as_millisecond())
            .arg(attempt.digest.to_base64url())
            .arg(&claim.token)
            .arg(attempt.max_attempts)
            .arg(attempt.failures.by_address)
            .arg(attempt.failures.in_all)
            .arg(claim.purpose.name())
            .arg(milliseconds(CLAIM_LEASE))
            .arg(milliseconds(FAILURE_MEMORY))
            .arg(FAILURE_WAITS.map(milliseconds).as_slice());
        let answer = Answer::of(self.redis.run(call).await?)?;
        match answer.kind.as_str() {
            "claimed" => Ok(AttemptOutcome::Claimed { reference: answer.text()? }),
            "incorrect" => Ok(AttemptOutcome::Incorrect { attempts_remaining: answer.number()? }),
            "wait" => Ok(AttemptOutcome::FailureWait { until: answer.instant()? }),
            "expired" => Ok(AttemptOutcome::Expired),
            _ => Err(unexpected()),
        }
    }

    async fn consume(&self, claim: &Claim) -> Result<bool, StoreError> {
        let keys = self.keys(&claim.subject, &claim.nonce);
        let call = self.scripts.consume.keys([keys.phone, keys.challenge, keys.failures]);
        self.redis.run(call.arg(&claim.token).arg(claim.purpose.name()).arg(milliseconds(PHONE_MEMORY))).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let keys = self.keys(&claim.subject, &claim.nonce);
        let call = self.scripts.release.keys([keys.challenge]).arg(&claim.token);
        self.redis.run::<bool>(call).await.map(drop)
    }

    async fn void(&self, new: &NewChallenge, refund: Refund) -> Result<(), StoreError> {
        let keys = self.keys(&new.subject, &new.nonce);
        let call = self.scripts.void.keys([keys.phone, keys.challenge]);
        self.redis.run::<bool>(call.arg(if refund == Refund::Send { "1" } else { "0" })).await.map(drop)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.redis.ping().await
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
