//! Limits across phones: sends and attempts of a client address, the day's total, and the pumping guard.
//!
//! The limits of a single phone are not here: the code store counts them in the step that issues a challenge. A send is
//! counted after its challenge is issued and before its SMS is sent, in one step that counts everything or nothing. It is
//! refunded if no SMS is sent, and becomes verified when its code is used. Stores get keyed hashes of addresses, and only
//! the region and the prefix of a phone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::metrics;
use crate::price::Price;
use crate::store::StoreError;

mod guard;
mod memory;
mod redis;
mod store;

pub use guard::{GuardMode, GuardPolicy, SprayPolicy, SubmittedCodes};
pub use memory::MemoryLimitStore;
pub use redis::RedisLimitStore;
pub use store::{
    AttemptCount, AttemptTicket, Counting, LimitStore, SendRefund, SendTicket, SendVerdict, Suspicion, TrafficLimits,
    UsedCode,
};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How long a store remembers a send, so that it can become verified: longer than any code is valid.
const SEND_MEMORY: Duration = Duration::from_hours(1);

/// How many times the limits of an address apply to each of its networks, the narrowest first: the /64, the /56 and the
/// /48 of an IPv6 address. A customer with a /48 has 65,536 networks /64, but is not 65,536 customers.
const NETWORK_SHARES: [u32; 3] = [1, 4, 8];

/// A captcha raises the limits of the address to this multiple. It does not remove them: each ticket costs a call to the
/// captcha service, even if it is forged, and captchas can be solved for money.
const CAPTCHA_RAISES_TO: u32 = 10;

/// How long a store remembers that a captcha was used. Tencent accepts a ticket for five minutes.
const CAPTCHA_MEMORY: Duration = Duration::from_mins(10);

/// How long after a rejection requests are checked before anything is reserved for them.
const WARY: Duration = Duration::from_mins(1);

/// A limit that can reject a request. The API returns its name as `limit`.
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
    /// Sends to all phones together per calendar day.
    TotalDaily,
    /// The price of all messages together per calendar day.
    SpendDaily,
    /// The pumping guard.
    Guard,
    /// A limit of the SMS provider.
    Provider,
}

impl Limit {
    /// Returns the name in the API and in logs.
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
            Self::SpendDaily => "SPEND_DAILY",
            Self::Guard => "GUARD",
            Self::Provider => "PROVIDER",
        }
    }
}

/// A rejection by a limit, and when the client may retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// The limit that rejects the request.
    pub limit: Limit,
    /// The earliest time at which the limit would allow the request.
    pub retry_at: Timestamp,
    /// Whole seconds from the rejection to `retry_at`, rounded up, at least one.
    pub retry_after_seconds: u64,
}

impl RateLimited {
    /// Creates a rejection at `now` that holds until `retry_at`.
    #[must_use]
    pub fn until(limit: Limit, retry_at: Timestamp, now: Timestamp) -> Self {
        let milliseconds = u64::try_from(retry_at.as_millisecond() - now.as_millisecond()).unwrap_or_default();
        Self { limit, retry_at, retry_after_seconds: milliseconds.div_ceil(1000).max(1) }
    }
}

/// The size of each limit. Zero turns a limit off.
#[derive(Debug, Clone)]
pub struct LimitPolicy {
    /// Unverified sends per address in an hour.
    pub ip_hourly: u32,
    /// Unverified sends per address in a day.
    pub ip_daily: u32,
    /// Wrong codes per address in an hour.
    pub ip_attempts: u32,
    /// Sends to all phones together in a calendar day.
    pub total_daily: u32,
    /// The price of all messages together in a calendar day.
    pub spend_daily: Price,
    /// The pumping guard.
    pub guard: GuardPolicy,
}

/// The kind of a send. It decides which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendKind {
    /// Whether an SMS is sent. A test number gets none: it costs nothing, and must not skew the guard's statistics. The
    /// limits of the address apply even then, because a request still costs work.
    pub sends_sms: bool,
    /// Whether the number is of a kind that the operator trusts: the guard then does not count the send.
    pub is_trusted: bool,
    /// The captcha behind the send.
    pub captcha: CaptchaUse,
}

/// The captcha behind a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaUse {
    /// The send has no captcha.
    None,
    /// The captcha service is down, and the settings accept sends without a captcha then. The guard does not ask again.
    Waived,
    /// Every send needs a captcha, and this one is counted only with it. The guard does not ask again.
    Routine,
    /// A limit asked for a captcha, and the send is counted only with it. The guard does not ask again, and the limits of
    /// the address are raised.
    Asked,
}

/// Whether the limits of the client's address apply to a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressLimits {
    /// They apply.
    Apply,
    /// They do not, and the send is not counted for the address: its device is recognized.
    Exempt,
}

/// The outcome of checking a send that is within the address's limits and the day's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The send is allowed, and counted as far as the caller asked.
    Allowed {
        /// Set if the send is suspect but allowed.
        suspicion: Option<Suspicion>,
    },
    /// The guard asks for a captcha first. Nothing is counted.
    NeedsCaptcha(Suspicion),
    /// The guard rejects the send. Nothing is counted.
    Denied(Suspicion, RateLimited),
    /// The captcha has admitted another send. Nothing is counted.
    CaptchaUsed,
}

/// Why a send is not counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// A limit rejects it.
    #[error("limited by {}", .0.limit.name())]
    Limited(RateLimited),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The service that enforces the limits across phones.
pub struct Limits {
    store: Arc<dyn LimitStore>,
    policy: LimitPolicy,
    /// When a limit last rejected a send, in milliseconds since 1970.
    rejected_at: AtomicI64,
}

impl Limits {
    /// Creates the service.
    #[must_use]
    pub fn new(store: Arc<dyn LimitStore>, policy: LimitPolicy) -> Self {
        Self { store, policy, rejected_at: AtomicI64::new(i64::MIN) }
    }

    /// Returns whether a send should be checked with `Counting::Nothing` before a challenge is issued for it.
    ///
    /// Normally the challenge is issued first and the send is counted second. That is one command to each store, and a
    /// request that the phone's limits reject is not counted here. If a limit here then rejects the send, the challenge is
    /// voided. Until that happens, the challenge occupies the phone's cooldown, so each rejected request of an attacker could
    /// block a victim's phone for a moment. Therefore every request is checked first for a minute after any rejection: a
    /// rejected request then never touches the phone's cooldown.
    ///
    /// Each server keeps this hint for itself. If the hint is wrong, a request costs one more command or blocks a phone for
    /// that moment.
    pub fn is_wary(&self, now: Timestamp) -> bool {
        let since = now.as_millisecond().saturating_sub(self.rejected_at.load(Ordering::Relaxed));
        (0..i64::try_from(WARY.as_millis()).unwrap_or(i64::MAX)).contains(&since)
    }

    /// Checks a send against all limits of its kind, and counts as much of it as `counting` says.
    ///
    /// # Errors
    /// If a limit rejects it or the store fails. Nothing is counted then.
    pub async fn count_send(
        &self,
        ticket: &SendTicket,
        kind: SendKind,
        address: AddressLimits,
        counting: Counting,
    ) -> Result<Checked, CountError> {
        let mut limits = self.traffic_limits(ticket, kind);
        if address == AddressLimits::Exempt {
            (limits.ip_hourly, limits.ip_daily) = (0, 0);
        }
        let verdict = match self.store.count_send(ticket, &limits, counting).await {
            Ok(verdict) => verdict,
            Err(error) => {
                // The store may have counted the send even though its answer was lost.
                if counting != Counting::Nothing {
                    self.refund_send(ticket).await;
                }
                return Err(error.into());
            }
        };

        if !matches!(verdict, SendVerdict::Allowed { .. }) {
            self.rejected_at.store(ticket.at.as_millisecond(), Ordering::Relaxed);
        }

        match verdict {
            SendVerdict::Allowed { suspicion } => Ok(Checked::Allowed { suspicion }),
            SendVerdict::Limited { limit, until } => {
                Err(CountError::Limited(RateLimited::until(limit, until, ticket.at)))
            }
            SendVerdict::CaptchaUsed => Ok(Checked::CaptchaUsed),
            SendVerdict::Suspect(suspicion) if self.guard_mode() == GuardMode::Challenge => {
                Ok(Checked::NeedsCaptcha(suspicion))
            }
            SendVerdict::Suspect(suspicion) => {
                let limited = RateLimited::until(Limit::Guard, ticket.at + guard::RETRY_AFTER, ticket.at);
                Ok(Checked::Denied(suspicion, limited))
            }
        }
    }

    fn traffic_limits<'a>(&'a self, ticket: &'a SendTicket, kind: SendKind) -> TrafficLimits<'a> {
        let LimitPolicy { ip_hourly, ip_daily, total_daily, spend_daily, guard, .. } = &self.policy;
        let SendKind { sends_sms, is_trusted, captcha } = kind;
        let raised_to = if captcha == CaptchaUse::Asked { CAPTCHA_RAISES_TO } else { 1 };
        let is_needed = matches!(captcha, CaptchaUse::Routine | CaptchaUse::Asked);
        let is_guarded = sends_sms && !is_trusted && guard.mode != GuardMode::Off;
        // Only a captcha helps against spraying. To refuse every send would do the attacker's work.
        let spraying = (sends_sms && guard.mode == GuardMode::Challenge).then_some(guard.spraying);
        // In `deny`, the operator has decided that no captcha helps.
        let answers_guard = guard.mode == GuardMode::Challenge && captcha != CaptchaUse::None;
        TrafficLimits {
            ip_hourly: ip_hourly.saturating_mul(raised_to),
            ip_daily: ip_daily.saturating_mul(raised_to),
            total_daily: if sends_sms { *total_daily } else { 0 },
            spend_daily: if sends_sms { *spend_daily } else { Price::ZERO },
            guard: is_guarded.then_some(guard),
            spraying: spraying.filter(|spraying| spraying.min_attempts > 0),
            suspect_passes: guard.mode == GuardMode::Record || answers_guard,
            captcha: ticket.captcha.as_ref().filter(|_| is_needed),
        }
    }

    /// Returns the guard's mode: what happens to a suspect send.
    pub const fn guard_mode(&self) -> GuardMode {
        self.policy.guard.mode
    }

    /// Refunds a send that was not tried. Also removes its place in its address's count.
    pub async fn refund_send(&self, ticket: &SendTicket) {
        warn_if_failed(self.store.refund_send(ticket, SendRefund::Everything).await, "a send could not be refunded");
    }

    /// Refunds a send that the provider rejected. Its address gets no refund: rejections must not be free to try.
    pub async fn refund_rejected_send(&self, ticket: &SendTicket) {
        let refunded = self.store.refund_send(ticket, SendRefund::AllButAddress).await;
        warn_if_failed(refunded, "a rejected send could not be refunded");
    }

    /// Replaces the reserved price of a send by the actual one. Usually they are equal, and the store is not called.
    pub async fn settle_send(&self, ticket: &SendTicket, price: Price) {
        if self.policy.spend_daily > Price::ZERO && price != ticket.price {
            let settled = self.store.settle_send(ticket, price).await;
            warn_if_failed(settled, "the actual price of a send could not be counted");
        }
    }

    /// Counts a send as verified, and refunds the attempt that used its code.
    pub async fn mark_verified(&self, used: &UsedCode<'_>) {
        warn_if_failed(self.store.mark_verified(used).await, "a send could not be counted as verified");
    }

    /// Counts an attempt of an address. The attempt stays counted unless it is refunded. Returns the rejection if the address
    /// has no attempt left; then nothing is counted. The first attempt with a code that the address requested is never
    /// rejected: a neighbour can sign in, and a guesser gets one guess for each SMS.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn count_attempt(
        &self,
        attempt: &AttemptTicket<'_>,
        at: Timestamp,
    ) -> Result<Option<RateLimited>, StoreError> {
        if !self.counts_attempts() {
            return Ok(None);
        }
        match self.store.count_attempt(attempt, self.policy.ip_attempts, at).await {
            Ok(AttemptCount { full_until, codes }) => {
                // This attempt counts as wrong until it is decided. On a quiet server that alone would look like spraying.
                let undecided = u32::from(full_until.is_none());
                let decided = SubmittedCodes { wrong: codes.wrong.saturating_sub(undecided), ..codes };
                metrics::wrong_codes(decided.share_of_wrong());
                Ok(full_until.map(|until| RateLimited::until(Limit::IpAttempts, until, at)))
            }
            Err(error) => {
                // The store may have counted the attempt even though its answer was lost.
                self.refund_attempt(attempt).await;
                Err(error)
            }
        }
    }

    fn counts_attempts(&self) -> bool {
        self.policy.ip_attempts > 0 || self.policy.guard.spraying.min_attempts > 0
    }

    /// Refunds an attempt that was not a wrong code.
    pub async fn refund_attempt(&self, attempt: &AttemptTicket<'_>) {
        if self.counts_attempts() {
            warn_if_failed(self.store.refund_attempt(attempt).await, "an attempt could not be refunded");
        }
    }
}

fn warn_if_failed(outcome: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
