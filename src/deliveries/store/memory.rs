//! The delivery store of a server without Redis: deliveries in the memory of this process, counts in SQL.
//!
//! One lock is held for one short step at a time, and never across an `await`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use self::state::Deliveries;
use super::{ChallengeTag, Counted, DeliveryStore, Event, Receipt, StoredDelivery};
use crate::deliveries::changes::Changes;
use crate::sms::routes::RouteMinute;
use crate::spend::table::SpendTable;
use crate::spend::{Parcel, SpendCounts, SpendRow};
use crate::store::StoreError;

mod state;

/// The delivery store of a server without Redis.
#[derive(Debug, Default)]
pub struct MemoryDeliveryStore {
    deliveries: Mutex<Deliveries>,
    changes: Arc<Changes>,
    /// Where counts are kept, or `None` to keep them in memory.
    table: Option<SpendTable>,
}

/// Counts that are not in the table yet.
type Pending = HashMap<Parcel, SpendCounts>;

impl MemoryDeliveryStore {
    /// Keeps counts in a table of the database.
    #[must_use]
    pub fn with_table(self, table: SpendTable) -> Self {
        Self { table: Some(table), ..self }
    }

    fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes deliveries in one step, wakes those who wait for them, and writes the counts.
    async fn change(&self, now: Option<Timestamp>, step: impl FnOnce(&mut Deliveries)) -> Vec<Counted> {
        let (changed, counted) = {
            let mut deliveries = self.deliveries();
            if let Some(now) = now {
                deliveries.sweep(now);
            }
            step(&mut deliveries);
            deliveries.take_results()
        };
        for challenge in &changed {
            self.changes.wake(challenge);
        }
        // What happened is recorded in memory. If the table fails, the counts are written with the next events.
        if let Err(error) = self.write_counts().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "counts of messages are not written yet");
        }
        counted
    }

    /// Moves the counts from memory to the table. If the table fails, the next call tries again.
    async fn write_counts(&self) -> Result<(), StoreError> {
        let Some(table) = &self.table else {
            return Ok(());
        };
        let mut pending = std::mem::take(&mut self.deliveries().pending).into_iter();
        while let Some((parcel, counts)) = pending.next() {
            if let Err(error) = table.add(&parcel, &counts).await {
                let mut deliveries = self.deliveries();
                for (parcel, counts) in std::iter::once((parcel, counts)).chain(pending) {
                    deliveries.pending.entry(parcel).or_default().add_all(&counts);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl DeliveryStore for MemoryDeliveryStore {
    async fn record(&self, events: &[Event]) -> Result<Vec<Counted>, StoreError> {
        let now = events.iter().filter_map(Event::at).max();
        Ok(self.change(now, |deliveries| events.iter().for_each(|event| deliveries.record(event))).await)
    }

    async fn receive(&self, receipts: &[Receipt]) -> Result<Vec<Counted>, StoreError> {
        let now = receipts.iter().map(|receipt| receipt.at).max();
        Ok(self.change(now, |deliveries| receipts.iter().for_each(|receipt| deliveries.receive(receipt))).await)
    }

    async fn spend(&self, first_day: i64, last_day: i64) -> Result<Vec<SpendRow>, StoreError> {
        if let Some(table) = &self.table {
            self.write_counts().await?;
            return table.list(first_day, last_day).await;
        }
        let days = first_day..=last_day;
        let pending = self.deliveries().pending.clone().into_iter();
        let mut rows: Vec<SpendRow> = pending
            .filter(|(parcel, _)| days.contains(&parcel.day))
            .map(|(parcel, counts)| SpendRow { parcel, counts })
            .collect();
        SpendRow::sort(&mut rows);
        Ok(rows)
    }

    async fn conversions(&self, now: Timestamp) -> Result<Vec<RouteMinute>, StoreError> {
        Ok(self.deliveries().conversions(now))
    }

    async fn find(&self, challenge: &ChallengeTag) -> Result<Option<StoredDelivery>, StoreError> {
        Ok(self.deliveries().find(challenge))
    }

    fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }
}
