//! What time it is on the Redis server, estimated from samples of its `TIME` and this machine's monotonic clock.
//!
//! Two things depend on it: the deadline that an admitting script carries, and the rule that this server's wall clock
//! must agree with Redis's. Both must survive a sample that took long: a deadline is computed from the earliest time
//! that Redis can have, and a difference counts only as far as the sample's round trip cannot explain it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// How far this server's wall clock may be from Redis's.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// A sample older than this is renewed by the next call.
const FRESH: Duration = Duration::from_secs(3);

/// While one call renews the sample, the others use the old one up to this age. Clocks drift by far less than a
/// millisecond in this time.
const USABLE: Duration = Duration::from_mins(1);

/// How long the other calls leave the renewal to the one that began it.
const RENEWAL: Duration = Duration::from_secs(1);

/// This server's wall clock and Redis's do not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this server's clock is {:#} {} Redis's", .ahead.abs(), if .ahead.is_negative() { "behind" } else { "ahead of" })]
pub struct ClockSkew {
    /// How far this server's clock is ahead; negative if it is behind.
    pub ahead: SignedDuration,
}

/// One answer to `TIME`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// What Redis answered, in milliseconds since 1970.
    pub(super) redis: i64,
    /// When the call began.
    pub(super) sent: Instant,
    /// When the answer arrived.
    pub(super) received: Instant,
}

impl Sample {
    /// The earliest time that Redis's clock can show at `at`, in milliseconds: the answer was on its way for no time.
    pub(super) fn earliest(&self, at: Instant) -> i64 {
        self.redis.saturating_add(milliseconds(at.saturating_duration_since(self.received)))
    }

    /// How far `wall` is ahead of Redis's clock at `at`, by the middle of the sample's round trip.
    pub(super) fn ahead(&self, wall: Timestamp, at: Instant) -> SignedDuration {
        let redis = self.earliest(at).saturating_add(milliseconds(self.doubt()));
        SignedDuration::from_millis(wall.as_millisecond().saturating_sub(redis))
    }

    /// The skew, if the difference is more than is allowed and more than the round trip can explain.
    pub(super) fn skew(&self, wall: Timestamp, at: Instant) -> Option<ClockSkew> {
        let ahead = self.ahead(wall, at);
        let doubt = SignedDuration::from_millis(milliseconds(self.doubt()));
        (ahead.abs() > MAX_CLOCK_SKEW + doubt).then_some(ClockSkew { ahead })
    }

    fn doubt(&self) -> Duration {
        self.received.saturating_duration_since(self.sent) / 2
    }
}

/// The last sample, shared by all users of a pool.
#[derive(Debug, Default)]
pub(super) struct ServerTime(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sample: Option<Sample>,
    renewal_began: Option<Instant>,
}

impl ServerTime {
    /// The sample to use at `now`; `None` if the caller has to take one.
    pub(super) fn current(&self, now: Instant) -> Option<Sample> {
        let mut state = self.state();
        let sample = state.sample?;
        let age = now.saturating_duration_since(sample.received);
        if age <= FRESH {
            return Some(sample);
        }

        // One call pays for the renewal. If it fails, the next one tries a second later.
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

    /// Drops the sample, because Redis's clock is not where it was expected.
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
    fn a_deadline_starts_from_the_earliest_time_that_redis_can_have() {
        let sample = sample(2 * SECOND);
        assert_eq!(sample.earliest(sample.received), NOON, "the middle would be a second later");
        assert_eq!(sample.earliest(sample.received + SECOND), NOON + 1000);
    }

    #[test]
    fn clocks_disagree_by_more_than_five_seconds_and_the_doubt_of_the_sample() {
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
        assert!(time.current(sample.received).is_none(), "there is none");
        time.keep(sample);
        assert!(time.current(sample.received + FRESH).is_some());
        let stale = sample.received + FRESH + SECOND;
        assert!(time.current(stale).is_none(), "this call renews it");
        assert!(time.current(stale).is_some(), "this one need not wait");
        assert!(time.current(stale + RENEWAL).is_none(), "the renewal failed");
        assert!(time.current(sample.received + USABLE + SECOND).is_none());
        assert!(time.current(sample.received + USABLE + SECOND).is_none(), "too old for everybody");
        time.forget();
        assert!(time.current(sample.received).is_none());
    }
}
