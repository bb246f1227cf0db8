//! Checking: a user submits a code, and the server acts on it once.
//!
//! The steps are claim → act → consume or release, and only `redeem` runs them. If several requests submit the right code
//! at the same time, exactly one of them gets the claim. If the act fails, the user can try the same code again.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::AttemptError;
use super::keys::{CodeKeys, Scope, claim_token};
use super::store::{Attempt, AttemptOutcome, CodeClaim, CodeStore, FailureLimits, Subject};
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::code::Code;
use crate::deliveries::Deliveries;
use crate::device::Device;
use crate::limits::{AttemptTicket, Limit, Limits, RateLimited, UsedCode};
use crate::metrics;
use crate::phone::{Destination, PhoneNumber};
use crate::purpose::Purpose;
use crate::store::StoreError;

/// The number of tries to consume a claim. The act is already stored, so a lost answer should not fail the request.
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
    /// The client's device, if it has a genuine device token for the phone.
    pub device: Option<&'a Device>,
    /// The token of the claim, if repeated requests share one claim. It must be secret.
    pub claim: Option<&'a str>,
}

/// The outcome of an act that a code allowed.
#[derive(Debug)]
#[must_use = "the code may not be consumed"]
pub struct Redeemed<T> {
    /// What the act returned.
    pub value: T,
    /// Whether the code was consumed after the act. If not, the store failed, or the claim's lease ended and another request
    /// used the code.
    pub consumed: Result<(), AttemptError>,
}

/// The service that checks codes.
pub struct Checking {
    store: Arc<dyn CodeStore>,
    limits: Arc<Limits>,
    keys: Arc<CodeKeys>,
    policy: CheckingPolicy,
    clock: Arc<dyn Clock>,
    deliveries: Option<Arc<Deliveries>>,
}

/// The claim on a right code, until the code is consumed or released.
struct Claimed {
    claim: CodeClaim,
    /// The id of the attempt in its address's count. Requests that share a claim must not refund each other's attempts.
    attempt_id: String,
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
        Self { store, limits, keys, policy, clock, deliveries: None }
    }

    /// Sets the service that learns which codes were used.
    #[must_use]
    pub fn reporting_to(self, deliveries: Arc<Deliveries>) -> Self {
        Self { deliveries: Some(deliveries), ..self }
    }

    /// Claims a code, runs `act` with the challenge's reference, and consumes the code. If `act` fails, releases the code, so
    /// that the user can try it again.
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
        if let Err(AttemptError::Limited(limited)) = &claimed {
            metrics::rate_limited(limited.limit.name());
        }
        let mut claimed = claimed?;

        match act(claimed.reference.take()).await {
            Ok(value) => {
                let consumed = self.consume(&claimed).await;
                if let Some(deliveries) = self.deliveries.as_ref().filter(|_| consumed.is_ok()) {
                    deliveries.code_used(submitted.challenge_id);
                }
                Ok(Redeemed { value, consumed })
            }
            Err(error) => {
                // If releasing fails, the lease ends the claim.
                tokio::join!(self.refund_attempt(&claimed.claim, &claimed.attempt_id), self.release(&claimed.claim));
                Err(error)
            }
        }
    }

    /// Revokes all device tokens that were issued for the phone until now. `token_ttl` is how long a device token is valid.
    ///
    /// If the store fails, this only logs: what caused the revocation has happened, and a device token grants quota alone.
    pub async fn revoke_devices(&self, phone: &PhoneNumber, token_ttl: Duration) {
        if let Err(error) = self.try_revoke_devices(phone, token_ttl).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "device tokens could not be revoked");
        }
    }

    /// Revokes device tokens like `revoke_devices`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn try_revoke_devices(&self, phone: &PhoneNumber, token_ttl: Duration) -> Result<(), StoreError> {
        self.store.revoke_devices(&self.keys.phone_tag(phone), self.clock.now(), token_ttl).await
    }

    async fn claim(&self, submitted: SubmittedCode<'_>) -> Result<Claimed, AttemptError> {
        let code = Code::parse(submitted.code).ok_or(AttemptError::Malformed)?;
        let scope = Scope { phone: submitted.phone, purpose: submitted.purpose, user: submitted.user };
        let challenge = self.keys.challenge(submitted.challenge_id, scope).ok_or(AttemptError::Mismatch)?;

        let subject = Subject {
            phone: self.keys.phone_tag(submitted.phone),
            address: self.keys.address_tag(submitted.client),
            device: submitted.device.map(|device| self.keys.known_device(submitted.phone, device)),
        };
        let now = self.clock.now();
        let mut attempt = Attempt {
            digest: self.keys.digest(scope, &challenge, &code),
            claim: CodeClaim {
                subject,
                nonce: challenge.nonce,
                purpose: submitted.purpose,
                token: submitted.claim.map_or_else(claim_token, str::to_owned),
            },
            max_attempts: self.policy.max_attempts,
            failures: self.policy.failures,
            at: now,
        };

        let attempt_id = claim_token();
        let outcome = self.count_and_attempt(&attempt, &attempt_id).await?;
        // Only a wrong code uses up an attempt of its address, unless the device is recognized. A right one is refunded when it
        // is consumed or released.
        if !matches!(outcome, AttemptOutcome::Claimed { .. } | AttemptOutcome::Incorrect { recognized: false, .. }) {
            self.refund_attempt(&attempt.claim, &attempt_id).await;
        }

        match outcome {
            AttemptOutcome::Claimed { reference, recognized } => {
                attempt.claim.subject.device.take_if(|_| !recognized);
                let destination = Destination::from(submitted.phone);
                Ok(Claimed { claim: attempt.claim, attempt_id, destination, reference })
            }
            AttemptOutcome::Incorrect { attempts_remaining, .. } => {
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
    async fn count_and_attempt(&self, attempt: &Attempt, attempt_id: &str) -> Result<AttemptOutcome, AttemptError> {
        let claim = &attempt.claim;
        // A recognized device is exempt from the address's limits. The store is asked only if that makes a difference.
        if let Some(limited) = self.limits.count_attempt(&ticket(claim, attempt_id), attempt.at).await?
            && !(claim.subject.device.is_some() && self.store.recognizes(&claim.subject).await?)
        {
            return Err(AttemptError::Limited(limited));
        }

        match self.store.attempt(attempt).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                // The store may have claimed the code even though its answer was lost. Nothing must stay used up.
                tokio::join!(self.refund_attempt(claim, attempt_id), self.release(claim));
                Err(error.into())
            }
        }
    }

    async fn consume(&self, claimed: &Claimed) -> Result<(), AttemptError> {
        let Claimed { claim, attempt_id, destination, .. } = claimed;
        let used = UsedCode {
            send: &claim.nonce,
            destination,
            address: &claim.subject.address,
            attempt: attempt_id,
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

    async fn refund_attempt(&self, claim: &CodeClaim, attempt_id: &str) {
        self.limits.refund_attempt(&ticket(claim, attempt_id)).await;
    }
}

/// Returns how limits count the attempt that makes this claim.
fn ticket<'a>(claim: &'a CodeClaim, attempt_id: &'a str) -> AttemptTicket<'a> {
    AttemptTicket { id: attempt_id, address: &claim.subject.address, send: &claim.nonce }
}
