//! `CodeStore`: the trait of code stores, with its arguments and outcomes.
//!
//! Each method is one atomic step. A store gets no phone number, address or code, only keyed hashes of them. The current
//! time is an argument. The states of a challenge are issued → claimed → consumed, and issued → expired | exhausted | void.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::purpose::Purpose;
use crate::store::StoreError;
use crate::tags::{AddressTag, PhoneTag};

mod memory;
mod redis;

pub use memory::MemoryCodeStore;
pub use redis::RedisCodeStore;

/// How long a claim is held. If a server crashes and leaves a claim behind, the challenge then falls back to issued.
pub const CLAIM_LEASE: Duration = Duration::from_secs(10);

/// How long wrong codes are remembered after the last one.
pub const FAILURE_MEMORY: Duration = Duration::from_hours(30 * 24);

/// The waits once the limit is reached: after the first such wrong code, the second, the third, and every later one.
pub const FAILURE_WAITS: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(15), Duration::from_hours(1)];

/// How long a phone's counts are kept after a send: longer than the calendar day of any offset.
pub const PHONE_MEMORY: Duration = Duration::from_hours(2 * 24);

/// How long a challenge is kept after its code has expired: a claim from shortly before must still be consumed.
pub const CHALLENGE_MEMORY: Duration = Duration::from_mins(1);

/// The maximum number of live challenges of one phone. A further one replaces the oldest, so that a phone without a
/// cooldown, such as a test number, cannot fill the memory.
pub const LIVE_CHALLENGES: u32 = 16;

/// The keyed hash of a code. The code itself is not stored.
#[derive(Clone)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// Wraps a hash.
    #[must_use]
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Compares two digests in constant time.
    fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(..)")
    }
}

/// The phone of a challenge, and the address of the client in this call.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The phone.
    pub phone: PhoneTag,
    /// The address of the client.
    pub address: AddressTag,
}

/// A challenge to store.
#[derive(Debug, Clone)]
pub struct NewChallenge {
    /// The phone that the code goes to, and the client that requested it.
    pub subject: Subject,
    /// The random part of the challenge id. It is unique.
    pub nonce: String,
    /// The keyed hash of the code.
    pub digest: CodeDigest,
    /// What the user confirms with the code.
    pub reference: Option<String>,
    /// The current time.
    pub issued_at: Timestamp,
    /// The time from which the code is rejected.
    pub expires_at: Timestamp,
}

/// The limits of sends to one phone. Zero turns a limit off.
#[derive(Debug, Clone, Copy)]
pub struct PhoneLimits {
    /// The minimum time between two sends.
    pub cooldown: Duration,
    /// Sends in a calendar day.
    pub daily: u32,
    /// The number of the current calendar day. If the store has already counted sends of a later day for this phone, it
    /// counts on that day instead: servers whose days begin at different times share one day's quota.
    pub day: i64,
    /// The limits of wrong codes. Their waits apply to sends too.
    pub failures: FailureLimits,
}

/// How many consecutive wrong codes cause a wait. Zero turns a limit off.
#[derive(Debug, Clone, Copy)]
pub struct FailureLimits {
    /// For a phone from one address.
    pub by_address: u32,
    /// For a phone over all addresses.
    pub in_all: u32,
}

/// The outcome of issuing a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueOutcome {
    /// The challenge is stored and the send is counted.
    Issued {
        /// Sends to the phone today, including this one.
        sends: u32,
    },
    /// The last send is more recent than the cooldown allows.
    Cooldown {
        /// The earliest time of the next send.
        until: Timestamp,
    },
    /// The phone has no sends left today.
    DailyLimit,
    /// There were too many wrong codes.
    FailureWait {
        /// When the wait ends.
        until: Timestamp,
    },
}

/// One attempt at a code.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The claim that a right code gets.
    pub claim: CodeClaim,
    /// The keyed hash of the submitted code.
    pub digest: CodeDigest,
    /// The number of wrong codes after which a challenge ends.
    pub max_attempts: u32,
    /// The limits of wrong codes.
    pub failures: FailureLimits,
    /// The current time.
    pub at: Timestamp,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The code is right. No other request can use it until the claim is released or its lease ends.
    Claimed {
        /// The challenge's reference.
        reference: Option<String>,
    },
    /// The digits are wrong.
    Incorrect {
        /// Attempts left with this challenge.
        attempts_remaining: u32,
    },
    /// There is no such challenge, or it is expired, claimed, consumed, void or out of attempts.
    Expired,
    /// There were too many wrong codes. The digits were not compared.
    FailureWait {
        /// When the wait ends.
        until: Timestamp,
    },
}

/// The right to use one challenge. The request that claims it chooses the token.
#[derive(Debug, Clone)]
pub struct CodeClaim {
    /// The challenge's phone, and the client that claims.
    pub subject: Subject,
    /// The challenge's nonce.
    pub nonce: String,
    /// The purpose that the code is used for.
    pub purpose: Purpose,
    /// Random, so that it is unique to this claim.
    pub token: String,
}

/// Whether a void challenge refunds its send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// No SMS was sent: the cooldown and the day's count are refunded.
    Send,
    /// The SMS may have been sent: nothing is refunded.
    Nothing,
}

/// Keeps challenges, and counts the sends and wrong codes of phones.
///
/// Every method fails with `StoreError` if the store is unavailable or refuses.
#[async_trait]
pub trait CodeStore: Send + Sync {
    /// Checks waits, the day's count and the cooldown, then counts the send and stores the challenge: all or nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn issue(&self, challenge: &NewChallenge, limits: &PhoneLimits) -> Result<IssueOutcome, StoreError>;

    /// Returns what `issue` would return, and changes nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn check(&self, challenge: &NewChallenge, limits: &PhoneLimits) -> Result<IssueOutcome, StoreError>;

    /// Checks waits, state, age, attempts and digits, in that order; then claims the challenge or counts the wrong code.
    /// Repeating the call with the same claim token claims it again.
    ///
    /// # Errors
    /// If the store fails.
    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError>;

    /// Turns the claim into consumed, voids the phone's other challenges of the purpose, and resets the phone's wrong codes.
    /// Returns false if the claim is not held any more. Repeating the call returns true again.
    ///
    /// # Errors
    /// If the store fails.
    async fn consume(&self, claim: &CodeClaim) -> Result<bool, StoreError>;

    /// Releases the claim, so that the code can be tried again. Does nothing if the claim is not held.
    ///
    /// # Errors
    /// If the store fails.
    async fn release(&self, claim: &CodeClaim) -> Result<(), StoreError>;

    /// Voids a challenge whose SMS was not sent. Does nothing if the challenge is not in the state issued.
    ///
    /// # Errors
    /// If the store fails.
    async fn void(&self, challenge: &NewChallenge, refund: Refund) -> Result<(), StoreError>;
}
