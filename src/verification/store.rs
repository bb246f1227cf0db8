//! What a code store does: the trait, its arguments and outcomes.
//!
//! Each method is one atomic step. A store sees no phone number, address or code, only keyed hashes of them; time comes
//! in as an argument. The states of a challenge are issued → claimed → consumed, and issued → expired | exhausted | void.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::code::Purpose;
use crate::store::StoreError;

mod memory;
mod redis;

pub use memory::MemoryCodeStore;
pub use redis::RedisCodeStore;

/// How long a claim holds before it falls back to issued, for a server that crashed with it.
pub const CLAIM_LEASE: Duration = Duration::from_secs(10);

/// How long wrong codes are remembered after the last one.
pub const FAILURE_MEMORY: Duration = Duration::from_hours(30 * 24);

/// The waits from the first failure past the threshold on; the last one stays.
pub const FAILURE_WAITS: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(15), Duration::from_hours(1)];

/// How long a phone's counts are remembered after a send: longer than the calendar day of any offset.
pub const PHONE_MEMORY: Duration = Duration::from_hours(2 * 24);

/// How many challenges of one phone can be live. A new one drops the oldest past that, so that a phone without a
/// cooldown, such as a test number, costs the same however often it is used.
pub const LIVE_CHALLENGES: u32 = 16;

/// A keyed hash that stands for a phone or an address, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Tag {
    /// A tag of this hash.
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keyed hash of a code: all that is kept of it.
#[derive(Clone)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// A digest of these bytes.
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Whether both are of the same code, in constant time.
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

/// Whose challenge it is, and who is asking.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The phone.
    pub phone: Tag,
    /// The address of the client who asks in this call.
    pub address: Tag,
}

/// A challenge to be stored.
#[derive(Debug, Clone)]
pub struct NewChallenge {
    /// Whose it is.
    pub subject: Subject,
    /// Its random part, unique.
    pub nonce: String,
    /// The code, hashed.
    pub digest: CodeDigest,
    /// What is being confirmed.
    pub reference: Option<String>,
    /// When it is issued: the present.
    pub issued_at: Timestamp,
    /// From when on the code is refused.
    pub expires_at: Timestamp,
}

/// The limits of sends to one phone. Zero turns one off.
#[derive(Debug, Clone, Copy)]
pub struct SendLimits {
    /// The time between two sends.
    pub cooldown: Duration,
    /// Sends a calendar day.
    pub daily: u32,
    /// The number of the present calendar day. If the store has counted a later one for this phone, that one goes on:
    /// servers whose days begin at different times give out one day's sends together, not one each.
    pub day: i64,
    /// The limits of wrong codes, whose waits hold for sends too.
    pub failures: FailureLimits,
}

/// How many consecutive wrong codes bring a wait. Zero turns one off.
#[derive(Debug, Clone, Copy)]
pub struct FailureLimits {
    /// For a phone from one address.
    pub by_address: u32,
    /// For a phone over all addresses.
    pub in_all: u32,
}

/// What became of a challenge that was to be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueOutcome {
    /// It is stored and counted; so many sends went to the phone today, this one among them.
    Issued {
        /// Sends today.
        sends: u32,
    },
    /// Too soon after the last send.
    Cooldown {
        /// When the next send may be.
        until: Timestamp,
    },
    /// No send is left today.
    DailyLimit,
    /// Too many wrong codes.
    FailureWait {
        /// When the wait ends.
        until: Timestamp,
    },
}

/// One try of a code.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The claim that a right code gets.
    pub claim: Claim,
    /// The code shown, hashed as for this challenge.
    pub digest: CodeDigest,
    /// Wrong codes that a challenge bears; the last ends it.
    pub max_attempts: u32,
    /// The limits of wrong codes.
    pub failures: FailureLimits,
    /// The present.
    pub at: Timestamp,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The code is right and nobody else can use it until the claim is released or its lease ends.
    Claimed {
        /// The challenge's reference.
        reference: Option<String>,
    },
    /// Wrong digits.
    Incorrect {
        /// Tries left with this challenge.
        attempts_remaining: u32,
    },
    /// No such challenge, or it is past use.
    Expired,
    /// Too many wrong codes; this one was not looked at.
    FailureWait {
        /// When the wait ends.
        until: Timestamp,
    },
}

/// The right to use one challenge, named by a token of the claimer's own.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Whose challenge it is, and who claims.
    pub subject: Subject,
    /// The challenge's random part.
    pub nonce: String,
    /// What its code is good for.
    pub purpose: Purpose,
    /// Random, unique to this claim.
    pub token: String,
}

/// Whether a void challenge gives its send back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// The provider refused: cooldown and count are given back.
    Send,
    /// The SMS may have gone: they stay.
    Nothing,
}

/// Keeps challenges, sends and failures of phones.
#[async_trait]
pub trait CodeStore: Send + Sync {
    /// Checks waits, the day's count and the cooldown, counts the send and stores the challenge, or does none of it.
    ///
    /// # Errors
    /// If the store fails.
    async fn issue(&self, challenge: &NewChallenge, limits: &SendLimits) -> Result<IssueOutcome, StoreError>;

    /// Says what `issue` would answer, and changes nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn check(&self, challenge: &NewChallenge, limits: &SendLimits) -> Result<IssueOutcome, StoreError>;

    /// Looks at waits, state, age, attempts and digits, in that order, and claims the challenge or counts the failure.
    /// A repeat with the same claim token is claimed again.
    ///
    /// # Errors
    /// If the store fails.
    async fn attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, StoreError>;

    /// Turns the claim into consumed, voids the phone's other challenges of the purpose and forgets its failures.
    /// False where the claim is not held any more. A repeat is true again.
    ///
    /// # Errors
    /// If the store fails.
    async fn consume(&self, claim: &Claim) -> Result<bool, StoreError>;

    /// Gives the claim back: the code can be tried again. Nothing happens where it is not held.
    ///
    /// # Errors
    /// If the store fails.
    async fn release(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Ends a challenge whose SMS was not sent. Nothing happens where it is not issued.
    ///
    /// # Errors
    /// If the store fails.
    async fn void(&self, challenge: &NewChallenge, refund: Refund) -> Result<(), StoreError>;

    /// Says whether the store answers.
    ///
    /// # Errors
    /// If it does not.
    async fn ping(&self) -> Result<(), StoreError>;
}
