//! Codes: asking for one, and showing one.
//!
//! Owns the policy of codes and the order of steps in their life: check and count, then send (`requesting`); claim, act,
//! then consume or release. A code is claimed before anything happens on its strength and consumed only after that is
//! stored. It knows nothing of users and tokens, and never logs a code, a challenge id or a whole phone number.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::captcha::{Captcha, CaptchaAnswer};
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::limits::{Limit, Limits, RateLimited, UsedCode};
use crate::metrics;
use crate::phone::{PhoneError, PhoneNumber, Region};
use crate::sms::SmsSender;
use crate::store::StoreError;

pub mod code;
mod day;
mod error;
mod keys;
mod requesting;
pub mod store;
pub mod test_numbers;

use self::code::{Code, Purpose};
pub use self::error::{AttemptError, RequestCodeError};
pub use self::keys::CodeKeys;
use self::keys::{Scope, claim_token};
use self::store::{Attempt, AttemptOutcome, Claim, CodeStore, FailureLimits, Subject};
use self::test_numbers::TestNumbers;

/// The most characters that a reference has.
pub const MAX_REFERENCE_CHARS: usize = 128;

const CONSUME_TRIES: usize = 3;

/// How codes are given out and taken.
#[derive(Debug, Clone)]
pub struct VerificationPolicy {
    /// How long a code is good.
    pub code_ttl: Duration,
    /// Wrong codes that a challenge bears; the last ends it.
    pub max_attempts: u32,
    /// The time between two sends to one phone; zero for none.
    pub cooldown: Duration,
    /// Sends to one phone a calendar day; zero for no limit.
    pub daily_limit: u32,
    /// The offset from UTC at which a calendar day begins.
    pub day_offset: SignedDuration,
    /// The limits of consecutive wrong codes.
    pub failures: FailureLimits,
    /// The region in which a national number is read.
    pub default_region: Region,
    /// The regions that codes are sent to; `None` for all.
    pub allowed_regions: Option<Vec<Region>>,
    /// Numbers with a fixed code.
    pub test_numbers: TestNumbers,
}

/// A signed-in user who asks for a code.
#[derive(Debug, Clone)]
pub struct Requester {
    /// The user's id.
    pub id: Uuid,
    /// The account's phone.
    pub phone: PhoneNumber,
}

/// Someone asks for a code.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// Where the code goes.
    pub phone: PhoneNumber,
    /// What it is to be good for.
    pub purpose: Purpose,
    /// What is being confirmed; for `Purpose::Verify` only.
    pub reference: Option<String>,
    /// Who asks, where signed in.
    pub requester: Option<Requester>,
    /// The captcha's answer, where there is one.
    pub captcha: Option<CaptchaAnswer>,
    /// From where.
    pub client: ClientAddress,
}

/// A code is on its way.
#[derive(Debug, Clone)]
pub struct CodeSent {
    /// To be shown again with the code.
    pub challenge_id: String,
    /// From when on the code is refused.
    pub expires_at: Timestamp,
    /// The earliest next send to this phone.
    pub resend_at: Timestamp,
    /// Sends left today; `None` where there is no daily limit.
    pub sends_remaining: Option<u32>,
}

/// Someone shows a code.
#[derive(Debug, Clone, Copy)]
pub struct ShownCode<'a> {
    /// Where the code went.
    pub phone: &'a PhoneNumber,
    /// What was typed.
    pub code: &'a str,
    /// The challenge id given out with it.
    pub challenge_id: &'a str,
    /// What it is to be good for.
    pub purpose: Purpose,
    /// Who shows it, for a purpose that needs sign-in.
    pub user: Option<Uuid>,
    /// From where.
    pub client: ClientAddress,
}

/// A right code, held until it is consumed or released.
#[derive(Debug)]
#[must_use = "a claim is consumed or released"]
pub struct Claimed {
    claim: Claim,
    region: String,
    prefix: String,
    /// What was being confirmed.
    pub reference: Option<String>,
}

/// What stands before a code is sent.
pub struct Defences {
    /// Limits over phones and addresses.
    pub limits: Limits,
    /// Whether a person asks.
    pub captcha: Captcha,
}

/// The service of codes.
pub struct Verification {
    store: Arc<dyn CodeStore>,
    limits: Limits,
    sender: Arc<dyn SmsSender>,
    captcha: Captcha,
    keys: CodeKeys,
    policy: VerificationPolicy,
    clock: Arc<dyn Clock>,
}

impl Verification {
    /// A service of these parts.
    #[must_use]
    pub fn new(
        store: Arc<dyn CodeStore>,
        defences: Defences,
        sender: Arc<dyn SmsSender>,
        keys: CodeKeys,
        policy: VerificationPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let Defences { limits, captcha } = defences;
        Self { store, limits, sender, captcha, keys, policy, clock }
    }

    /// Reads a phone number as a person writes it, in the default region where it is national.
    ///
    /// # Errors
    /// If it is not a possible mobile number.
    pub fn read_phone(&self, input: &str) -> Result<PhoneNumber, PhoneError> {
        PhoneNumber::parse(input, self.policy.default_region)
    }

    /// Takes a shown code, and holds it for whoever showed it.
    ///
    /// # Errors
    /// `AttemptError`; only `Incorrect` has cost an attempt.
    pub async fn attempt(&self, shown: ShownCode<'_>) -> Result<Claimed, AttemptError> {
        let outcome = self.claim(shown).await;
        metrics::attempt(shown.purpose.name(), outcome.as_ref().map_or_else(AttemptError::label, |_| "right"));
        outcome
    }

    async fn claim(&self, shown: ShownCode<'_>) -> Result<Claimed, AttemptError> {
        let code = Code::parse(shown.code).ok_or(AttemptError::Malformed)?;
        let scope = Scope {
            phone: shown.phone,
            purpose: shown.purpose,
            user: shown.user.filter(|_| shown.purpose.needs_user()),
        };
        let nonce = self.keys.nonce_of(shown.challenge_id, scope).ok_or(AttemptError::Mismatch)?;
        let now = self.clock.now();
        let attempt = Attempt {
            digest: self.keys.digest(shown.purpose, shown.phone, &nonce, &code),
            claim: Claim {
                subject: self.subject(shown.phone, shown.client),
                nonce,
                purpose: shown.purpose,
                token: claim_token(),
            },
            max_attempts: self.policy.max_attempts,
            failures: self.policy.failures,
            at: now,
        };
        let outcome = self.take_and_try(&attempt).await?;
        if !matches!(outcome, AttemptOutcome::Claimed { .. } | AttemptOutcome::Incorrect { .. }) {
            self.return_attempt(&attempt.claim).await;
        }
        match outcome {
            AttemptOutcome::Claimed { reference } => Ok(Claimed {
                claim: attempt.claim,
                region: region_of(shown.phone),
                prefix: shown.phone.prefix().to_owned(),
                reference,
            }),
            AttemptOutcome::Incorrect { attempts_remaining } => {
                tracing::info!(phone.masked = %shown.phone, purpose = shown.purpose.name(), "wrong code");
                Err(AttemptError::Incorrect { attempts_remaining })
            }
            AttemptOutcome::Expired => Err(AttemptError::Expired),
            AttemptOutcome::FailureWait { until } => {
                Err(AttemptError::Limited(RateLimited::until(Limit::FailedAttempts, until, now)))
            }
        }
    }

    /// Counts the attempt for its address, and makes it where the address has not had too many.
    async fn take_and_try(&self, attempt: &Attempt) -> Result<AttemptOutcome, AttemptError> {
        let claim = &attempt.claim;
        let address = claim.subject.address.to_string();
        if let Some(limited) = self.limits.take_attempt(&address, &claim.token, attempt.at).await? {
            return Err(AttemptError::Limited(limited));
        }
        match self.store.attempt(attempt).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                // The store may have claimed the code, and its answer may be lost: nothing is to be used up.
                tokio::join!(self.return_attempt(claim), self.give_back(claim));
                Err(error.into())
            }
        }
    }

    async fn give_back(&self, claim: &Claim) {
        if let Err(error) = self.store.release(claim).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a claim could not be released");
        }
    }

    async fn return_attempt(&self, claim: &Claim) {
        self.limits.return_attempt(&claim.subject.address.to_string(), &claim.token).await;
    }

    /// Uses a claimed code up, after what it was for is stored.
    ///
    /// # Errors
    /// `Expired` where the claim had lapsed and another took the code; `Store` where the store is away.
    pub async fn consume(&self, claimed: Claimed) -> Result<(), AttemptError> {
        let Claimed { claim, region, prefix, .. } = &claimed;
        let address = claim.subject.address.to_string();
        let used = UsedCode {
            send: &claim.nonce,
            region,
            prefix,
            address: &address,
            attempt: &claim.token,
            at: self.clock.now(),
        };
        let (mut consumed, ()) = tokio::join!(self.store.consume(claim), self.limits.verified(&used));
        for _ in 1..CONSUME_TRIES {
            if consumed.is_ok() {
                break;
            }
            consumed = self.store.consume(claim).await;
        }
        if consumed? { Ok(()) } else { Err(AttemptError::Expired) }
    }

    /// Gives a claimed code back, after what it was for could not be stored. Where this fails, its lease ends it.
    pub async fn release(&self, claimed: Claimed) {
        tokio::join!(self.return_attempt(&claimed.claim), self.give_back(&claimed.claim));
    }

    /// Says whether the code store answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    fn subject(&self, phone: &PhoneNumber, client: ClientAddress) -> Subject {
        Subject { phone: self.keys.phone_tag(phone), address: self.keys.address_tag(client) }
    }
}

/// The phone's region; `ZZ`, as in CLDR, where it has none.
fn region_of(phone: &PhoneNumber) -> String {
    phone.region().map_or_else(|| "ZZ".to_owned(), |region| region.to_string())
}
