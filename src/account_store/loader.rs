//! Loads all users that one request asks for with a single statement.
//!
//! Every request has its own loader, so a user that it has loaded is never reused for another request.

use std::collections::HashMap;
use std::sync::Arc;

use dataloader::BatchFn;
use dataloader::cached::Loader;
use uuid::Uuid;

use super::AccountStore;
use crate::store::StoreError;
use crate::users::User;

/// How often a load yields to other tasks before its batch is closed. Once is enough for the fields of one selection set,
/// because they are polled one after another.
const YIELDS: usize = 1;
/// More ids than one request can ask for.
const MAX_BATCH: usize = 1000;

type Loaded = Result<Option<User>, Arc<StoreError>>;

/// Loads users by their ids.
#[derive(Clone)]
pub struct UserLoader(Loader<Uuid, Loaded, Batch>);

impl UserLoader {
    /// Creates a loader for one request.
    #[must_use]
    pub fn new(store: Arc<AccountStore>) -> Self {
        let loader = Loader::new(Batch(store));
        Self(loader.with_yield_count(YIELDS).with_max_batch_size(MAX_BATCH))
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// If the store failed for the batch.
    pub async fn find(&self, id: Uuid) -> Loaded {
        self.0.load(id).await
    }
}

struct Batch(Arc<AccountStore>);

impl BatchFn<Uuid, Loaded> for Batch {
    async fn load(&mut self, ids: &[Uuid]) -> HashMap<Uuid, Loaded> {
        match self.0.find_users(ids).await {
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
