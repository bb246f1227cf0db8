//! Requests for a code: what is checked before one is sent, and what is undone if it is not.
//!
//! Checks run in the order of their cost: what the request itself shows, then the phone's limits, then the limits over
//! all phones, then the captcha, which is somebody else's service, and last the SMS. A request that a limit refuses calls
//! no service and takes no place in any other count, so nobody can use up other people's places by refused requests.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::code::{Code, Purpose};
use super::day::Day;
use super::keys::Scope;
use super::store::{IssueOutcome, NewChallenge, Refund, SendLimits};
use super::{CodeRequest, CodeSent, MAX_REFERENCE_CHARS, RequestCodeError, Verification, region_of};
use crate::captcha::{CaptchaAnswer, CaptchaError};
use crate::limits::{Limit, RateLimited, SendKind, SendTicket, Taken, Taking};
use crate::metrics;
use crate::sms::{CodeMessage, ProviderWait, SendError, SendOutcome};

const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);
const RETRY_AFTER_OPERATOR: Duration = Duration::from_mins(1);

/// A code that is not reserved yet: its challenge, and what it is held against.
struct Draft {
    code: Code,
    challenge_id: String,
    challenge: NewChallenge,
    ticket: SendTicket,
    kind: SendKind,
    day: Day,
    limits: SendLimits,
}

impl Verification {
    /// Issues a challenge and sends its code.
    ///
    /// # Errors
    /// `RequestCodeError`; a code whose SMS was not accepted is void.
    pub async fn request_code(&self, request: CodeRequest) -> Result<CodeSent, RequestCodeError> {
        let purpose = request.purpose.name();
        let outcome = self.reserve_and_send(request).await;
        metrics::code_requested(purpose, outcome.as_ref().map_or_else(RequestCodeError::label, |_| "sent"));
        outcome
    }

    async fn reserve_and_send(&self, request: CodeRequest) -> Result<CodeSent, RequestCodeError> {
        let user = self.check_form(&request)?;
        let answer = self.captcha.screen(request.captcha.as_ref(), false)?;

        let draft = self.draft(&request, user);
        let (draft, sends) = match answer {
            Some(answer) => self.reserve_after_captcha(draft, answer, &request).await?,
            None => self.reserve(draft, &request, user).await?,
        };

        if draft.kind == SendKind::Unsent {
            let purpose = request.purpose.name();
            tracing::info!(phone.masked = %request.phone, purpose, "a test number: nothing sent");
        } else {
            self.send(&draft, &request).await?;
        }
        Ok(sent(draft, sends))
    }

    /// Prepares a challenge at the present time.
    fn draft(&self, request: &CodeRequest, user: Option<Uuid>) -> Draft {
        let now = self.clock.now();
        let day = Day::of(now, self.policy.day_offset);
        let (code, kind) = match self.policy.test_numbers.code(&request.phone, now) {
            Some(fixed) => (fixed.clone(), SendKind::Unsent),
            None if self.captcha.is_for_all() => (Code::random(), SendKind::Human),
            None => (Code::random(), SendKind::Ordinary),
        };

        let scope = Scope { phone: &request.phone, purpose: request.purpose, user };
        let (nonce, challenge_id) = self.keys.new_challenge_id(scope);
        let challenge = NewChallenge {
            subject: self.subject(&request.phone, request.client),
            digest: self.keys.digest(request.purpose, &request.phone, &nonce, &code),
            nonce,
            reference: request.reference.clone(),
            issued_at: now,
            expires_at: now + self.policy.code_ttl,
        };
        let ticket = SendTicket {
            id: challenge.nonce.clone(),
            address: challenge.subject.address.to_string(),
            region: region_of(&request.phone),
            prefix: request.phone.prefix().to_owned(),
            at: now,
            day: day.number,
            day_end: day.end,
        };
        Draft { code, challenge_id, challenge, ticket, kind, day, limits: self.send_limits(day, kind) }
    }

    /// Reserves a send that needs no captcha, unless the guard finds it suspect. Gives the phone's sends today.
    async fn reserve(
        &self,
        draft: Draft,
        request: &CodeRequest,
        user: Option<Uuid>,
    ) -> Result<(Draft, u32), RequestCodeError> {
        // See `is_wary`: a request that is about to be refused must not hold the phone's cooldown meanwhile.
        let looks_first = self.limits.is_wary(draft.ticket.at);
        if looks_first && self.limits.take_send(&draft.ticket, draft.kind, Taking::Nothing).await? == Taken::Suspect {
            return self.reserve_suspect(request, user).await;
        }

        let sends = self.issue(&draft).await?;
        match self.take_or_void(&draft).await? {
            Taken::Counted => Ok((draft, sends)),
            Taken::Suspect => self.reserve_suspect(request, user).await,
        }
    }

    /// Reserves a send that the guard finds suspect. The draft is a new one: the first may have been issued and voided.
    async fn reserve_suspect(
        &self,
        request: &CodeRequest,
        user: Option<Uuid>,
    ) -> Result<(Draft, u32), RequestCodeError> {
        let answer = self.captcha.screen(request.captcha.as_ref(), true)?;
        let mut draft = self.draft(request, user);
        draft.kind = SendKind::Human;

        if let Some(answer) = answer {
            return self.reserve_after_captcha(draft, answer, request).await;
        }
        let sends = self.issue(&draft).await?;
        self.take_or_void(&draft).await?;
        Ok((draft, sends))
    }

    /// Reserves a send whose captcha has to be verified first.
    ///
    /// The call is worth more than a place of the address: the phone is only looked at, and the address pays with a place
    /// before the call, or tickets would be free to invent. The send itself takes no second one.
    async fn reserve_after_captcha(
        &self,
        mut draft: Draft,
        answer: &CaptchaAnswer,
        request: &CodeRequest,
    ) -> Result<(Draft, u32), RequestCodeError> {
        let phone = self.store.check(&draft.challenge, &draft.limits).await?;
        issued(phone, &draft)?;
        self.limits.take_send(&draft.ticket, draft.kind, Taking::AddressPlace).await?;

        if let Err(error) = self.captcha.verify(answer, request.client, draft.ticket.at).await {
            // An outage is not the client's doing.
            if matches!(error, CaptchaError::Unverified { .. }) {
                self.limits.return_send(&draft.ticket).await;
            }
            return Err(error.into());
        }

        // The call took time, and the limits may have been used up by others.
        draft.set_time(self.clock.now(), self);
        let reserved = match self.issue(&draft).await {
            Ok(sends) => self.take_or_void(&draft).await.map(|_| sends),
            Err(refusal) => Err(refusal),
        };
        match reserved {
            Ok(sends) => Ok((draft, sends)),
            Err(refusal) => {
                self.limits.return_send(&draft.ticket).await;
                Err(refusal)
            }
        }
    }

    /// Issues the challenge, and gives the phone's sends today.
    async fn issue(&self, draft: &Draft) -> Result<u32, RequestCodeError> {
        match self.store.issue(&draft.challenge, &draft.limits).await {
            Ok(outcome) => issued(outcome, draft),
            Err(error) => {
                // The store may have issued it, and its answer may be lost: nothing is to be used up.
                self.void(&draft.challenge, Refund::Send).await;
                Err(error.into())
            }
        }
    }

    /// Counts an issued send over all phones; if it is not counted, its challenge is void and the phone gets its place
    /// back.
    async fn take_or_void(&self, draft: &Draft) -> Result<Taken, RequestCodeError> {
        let taken = self.limits.take_send(&draft.ticket, draft.kind, Taking::Everything).await;
        if !matches!(taken, Ok(Taken::Counted)) {
            self.void(&draft.challenge, Refund::Send).await;
        }
        Ok(taken?)
    }

    async fn void(&self, challenge: &NewChallenge, refund: Refund) {
        if let Err(error) = self.store.void(challenge, refund).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a challenge could not be voided");
        }
    }

    /// The user that the challenge is bound to, if the request is of its form.
    fn check_form(&self, request: &CodeRequest) -> Result<Option<Uuid>, RequestCodeError> {
        let user = match (request.purpose.needs_user(), &request.requester) {
            (false, _) => None,
            (true, None) => return Err(RequestCodeError::SignInNeeded),
            (true, Some(requester)) => {
                if request.purpose == Purpose::DeleteAccount && requester.phone != request.phone {
                    return Err(RequestCodeError::NotOwnPhone);
                }
                Some(requester.id)
            }
        };
        if let Some(reference) = &request.reference {
            let chars = reference.chars().count();
            let plain = !reference.chars().any(char::is_control);
            if request.purpose != Purpose::Verify || !plain || !(1..=MAX_REFERENCE_CHARS).contains(&chars) {
                return Err(RequestCodeError::BadReference);
            }
        }
        if let Some(allowed) = &self.policy.allowed_regions
            && !request.phone.region().is_some_and(|region| allowed.contains(&region))
        {
            return Err(RequestCodeError::RegionNotAllowed);
        }
        Ok(user)
    }

    /// A test number costs nothing to send to, so of the phone's limits only wrong codes hold it up.
    fn send_limits(&self, day: Day, kind: SendKind) -> SendLimits {
        let policy = &self.policy;
        let (cooldown, daily) = match kind {
            SendKind::Unsent => (Duration::ZERO, 0),
            SendKind::Ordinary | SendKind::Human => (policy.cooldown, policy.daily_limit),
        };
        SendLimits { cooldown, daily, day: day.number, failures: policy.failures }
    }

    async fn send(&self, draft: &Draft, request: &CodeRequest) -> Result<(), RequestCodeError> {
        let (phone, purpose) = (&request.phone, request.purpose);
        let message = CodeMessage { phone, code: &draft.code, purpose, valid_for: self.policy.code_ttl };
        let begun = Instant::now();
        let outcome = self.sender.send(&message).await;
        metrics::sent(self.sender.name(), begun);

        let (refusal, refund) = match outcome {
            Ok(SendOutcome::Accepted) => {
                let provider = self.sender.name();
                tracing::info!(
                    phone.masked = %phone,
                    purpose = purpose.name(),
                    sms.provider = provider,
                    "code sent"
                );
                return Ok(());
            }
            Ok(SendOutcome::InvalidPhone) => (RequestCodeError::InvalidPhone, Refund::Send),
            Ok(SendOutcome::NumberBlocked) => (RequestCodeError::NumberBlocked, Refund::Send),
            Ok(SendOutcome::RegionNotAllowed) => (RequestCodeError::RegionNotAllowed, Refund::Send),
            Ok(SendOutcome::RateLimited(wait)) => (RequestCodeError::Limited(self.provider_limit(wait)), Refund::Send),
            Err(source) => self.send_failure(source),
        };

        self.void(&draft.challenge, refund).await;
        if refund == Refund::Send {
            self.limits.return_refused(&draft.ticket).await;
        }
        Err(refusal)
    }

    fn send_failure(&self, source: SendError) -> (RequestCodeError, Refund) {
        let (retry_after, refund) = match &source {
            SendError::Ambiguous(_) => (self.policy.cooldown.max(RETRY_AFTER_FAILURE), Refund::Nothing),
            SendError::NeedsOperator { .. } => (RETRY_AFTER_OPERATOR, Refund::Send),
            SendError::Failed { .. } | SendError::Unreachable(_) => (RETRY_AFTER_FAILURE, Refund::Send),
        };
        (RequestCodeError::SendFailed { retry_after, source }, refund)
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

impl Draft {
    fn set_time(&mut self, now: Timestamp, verification: &Verification) {
        let policy = &verification.policy;
        self.day = Day::of(now, policy.day_offset);
        self.limits.day = self.day.number;
        self.challenge.issued_at = now;
        self.challenge.expires_at = now + policy.code_ttl;
        self.ticket.at = now;
        self.ticket.day = self.day.number;
        self.ticket.day_end = self.day.end;
    }
}

/// The phone's sends today, with this one.
fn issued(outcome: IssueOutcome, draft: &Draft) -> Result<u32, RequestCodeError> {
    let limited =
        |limit, until| Err(RequestCodeError::Limited(RateLimited::until(limit, until, draft.challenge.issued_at)));
    match outcome {
        IssueOutcome::Issued { sends } => Ok(sends),
        IssueOutcome::Cooldown { until } => limited(Limit::Cooldown, until),
        IssueOutcome::DailyLimit => limited(Limit::PhoneDaily, draft.day.end),
        IssueOutcome::FailureWait { until } => limited(Limit::FailedAttempts, until),
    }
}

/// Builds the answer for a code that is on its way, or that needs no SMS.
fn sent(draft: Draft, sends: u32) -> CodeSent {
    let Draft { challenge_id, challenge, day, limits, .. } = draft;
    let sends_remaining = (limits.daily > 0).then(|| limits.daily.saturating_sub(sends));
    let cooled_down = challenge.issued_at + limits.cooldown;
    CodeSent {
        challenge_id,
        expires_at: challenge.expires_at,
        resend_at: if sends_remaining == Some(0) { day.end.max(cooled_down) } else { cooled_down },
        sends_remaining,
    }
}
