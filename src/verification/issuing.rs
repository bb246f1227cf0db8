//! Issuing: a client requests a code, and the server sends it.
//!
//! The steps are admit → draft → reserve → deliver. Nothing is sent before it is reserved, and a code whose SMS was not
//! accepted is void. A request that one of this server's limits rejects is not counted, so nobody can use up other users'
//! quotas with rejected requests. Limits are checked before each call to another service.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use self::draft::Draft;
use super::RequestCodeError;
use super::admission::{Admission, Entry};
use super::keys::CodeKeys;
use super::store::{CodeStore, FailureLimits, IssueOutcome, NewChallenge, Refund};
use super::test_numbers::TestNumbers;
use crate::captcha::CaptchaAnswer;
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::limits::{Limit, RateLimited};
use crate::metrics;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::sms::SmsSender;

mod delivery;
mod draft;

/// The longest reference, in characters.
pub const MAX_REFERENCE_CHARS: usize = 128;

/// How codes are issued.
#[derive(Debug, Clone)]
pub struct IssuingPolicy {
    /// How long a code is valid.
    pub code_ttl: Duration,
    /// The minimum time between two sends to one phone. Zero turns it off.
    pub cooldown: Duration,
    /// Sends to one phone in a calendar day. Zero turns the limit off.
    pub daily_limit: u32,
    /// The offset from UTC at which a calendar day begins.
    pub day_offset: SignedDuration,
    /// The limits of consecutive wrong codes. Their waits apply to sends too.
    pub failures: FailureLimits,
    /// The numbers with a fixed code.
    pub test_numbers: TestNumbers,
}

/// A signed-in user who requests a code.
#[derive(Debug, Clone)]
pub struct Requester {
    /// The user's id.
    pub id: Uuid,
    /// The account's phone.
    pub phone: PhoneNumber,
}

/// What a client requests a code for. The uses that need sign-in carry the user.
#[derive(Debug, Clone)]
pub enum CodeUse {
    /// To sign up or in.
    Login,
    /// To move the user's account to the phone that gets the code.
    ChangePhone(Requester),
    /// To delete the user's account.
    DeleteAccount(Requester),
    /// To prove to another service that the user has the phone.
    Verify,
}

impl CodeUse {
    /// Returns the purpose of the code.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Login => Purpose::Login,
            Self::ChangePhone(_) => Purpose::ChangePhone,
            Self::DeleteAccount(_) => Purpose::DeleteAccount,
            Self::Verify => Purpose::Verify,
        }
    }

    /// Returns the user whom the code is valid for, if it is valid for one user alone.
    const fn user(&self) -> Option<Uuid> {
        match self {
            Self::ChangePhone(requester) | Self::DeleteAccount(requester) => Some(requester.id),
            Self::Login | Self::Verify => None,
        }
    }
}

/// A client's request for a code.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// The phone that the code goes to.
    pub phone: PhoneNumber,
    /// What the code is for.
    pub code_use: CodeUse,
    /// What the user confirms with the code. Only for `CodeUse::Verify`.
    pub reference: Option<String>,
    /// The client's answer to a captcha.
    pub captcha: Option<CaptchaAnswer>,
    /// The client's address.
    pub client: ClientAddress,
}

/// The answer to a request whose code was sent.
#[derive(Debug, Clone)]
pub struct CodeSent {
    /// The id that the client sends back with the code.
    pub challenge_id: String,
    /// The time from which the code is rejected.
    pub expires_at: Timestamp,
    /// The earliest time of the next send to this phone.
    pub resend_at: Timestamp,
    /// Sends left to this phone today, or `None` if there is no daily limit.
    pub sends_remaining: Option<u32>,
}

/// The service that issues codes.
pub struct Issuing {
    store: Arc<dyn CodeStore>,
    admission: Admission,
    sender: Arc<dyn SmsSender>,
    keys: Arc<CodeKeys>,
    policy: IssuingPolicy,
    clock: Arc<dyn Clock>,
}

impl Issuing {
    /// Creates the service.
    #[must_use]
    pub fn new(
        store: Arc<dyn CodeStore>,
        admission: Admission,
        sender: Arc<dyn SmsSender>,
        keys: Arc<CodeKeys>,
        policy: IssuingPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, admission, sender, keys, policy, clock }
    }

    /// Issues a challenge and sends its code.
    ///
    /// # Errors
    /// If the provider did not confirm the send. The code is void then, even if the SMS still arrives.
    pub async fn request_code(&self, request: CodeRequest) -> Result<CodeSent, RequestCodeError> {
        let outcome = self.issue_and_send(&request).await;
        let label = outcome.as_ref().map_or_else(RequestCodeError::label, |_| "sent");
        metrics::code_requested(request.code_use.purpose().name(), label);
        outcome
    }

    async fn issue_and_send(&self, request: &CodeRequest) -> Result<CodeSent, RequestCodeError> {
        check_form(request)?;
        let test_code = self.policy.test_numbers.code(&request.phone, self.clock.now());
        let mut entry = self.admission.enter(&request.phone, test_code.is_none(), request.captcha.as_ref())?;

        let mut draft = self.draft(request, test_code);
        let sends = self.reserve(&mut draft, &mut entry, request).await?;
        self.deliver(&draft, request).await?;
        Ok(draft.into_answer(sends))
    }

    /// Reserves the send: counts it for the phone and for the limits across phones, and stores its challenge. Returns the
    /// phone's sends today.
    async fn reserve(
        &self,
        draft: &mut Draft,
        entry: &mut Entry<'_>,
        request: &CodeRequest,
    ) -> Result<u32, RequestCodeError> {
        // See `Limits::is_wary`: a request that is about to be rejected must not hold the phone's cooldown meanwhile.
        if !entry.awaits_captcha() && self.admission.is_wary(draft.ticket.at) {
            self.admission.check(&draft.ticket, entry).await?;
        }

        loop {
            if entry.awaits_captcha() {
                // A request that the phone's limits reject must not cost a call to the captcha service.
                self.check_phone(draft).await?;
                self.admission.verify_captcha(&draft.ticket, entry, request.client).await?;
                // The call took time, and other requests may have used up the limits meanwhile.
                draft.set_time(self.clock.now(), &self.policy);
            }

            let reserved = self.issue_and_count(draft, entry).await;
            if !matches!(reserved, Ok(Some(_))) {
                self.admission.abandon(&draft.ticket, entry).await;
            }
            if let Some(sends) = reserved? {
                return Ok(sends);
            }
            // The guard asks for a captcha once, so the loop ends. The challenge is void: the next try needs a new one.
            *draft = self.draft(request, None);
        }
    }

    /// Issues the challenge, and counts the send for the limits across phones. If the send is not counted, voids the
    /// challenge and refunds the phone. Returns the phone's sends today, or `None` if the guard asks for a captcha.
    async fn issue_and_count(&self, draft: &Draft, entry: &mut Entry<'_>) -> Result<Option<u32>, RequestCodeError> {
        let sends = self.issue(draft).await?;
        let counted = self.admission.count(&draft.ticket, entry).await;
        if !matches!(counted, Ok(true)) {
            self.void(&draft.challenge, Refund::Send).await;
        }
        Ok(counted?.then_some(sends))
    }

    async fn check_phone(&self, draft: &Draft) -> Result<(), RequestCodeError> {
        let outcome = self.store.check(&draft.challenge, &draft.phone_limits).await?;
        sends_today(outcome, draft).map(drop)
    }

    async fn issue(&self, draft: &Draft) -> Result<u32, RequestCodeError> {
        match self.store.issue(&draft.challenge, &draft.phone_limits).await {
            Ok(outcome) => sends_today(outcome, draft),
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

/// Checks the rules that need no store.
fn check_form(request: &CodeRequest) -> Result<(), RequestCodeError> {
    if let CodeUse::DeleteAccount(requester) = &request.code_use
        && requester.phone != request.phone
    {
        return Err(RequestCodeError::NotOwnPhone);
    }

    if let Some(reference) = &request.reference {
        let chars = reference.chars().count();
        let is_plain = !reference.chars().any(char::is_control);
        let is_for_verify = matches!(request.code_use, CodeUse::Verify);
        if !is_for_verify || !is_plain || !(1..=MAX_REFERENCE_CHARS).contains(&chars) {
            return Err(RequestCodeError::BadReference);
        }
    }
    Ok(())
}

/// Returns the phone's sends today, including this one.
fn sends_today(outcome: IssueOutcome, draft: &Draft) -> Result<u32, RequestCodeError> {
    let limited =
        |limit, until| Err(RequestCodeError::Limited(RateLimited::until(limit, until, draft.challenge.issued_at)));
    match outcome {
        IssueOutcome::Issued { sends } => Ok(sends),
        IssueOutcome::Cooldown { until } => limited(Limit::Cooldown, until),
        IssueOutcome::DailyLimit => limited(Limit::PhoneDaily, draft.ticket.day.end),
        IssueOutcome::FailureWait { until } => limited(Limit::FailedAttempts, until),
    }
}
