//! Cleaning up: sessions that are over are deleted in small batches, by every server, now and then.

use std::time::Duration;

use super::Sessions;

/// How long a session that is over is kept, so that its tokens are still told from forged ones.
const KEPT: Duration = Duration::from_hours(24);
const PAUSE: Duration = Duration::from_mins(10);
const PAUSE_BETWEEN_BATCHES: Duration = Duration::from_millis(100);

impl Sessions {
    /// Deletes what is over, again and again, until dropped.
    pub async fn clean_up_forever(&self) {
        loop {
            match self.clean_up_batch().await {
                Ok(0) => tokio::time::sleep(PAUSE).await,
                Ok(_) => tokio::time::sleep(PAUSE_BETWEEN_BATCHES).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "old sessions could not be deleted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Deletes one batch of sessions that are over for a day, and says how many they were.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn clean_up_batch(&self) -> Result<u64, crate::store::StoreError> {
        self.store.purge_sessions(self.clock.now() - KEPT).await
    }
}
