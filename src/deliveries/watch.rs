//! Watching a delivery: its status now, then each change, until the status is final.
//!
//! A wake-up can be lost, for example while a connection to another server is down. So the store is read again from time to
//! time, too. An unknown id may become known: the store is written in the background.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::time::{Instant, sleep};

use super::{Deliveries, Delivery, DeliveryStatus, Waiter};
use crate::store::StoreError;

/// The times of a watch.
#[derive(Debug, Clone, Copy)]
pub struct WatchTimes {
    /// The store is read again after this time without a wake-up.
    pub reread: Duration,
    /// An id that stays unknown is given up after this time.
    pub unknown: Duration,
}

impl Default for WatchTimes {
    fn default() -> Self {
        Self { reread: Duration::from_secs(15), unknown: Duration::from_mins(1) }
    }
}

/// A watch of one delivery.
struct Watch {
    deliveries: Arc<Deliveries>,
    challenge_id: String,
    waiter: Waiter,
    times: WatchTimes,
    begun: Instant,
    last: Option<Delivery>,
    is_over: bool,
}

impl Deliveries {
    /// Returns the current status of a message and each later one. The stream ends after a final status, after a failure of
    /// the store, or if the id stays unknown.
    pub fn watch(
        self: &Arc<Self>,
        challenge_id: &str,
        times: WatchTimes,
    ) -> impl Stream<Item = Result<Delivery, StoreError>> + Send + use<> {
        let watch = Watch {
            deliveries: Arc::clone(self),
            challenge_id: challenge_id.to_owned(),
            waiter: self.wait_for(challenge_id),
            times,
            begun: Instant::now(),
            last: None,
            is_over: false,
        };
        unfold(watch, |mut watch| async move {
            let next = watch.next().await?;
            Some((next, watch))
        })
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Delivery, StoreError>> {
        while !self.is_over {
            // Before the read, so that a change after the read is not missed.
            let changed = self.waiter.changed();
            let found = match self.look().await {
                Ok(found) => found,
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            };
            if let Some(delivery) = found
                && self.last != found
            {
                self.last = found;
                self.is_over = delivery.is_final();
                return Some(Ok(delivery));
            }

            let patience = self.patience();
            self.is_over = patience.is_zero();
            tokio::select! {
                () = changed => {}
                () = sleep(patience) => {}
            }
        }
        None
    }

    /// Returns the delivery. A store may forget it as soon as its code expires.
    async fn look(&self) -> Result<Option<Delivery>, StoreError> {
        let found = self.deliveries.find(&self.challenge_id).await?;
        let now = self.deliveries.clock.now();
        let forgotten = self.last.filter(|last| now >= last.expires_at);
        Ok(found.or(forgotten.map(|last| Delivery {
            status: DeliveryStatus::Unknown,
            updated_at: last.expires_at,
            expires_at: last.expires_at,
        })))
    }

    /// Returns how long to wait for a wake-up. Zero if the id has been unknown for too long.
    fn patience(&self) -> Duration {
        let left = match self.last {
            Some(last) => {
                let until_expiry = last.expires_at.duration_since(self.deliveries.clock.now());
                // Never zero: the next look sees that the code has expired.
                Duration::try_from(until_expiry).unwrap_or_default().max(Duration::from_millis(1))
            }
            None => self.times.unknown.saturating_sub(self.begun.elapsed()),
        };
        left.min(self.times.reread)
    }
}
