//! Challenges in Redis, shared by any number of servers.
//!
//! Each step is one Lua script. All keys of a phone carry its tag in braces, so that a Redis Cluster keeps them in one
//! slot. Keys hold no phone number, address or code. A TTL only collects garbage; the clock decides.

use std::time::Duration;

use ::redis::{Script, ScriptInvocation};
use async_trait::async_trait;

use super::{
    Attempt, AttemptOutcome, CLAIM_LEASE, Claim, CodeStore, FAILURE_MEMORY, FAILURE_WAITS, IssueOutcome, NewChallenge,
    Refund, SendLimits, Subject,
};
use crate::redis::{Answer, RedisPool, unexpected};
use crate::store::StoreError;

/// The code store of servers that share a Redis.
pub struct RedisCodeStore {
    redis: RedisPool,
    scripts: Scripts,
}

struct Scripts {
    issue: Script,
    attempt: Script,
    consume: Script,
    release: Script,
    void: Script,
}

impl RedisCodeStore {
    /// A store on `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        let scripts = Scripts {
            issue: Script::new(concat!(include_str!("failures.lua"), include_str!("issue.lua"))),
            attempt: Script::new(concat!(include_str!("failures.lua"), include_str!("attempt.lua"))),
            consume: Script::new(include_str!("consume.lua")),
            release: Script::new(include_str!("release.lua")),
            void: Script::new(include_str!("void.lua")),
        };
        Self { redis, scripts }
    }
}

struct Keys {
    phone: String,
    challenge: String,
    failures: String,
}

impl Keys {
    fn new(subject: &Subject, nonce: &str) -> Self {
        let Subject { phone, address } = subject;
        Self {
            phone: format!("sms-login:{{{phone}}}:phone"),
            challenge: format!("sms-login:{{{phone}}}:challenge:{nonce}"),
            failures: format!("sms-login:{{{phone}}}:failures:{address}"),
        }
    }

    fn all<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut invocation = script.key(&self.phone);
        invocation.key(&self.challenge).key(&self.failures);
        invocation
    }
}

#[async_trait]
impl CodeStore for RedisCodeStore {
    async fn issue(&self, new: &NewChallenge, limits: &SendLimits) -> Result<IssueOutcome, StoreError> {
        let mut script = Keys::new(&new.subject, &new.nonce).all(&self.scripts.issue);
        script
            .arg(new.issued_at.as_millisecond())
            .arg(milliseconds(limits.cooldown))
            .arg(limits.daily)
            .arg(limits.day)
            .arg(limits.failures.by_address)
            .arg(limits.failures.in_all)
            .arg(new.digest.to_base64url())
            .arg(new.expires_at.as_millisecond())
            .arg(if new.reference.is_some() { "1" } else { "0" })
            .arg(new.reference.as_deref().unwrap_or_default());
        let answer = Answer::of(self.redis.run(&script).await?)?;
        match answer.kind.as_str() {
            "issued" => Ok(IssueOutcome::Issued { sends: answer.number()? }),
            "wait" => Ok(IssueOutcome::FailureWait { until: answer.instant()? }),
            "cooldown" => Ok(IssueOutcome::Cooldown { until: answer.instant()? }),
            "daily" => Ok(IssueOutcome::DailyLimit),
            _ => Err(unexpected()),
        }
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError> {
        let claim = &attempt.claim;
        let mut script = Keys::new(&claim.subject, &claim.nonce).all(&self.scripts.attempt);
        script
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
        let answer = Answer::of(self.redis.run(&script).await?)?;
        match answer.kind.as_str() {
            "claimed" => Ok(AttemptOutcome::Claimed { reference: answer.text()? }),
            "incorrect" => Ok(AttemptOutcome::Incorrect { attempts_remaining: answer.number()? }),
            "wait" => Ok(AttemptOutcome::FailureWait { until: answer.instant()? }),
            "expired" => Ok(AttemptOutcome::Expired),
            _ => Err(unexpected()),
        }
    }

    async fn consume(&self, claim: &Claim) -> Result<bool, StoreError> {
        let mut script = Keys::new(&claim.subject, &claim.nonce).all(&self.scripts.consume);
        script.arg(&claim.token).arg(claim.purpose.name());
        self.redis.run(&script).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let keys = Keys::new(&claim.subject, &claim.nonce);
        let mut script = self.scripts.release.key(&keys.challenge);
        script.arg(&claim.token);
        self.redis.run::<bool>(&script).await.map(drop)
    }

    async fn void(&self, new: &NewChallenge, refund: Refund) -> Result<(), StoreError> {
        let keys = Keys::new(&new.subject, &new.nonce);
        let mut script = self.scripts.void.key(&keys.phone);
        script.key(&keys.challenge).arg(if refund == Refund::Send { "1" } else { "0" });
        self.redis.run::<bool>(&script).await.map(drop)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.redis.ping().await
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
