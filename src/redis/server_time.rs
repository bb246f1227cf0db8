//! An estimate of the time on the Redis server, from samples of its `TIME` and this machine's monotonic clock.
//!
//! It serves two purposes: the deadline of an admitting script, and the rule that this server's wall clock must agree
//! with Redis's clock. Both must be correct even if a sample took long. So a deadline is computed from the earliest
//! possible time on the Redis server, and a difference counts only if the sample's round trip cannot explain it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The maximum difference between this server's wall clock and Redis's clock.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// The age after which the next call renews the sample.
const FRESH: Duration = Duration::from_secs(3);

/// The maximum age at which other calls still use the sample while one call renews it. In this time clocks drift by
/// much less than the allowed difference.
const USABLE: Duration = Duration::from_mins(1);

/// The time that one call has to renew the sample before another call tries it, too.
const RENEWAL: Duration = Duration::from_secs(1);

/// This server's wall clock and Redis's clock differ too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this server's clock is {:#} {} Redis's", .ahead.abs(), if .ahead.is_negative() { "behind" } else { "ahead of" })]
pub struct ClockSkew {
    /// How far this server's clock is ahead; negative if it is behind.
    pub ahead: SignedDuration,
}

/// One answer of Redis to `TIME`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// The time that Redis returned, in milliseconds since 1970.
    pub(super) redis: i64,
    /// When the call began.
    pub(super) sent: Instant,
    /// When the answer arrived.
    pub(super) received: Instant,
}

impl Sample {
    /// Returns the earliest time that Redis's clock can show at `at`, in milliseconds. It assumes that the answer
    /// arrived without delay.
    pub(super) fn earliest(&self, at: Instant) -> i64 {
        self.redis.saturating_add(milliseconds(at.saturating_duration_since(self.received)))
    }

    /// Returns how far `wall` is ahead of Redis's clock at `at`, if Redis answered in the middle of the sample's round
    /// trip.
    pub(super) fn ahead(&self, wall: Timestamp, at: Instant) -> SignedDuration {
        let redis = self.earliest(at).saturating_add(milliseconds(self.doubt()));
        SignedDuration::from_millis(wall.as_millisecond().saturating_sub(redis))
    }

    /// Returns the skew if the difference is larger than allowed and larger than the round trip can explain.
    pub(super) fn skew(&self, wall: Timestamp, at: Instant) -> Option<ClockSkew> {
        let ahead = self.ahead(wall, at);
        let doubt = SignedDuration::from_millis(milliseconds(self.doubt()));
        (ahead.abs() > MAX_CLOCK_SKEW + doubt).then_some(ClockSkew { ahead })
    }

    /// Returns the maximum error of `ahead`: half of the round trip.
    fn doubt(&self) -> Duration {
        self.received.saturating_duration_since(self.sent) / 2
    }
}

/// The latest sample, shared by all clones of a pool.
#[derive(Debug, Default)]
pub(super) struct ServerTime(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sample: Option<Sample>,
    renewal_began: Option<Instant>,
}

impl ServerTime {
    /// Returns the sample to use at `now`. `None` if the caller must take a new one.
    pub(super) fn current(&self, now: Instant) -> Option<Sample> {
        let mut state = self.state();
        let sample = state.sample?;
        let age = now.saturating_duration_since(sample.received);
        if age <= FRESH {
            return Some(sample);
        }

        // Only one call waits for the renewal. If it fails, another call tries again after a second.
        let renewing = state.renewal_began.is_some_and(|began| now.saturating_duration_since(began) < RENEWAL);
        if renewing && age <= USABLE {
            return Some(sample);
        }
        state.renewal_began = Some(now);
        None
    }

    pub(super) fn keep(&self, sample: Sample) {
        self.state().sample = Some(sample);
    }

    /// Discards the sample, because Redis's clock was not as expected.
    pub(super) fn forget(&self) {
        self.state().sample = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NOON: i64 = 1_772_366_400_000;

    fn sample(round_trip: Duration) -> Sample {
        let sent = Instant::now();
        Sample { redis: NOON, sent, received: sent + round_trip }
    }

    fn noon_plus(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(NOON + milliseconds).expect("a time")
    }

    #[test]
    fn a_deadline_counts_from_the_earliest_possible_time() {
        let sample = sample(2 * SECOND);
        assert_eq!(sample.earliest(sample.received), NOON, "the middle would be a second later");
        assert_eq!(sample.earliest(sample.received + SECOND), NOON + 1000);
    }

    #[test]
    fn a_skew_is_more_than_five_seconds_beyond_the_error_of_the_sample() {
        let quick = sample(Duration::ZERO);
        for (ahead, skewed) in [(0, false), (5000, false), (-5000, false), (5001, true), (-5001, true)] {
            assert_eq!(quick.skew(noon_plus(ahead), quick.received).is_some(), skewed, "{ahead}");
        }
        let slow = sample(2 * SECOND);
        assert_eq!(slow.skew(noon_plus(1000 + 6000), slow.received), None, "the round trip may explain it");
        assert!(slow.skew(noon_plus(1000 + 6001), slow.received).is_some());
        let skew = quick.skew(noon_plus(16 * 24 * 3_600_000), quick.received).expect("a skew");
        assert_eq!(skew.to_string(), "this server's clock is 384h ahead of Redis's");
        let skew = quick.skew(noon_plus(-7_500), quick.received).expect("a skew");
        assert_eq!(skew.to_string(), "this server's clock is 7s 500ms behind Redis's");
    }

    #[test]
    fn one_call_renews_a_sample_and_the_others_use_the_old_one() {
        let time = ServerTime::default();
        let sample = sample(Duration::ZERO);
        assert!(time.current(sample.received).is_none(), "there is no sample yet");
        time.keep(sample);
        assert!(time.current(sample.received + FRESH).is_some());
        let stale = sample.received + FRESH + SECOND;
        assert!(time.current(stale).is_none(), "this call renews it");
        assert!(time.current(stale).is_some(), "this call does not wait");
        assert!(time.current(stale + RENEWAL).is_none(), "the renewal failed");
        assert!(time.current(sample.received + USABLE + SECOND).is_none());
        assert!(time.current(sample.received + USABLE + SECOND).is_none(), "too old to use during a renewal");
        time.forget();
        assert!(time.current(sample.received).is_none());
    }
}
