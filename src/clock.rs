//! Time, handed in.
//!
//! Owns the one place where the wall clock is read. Everything else takes a `Clock`, so that tests can move time.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// The present instant, to the millisecond: what is stored and what is answered are then the same.
    fn now(&self) -> Timestamp;

    /// The same instant if this clock claims to show real time; it can then be compared with other machines' clocks.
    /// `None` for a clock that is set by hand.
    fn wall(&self) -> Option<Timestamp> {
        Some(self.now())
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        whole_milliseconds(Timestamp::now())
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock {
    milliseconds: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { milliseconds: AtomicI64::new(start.as_millisecond()) }
    }

    /// Moves the clock on, or back by a negative duration.
    pub fn advance(&self, by: SignedDuration) {
        let milliseconds = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.milliseconds.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.milliseconds.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }

    fn wall(&self) -> Option<Timestamp> {
        None
    }
}

fn whole_milliseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}
