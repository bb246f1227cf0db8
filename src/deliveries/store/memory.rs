//! The delivery store of an embedded server: deliveries in the memory of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{ChallengeTag, DeliveryStore, Event, State, StoredDelivery};
use crate::deliveries::changes::Changes;
use crate::store::StoreError;

/// The delivery store of an embedded server.
#[derive(Debug, Default)]
pub struct MemoryDeliveryStore {
    deliveries: Mutex<HashMap<ChallengeTag, StoredDelivery>>,
    changes: Arc<Changes>,
}

impl MemoryDeliveryStore {
    fn deliveries(&self) -> MutexGuard<'_, HashMap<ChallengeTag, StoredDelivery>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeliveryStore for MemoryDeliveryStore {
    async fn record(&self, events: &[Event]) -> Result<(), StoreError> {
        for event in events {
            let (challenge, delivery) = match event {
                Event::Sent(sent) => {
                    let delivery =
                        StoredDelivery { state: sent.state, updated_at: sent.at, expires_at: sent.expires_at };
                    (&sent.challenge, delivery)
                }
                Event::Imitated { challenge, at, expires_at } => {
                    let delivery = StoredDelivery { state: State::Accepted, updated_at: *at, expires_at: *expires_at };
                    (challenge, delivery)
                }
                Event::Refunded(_) | Event::Unconfirmed { .. } | Event::Used { .. } => continue,
            };
            self.deliveries().insert(challenge.clone(), delivery);
            self.changes.wake(challenge);
        }
        Ok(())
    }

    async fn find(&self, challenge: &ChallengeTag) -> Result<Option<StoredDelivery>, StoreError> {
        Ok(self.deliveries().get(challenge).copied())
    }

    fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }
}
