//! The arguments and outcomes of a code store's steps.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::purpose::Purpose;
use crate::tags::{AddressTag, DeviceTag, PhoneTag};

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
    pub(super) fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    pub(super) fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(..)")
    }
}

/// The phone of a challenge, and the client of this call.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The phone.
    pub phone: PhoneTag,
    /// The address of the client.
    pub address: AddressTag,
    /// The device of the client, if it has a genuine device token for the phone.
    pub device: Option<KnownDevice>,
}

/// A device with a genuine token. A store recognizes it unless its token was revoked. A device that is not recognized is
/// treated like no device.
#[derive(Debug, Clone)]
pub struct KnownDevice {
    /// The device.
    pub tag: DeviceTag,
    /// When the token was issued.
    pub issued_at: Timestamp,
}

/// The idempotency key of a request, as keyed hashes.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// The key.
    pub tag: String,
    /// The arguments of the request. The same key with other arguments is an error.
    pub arguments: String,
}

/// A challenge to store.
#[derive(Debug, Clone)]
pub struct NewChallenge {
    /// The phone that the code goes to, and the client that requested it.
    pub subject: Subject,
    /// What the code is used for.
    pub purpose: Purpose,
    /// The random part of the challenge id. It is unique.
    pub nonce: String,
    /// The keyed hash of the code. All challenges of a chain of resends hash their codes in the same way.
    pub digest: CodeDigest,
    /// What the user confirms with the code.
    pub reference: Option<String>,
    /// The nonce of the challenge that this one replaces. It must be of the same purpose, and of the same user if the purpose
    /// needs sign-in. It has no effect if that challenge is not valid any more or has another reference.
    pub resend_of: Option<String>,
    /// Whether the challenge is only issued if the one that it replaces is still valid.
    pub needs_predecessor: bool,
    /// The idempotency key of the request.
    pub key: Option<RequestKey>,
    /// The current time.
    pub issued_at: Timestamp,
    /// The time from which the code is rejected.
    pub expires_at: Timestamp,
}

/// The limits of sends to one phone. Zero turns one off.
#[derive(Debug, Clone, Copy)]
pub struct PhoneLimits {
    /// The minimum time between two sends.
    pub cooldown: Duration,
    /// Sends in a calendar day.
    pub daily: u32,
    /// Sends in a calendar day from one address. It does not apply to recognized devices.
    pub daily_by_address: u32,
    /// The number of the current calendar day. If the store has already counted sends of a later day for this phone, it goes
    /// on with that one: servers whose days begin at different times share one day's quota.
    pub day: i64,
    /// The limits of wrong codes. Their waits apply to sends too.
    pub failures: FailureLimits,
}

/// How many consecutive wrong codes cause a wait. Zero turns one off.
#[derive(Debug, Clone, Copy)]
pub struct FailureLimits {
    /// For a bucket from one address.
    pub by_address: u32,
    /// For a bucket over all addresses.
    pub in_all: u32,
}

/// The outcome of issuing a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueOutcome {
    /// The challenge is stored and the send is counted.
    Issued {
        /// Sends in the bucket today, including this one.
        sends: u32,
        /// Sends that this client has left today, or `None` without a daily limit.
        remaining: Option<u32>,
        /// Whether the device was recognized.
        recognized: bool,
    },
    /// A request with the same key has sent a code, and its challenge is still valid.
    Repeated {
        /// The nonce of that challenge.
        nonce: String,
        /// The answer to that request.
        answer: SentAnswer,
    },
    /// A request with the same key is about to send a code.
    InFlight,
    /// A request with the same key and other arguments has sent a code, or is about to.
    KeyMismatch,
    /// The last send was too short a time ago.
    Cooldown {
        /// The earliest time of the next send.
        until: Timestamp,
    },
    /// The challenge that this one has to replace is not valid any more, or there is none. Nothing was issued.
    NoPredecessor,
    /// The phone has no send left today.
    DailyLimit,
    /// Too many wrong codes.
    FailureWait {
        /// When the wait ends.
        until: Timestamp,
    },
}

/// The answer to a request whose code was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentAnswer {
    /// The time from which the code is rejected.
    pub expires_at: Timestamp,
    /// The earliest time of the next send to the phone.
    pub resend_at: Timestamp,
    /// Sends that the client has left today, or `None` without a daily limit.
    pub sends_remaining: Option<u32>,
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
        /// Whether the device was recognized.
        recognized: bool,
    },
    /// The digits are wrong.
    Incorrect {
        /// Attempts left with this challenge.
        attempts_remaining: u32,
        /// Whether the device was recognized.
        recognized: bool,
    },
    /// There is no such challenge, or it is expired, used, claimed, replaced, void or out of attempts.
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
    /// Random and unique to this claim.
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
