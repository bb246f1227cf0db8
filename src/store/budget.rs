//! The time that one operation may wait for stores: a hung or stopped store must answer within two seconds.
//!
//! Time-outs of single calls do not bound an operation, because it makes several calls, and more of them to refund and
//! release after a failure. So all calls of an operation share one budget. Only waiting for a store uses it: simultaneous
//! calls use it once, and a slow SMS provider does not use it.
//!
//! The arithmetic: an operation first waits for at most `BUDGET`, 1.4 s. When that is used up, each further call has
//! `LAST_CALL`, 0.1 s, to release a claim or to refund a count in a store that may be healthy. At most three such calls
//! follow one another (`consume` has three tries), which is 1.7 s in all. A call outside of an operation, such as a health
//! check or a clean-up, has the whole budget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// How long an operation may wait for stores.
pub(crate) const BUDGET: Duration = Duration::from_millis(1400);
/// How long a call may wait if the operation has used up its budget.
const LAST_CALL: Duration = Duration::from_millis(100);

tokio::task_local! {
    static OPERATION: Arc<Spent>;
}

/// The time that an operation has waited for stores.
#[derive(Debug, Default)]
struct Spent(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The sum of earlier waits.
    before: Duration,
    /// The number of calls that wait at present.
    calls: u32,
    /// When the first of these calls began.
    since: Option<Instant>,
}

impl Spent {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self, now: Instant) -> Duration {
        let state = self.state();
        let current = state.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        BUDGET.saturating_sub(state.before + current).max(LAST_CALL)
    }

    fn begin(&self, now: Instant) {
        let mut state = self.state();
        state.calls += 1;
        state.since.get_or_insert(now);
    }

    fn end(&self, now: Instant) {
        let mut state = self.state();
        state.calls -= 1;
        if state.calls == 0
            && let Some(since) = state.since.take()
        {
            state.before += now.saturating_duration_since(since);
        }
    }
}

/// A call that waits for a store. Dropping it ends the wait, also if the call was cancelled.
struct Wait(Option<Arc<Spent>>);

impl Wait {
    fn begin() -> Self {
        let spent = OPERATION.try_with(Arc::clone).ok();
        if let Some(spent) = &spent {
            spent.begin(Instant::now());
        }
        Self(spent)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(spent) = &self.0 {
            spent.end(Instant::now());
        }
    }
}

/// Runs an operation, whose calls of stores share one budget.
pub(crate) async fn with_budget<F: Future>(operation: F) -> F::Output {
    OPERATION.scope(Arc::default(), operation).await
}

/// Returns how long a call of a store that begins now may take.
pub(crate) fn left() -> Duration {
    OPERATION.try_with(|spent| spent.left(Instant::now())).unwrap_or(BUDGET)
}

/// Runs a call of a store, and cancels it when the operation has no time left for it: then it fails with `too_slow`.
pub(crate) fn bounded<T, E>(
    call: impl Future<Output = Result<T, E>>,
    too_slow: impl FnOnce(Elapsed) -> E,
) -> impl Future<Output = Result<T, E>> {
    // On the heap: the drivers' futures are tens of kilobytes large.
    let call = Box::pin(call);
    async move {
        let limit = left();
        let _wait = Wait::begin();
        timeout(limit, call).await.unwrap_or_else(|elapsed| Err(too_slow(elapsed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn simultaneous_calls_use_the_budget_once() {
        let (spent, start) = (Spent::default(), Instant::now());
        assert_eq!(spent.left(start), BUDGET);
        spent.begin(start);
        spent.begin(start + SECOND / 2);
        assert_eq!(spent.left(start + SECOND), BUDGET.saturating_sub(SECOND));
        spent.end(start + SECOND);
        spent.end(start + SECOND);
        assert_eq!(spent.left(start + 10 * SECOND), BUDGET.saturating_sub(SECOND), "only waiting counts");

        spent.begin(start + 10 * SECOND);
        assert_eq!(spent.left(start + 11 * SECOND), LAST_CALL);
    }
}
