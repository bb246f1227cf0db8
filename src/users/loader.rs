//! The users that one request asks for, loaded by one statement.
//!
//! A loader lives as long as its request: what it has loaded is never shown to another.

use std::collections::HashMap;
use std::sync::Arc;

use dataloader::BatchFn;
use dataloader::cached::Loader;
use uuid::Uuid;

use super::{User, UserStore};
use crate::store::StoreError;

/// How often a load yields before the batch is closed: once is enough for the fields of one selection set, which are
/// polled in turn.
const YIELDS: usize = 1;
/// More ids than a request can hold.
const MAX_BATCH: usize = 1000;

type Loaded = Result<Option<User>, Arc<StoreError>>;

/// Loads users by id.
#[derive(Clone)]
pub struct UserLoader(Loader<Uuid, Loaded, Batch>);

impl UserLoader {
    /// A loader for one request.
    #[must_use]
    pub fn new(store: Arc<dyn UserStore>) -> Self {
        let loader = Loader::new(Batch(store));
        Self(loader.with_yield_count(YIELDS).with_max_batch_size(MAX_BATCH))
    }

    /// The user with this id.
    ///
    /// # Errors
    /// If the store failed for the batch.
    pub async fn find(&self, id: Uuid) -> Loaded {
        self.0.load(id).await
    }
}

struct Batch(Arc<dyn UserStore>);

impl BatchFn<Uuid, Loaded> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Loaded> {
        match self.0.find_many(ids).await {
            Ok(users) => {
                let mut loaded: HashMap<Uuid, Loaded> = ids.iter().map(|id| (*id, Ok(None))).collect();
                loaded.extend(users.into_iter().map(|user| (user.id, Ok(Some(user)))));
                loaded
            }
            Err(error) => {
                let error = Arc::new(error);
                ids.iter().map(|id| (*id, Err(Arc::clone(&error)))).collect()
            }
        }
    }
}
