//! Which limits there are, and what is said when one refuses.

use jiff::Timestamp;

/// A limit that can refuse a request; the API's `extensions.limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// One send per phone per cooldown.
    Cooldown,
    /// Sends per phone per calendar day.
    PhoneDaily,
    /// Consecutive wrong codes.
    FailedAttempts,
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
            Self::FailedAttempts => "FAILED_ATTEMPTS",
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
