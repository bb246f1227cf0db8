//! Limits over phones: by the client's address, by the day's total, and the pumping guard.
//!
//! What one phone is allowed is the code store's to count, in the same step that issues. Here a send is taken after its
//! challenge is issued and before its SMS is sent, in one step that counts all or nothing; it is returned if it is not
//! sent, and turns from unverified to verified when its code is used. Stores see keyed hashes of addresses, and of a phone
//! its region and prefix.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::store::StoreError;

mod guard;
mod memory;
mod redis;
mod store;

pub use guard::{GuardMode, GuardPolicy};
pub use memory::MemoryLimitStore;
pub use redis::RedisLimitStore;
pub use store::{LimitStore, SendLimits, SendTicket, SendVerdict, Suspicion, Taking, UsedCode};

/// How long after a refusal requests are looked at before anything is reserved for them.
const WARY: Duration = Duration::from_mins(1);

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

/// Which limits a send is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// An SMS is sent, and nothing says that a person asks for it: all limits.
    Ordinary,
    /// An SMS is sent, and a captcha says that a person asks for it: all limits, but the guard's challenge is met.
    Human,
    /// A test number: no SMS is sent, so nothing is paid for and the guard has nothing to learn. The address's limits
    /// hold, because a request still costs work.
    Unsent,
}

/// What became of a send that no limit refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is counted, as far as was asked.
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
    /// When a limit last refused a send, in milliseconds since 1970.
    refused_at: AtomicI64,
}

impl Limits {
    /// Creates the service.
    #[must_use]
    pub fn new(store: Arc<dyn LimitStore>, policy: LimitPolicy) -> Self {
        Self { store, policy, refused_at: AtomicI64::new(i64::MIN) }
    }

    /// Whether a send had better be checked with `Taking::Nothing` before a challenge is issued for it.
    ///
    /// In peace a send is issued first and taken second, which is one command to each store, and a refusal of the phone
    /// takes no place here. A refusal here voids the challenge again; but until then it holds the phone's cooldown, and
    /// somebody whom a limit refuses could hold a victim's phone by refused requests, a moment each. So for a minute
    /// after any refusal, requests are checked first, and a refused one reserves nothing at all. This is a hint of one
    /// server's own: if it is wrong, a request costs one command more, or holds a phone for that moment.
    pub fn is_wary(&self, now: Timestamp) -> bool {
        let since = now.as_millisecond().saturating_sub(self.refused_at.load(Ordering::Relaxed));
        (0..i64::try_from(WARY.as_millis()).unwrap_or(i64::MAX)).contains(&since)
    }

    /// Checks a send against all limits of its kind, and counts as much of it as `taking` says.
    ///
    /// # Errors
    /// `TakeError`; then nothing is counted.
    pub async fn take_send(&self, ticket: &SendTicket, kind: SendKind, taking: Taking) -> Result<Taken, TakeError> {
        let limits = self.send_limits(kind);
        let verdict = match self.store.take_send(ticket, &limits, taking).await {
            Ok(verdict) => verdict,
            Err(error) => {
                // The store may have counted the send, and its answer may be lost.
                if taking != Taking::Nothing {
                    self.return_send(ticket).await;
                }
                return Err(error.into());
            }
        };
        let outcome = self.outcome(ticket, taking, verdict);
        if !matches!(outcome, Ok(Taken::Counted)) {
            self.refused_at.store(ticket.at.as_millisecond(), Ordering::Relaxed);
        }
        outcome
    }

    fn send_limits(&self, kind: SendKind) -> SendLimits<'_> {
        let LimitPolicy { ip_hourly, ip_daily, total_daily, guard, .. } = &self.policy;
        let mode = guard.mode;
        let is_sent = kind != SendKind::Unsent;
        SendLimits {
            ip_hourly: *ip_hourly,
            ip_daily: *ip_daily,
            total_daily: if is_sent { *total_daily } else { 0 },
            guard: (is_sent && mode != GuardMode::Off).then_some(guard),
            suspect_passes: mode == GuardMode::Record || (mode == GuardMode::Challenge && kind == SendKind::Human),
        }
    }

    fn outcome(&self, ticket: &SendTicket, taking: Taking, verdict: SendVerdict) -> Result<Taken, TakeError> {
        let mode = self.policy.guard.mode;
        match verdict {
            SendVerdict::Limited { limit, until } => {
                Err(TakeError::Limited(RateLimited::until(limit, until, ticket.at)))
            }
            SendVerdict::Taken { suspicion } => {
                // A send that is checked first is logged once, when it is counted.
                if let Some(suspicion) = suspicion.filter(|_| taking == Taking::Everything) {
                    tell_suspect(ticket, suspicion, mode);
                }
                Ok(Taken::Counted)
            }
            SendVerdict::Suspect(suspicion) => {
                tell_suspect(ticket, suspicion, mode);
                if mode == GuardMode::Challenge {
                    return Ok(Taken::Suspect);
                }
                let until = ticket.at + guard::RETRY_AFTER;
                Err(TakeError::Limited(RateLimited::until(Limit::Guard, until, ticket.at)))
            }
        }
    }

    /// Gives a send back that was not tried, or its address's place.
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
    /// If the store fails.
    pub async fn take_attempt(
        &self,
        address: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<RateLimited>, StoreError> {
        if self.policy.ip_attempts == 0 {
            return Ok(None);
        }
        let until = match self.store.take_attempt(address, id, self.policy.ip_attempts, at).await {
            Ok(until) => until,
            Err(error) => {
                // The store may have counted the attempt, and its answer may be lost.
                self.return_attempt(address, id).await;
                return Err(error);
            }
        };
        Ok(until.map(|until| RateLimited::until(Limit::IpAttempts, until, at)))
    }

    /// Gives an attempt back that was not a wrong code.
    pub async fn return_attempt(&self, address: &str, id: &str) {
        if self.policy.ip_attempts > 0 {
            report(self.store.return_attempt(address, id).await, "an attempt could not be given back");
        }
    }
}

fn tell_suspect(ticket: &SendTicket, suspicion: Suspicion, mode: GuardMode) {
    crate::metrics::suspect(suspicion.name(), mode.name());
    tracing::warn!(
        guard.reason = suspicion.name(),
        guard.mode = mode.name(),
        phone.region = %ticket.region,
        phone.prefix = %ticket.prefix,
        "more unverified sends than verified traffic explains"
    );
}

fn report(outcome: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
