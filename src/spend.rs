//! Spend: what the messages of a day are counted by, and their counts.
//!
//! [`table`] keeps the counts in SQL, for a server without Redis. This module must not know how far a message has got: that
//! is what `deliveries` knows.

use crate::price::Price;
use crate::purpose::Purpose;

pub mod table;

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

/// A number that is kept for each parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Messages that a provider accepted.
    Accepted,
    /// Messages that arrived.
    Delivered,
    /// Messages that could not be delivered.
    Failed,
    /// Messages whose code was used.
    Used,
    /// Messages that a provider refused, so they cost nothing.
    Refunded,
    /// Messages for which the provider gave no clear answer.
    Unconfirmed,
    /// The price of the accepted and the unconfirmed messages, in millionths.
    Price,
}

impl Count {
    /// Every number.
    pub const ALL: [Self; 7] =
        [Self::Accepted, Self::Delivered, Self::Failed, Self::Used, Self::Refunded, Self::Unconfirmed, Self::Price];

    /// Returns the name in stores, metrics and reports. It is stored, so it must not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Used => "used",
            Self::Refunded => "refunded",
            Self::Unconfirmed => "unconfirmed",
            Self::Price => "price",
        }
    }

    /// Returns the number with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|count| count.name() == name)
    }
}

/// The numbers of a parcel, or changes of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpendCounts([i64; Count::ALL.len()]);

impl SpendCounts {
    /// Returns one number.
    #[must_use]
    pub const fn get(&self, count: Count) -> i64 {
        self.0[count as usize]
    }

    /// Adds to one number.
    pub fn add(&mut self, count: Count, by: i64) {
        let number = &mut self.0[count as usize];
        *number = number.saturating_add(by);
    }

    /// Adds other numbers to these.
    pub fn add_all(&mut self, other: &Self) {
        for count in Count::ALL {
            self.add(count, other.get(count));
        }
    }

    /// Returns the price of the messages.
    #[must_use]
    pub fn price(&self) -> Price {
        Price::from_millionths(u64::try_from(self.get(Count::Price)).unwrap_or_default())
    }
}

/// A parcel with its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// The parcel.
    pub parcel: Parcel,
    /// Its numbers.
    pub counts: SpendCounts,
}

impl SpendRow {
    /// Sorts rows by day, route, region and purpose, as reports show them.
    pub fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| {
            let key = |row: &Self| (row.parcel.day, row.parcel.route.clone(), row.parcel.region.clone());
            key(a).cmp(&key(b)).then_with(|| a.parcel.purpose.name().cmp(b.parcel.purpose.name()))
        });
    }
}
