//! Checking: a user submits a code, and the server acts on it once.
//!
//! The steps are claim → act → consume or release, and `redeem` is the only place that knows them. Of any number of
//! simultaneous right attempts one gets the claim. If the act fails, the code can be tried again.

use std::sync::Arc;

use uuid::Uuid;

use super::AttemptError;
use super::keys::{CodeKeys, Scope, claim_token};
use super::store::{Attempt, AttemptOutcome, CodeClaim, CodeStore, FailureLimits, Subject};
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::code::Code;
use crate::limits::{AttemptTicket, Limit, Limits, RateLimited, UsedCode};
use crate::metrics;
use crate::phone::{Destination, PhoneNumber};
use crate::purpose::Purpose;

/// How often consuming a claim is tried. The act is stored by then, so a lost answer should not fail the request.
const CONSUME_TRIES: usize = 3;

/// How codes are checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckingPolicy {
    /// The number of wrong codes after which a challenge ends.
    pub max_attempts: u32,
    /// The limits of consecutive wrong codes.
    pub failures: FailureLimits,
}

/// A code that a user submits.
#[derive(Debug, Clone, Copy)]
pub struct SubmittedCode<'a> {
    /// The phone that the code went to.
    pub phone: &'a PhoneNumber,
    /// What the user typed.
    pub code: &'a str,
    /// The id of the challenge.
    pub challenge_id: &'a str,
    /// What the code is used for.
    pub purpose: Purpose,
    /// The signed-in user, if the code is valid for one user alone.
    pub user: Option<Uuid>,
    /// The client's address.
    pub client: ClientAddress,
}

/// The outcome of an act that a code allowed.
#[derive(Debug)]
#[must_use = "the code may not be consumed"]
pub struct Redeemed<T> {
    /// What the act returned.
    pub value: T,
    /// Whether the code was consumed after the act. If not, either the store failed or the claim had lapsed and another
    /// request used the code.
    pub consumed: Result<(), AttemptError>,
}

/// The service that checks codes.
pub struct Checking {
    store: Arc<dyn CodeStore>,
    limits: Arc<Limits>,
    keys: Arc<CodeKeys>,
    policy: CheckingPolicy,
    clock: Arc<dyn Clock>,
}

/// A right code, held until it is consumed or released.
struct Claimed {
    claim: CodeClaim,
    destination: Destination,
    reference: Option<String>,
}

impl Checking {
    /// Creates the service.
    #[must_use]
    pub fn new(
        store: Arc<dyn CodeStore>,
        limits: Arc<Limits>,
        keys: Arc<CodeKeys>,
        policy: CheckingPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, limits, keys, policy, clock }
    }

    /// Claims a code, runs `act` with the challenge's reference, and consumes the code. If `act` fails, the code is released
    /// and can be tried again.
    ///
    /// # Errors
    /// If the code is rejected, or with the error of `act`.
    pub async fn redeem<T, E, F>(
        &self,
        submitted: SubmittedCode<'_>,
        act: impl FnOnce(Option<String>) -> F,
    ) -> Result<Redeemed<T>, E>
    where
        E: From<AttemptError>,
        F: Future<Output = Result<T, E>>,
    {
        let claimed = self.claim(submitted).await;
        let label = claimed.as_ref().map_or_else(AttemptError::label, |_| "right");
        metrics::attempt(submitted.purpose.name(), label);
        let mut claimed = claimed?;

        match act(claimed.reference.take()).await {
            Ok(value) => Ok(Redeemed { value, consumed: self.consume(&claimed).await }),
            Err(error) => {
                // If releasing fails, the lease ends the claim.
                tokio::join!(self.refund_attempt(&claimed.claim), self.release(&claimed.claim));
                Err(error)
            }
        }
    }

    async fn claim(&self, submitted: SubmittedCode<'_>) -> Result<Claimed, AttemptError> {
        let code = Code::parse(submitted.code).ok_or(AttemptError::Malformed)?;
        let scope = Scope { phone: submitted.phone, purpose: submitted.purpose, user: submitted.user };
        let nonce = self.keys.nonce_of(submitted.challenge_id, scope).ok_or(AttemptError::Mismatch)?;

        let subject =
            Subject { phone: self.keys.phone_tag(submitted.phone), address: self.keys.address_tag(submitted.client) };
        let now = self.clock.now();
        let attempt = Attempt {
            digest: self.keys.digest(submitted.purpose, submitted.phone, &nonce, &code),
            claim: CodeClaim { subject, nonce, purpose: submitted.purpose, token: claim_token() },
            max_attempts: self.policy.max_attempts,
            failures: self.policy.failures,
            at: now,
        };

        let outcome = self.count_and_attempt(&attempt).await?;
        // Only a wrong code uses up an attempt of its address. A right one is refunded when it is consumed or released.
        if !matches!(outcome, AttemptOutcome::Claimed { .. } | AttemptOutcome::Incorrect { .. }) {
            self.refund_attempt(&attempt.claim).await;
        }
        match outcome {
            AttemptOutcome::Claimed { reference } => {
                Ok(Claimed { claim: attempt.claim, destination: Destination::from(submitted.phone), reference })
            }
            AttemptOutcome::Incorrect { attempts_remaining } => {
                tracing::info!(phone.masked = %submitted.phone, purpose = submitted.purpose.name(), "wrong code");
                Err(AttemptError::Incorrect { attempts_remaining })
            }
            AttemptOutcome::Expired => Err(AttemptError::Expired),
            AttemptOutcome::FailureWait { until } => {
                Err(AttemptError::Limited(RateLimited::until(Limit::FailedAttempts, until, now)))
            }
        }
    }

    /// Counts the attempt for its address, and then makes it. The count comes first, so that simultaneous attempts cannot
    /// guess more often than the limit allows.
    async fn count_and_attempt(&self, attempt: &Attempt) -> Result<AttemptOutcome, AttemptError> {
        let claim = &attempt.claim;
        if let Some(limited) = self.limits.count_attempt(&ticket(claim), attempt.at).await? {
            return Err(AttemptError::Limited(limited));
        }

        match self.store.attempt(attempt).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                // The store may have claimed the code even though its answer was lost. Nothing must stay used up.
                tokio::join!(self.refund_attempt(claim), self.release(claim));
                Err(error.into())
            }
        }
    }

    async fn consume(&self, claimed: &Claimed) -> Result<(), AttemptError> {
        let Claimed { claim, destination, .. } = claimed;
        let used = UsedCode {
            send: &claim.nonce,
            destination,
            address: &claim.subject.address,
            attempt: &claim.token,
            at: self.clock.now(),
        };
        let (mut consumed, ()) = tokio::join!(self.store.consume(claim), self.limits.mark_verified(&used));
        for _ in 1..CONSUME_TRIES {
            if consumed.is_ok() {
                break;
            }
            consumed = self.store.consume(claim).await;
        }
        if consumed? { Ok(()) } else { Err(AttemptError::Expired) }
    }

    async fn release(&self, claim: &CodeClaim) {
        if let Err(error) = self.store.release(claim).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a claim could not be released");
        }
    }

    async fn refund_attempt(&self, claim: &CodeClaim) {
        self.limits.refund_attempt(&ticket(claim)).await;
    }
}

/// Returns how limits count the attempt that makes this claim.
fn ticket(claim: &CodeClaim) -> AttemptTicket<'_> {
    AttemptTicket { id: &claim.token, address: &claim.subject.address, send: &claim.nonce }
}
