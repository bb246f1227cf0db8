//! Clean-up: every server regularly deletes old sessions.

use std::time::Duration;

use super::Sessions;
use crate::cleanup;
use crate::store::StoreError;

/// How long a session is kept after its end: until then, the server can still recognize its refresh tokens as genuine.
const KEPT: Duration = Duration::from_hours(24);

impl Sessions {
    /// Deletes old sessions until the future is dropped.
    pub async fn clean_up_forever(&self) {
        cleanup::repeat("sessions", || self.clean_up_batch()).await;
    }

    /// Deletes one batch of sessions that ended or expired more than a day ago. Returns their number.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn clean_up_batch(&self) -> Result<u64, StoreError> {
        self.store.purge_sessions(self.clock.now() - KEPT).await
    }
}
