//! Deleting old rows in small batches, so that no statement locks many rows.

use std::error::Error;
use std::time::Duration;

/// The pause after a batch that found nothing to delete, or failed.
const PAUSE: Duration = Duration::from_mins(10);
const PAUSE_BETWEEN_BATCHES: Duration = Duration::from_millis(100);

/// Runs `batch` until the future is dropped. `batch` returns the number of rows that it deleted.
pub(crate) async fn repeat<E, F>(what: &'static str, batch: impl Fn() -> F)
where
    E: Error + 'static,
    F: Future<Output = Result<u64, E>>,
{
    loop {
        match batch().await {
            Ok(0) => tokio::time::sleep(PAUSE).await,
            Ok(_) => tokio::time::sleep(PAUSE_BETWEEN_BATCHES).await,
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "old {what} could not be deleted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
