//! `Day`: the calendar day that daily limits count by.

use jiff::{SignedDuration, Timestamp};

const LENGTH: SignedDuration = SignedDuration::from_hours(24);

/// A calendar day at a fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01 at the offset.
    pub number: i64,
    /// When the next day begins.
    pub end: Timestamp,
}

impl Day {
    /// Returns the day that `now` falls on, at `offset` from UTC.
    #[must_use]
    pub fn of(now: Timestamp, offset: SignedDuration) -> Self {
        let number = (now.as_second() + offset.as_secs()).div_euclid(LENGTH.as_secs());
        let end = (number + 1) * LENGTH.as_secs() - offset.as_secs();
        Self { number, end: Timestamp::from_second(end).unwrap_or(Timestamp::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_of(now: &str) -> Day {
        Day::of(now.parse().expect("a time"), SignedDuration::from_hours(8))
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_offset() {
        let before = day_of("2026-03-01T15:59:59.999Z");
        let after = day_of("2026-03-01T16:00:00Z");
        assert_eq!(before.end, "2026-03-01T16:00:00Z".parse().expect("a time"));
        assert_eq!(after.number, before.number + 1);
        assert_eq!(after.end, "2026-03-02T16:00:00Z".parse().expect("a time"));
    }
}
