//! `CodeStore`: the trait of code stores.
//!
//! Each method is one atomic step. A store sees no phone number, address or code, only keyed hashes of them. The current
//! time is an argument. The states of a challenge are issued → claimed → consumed, and
//! issued → expired | exhausted | replaced | void.
//!
//! Sends and wrong codes are counted in a bucket. A phone has a common bucket, and one for each recognized device, so that
//! strangers who use up the common one cannot keep the owner's device out.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::StoreError;
use crate::tags::PhoneTag;

mod memory;
mod redis;
mod steps;

pub use memory::MemoryCodeStore;
pub use redis::RedisCodeStore;
pub use steps::{
    Attempt, AttemptOutcome, CodeClaim, CodeDigest, FailureLimits, IssueOutcome, KnownDevice, NewChallenge,
    PhoneLimits, Refund, RequestKey, SentAnswer, Subject,
};

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

/// How many older codes a challenge accepts besides its latest one. Each resend adds one: with two, the user can resend
/// twice and still enter the digits of the first SMS. More of them would make guessing easier.
pub const OLDER_CODES: usize = 2;

/// How long an idempotency key waits for the result of its send. It is longer than a send takes. Afterwards the server
/// that sent must have crashed, and a request with the same key is a new request.
pub const SEND_LEASE: Duration = Duration::from_secs(20);

/// All recognized devices of a phone together have this many times the daily limit. Each sign-in makes a new device, so
/// without this limit one phone could get any number of messages in a day.
pub const DEVICES_SHARE: u32 = 3;

/// Keeps challenges, and counts the sends and wrong codes of phones.
///
/// Every method fails with `StoreError` if the store is unavailable or refuses.
#[async_trait]
pub trait CodeStore: Send + Sync {
    /// Looks up the request's idempotency key; checks waits, the day's counts and the cooldown; then counts the send, stores
    /// the challenge, reserves the key, and replaces the challenge that this one is a resend of: all or nothing.
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

    /// Turns the claim into consumed, voids the phone's other challenges of the purpose, and resets the wrong codes in the
    /// bucket of the claim. Returns false if the claim is not held any more. Repeating the call returns true again.
    ///
    /// The claim names a device only if the attempt recognized it.
    ///
    /// # Errors
    /// If the store fails.
    async fn consume(&self, claim: &CodeClaim) -> Result<bool, StoreError>;

    /// Releases the claim, so that the code can be tried again. Does nothing if the claim is not held.
    ///
    /// # Errors
    /// If the store fails.
    async fn release(&self, claim: &CodeClaim) -> Result<(), StoreError>;

    /// Voids a challenge whose SMS was not sent, forgets its idempotency key, and makes the challenge that it replaced valid
    /// again. Does nothing if the challenge is not in the state issued.
    ///
    /// # Errors
    /// If the store fails.
    async fn void(&self, challenge: &NewChallenge, refund: Refund) -> Result<(), StoreError>;

    /// Stores the answer to a request whose code was sent, so that its idempotency key repeats the answer. Does nothing if
    /// the challenge has no key.
    ///
    /// # Errors
    /// If the store fails.
    async fn confirm(&self, challenge: &NewChallenge, answer: &SentAnswer) -> Result<(), StoreError>;

    /// Returns whether the subject names a device that is not revoked.
    ///
    /// # Errors
    /// If the store fails.
    async fn recognizes(&self, subject: &Subject) -> Result<bool, StoreError>;

    /// Revokes all devices of the phone whose token was not issued after `at`. The revocation is remembered for `memory`,
    /// which must not be shorter than a token is valid.
    ///
    /// # Errors
    /// If the store fails.
    async fn revoke_devices(&self, phone: &PhoneTag, at: Timestamp, memory: Duration) -> Result<(), StoreError>;
}
