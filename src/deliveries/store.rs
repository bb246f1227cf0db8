//! `DeliveryStore`: the trait of delivery stores, with its arguments and outcomes.
//!
//! A store sees no phone, code or challenge id. The current time is an argument.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::changes::Changes;
use crate::price::Price;
use crate::sms::routes::RouteMinute;
use crate::spend::{Count, SpendRow};
use crate::store::StoreError;

mod memory;
mod redis;

pub use self::redis::RedisDeliveryStore;
pub use crate::spend::Parcel;
pub use memory::MemoryDeliveryStore;

/// How long a challenge is kept after its code has expired, so that a client can still read the result.
const CHALLENGE_MEMORY: Duration = Duration::from_mins(10);

/// How long a receipt, or the use of a code, waits for the record that its message was sent. Servers write independently, so
/// records of one message can arrive in any order.
const EARLY_MEMORY: Duration = Duration::from_mins(10);

/// How long a message is kept for its receipts. Carriers try for an hour or two.
const MESSAGE_MEMORY: Duration = Duration::from_hours(2);

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

impl State {
    /// Every state.
    const ALL: [Self; 7] = [
        Self::Queued,
        Self::Accepted,
        Self::Failed(FailureReason::Unreachable),
        Self::Failed(FailureReason::Blocked),
        Self::Failed(FailureReason::InvalidNumber),
        Self::Failed(FailureReason::Other),
        Self::Delivered,
    ];

    /// Returns the name in stores.
    const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::Failed(FailureReason::Unreachable) => "failed:unreachable",
            Self::Failed(FailureReason::Blocked) => "failed:blocked",
            Self::Failed(FailureReason::InvalidNumber) => "failed:invalid_number",
            Self::Failed(FailureReason::Other) => "failed:other",
            Self::Delivered => "delivered",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 1,
            Self::Accepted => 2,
            Self::Failed(_) => 3,
            Self::Delivered => 4,
        }
    }

    /// Returns whether this state, reached at `at`, replaces another one. The result of several states does not depend on
    /// their order: a message that arrived has arrived, whatever another receipt says, and of equal ones the earliest counts.
    fn replaces(self, at: Timestamp, other: Self, other_at: Timestamp) -> bool {
        let (at, other_at) = (at.as_millisecond(), other_at.as_millisecond());
        let order = self.rank().cmp(&other.rank()).then(other_at.cmp(&at)).then(other.name().cmp(self.name()));
        order.is_gt()
    }

    /// Returns what the message is counted as because of its receipt.
    const fn count(self) -> Option<Count> {
        match self {
            Self::Queued | Self::Accepted => None,
            Self::Failed(_) => Some(Count::Failed),
            Self::Delivered => Some(Count::Delivered),
        }
    }
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
    /// Whether the store counts the uses of the route's codes by minute.
    pub follows_conversion: bool,
}

impl SentMessage {
    /// Returns the minute since 1970 in which its use is counted.
    pub(super) fn minute(&self) -> Option<i64> {
        self.follows_conversion.then(|| minute_of(self.at))
    }
}

/// How long the counts of a minute are kept: longer than the latest sends of a route that are compared.
const CONVERSION_MINUTES: i64 = 120;

fn minute_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
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

/// What a provider reports about a message after it has accepted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub message: MessageTag,
    /// How far it has got.
    pub state: State,
    /// When the receipt arrived.
    pub at: Timestamp,
}

/// A message that is counted for the first time as accepted, delivered, failed, used, refunded or unconfirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What it is counted by.
    pub parcel: Parcel,
    /// What it is counted as.
    pub count: Count,
    /// What it adds to the price.
    pub cost: Price,
    /// The provider's id of the message, if its code was used.
    pub serial: Option<String>,
    /// When its code was used, or when it was sent.
    pub at: Option<Timestamp>,
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
    /// When the code expires. Only a late receipt changes the status afterwards.
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
    /// Records events, each of them once. Returns the messages that are counted because of them. The result does not depend
    /// on the order of events and receipts.
    ///
    /// # Errors
    /// If the store fails. Some of the events may be recorded.
    async fn record(&self, events: &[Event]) -> Result<Vec<Counted>, StoreError>;

    /// Records receipts, as `record` does. `Delivered` wins over `Failed`. A receipt for a message that is not recorded yet
    /// waits for it. A receipt never changes the status of a private message, but the message is counted.
    ///
    /// # Errors
    /// If the store fails. Some of the receipts may be recorded. Repeating the call changes nothing else.
    async fn receive(&self, receipts: &[Receipt]) -> Result<Vec<Counted>, StoreError>;

    /// Returns the counts of these days, the first and the last included, sorted as reports show them.
    ///
    /// # Errors
    /// If the store fails.
    async fn spend(&self, first_day: i64, last_day: i64) -> Result<Vec<SpendRow>, StoreError>;

    /// Returns how many codes of each route were used, by the minute of their message, for the last two hours. Only messages
    /// that follow conversion are counted.
    ///
    /// # Errors
    /// If the store fails.
    async fn conversions(&self, now: Timestamp) -> Result<Vec<RouteMinute>, StoreError>;

    /// Returns the delivery of a challenge.
    ///
    /// # Errors
    /// If the store fails.
    async fn find(&self, challenge: &ChallengeTag) -> Result<Option<StoredDelivery>, StoreError>;

    /// Returns where changes of deliveries, by any server, are announced.
    fn changes(&self) -> &Arc<Changes>;
}
