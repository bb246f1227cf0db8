//! Decoys: requests for phones without an account, while sign-up is closed.
//!
//! A decoy counts and answers like a request whose code was sent, but sends no SMS, and its challenge has no code. It must
//! take as long as a real request, or a client could tell which phones have an account. So it waits as long as one of the
//! recent sends took, chosen at random, and while sends fail it fails like the latest one. What the provider says about a
//! single number, for example that it is blocked, is not imitated.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::draft::Draft;
use super::{Issuing, RequestCodeError};
use crate::random;
use crate::sms::SendError;
use crate::verification::store::{CodeDigest, Refund};

/// How many recent sends are remembered.
const REMEMBERED: usize = 64;
/// The range of the wait before the first send of this process: what providers usually take.
const UNKNOWN: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(450)];

/// How a send failed for a reason that is not the phone's.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendFailure {
    pub(super) retry_after: Duration,
    pub(super) refund: Refund,
}

/// What recent sends were like.
#[derive(Debug, Default)]
pub(super) struct RecentSends(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    durations: VecDeque<Duration>,
    latest_failure: Option<SendFailure>,
}

impl RecentSends {
    /// Records a send.
    pub(super) fn record(&self, took: Duration, failure: Option<SendFailure>) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.latest_failure = failure;
        recent.durations.truncate(REMEMBERED - 1);
        recent.durations.push_front(took);
    }

    /// Returns how long a decoy takes, and how it fails.
    fn imitate(&self) -> (Duration, Option<SendFailure>) {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u32::from_be_bytes(random::bytes());
        let chosen = usize::try_from(number).unwrap_or_default() % recent.durations.len().max(1);
        let unknown =
            || UNKNOWN[0] + (UNKNOWN[1].saturating_sub(UNKNOWN[0])).mul_f64(f64::from(number) / f64::from(u32::MAX));
        (recent.durations.get(chosen).copied().unwrap_or_else(unknown), recent.latest_failure)
    }
}

impl Draft {
    /// Makes the draft a decoy: no code matches its random digest.
    pub(super) fn make_decoy(&mut self) {
        self.is_decoy = true;
        self.challenge.digest = CodeDigest::new(random::bytes());
    }
}

impl Issuing {
    /// Does for a decoy what `deliver` does for other drafts.
    ///
    /// # Errors
    /// If the latest send failed.
    pub(super) async fn deliver_decoy(&self, draft: &Draft) -> Result<(), RequestCodeError> {
        let (duration, failure) = self.recent_sends.imitate();
        tokio::time::sleep(duration).await;
        let Some(SendFailure { retry_after, refund }) = failure else {
            self.deliveries.imitate(&draft.name.id, draft.challenge.expires_at);
            return Ok(());
        };

        self.undo(draft, refund).await;
        let source = SendError::Failed { code: "as the latest send".to_owned(), request_id: String::new() };
        Err(RequestCodeError::SendFailed { retry_after, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoy_takes_as_long_as_one_of_the_recent_sends() {
        let sends = RecentSends::default();
        for _ in 0..100 {
            assert!((UNKNOWN[0]..=UNKNOWN[1]).contains(&sends.imitate().0));
        }
        for milliseconds in 0..100 {
            sends.record(Duration::from_millis(milliseconds), None);
        }
        let imitated: Vec<_> = (0..1000).map(|_| sends.imitate().0).collect();
        assert!(imitated.iter().all(|took| (36..100).contains(&took.as_millis())), "the last 64");
        assert!(imitated.iter().any(|took| *took != imitated[0]));
    }

    #[test]
    fn a_decoy_fails_like_the_latest_send() {
        let sends = RecentSends::default();
        let failure = SendFailure { retry_after: Duration::from_secs(5), refund: Refund::Send };
        sends.record(Duration::ZERO, Some(failure));
        assert_eq!(sends.imitate().1.map(|failure| failure.retry_after), Some(failure.retry_after));
        sends.record(Duration::ZERO, None);
        assert!(sends.imitate().1.is_none());
    }
}
