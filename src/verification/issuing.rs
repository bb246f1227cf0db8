//! Issuing: a client requests a code, and the server sends it.
//!
//! The steps are admit → draft → reserve → deliver. Nothing is sent before it is reserved, and a code whose SMS was not
//! accepted is void. A request that one of this server's limits rejects is not counted, so nobody can use up other users'
//! quotas with rejected requests. Limits are checked before each call to another service. A request that repeats an
//! idempotency key repeats the answer instead.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use self::decoy::RecentSends;
use self::draft::Draft;
use super::RequestCodeError;
use super::admission::{Admission, Entry};
use super::keys::{ChallengeName, CodeKeys, Scope};
use super::store::{CodeStore, FailureLimits, IssueOutcome, NewChallenge, Refund, SentAnswer};
use super::test_numbers::TestNumbers;
use crate::captcha::CaptchaAnswer;
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::device::Device;
use crate::limits::{Limit, RateLimited};
use crate::locale::Locale;
use crate::metrics;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::sms::SmsSender;

mod decoy;
mod delivery;
mod draft;
mod repetition;

/// The longest reference, in characters.
pub const MAX_REFERENCE_CHARS: usize = 128;

/// The length of an app hash: Android's SMS Retriever uses 11 characters of base64.
const APP_HASH_CHARS: usize = 11;

/// The length of an idempotency key, in characters.
const IDEMPOTENCY_KEY_CHARS: RangeInclusive<usize> = 16..=128;

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
    /// To confirm that the user of a session holds the account's phone.
    Reauthenticate(Requester),
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
            Self::Reauthenticate(_) => Purpose::Reauthenticate,
            Self::ChangePhone(_) => Purpose::ChangePhone,
            Self::DeleteAccount(_) => Purpose::DeleteAccount,
            Self::Verify => Purpose::Verify,
        }
    }

    /// Returns the user whom the code is valid for, if it is valid for one user alone.
    const fn user(&self) -> Option<Uuid> {
        match self {
            Self::Reauthenticate(requester) | Self::ChangePhone(requester) | Self::DeleteAccount(requester) => {
                Some(requester.id)
            }
            Self::Login | Self::Verify => None,
        }
    }

    /// Returns the account's phone if the code goes to that phone alone. A client need not repeat it.
    #[must_use]
    pub const fn own_phone(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Reauthenticate(requester) | Self::DeleteAccount(requester) => Some(&requester.phone),
            Self::Login | Self::ChangePhone(_) | Self::Verify => None,
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
    /// The client's device, if it has a genuine device token for the phone.
    pub device: Option<Device>,
    /// The id of the challenge that the new one replaces. It has no effect if that challenge belongs to another phone, purpose
    /// or user, has another reference, or is not valid any more.
    pub resend_of: Option<String>,
    /// A random text of the client. While the code is valid, another request with the same key gets the same answer, and
    /// sends no SMS.
    pub idempotency_key: Option<String>,
    /// The language of the message.
    pub locale: Option<Locale>,
    /// The language that is used without `locale`. It is not an argument of the idempotency key, because it comes from the
    /// client's software, which may change it between two tries.
    pub default_locale: Option<Locale>,
    /// The hash of an Android app that reads the code from the SMS.
    pub app_hash: Option<String>,
}

impl CodeRequest {
    /// Creates a request without the optional parts.
    #[must_use]
    pub const fn new(phone: PhoneNumber, code_use: CodeUse, client: ClientAddress) -> Self {
        Self {
            phone,
            code_use,
            reference: None,
            captcha: None,
            client,
            device: None,
            resend_of: None,
            idempotency_key: None,
            locale: None,
            default_locale: None,
            app_hash: None,
        }
    }

    /// Returns what the challenge is issued for.
    const fn scope(&self) -> Scope<'_> {
        Scope { phone: &self.phone, purpose: self.code_use.purpose(), user: self.code_use.user() }
    }
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

impl CodeSent {
    fn new(name: ChallengeName, answer: &SentAnswer) -> Self {
        let SentAnswer { expires_at, resend_at, sends_remaining } = *answer;
        Self { challenge_id: name.id, expires_at, resend_at, sends_remaining }
    }
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
    sender: Arc<dyn SmsSender>,
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
        sender: Arc<dyn SmsSender>,
        keys: Arc<CodeKeys>,
        policy: IssuingPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, admission, sender, keys, policy, clock, recent_sends: RecentSends::default() }
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
        outcome.map(|(Answered::Sent(sent) | Answered::Repeated(sent))| sent)
    }

    async fn issue_and_send(&self, request: &CodeRequest) -> Result<Answered, RequestCodeError> {
        check_form(request)?;
        let test_code = self.policy.test_numbers.code(&request.phone, self.clock.now());
        let mut entry = self.admission.enter(&request.phone, test_code.is_none(), request.captcha.as_ref())?;

        let is_admitted = self.admission.admits(&request.phone, request.code_use.purpose()).await?;
        let mut draft = self.draft(request, test_code);
        if !is_admitted {
            draft.make_decoy();
        }

        // A repetition costs no captcha and is not limited. If nothing comes before `issue`, that looks up the key itself.
        let mut looks_up = entry.awaits_captcha() || self.admission.is_wary(draft.ticket.at);
        let remaining = loop {
            if looks_up && let Some(sent) = self.repeat(&mut draft, request).await? {
                return Ok(Answered::Repeated(sent));
            }
            match self.reserve(&mut draft, &mut entry, request).await? {
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
            self.admission.abandon(&draft.ticket, entry).await;
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
                entry.set_recognized(recognized);
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
            entry.set_recognized(recognized);
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

/// Checks the rules that need no store.
fn check_form(request: &CodeRequest) -> Result<(), RequestCodeError> {
    if request.code_use.own_phone().is_some_and(|own| *own != request.phone) {
        return Err(RequestCodeError::NotOwnPhone);
    }

    if let Some(key) = &request.idempotency_key
        && !IDEMPOTENCY_KEY_CHARS.contains(&key.chars().count())
    {
        return Err(RequestCodeError::BadIdempotencyKey);
    }

    if let Some(hash) = &request.app_hash {
        let is_base64 = hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
        if hash.len() != APP_HASH_CHARS || !is_base64 {
            return Err(RequestCodeError::BadAppHash);
        }
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
        IssueOutcome::Cooldown { until } => limited(Limit::Cooldown, until),
        IssueOutcome::DailyLimit => limited(Limit::PhoneDaily, draft.ticket.day.end),
        IssueOutcome::FailureWait { until } => limited(Limit::FailedAttempts, until),
    }
}
