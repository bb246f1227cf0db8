//! `DeliveryStore`: the trait of delivery stores, with its arguments and outcomes.
//!
//! A store sees no phone, code or challenge id. The current time is an argument.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::changes::Changes;
use crate::price::Price;
use crate::purpose::Purpose;
use crate::store::StoreError;

mod memory;

pub use memory::MemoryDeliveryStore;

/// The keyed hash of a challenge id, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChallengeTag(String);

/// The keyed hash of a provider's serial number and a phone, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageTag(String);

impl ChallengeTag {
    /// Wraps a hash.
    #[must_use]
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl MessageTag {
    /// Wraps a hash.
    #[must_use]
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl fmt::Display for ChallengeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MessageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the messages of a day are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parcel {
    /// The name of the route.
    pub route: String,
    /// The region's code.
    pub region: String,
    /// The purpose of the code.
    pub purpose: Purpose,
    /// Days since 1970-01-01 at the offset of the settings.
    pub day: i64,
}

/// How far a message has got, as stores know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The route has queued it.
    Queued,
    /// The provider accepted it.
    Accepted,
    /// It arrived.
    Delivered,
    /// It could not be delivered.
    Failed(FailureReason),
}

/// Why a message could not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// The phone is off, out of coverage or full.
    Unreachable,
    /// The carrier or the user blocks messages.
    Blocked,
    /// No phone has the number.
    InvalidNumber,
    /// Every other reason.
    Other,
}

/// A message that a provider accepted.
#[derive(Debug, Clone)]
pub struct SentMessage {
    /// Its challenge.
    pub challenge: ChallengeTag,
    /// What its receipts are matched by. `None` if there are no receipts.
    pub message: Option<MessageTag>,
    /// The provider's id of the message.
    pub serial: Option<String>,
    /// What it is counted by.
    pub parcel: Parcel,
    /// What it costs.
    pub cost: Price,
    /// How far it has got.
    pub state: State,
    /// When it was accepted.
    pub at: Timestamp,
    /// When its code expires.
    pub expires_at: Timestamp,
    /// Whether receipts must not change the status that the client sees.
    pub is_private: bool,
}

/// Something that happened to a message.
#[derive(Debug, Clone)]
pub enum Event {
    /// A provider accepted it.
    Sent(SentMessage),
    /// No message is sent, but the challenge looks as if a provider had accepted one.
    Imitated {
        /// The challenge.
        challenge: ChallengeTag,
        /// When.
        at: Timestamp,
        /// When its code expires.
        expires_at: Timestamp,
    },
    /// The provider did not send it.
    Refunded(Parcel),
    /// The provider gave no clear answer. The message may have been sent.
    Unconfirmed {
        /// What it is counted by.
        parcel: Parcel,
        /// What it may cost.
        cost: Price,
    },
    /// The code was used.
    Used {
        /// The challenge.
        challenge: ChallengeTag,
        /// When.
        at: Timestamp,
    },
}

/// The status of a message, as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// The gateway has queued it.
    Queued,
    /// The provider accepted it.
    Accepted,
    /// It arrived.
    Delivered,
    /// It could not be delivered.
    Failed(FailureReason),
    /// The code has expired, and no receipt has arrived.
    Unknown,
}

/// How far the message of a challenge has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The status.
    pub status: DeliveryStatus,
    /// When it got this status.
    pub updated_at: Timestamp,
    /// When the code expires. The status does not change afterwards.
    pub expires_at: Timestamp,
}

impl Delivery {
    /// Returns whether the status does not change any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self.status {
            DeliveryStatus::Queued | DeliveryStatus::Accepted => false,
            DeliveryStatus::Delivered | DeliveryStatus::Failed(_) | DeliveryStatus::Unknown => true,
        }
    }
}

/// A delivery as a store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredDelivery {
    /// How far the message has got.
    pub state: State,
    /// When it got so far.
    pub updated_at: Timestamp,
    /// When its code expires.
    pub expires_at: Timestamp,
}

impl StoredDelivery {
    /// Returns what a client sees at `now`.
    pub(super) fn at(self, now: Timestamp) -> Delivery {
        let Self { state, updated_at, expires_at } = self;
        let status = match state {
            State::Delivered => DeliveryStatus::Delivered,
            State::Failed(reason) => DeliveryStatus::Failed(reason),
            State::Queued | State::Accepted if now >= expires_at => {
                return Delivery { status: DeliveryStatus::Unknown, updated_at: expires_at, expires_at };
            }
            State::Queued => DeliveryStatus::Queued,
            State::Accepted => DeliveryStatus::Accepted,
        };
        Delivery { status, updated_at, expires_at }
    }
}

/// Keeps how far messages have got.
///
/// Every method fails with `StoreError` if the store is unavailable or refuses.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Records events, in their order.
    ///
    /// # Errors
    /// If the store fails. Some of the events may be recorded.
    async fn record(&self, events: &[Event]) -> Result<(), StoreError>;

    /// Returns the delivery of a challenge.
    ///
    /// # Errors
    /// If the store fails.
    async fn find(&self, challenge: &ChallengeTag) -> Result<Option<StoredDelivery>, StoreError>;

    /// Returns where changes of deliveries, by any server, are announced.
    fn changes(&self) -> &Arc<Changes>;
}
