//! `LimitStore`: the trait of limit stores, with its arguments and outcomes. Each method is one atomic step.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{GuardPolicy, Limit, SprayPolicy, SubmittedCodes};
use crate::day::Day;
use crate::phone::Destination;
use crate::price::Price;
use crate::store::StoreError;
use crate::tags::{AddressTag, CaptchaTag, NetworkTags};

/// A send that a client requests.
#[derive(Debug, Clone)]
pub struct SendTicket {
    /// The challenge's nonce, which is unique.
    pub id: String,
    /// The captcha that the client sent with the request.
    pub captcha: Option<CaptchaTag>,
    /// The networks of the client's address.
    pub networks: NetworkTags,
    /// The part of the phone number that traffic is counted by.
    pub destination: Destination,
    /// The highest price that its message can have, which is reserved.
    pub price: Price,
    /// The current time.
    pub at: Timestamp,
    /// The current calendar day. If the store has already counted sends of a later day, it counts on that day instead.
    pub day: Day,
}

/// An attempt with a code.
#[derive(Debug, Clone, Copy)]
pub struct AttemptTicket<'a> {
    /// Unique.
    pub id: &'a str,
    /// The address of the client that submits the code.
    pub address: &'a AddressTag,
    /// The id of the send whose code is tried.
    pub send: &'a str,
}

/// A code that was used.
#[derive(Debug, Clone, Copy)]
pub struct UsedCode<'a> {
    /// The id of the send.
    pub send: &'a str,
    /// The region and the prefix of the phone number: traffic is counted by them.
    pub destination: &'a Destination,
    /// The address of the client that submitted the code.
    pub address: &'a AddressTag,
    /// The id of the attempt.
    pub attempt: &'a str,
    /// The current time.
    pub at: Timestamp,
}

/// The limits across phones that a send is checked against. Zero turns a limit off.
#[derive(Debug, Clone, Copy)]
pub struct TrafficLimits<'a> {
    /// Unverified sends of the address in an hour. A wider network has a multiple of it.
    pub ip_hourly: u32,
    /// Unverified sends of the address in a day. A wider network has a multiple of it.
    pub ip_daily: u32,
    /// Sends to all phones together in the calendar day. If it is zero, this send is not added to the total.
    pub total_daily: u32,
    /// The price of all messages together in the calendar day. If it is zero, this send's price is not added to it.
    pub spend_daily: Price,
    /// The guard's rule, or `None` if the guard does not count this send.
    pub guard: Option<&'a GuardPolicy>,
    /// When wrong codes make every send suspect, or `None` if they do not.
    pub spraying: Option<SprayPolicy>,
    /// Whether a suspect send is allowed.
    pub suspect_passes: bool,
    /// The captcha that this send needs. It admits one send.
    pub captcha: Option<&'a CaptchaTag>,
}

/// How much of an allowed send is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Nothing is counted: the limits are only checked.
    Nothing,
    /// Only the address's count. A later call with `Everything` and the same id does not count a second time for the address.
    AddressOnly,
    /// Every count.
    Everything,
}

/// How much of a counted send is refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendRefund {
    /// Every count.
    Everything,
    /// Every count except the address's. A send that the provider rejected must not be free to try.
    AllButAddress,
}

/// Why a send is suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// The region has more unverified sends than its verified traffic explains.
    Region,
    /// The number's prefix has more unverified sends than its verified traffic explains.
    Prefix,
    /// The address sends to many regions.
    ManyRegions,
    /// Too many of the codes that all users submit are wrong.
    WrongCodes,
}

impl Suspicion {
    /// Returns the name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Prefix => "prefix",
            Self::ManyRegions => "many_regions",
            Self::WrongCodes => "wrong_codes",
        }
    }
}

/// The outcome of checking a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendVerdict {
    /// Every limit allows it. It is counted as far as the caller asked.
    Allowed {
        /// Set if the send is suspect but allowed.
        suspicion: Option<Suspicion>,
    },
    /// A limit rejects it. Nothing is counted.
    Limited {
        /// The limit.
        limit: Limit,
        /// The earliest time at which the limit would allow it.
        until: Timestamp,
    },
    /// The guard finds it suspect. Nothing is counted.
    Suspect(Suspicion),
    /// Its captcha has admitted another send. Nothing is counted.
    CaptchaUsed,
}

/// The outcome of counting an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptCount {
    /// The time from which the address may try again, if it has no attempt left. Nothing is counted then.
    pub full_until: Option<Timestamp>,
    /// The codes of all users in the past hour.
    pub codes: SubmittedCodes,
}

/// Counts the sends and attempts of addresses, the sends of a day, and the guard's traffic.
///
/// Every method fails with `StoreError` if the store is unavailable or refuses.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Checks the captcha, the day's total and spend, the day and the hour of the address's networks, and the guard, in that order,
    /// and counts as much of the send as `counting` says. The address's limits do not apply if this send is already in its
    /// count. A captcha is used when everything is counted, and stays used if the send is refunded.
    ///
    /// # Errors
    /// If the store fails.
    async fn count_send(
        &self,
        ticket: &SendTicket,
        limits: &TrafficLimits<'_>,
        counting: Counting,
    ) -> Result<SendVerdict, StoreError>;

    /// Removes a send from the day's total, the day's spend and the guard's traffic, if they include it, and from the address's count if
    /// `refund` says so. Repeating the call changes nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn refund_send(&self, ticket: &SendTicket, refund: SendRefund) -> Result<(), StoreError>;

    /// Replaces the reserved price of a send by the actual one, if the day's spend includes the send.
    ///
    /// # Errors
    /// If the store fails.
    async fn settle_send(&self, ticket: &SendTicket, price: Price) -> Result<(), StoreError>;

    /// Records that a code was used: refunds the send to the address that requested it, counts the send as verified
    /// traffic, exempts its region from the count of the address's regions for a day, refunds the attempt to the address that
    /// submitted the code, and counts the code as right. Repeating the call, or a send that the store has forgotten, changes
    /// nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn mark_verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError>;

    /// Counts an attempt of an address in a sliding hour, and its code as wrong until it is refunded or verified. If the
    /// address already has `limit` attempts, counts nothing and returns the time from which it may try again, except for
    /// the first attempt with a code that this address requested: it is counted all the same, so that a neighbour behind a
    /// shared address can sign in. A limit of zero rejects nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn count_attempt(
        &self,
        attempt: &AttemptTicket<'_>,
        limit: u32,
        at: Timestamp,
    ) -> Result<AttemptCount, StoreError>;

    /// Takes an attempt out of the count. If it was the first with its code, the next one is the first again. Repeating the
    /// call changes nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn refund_attempt(&self, attempt: &AttemptTicket<'_>) -> Result<(), StoreError>;
}
