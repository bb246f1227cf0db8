//! Issuing: a client requests a code, and the server sends it.
//!
//! The steps are admit → draft → reserve → deliver. Nothing is sent before it is reserved, and a code whose SMS was not
//! accepted is void. A request that one of this server's limits rejects is not counted, so nobody can use up other users'
//! quotas with rejected requests. Limits are checked before each call to another service. A request that repeats an
//! idempotency key repeats the answer instead.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use self::decoy::RecentSends;
use self::draft::Draft;
pub use self::request::{CodeRequest, CodeSent, CodeUse, Requester};
use super::RequestCodeError;
use super::admission::{Admission, Entry};
use super::keys::CodeKeys;
use super::store::{CodeStore, FailureLimits, IssueOutcome, NewChallenge, Refund, SentAnswer};
use super::test_numbers::TestNumbers;
use crate::captcha::CaptchaError;
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::limits::{Limit, RateLimited};
use crate::metrics;

mod decoy;
mod delivery;
mod draft;
mod repetition;
mod request;

/// How codes are issued.
#[derive(Debug, Clone)]
pub struct IssuingPolicy {
    /// How long a code is valid.
    pub code_ttl: Duration,
    /// The minimum time between two sends to one phone. Zero turns it off.
    pub cooldown: Duration,
    /// Sends to one phone in a calendar day. Zero turns the limit off.
    pub daily_limit: u32,
    /// How many of these sends one address can request. Zero turns the limit off.
    pub daily_limit_per_address: u32,
    /// The offset from UTC at which a calendar day begins.
    pub day_offset: SignedDuration,
    /// The limits of consecutive wrong codes. Their waits apply to sends too.
    pub failures: FailureLimits,
    /// The numbers with a fixed code.
    pub test_numbers: TestNumbers,
}

/// How a request was answered.
enum Answered {
    /// It sent a code.
    Sent(CodeSent),
    /// It repeated an earlier request, and sent nothing.
    Repeated(CodeSent),
}

/// The result of reserving a send.
enum Reserved {
    /// The challenge is issued and the send is counted.
    Send {
        /// Sends that the client has left today.
        remaining: Option<u32>,
    },
    /// A request with the same key has sent a code already. This is its answer.
    Repeated(CodeSent),
    /// A request with the same key is sending a code.
    InFlight,
    /// The guard asks for a captcha first.
    NeedsCaptcha,
}

/// The service that issues codes.
pub struct Issuing {
    store: Arc<dyn CodeStore>,
    admission: Admission,
    deliveries: Arc<Deliveries>,
    keys: Arc<CodeKeys>,
    policy: IssuingPolicy,
    clock: Arc<dyn Clock>,
    recent_sends: RecentSends,
}

impl Issuing {
    /// Creates the service.
    #[must_use]
    pub fn new(
        store: Arc<dyn CodeStore>,
        admission: Admission,
        deliveries: Arc<Deliveries>,
        keys: Arc<CodeKeys>,
        policy: IssuingPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, admission, deliveries, keys, policy, clock, recent_sends: RecentSends::default() }
    }

    /// Issues a challenge and sends its code.
    ///
    /// # Errors
    /// If the provider did not confirm the send. The code is void then, even if the SMS still arrives.
    pub async fn request_code(&self, request: CodeRequest) -> Result<CodeSent, RequestCodeError> {
        let outcome = self.issue_and_send(&request).await;
        let label = match &outcome {
            Ok(Answered::Sent(_)) => "sent",
            Ok(Answered::Repeated(_)) => "repeated",
            Err(error) => error.label(),
        };
        metrics::code_requested(request.code_use.purpose().name(), label);
        if let Err(RequestCodeError::Limited(limited)) = &outcome {
            metrics::rate_limited(limited.limit.name());
        }
        outcome.map(|(Answered::Sent(sent) | Answered::Repeated(sent))| sent)
    }

    async fn issue_and_send(&self, request: &CodeRequest) -> Result<Answered, RequestCodeError> {
        request.check_form()?;
        let test_code = self.policy.test_numbers.code(&request.phone, self.clock.now());
        let mut entry = self.admission.enter(&request.phone, test_code.is_none(), request.captcha.as_ref())?;

        // The same answer for all phones, before anything is counted, and also for a phone without an account.
        let purpose = request.code_use.purpose();
        if test_code.is_none() && !self.deliveries.serves(&request.phone, purpose, request.channel) {
            return Err(RequestCodeError::RegionNotAllowed);
        }

        let is_admitted = self.admission.admits(&request.phone, purpose).await?;
        let mut draft = self.draft(request, test_code);
        // A forged or foreign id needs no store.
        if draft.challenge.needs_predecessor && draft.challenge.resend_of.is_none() {
            return Err(RequestCodeError::CallBeforeSms);
        }
        if !is_admitted {
            draft.make_decoy();
        }

        // A repetition costs no captcha and is not limited. If nothing comes before `issue`, that looks up the key itself.
        let mut looks_up = entry.awaits_captcha() || self.admission.is_wary(draft.ticket.at);
        let remaining = loop {
            if looks_up && let Some(sent) = self.repeat(&mut draft, request).await? {
                return Ok(Answered::Repeated(sent));
            }
            let reserved = match self.reserve(&mut draft, &mut entry, request).await {
                // A simultaneous request with the same key may have used the captcha.
                Err(RequestCodeError::Captcha(failed @ CaptchaError::Failed { .. })) => {
                    let sent = self.repeat_soon(&mut draft, request).await?.ok_or(failed)?;
                    self.admission.abandon(&mut entry).await;
                    Reserved::Repeated(sent)
                }
                reserved => reserved?,
            };
            match reserved {
                Reserved::Send { remaining } => break remaining,
                Reserved::Repeated(sent) => return Ok(Answered::Repeated(sent)),
                Reserved::InFlight | Reserved::NeedsCaptcha => looks_up = true,
            }
        };

        self.deliver(&draft, request).await?;
        let answer = draft.answer(remaining);
        self.confirm(&draft, &answer).await;
        Ok(Answered::Sent(CodeSent::new(draft.name, &answer)))
    }

    /// Reserves the send: counts it for the phone and over all phones, and stores its challenge.
    async fn reserve(
        &self,
        draft: &mut Draft,
        entry: &mut Entry<'_>,
        request: &CodeRequest,
    ) -> Result<Reserved, RequestCodeError> {
        if entry.awaits_captcha() {
            // A request that the phone's limits reject must not cost a call to the captcha service.
            self.check_phone(draft, entry).await?;
            self.admission.verify_captcha(&draft.ticket, entry, request.client).await?;
            // The call took time, and other requests may have used up the limits meanwhile.
            draft.set_time(self.clock.now(), &self.policy);
        } else if self.admission.is_wary(draft.ticket.at) {
            // See `Limits::is_wary`: a request that is about to be rejected must not hold the phone's cooldown meanwhile.
            if draft.challenge.subject.device.is_some() {
                self.check_phone(draft, entry).await?;
            }
            self.admission.check(&draft.ticket, entry).await?;
            if entry.awaits_captcha() {
                return Ok(Reserved::NeedsCaptcha);
            }
        }

        let reserved = self.issue_and_count(draft, entry, request).await;
        if !matches!(reserved, Ok(Reserved::Send { .. })) {
            self.admission.abandon(entry).await;
        }
        if matches!(reserved, Ok(Reserved::NeedsCaptcha)) {
            // No limit asks again after the captcha. The challenge is void: the next try needs a new one.
            let (is_decoy, test_code) = (draft.is_decoy, (!draft.sends_sms).then(|| draft.code.clone()));
            *draft = self.draft(request, test_code.as_ref());
            if is_decoy {
                draft.make_decoy();
            }
        }
        reserved
    }

    /// Issues the challenge, and counts the send over all phones. If the send is not counted, the challenge is void and the
    /// phone is refunded.
    async fn issue_and_count(
        &self,
        draft: &Draft,
        entry: &mut Entry<'_>,
        request: &CodeRequest,
    ) -> Result<Reserved, RequestCodeError> {
        let remaining = match accepted(self.issue(draft).await?, draft)? {
            Accepted::New { remaining, recognized } => {
                entry.set_recognized(draft.device(recognized));
                remaining
            }
            Accepted::Repeated { nonce, answer } => {
                return Ok(Reserved::Repeated(self.repeated(draft, request, nonce, &answer)));
            }
            Accepted::InFlight => return Ok(Reserved::InFlight),
        };

        let counted = self.admission.count(&draft.ticket, entry).await;
        if !matches!(counted, Ok(true)) {
            self.void(&draft.challenge, Refund::Send).await;
        }
        Ok(if counted? { Reserved::Send { remaining } } else { Reserved::NeedsCaptcha })
    }

    /// Checks the limits of the phone, and learns whether the client's device is recognized.
    async fn check_phone(&self, draft: &Draft, entry: &mut Entry<'_>) -> Result<(), RequestCodeError> {
        let outcome = self.store.check(&draft.challenge, &draft.phone_limits).await?;
        // If another request has just used the same key, `issue` finds that again.
        if let Accepted::New { recognized, .. } = accepted(outcome, draft)? {
            entry.set_recognized(draft.device(recognized));
        }
        Ok(())
    }

    async fn issue(&self, draft: &Draft) -> Result<IssueOutcome, RequestCodeError> {
        match self.store.issue(&draft.challenge, &draft.phone_limits).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                // The store may have issued the challenge even though its answer was lost. A failed request must not use
                // up a send.
                self.void(&draft.challenge, Refund::Send).await;
                Err(error.into())
            }
        }
    }

    async fn void(&self, challenge: &NewChallenge, refund: Refund) {
        if let Err(error) = self.store.void(challenge, refund).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a challenge could not be voided");
        }
    }
}

/// The outcome of issuing a challenge, if no limit rejects it.
enum Accepted {
    New { remaining: Option<u32>, recognized: bool },
    Repeated { nonce: String, answer: SentAnswer },
    InFlight,
}

fn accepted(outcome: IssueOutcome, draft: &Draft) -> Result<Accepted, RequestCodeError> {
    let limited =
        |limit, until| Err(RequestCodeError::Limited(RateLimited::until(limit, until, draft.challenge.issued_at)));
    match outcome {
        IssueOutcome::Issued { remaining, recognized, .. } => Ok(Accepted::New { remaining, recognized }),
        IssueOutcome::Repeated { nonce, answer } => Ok(Accepted::Repeated { nonce, answer }),
        IssueOutcome::InFlight => Ok(Accepted::InFlight),
        IssueOutcome::KeyMismatch => Err(RequestCodeError::IdempotencyMismatch),
        IssueOutcome::NoPredecessor => Err(RequestCodeError::CallBeforeSms),
        IssueOutcome::Cooldown { until } => limited(Limit::Cooldown, until),
        IssueOutcome::DailyLimit => limited(Limit::PhoneDaily, draft.ticket.day.end),
        IssueOutcome::FailureWait { until } => limited(Limit::FailedAttempts, until),
    }
}
