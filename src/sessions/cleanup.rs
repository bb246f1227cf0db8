//! Clean-up: every server regularly deletes old sessions, in small batches so that no statement locks many rows.

use std::error::Error;
use std::time::Duration;

use super::Sessions;
use crate::store::StoreError;

/// How long a session is kept after its end: until then, the server can still recognize its refresh tokens as genuine.
const KEPT: Duration = Duration::from_hours(24);
/// The pause after a batch that found nothing to delete, or failed.
const PAUSE: Duration = Duration::from_mins(10);
const PAUSE_BETWEEN_BATCHES: Duration = Duration::from_millis(100);

impl Sessions {
    /// Deletes old sessions until the future is dropped.
    pub async fn clean_up_forever(&self) {
        loop {
            match self.clean_up_batch().await {
                Ok(0) => tokio::time::sleep(PAUSE).await,
                Ok(_) => tokio::time::sleep(PAUSE_BETWEEN_BATCHES).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "old sessions could not be deleted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Deletes one batch of sessions that ended or expired more than a day ago. Returns their number.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn clean_up_batch(&self) -> Result<u64, StoreError> {
        self.store.purge_sessions(self.clock.now() - KEPT).await
    }
}
