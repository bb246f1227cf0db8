//! The read replica of the database. It may lag behind, so it serves only reads that need not be fresh.
//!
//! A replica that fails must not slow requests down: it has little time for each read, and after a failure it is not read for
//! a while. The primary then answers instead.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use uuid::Uuid;

use super::find_users;
use crate::database::Database;
use crate::metrics;
use crate::users::User;

/// How long a read may take. It leaves most of an operation's budget to the primary.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long the replica is not read after a failure.
const REST: Duration = Duration::from_secs(5);

/// A read replica.
#[derive(Debug)]
pub(super) struct Replica {
    database: Database,
    resting_until: Mutex<Option<Instant>>,
}

impl Replica {
    pub(super) const fn new(database: Database) -> Self {
        Self { database, resting_until: Mutex::new(None) }
    }

    /// Returns the users of these ids that the replica knows. None if it fails: the caller must read the primary for ids that
    /// are missing, because the replica may not have them yet.
    pub(super) async fn find_users(&self, ids: &[Uuid]) -> Vec<User> {
        let mut resting_until = *self.resting_until.lock().unwrap_or_else(PoisonError::into_inner);
        if resting_until.take_if(|until| *until > Instant::now()).is_some() {
            metrics::replica_read("skipped");
            return Vec::new();
        }

        let error: Box<dyn std::error::Error> = match timeout(PATIENCE, Box::pin(find_users(&self.database, ids))).await
        {
            Ok(Ok(users)) => {
                metrics::replica_read("ok");
                return users;
            }
            Ok(Err(error)) => error.into(),
            Err(elapsed) => elapsed.into(),
        };
        metrics::replica_read("failed");
        tracing::warn!(error = &*error, "the read replica failed: the primary is read for a while");
        *self.resting_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        Vec::new()
    }
}
