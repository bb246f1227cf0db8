//! The circuit breaker of a route: after several failures in a row, messages take another route for a while.
//!
//! Each server has its own. Time comes from the caller. After the pause a single message, the probe, tries the route again.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The number of consecutive failures that opens a breaker.
const FAILURES: u32 = 5;

/// How long an open breaker lets no message pass. If a probe has no result after this time, there is another probe.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// The state of a breaker, as the metric shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Messages pass.
    Closed,
    /// A probe is on its way.
    HalfOpen,
    /// No message passes.
    Open,
}

/// Counts the failures of a route.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Consecutive failures.
    failures: u32,
    /// Set while the breaker is open or half open.
    blocked_until: Option<Timestamp>,
}

impl Breaker {
    /// Admits a message to the route: returns the state in which it is admitted, or `None` if it must take another route.
    /// After the pause, only the first message is admitted.
    pub(super) fn admit(&self, now: Timestamp) -> Option<State> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.blocked_until {
            None => Some(State::Closed),
            Some(until) if now < until => None,
            Some(_) => {
                counts.blocked_until = Some(now + PAUSE);
                Some(State::HalfOpen)
            }
        }
    }

    /// Records the result of a send, and returns the new state.
    pub(super) fn record(&self, is_failure: bool, now: Timestamp) -> State {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_failure {
            *counts = Counts::default();
            return State::Closed;
        }

        counts.failures = counts.failures.saturating_add(1);
        if counts.failures < FAILURES {
            return State::Closed;
        }
        counts.blocked_until = Some(now + PAUSE);
        State::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(breaker: &Breaker, seconds: i64) -> bool {
        breaker.admit(at(seconds)).is_some()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            assert_eq!(breaker.record(true, at(0)), State::Closed);
        }
        assert_eq!(breaker.record(false, at(0)), State::Closed);
        for _ in 0..4 {
            breaker.record(true, at(0));
            assert!(admits(&breaker, 0));
        }
        assert_eq!(breaker.record(true, at(0)), State::Open);
        assert!(!admits(&breaker, 0) && !admits(&breaker, 29));
    }

    #[test]
    fn one_probe_passes_after_the_pause_and_decides() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            breaker.record(true, at(0));
        }
        assert!(admits(&breaker, 30), "the probe");
        assert!(!admits(&breaker, 30) && !admits(&breaker, 59), "nobody else");
        assert_eq!(breaker.record(true, at(31)), State::Open);
        assert!(!admits(&breaker, 60));

        assert!(admits(&breaker, 61));
        assert!(admits(&breaker, 91), "the probe before was lost");
        assert_eq!(breaker.record(false, at(92)), State::Closed);
        assert!(admits(&breaker, 92) && admits(&breaker, 92));
    }
}
