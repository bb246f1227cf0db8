//! What a limit store does: the trait, its arguments and outcomes. Each method is one atomic step.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{GuardPolicy, Limit};
use crate::store::StoreError;

/// A send that is asked for.
#[derive(Debug, Clone)]
pub struct SendTicket {
    /// Unique: the challenge's nonce.
    pub id: String,
    /// The client's address, hashed.
    pub address: String,
    /// The phone's region, such as `CN`.
    pub region: String,
    /// The digits that name the number's block, such as `+86137`.
    pub prefix: String,
    /// The present.
    pub at: Timestamp,
    /// The number of the present calendar day. If the store has counted a later one, that one goes on.
    pub day: i64,
    /// When it ends.
    pub day_end: Timestamp,
}

/// A code that was used.
#[derive(Debug, Clone, Copy)]
pub struct UsedCode<'a> {
    /// The send's id.
    pub send: &'a str,
    /// The phone's region.
    pub region: &'a str,
    /// The digits that name the number's block.
    pub prefix: &'a str,
    /// The address that showed the code, hashed.
    pub address: &'a str,
    /// The attempt's id.
    pub attempt: &'a str,
    /// The present.
    pub at: Timestamp,
}

/// What a send is held against. Zero turns a limit off.
#[derive(Debug, Clone, Copy)]
pub struct SendLimits<'a> {
    /// Unverified sends of the address in an hour.
    pub ip_hourly: u32,
    /// The same in a day.
    pub ip_daily: u32,
    /// Sends of the calendar day over all phones. Zero also keeps this send out of the count.
    pub total_daily: u32,
    /// The guard's rule, where it counts.
    pub guard: Option<&'a GuardPolicy>,
    /// Whether a suspect send is taken all the same.
    pub suspect_passes: bool,
}

/// What becomes of a send that every limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// Nothing: the limits were only looked at.
    Nothing,
    /// The address's place alone is taken. A later `Everything` under the same id finds it and does not take a second.
    AddressPlace,
    /// It is counted everywhere.
    Everything,
}

/// Why a send is suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// The region has more unverified sends than its traffic explains.
    Region,
    /// The number's prefix has.
    Prefix,
    /// The address sends to many regions.
    ManyRegions,
}

impl Suspicion {
    /// The word in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Prefix => "prefix",
            Self::ManyRegions => "many_regions",
        }
    }
}

/// What became of a send that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendVerdict {
    /// Every limit allows it, and it is counted as far as was asked.
    Taken {
        /// Set where it is suspect, and passes.
        suspicion: Option<Suspicion>,
    },
    /// A limit refuses; nothing is counted.
    Limited {
        /// Which.
        limit: Limit,
        /// Until when.
        until: Timestamp,
    },
    /// The guard holds it back; nothing is counted.
    Suspect(Suspicion),
}

/// Keeps the sends and attempts of addresses, the day's total, and the guard's traffic.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Checks the address's hour and day, the day's total and the guard, in that order, and counts as much of the send as
    /// `taking` says. The address's limits do not hold against a place that this send already has.
    ///
    /// # Errors
    /// If the store fails.
    async fn take_send(
        &self,
        ticket: &SendTicket,
        limits: &SendLimits<'_>,
        taking: Taking,
    ) -> Result<SendVerdict, StoreError>;

    /// Takes a send out of the day's total and the guard's traffic, if it was counted there, and out of the address's
    /// count if `whole` is set. A repeat does nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn return_send(&self, ticket: &SendTicket, whole: bool) -> Result<(), StoreError>;

    /// Counts a send as verified: the address that asked has it back, the guard's traffic is the better for it; and the
    /// address that showed the code has its attempt back. A repeat, or what is not known any more, does nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn verified(&self, used: &UsedCode<'_>) -> Result<(), StoreError>;

    /// Counts an attempt of an address in a sliding hour, or says until when it has had `limit`.
    ///
    /// # Errors
    /// If the store fails.
    async fn take_attempt(
        &self,
        address: &str,
        id: &str,
        limit: u32,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Takes an attempt out of the count. A repeat does nothing.
    ///
    /// # Errors
    /// If the store fails.
    async fn return_attempt(&self, address: &str, id: &str) -> Result<(), StoreError>;
}
