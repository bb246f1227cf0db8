//! Sends a reserved code. If the provider does not accept the SMS, voids the challenge and refunds the send.
//!
//! A time-out refunds nothing: the SMS may have been sent.

use std::time::{Duration, Instant};

use super::decoy::SendFailure;
use super::draft::Draft;
use super::{CodeRequest, Issuing, RequestCodeError};
use crate::day::Day;
use crate::deliveries::{Dispatch, Dispatched};
use crate::limits::{Limit, RateLimited};
use crate::purpose::Purpose;
use crate::sms::{CodeMessage, ProviderWait, SendError, SendOutcome};
use crate::verification::store::Refund;

/// After how long a client may retry when the provider failed.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Longer than after a failure of the provider: an operator has to fix the cause.
const RETRY_AFTER_OPERATOR: Duration = Duration::from_mins(1);

impl Issuing {
    /// Sends the code. A test number and a decoy get no SMS.
    ///
    /// # Errors
    /// If the SMS was not accepted. The challenge is void then, and the send is refunded unless the SMS may have been sent.
    pub(super) async fn deliver(&self, draft: &Draft, request: &CodeRequest) -> Result<(), RequestCodeError> {
        let (phone, purpose) = (&request.phone, request.code_use.purpose());
        if !draft.sends_sms {
            tracing::info!(phone.masked = %phone, purpose = purpose.name(), "no SMS is sent to a test number");
            self.deliveries.imitate(&draft.name.id, draft.challenge.expires_at);
            return Ok(());
        }
        if draft.is_decoy {
            tracing::info!(phone.masked = %phone, "no SMS is sent: the phone has no account, and sign-up is closed");
            return self.deliver_decoy(draft).await;
        }

        let message = CodeMessage {
            id: &draft.name.nonce,
            phone,
            code: &draft.code,
            purpose,
            channel: request.channel,
            valid_for: self.policy.code_ttl,
            expires_at: draft.challenge.expires_at,
            locale: request.locale.as_ref().or(request.default_locale.as_ref()),
            reference: request.reference.as_deref(),
            app_hash: request.app_hash.as_deref(),
        };
        let started = Instant::now();
        // While sign-up is closed, a receipt would show that the phone has an account.
        let is_private = purpose == Purpose::Login && self.admission.hides_accounts();
        let dispatch = Dispatch { message, challenge_id: &draft.name.id, is_private };
        let Dispatched { outcome, cost } = self.deliveries.send(dispatch).await;
        let failure = outcome.as_ref().err().map(|error| self.send_failure(error));
        self.recent_sends.record(started.elapsed(), failure);

        let (rejection, refund) = match outcome {
            Ok(SendOutcome::Accepted(_)) => {
                self.admission.settle(&draft.ticket, cost).await;
                return Ok(());
            }
            Ok(SendOutcome::InvalidPhone) => (RequestCodeError::InvalidPhone, Refund::Send),
            Ok(SendOutcome::NumberBlocked) => (RequestCodeError::NumberBlocked, Refund::Send),
            Ok(SendOutcome::RegionNotAllowed) => (RequestCodeError::RegionNotAllowed, Refund::Send),
            Ok(SendOutcome::RateLimited(wait)) => (RequestCodeError::Limited(self.provider_limit(wait)), Refund::Send),
            Err(source) => {
                let SendFailure { retry_after, refund } = self.send_failure(&source);
                (RequestCodeError::SendFailed { retry_after, source }, refund)
            }
        };

        self.undo(draft, refund).await;
        Err(rejection)
    }

    /// Voids the challenge of a send that the provider did not accept.
    pub(super) async fn undo(&self, draft: &Draft, refund: Refund) {
        self.void(&draft.challenge, refund).await;
        if refund == Refund::Send {
            self.admission.refund_rejected(&draft.ticket).await;
        }
    }

    fn send_failure(&self, source: &SendError) -> SendFailure {
        let (retry_after, refund) = match source {
            SendError::Ambiguous(_) => (self.policy.cooldown.max(RETRY_AFTER_FAILURE), Refund::Nothing),
            SendError::NeedsOperator { .. } => (RETRY_AFTER_OPERATOR, Refund::Send),
            SendError::Failed { .. } | SendError::Unreachable(_) => (RETRY_AFTER_FAILURE, Refund::Send),
        };
        SendFailure { retry_after, refund }
    }

    fn provider_limit(&self, wait: ProviderWait) -> RateLimited {
        let now = self.clock.now();
        let until = match wait {
            ProviderWait::For(duration) => now + duration,
            ProviderWait::UntilTomorrow => Day::of(now, self.policy.day_offset).end,
        };
        RateLimited::until(Limit::Provider, until, now)
    }
}
