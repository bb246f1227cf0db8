//! Wakes those who wait for a change of a delivery, in this process.
//!
//! A waiter that is woken reads the store again, so a wake-up without a change does no harm.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::store::ChallengeTag;

/// The waiters of this process, by challenge.
#[derive(Debug, Default)]
pub struct Changes(Mutex<HashMap<ChallengeTag, Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    waiters: usize,
    changed: Arc<Notify>,
}

/// Waits for changes of one delivery. Dropping it ends the wait.
#[derive(Debug)]
pub struct Waiter {
    challenge: ChallengeTag,
    changed: Arc<Notify>,
    changes: Arc<Changes>,
}

impl Changes {
    /// Returns a waiter for changes from now on.
    #[must_use]
    pub fn wait_for(self: &Arc<Self>, challenge: &ChallengeTag) -> Waiter {
        let mut all = self.all();
        let waiting = all.entry(challenge.clone()).or_default();
        waiting.waiters += 1;
        Waiter { challenge: challenge.clone(), changed: Arc::clone(&waiting.changed), changes: Arc::clone(self) }
    }

    /// Wakes those who wait for this delivery.
    pub fn wake(&self, challenge: &ChallengeTag) {
        if let Some(waiting) = self.all().get(challenge) {
            waiting.changed.notify_waiters();
        }
    }

    /// Wakes everyone: changes may have been missed.
    pub fn wake_all(&self) {
        for waiting in self.all().values() {
            waiting.changed.notify_waiters();
        }
    }

    /// Returns whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ChallengeTag, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns a future that ends at the next change after this call, even if it is not polled before the change.
    pub fn changed(&self) -> impl Future<Output = ()> + use<> {
        Arc::clone(&self.changed).notified_owned()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut all = self.changes.all();
        if let Some(waiting) = all.get_mut(&self.challenge) {
            waiting.waiters -= 1;
            if waiting.waiters == 0 {
                all.remove(&self.challenge);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_wakes_its_own_waiters_and_nothing_stays_behind() {
        let changes = Arc::new(Changes::default());
        let (one, other) = (ChallengeTag::new("one".to_owned()), ChallengeTag::new("other".to_owned()));
        let waiter = changes.wait_for(&one);
        let change = waiter.changed();
        changes.wake(&one);
        change.await;

        let next = waiter.changed();
        changes.wake(&other);
        tokio::pin!(next);
        assert!(futures_util::poll!(next.as_mut()).is_pending());
        changes.wake_all();
        next.await;

        drop(waiter);
        assert!(changes.is_empty());
    }
}
