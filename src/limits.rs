//! Limits over phones: by the client's address, by the day's total, and the pumping guard.
//!
//! What one phone is allowed is the code store's to count, in the same step that issues. Here a send is taken before it is
//! issued, in one step that counts all or nothing; it is returned where no code came of it, and turns from unverified to
//! verified when its code is used. Stores see keyed hashes of addresses, and of a phone its region and prefix.

use std::sync::Arc;

use jiff::Timestamp;

use crate::store::StoreError;

mod guard;
mod memory;
mod redis;
mod store;

pub use guard::{GuardMode, GuardPolicy};
pub use memory::MemoryLimitStore;
pub use redis::RedisLimitStore;
pub use store::{LimitStore, SendLimits, SendTicket, SendVerdict, Suspicion, UsedCode};

/// A limit that can refuse a request; the API's `extensions.limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// One send per phone per cooldown.
    Cooldown,
    /// Sends per phone per calendar day.
    PhoneDaily,
    /// Unverified sends per client address in an hour.
    IpHourly,
    /// Unverified sends per client address in a day.
    IpDaily,
    /// Consecutive wrong codes.
    FailedAttempts,
    /// Wrong codes per client address in an hour.
    IpAttempts,
    /// Sends per calendar day over all phones.
    TotalDaily,
    /// The pumping guard.
    Guard,
    /// The SMS provider's own.
    Provider,
}

impl Limit {
    /// The name in the API and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cooldown => "COOLDOWN",
            Self::PhoneDaily => "PHONE_DAILY",
            Self::IpHourly => "IP_HOURLY",
            Self::IpDaily => "IP_DAILY",
            Self::FailedAttempts => "FAILED_ATTEMPTS",
            Self::IpAttempts => "IP_ATTEMPTS",
            Self::TotalDaily => "TOTAL_DAILY",
            Self::Guard => "GUARD",
            Self::Provider => "PROVIDER",
        }
    }
}

/// A refusal, and when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// What refused.
    pub limit: Limit,
    /// The earliest time at which it would not.
    pub retry_at: Timestamp,
    /// Whole seconds from the refusal to `retry_at`, rounded up, at least one.
    pub retry_after_seconds: u64,
}

impl RateLimited {
    /// A refusal at `now` that holds until `retry_at`.
    #[must_use]
    pub fn until(limit: Limit, retry_at: Timestamp, now: Timestamp) -> Self {
        let milliseconds = u64::try_from(retry_at.as_millisecond() - now.as_millisecond()).unwrap_or_default();
        Self { limit, retry_at, retry_after_seconds: milliseconds.div_ceil(1000).max(1) }
    }
}

/// How much is allowed. Zero turns a limit off.
#[derive(Debug, Clone)]
pub struct LimitPolicy {
    /// Unverified sends per address in an hour.
    pub ip_hourly: u32,
    /// Unverified sends per address in a day.
    pub ip_daily: u32,
    /// Wrong codes per address in an hour.
    pub ip_attempts: u32,
    /// Sends a calendar day over all phones.
    pub total_daily: u32,
    /// The pumping guard.
    pub guard: GuardPolicy,
}

/// What became of a send that no limit refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is counted.
    Counted,
    /// The guard wants a captcha first. Nothing is counted.
    Suspect,
}

/// Why a send is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// A limit refuses.
    #[error("limited by {}", .0.limit.name())]
    Limited(RateLimited),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The service of limits.
pub struct Limits {
    store: Arc<dyn LimitStore>,
    policy: LimitPolicy,
}

impl Limits {
    /// A service of these parts.
    #[must_use]
    pub fn new(store: Arc<dyn LimitStore>, policy: LimitPolicy) -> Self {
        Self { store, policy }
    }

    /// Takes a send, where all limits allow it. A person who has passed a captcha is not suspect.
    ///
    /// # Errors
    /// `TakeError`; then nothing is counted.
    pub async fn take_send(&self, ticket: &SendTicket, human: bool) -> Result<Taken, TakeError> {
        let mode = self.policy.guard.mode;
        let limits = SendLimits {
            ip_hourly: self.policy.ip_hourly,
            ip_daily: self.policy.ip_daily,
            total_daily: self.policy.total_daily,
            guard: (mode != GuardMode::Off).then_some(&self.policy.guard),
            suspect_passes: mode == GuardMode::Record || (mode == GuardMode::Challenge && human),
        };
        let suspicion = match self.store.take_send(ticket, &limits).await? {
            SendVerdict::Taken { suspicion } => suspicion,
            SendVerdict::Limited { limit, until } => {
                return Err(TakeError::Limited(RateLimited::until(limit, until, ticket.at)));
            }
            SendVerdict::Suspect(suspicion) => Some(suspicion),
        };
        let Some(suspicion) = suspicion else {
            return Ok(Taken::Counted);
        };
        crate::metrics::suspect(suspicion.name(), mode.name());
        tracing::warn!(
            guard.reason = suspicion.name(),
            guard.mode = mode.name(),
            phone.region = %ticket.region,
            phone.prefix = %ticket.prefix,
            "more unverified sends than verified traffic explains"
        );
        if limits.suspect_passes {
            return Ok(Taken::Counted);
        }
        if mode == GuardMode::Challenge {
            return Ok(Taken::Suspect);
        }
        let until = ticket.at + guard::RETRY_AFTER;
        Err(TakeError::Limited(RateLimited::until(Limit::Guard, until, ticket.at)))
    }

    /// Gives a send back of which no code came: nothing was tried.
    pub async fn return_send(&self, ticket: &SendTicket) {
        report(self.store.return_send(ticket, true).await, "a send could not be given back");
    }

    /// Gives back what a send would have cost that the provider refused. The address's count stays: refusals must not be
    /// free to try.
    pub async fn return_refused(&self, ticket: &SendTicket) {
        report(self.store.return_send(ticket, false).await, "a refused send could not be given back");
    }

    /// Turns a send from unverified to verified, and gives the attempt back.
    pub async fn verified(&self, used: &UsedCode<'_>) {
        report(self.store.verified(used).await, "a send could not be counted as verified");
    }

    /// Takes an attempt of an address; it counts unless it is returned.
    /// A refusal where the address has had too many; it is not counted then.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take_attempt(
        &self,
        address: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<RateLimited>, StoreError> {
        if self.policy.ip_attempts == 0 {
            return Ok(None);
        }
        let until = self.store.take_attempt(address, id, self.policy.ip_attempts, at).await?;
        Ok(until.map(|until| RateLimited::until(Limit::IpAttempts, until, at)))
    }

    /// Gives an attempt back that was not a wrong code.
    pub async fn return_attempt(&self, address: &str, id: &str) {
        if self.policy.ip_attempts > 0 {
            report(self.store.return_attempt(address, id).await, "an attempt could not be given back");
        }
    }
}

fn report(outcome: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
