//! Repeated requests: the answer of the first request with an idempotency key, for all later ones.

use std::time::{Duration, Instant};

use super::draft::Draft;
use super::{CodeRequest, CodeSent, Issuing, RequestCodeError};
use crate::store::StoreError;
use crate::verification::store::{IssueOutcome, SEND_LEASE, SentAnswer};

/// How long a request pauses before it looks again whether a send in flight has ended. Each pause is twice as long as the one
/// before, because a provider needs between a tenth of a second and a few seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// The pauses between looks for a request that has used the same captcha. It issues its challenge as soon as it has the answer
/// of the captcha service.
const PAUSES_AFTER_CAPTCHA: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(320)];

impl Issuing {
    /// Returns the answer of an earlier request with the same key, or `None` if there is no such request. While an earlier
    /// request is sending, on this server or on another one, waits for its result.
    ///
    /// # Errors
    /// If the key was used with other arguments, the send in flight takes too long, or the store fails.
    pub(super) async fn repeat(
        &self,
        draft: &mut Draft,
        request: &CodeRequest,
    ) -> Result<Option<CodeSent>, RequestCodeError> {
        if draft.challenge.key.is_none() {
            return Ok(None);
        }

        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            match self.store.check(&draft.challenge, &draft.phone_limits).await? {
                IssueOutcome::Repeated { nonce, answer } => {
                    return Ok(Some(self.repeated(draft, request, nonce, &answer)));
                }
                IssueOutcome::KeyMismatch => return Err(RequestCodeError::IdempotencyMismatch),
                IssueOutcome::InFlight => {}
                // A limit that rejects a new request is found again when the challenge is issued.
                IssueOutcome::Issued { .. }
                | IssueOutcome::Cooldown { .. }
                | IssueOutcome::NoPredecessor
                | IssueOutcome::DailyLimit
                | IssueOutcome::FailureWait { .. } => return Ok(None),
            }

            // The store ends the wait by the servers' clocks. This is for the case that they stand still.
            if started.elapsed() > SEND_LEASE {
                let cause = "a request with the same idempotency key is still sending";
                return Err(StoreError::Unavailable(cause.into()).into());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            draft.set_time(self.clock.now(), &self.policy);
        }
    }

    /// Returns what `repeat` returns, but also finds a simultaneous request that issues its challenge in the next moment.
    ///
    /// # Errors
    /// If `repeat` fails.
    pub(super) async fn repeat_soon(
        &self,
        draft: &mut Draft,
        request: &CodeRequest,
    ) -> Result<Option<CodeSent>, RequestCodeError> {
        if draft.challenge.key.is_none() {
            return Ok(None);
        }
        for pause in PAUSES_AFTER_CAPTCHA {
            let repeated = self.repeat(draft, request).await?;
            if repeated.is_some() {
                return Ok(repeated);
            }
            tokio::time::sleep(pause).await;
            draft.set_time(self.clock.now(), &self.policy);
        }
        self.repeat(draft, request).await
    }

    /// Builds the answer of an earlier request again. Its challenge id was never stored: the nonce is enough to make it.
    pub(super) fn repeated(
        &self,
        draft: &Draft,
        request: &CodeRequest,
        nonce: String,
        answer: &SentAnswer,
    ) -> CodeSent {
        CodeSent::new(self.keys.sibling(&draft.name, nonce, request.scope()), answer)
    }

    /// Stores the answer for repetitions.
    pub(super) async fn confirm(&self, draft: &Draft, answer: &SentAnswer) {
        if draft.challenge.key.is_none() {
            return;
        }
        // The code is sent, so the request succeeds. A repetition waits until the lease ends and is a new request then.
        if let Err(error) = self.store.confirm(&draft.challenge, answer).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an idempotency key could not be confirmed");
        }
    }
}
