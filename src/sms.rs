//! One-time codes by SMS or by voice: the trait that every provider implements, and the results of a send.
//!
//! A result distinguishes what the user can fix (`SendOutcome`) from a failure (`SendError`), and among failures
//! whether the SMS may have been sent. A sender must not log, and must not retry a request that may have arrived;
//! `routes` tries the next sender only after a failure that sent nothing.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::channel::Channel;
use crate::code::Code;
use crate::locale::Locale;
use crate::outbound::CallError;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;

pub mod console;
pub mod inbox;
pub mod routes;
pub mod tencent;
pub mod webhook;

/// A one-time code to send to a phone.
#[derive(Debug)]
pub struct CodeMessage<'a> {
    /// The message's id, the same for every try to send it.
    pub id: &'a str,
    /// The receiver.
    pub phone: &'a PhoneNumber,
    /// The code.
    pub code: &'a Code,
    /// The purpose of the code, which decides the text.
    pub purpose: Purpose,
    /// The way in which the code reaches the phone.
    pub channel: Channel,
    /// The time until the code expires.
    pub valid_for: Duration,
    /// The time from which the code is rejected.
    pub expires_at: Timestamp,
    /// The user's language, if it is known.
    pub locale: Option<&'a Locale>,
    /// What the user confirms with the code.
    pub reference: Option<&'a str>,
    /// The hash by which an Android app gets the SMS without a permission, if the client sent one.
    pub app_hash: Option<&'a str>,
}

/// A message without a code: it tells the user what has happened.
#[derive(Debug)]
pub struct Notice<'a> {
    /// The message's id, the same for every try to send it.
    pub id: &'a str,
    /// The receiver.
    pub phone: &'a PhoneNumber,
    /// What has happened.
    pub kind: NoticeKind,
    /// The user's language, if it is known.
    pub locale: Option<&'a Locale>,
}

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// The account has another phone now. The notice goes to the old one.
    PhoneChanged,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::PhoneChanged];

    /// Returns the name in settings, webhooks and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PhoneChanged => "PHONE_CHANGED",
        }
    }
}

/// What a provider says about a message that it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The provider's id of the message, which its delivery receipt has too. `None` if it gives no receipts.
    pub serial: Option<String>,
    /// The number of messages that the provider charges for: a long text is several.
    pub units: u32,
    /// How far the message has got.
    pub progress: Progress,
}

/// How far a message has got when the provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The gateway has only queued it.
    Queued,
    /// The provider accepted it.
    Accepted,
    /// It has arrived.
    Delivered,
}

impl Default for Acceptance {
    /// Returns one message without receipts.
    fn default() -> Self {
        Self { serial: None, units: 1, progress: Progress::Accepted }
    }
}

/// The answer of a provider to a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider accepted the message.
    Accepted(Acceptance),
    /// The provider does not recognize the phone number.
    InvalidPhone,
    /// The carrier or the provider refuses this number.
    NumberBlocked,
    /// The provider does not send to the number's region.
    RegionNotAllowed,
    /// The provider's own rate limit refused the message.
    RateLimited(ProviderWait),
}

/// How long a provider's rate limit refuses messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderWait {
    /// For this duration.
    For(Duration),
    /// Until the end of the calendar day, which begins at `DAY_OFFSET`.
    UntilTomorrow,
}

/// A send or a check failed. The phone number is not the cause.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// An operator must act: the provider refuses the account, the signature or the template, or the balance is used
    /// up.
    #[error("the SMS provider refuses to send for this account: {code} (request {request_id})")]
    NeedsOperator {
        /// The provider's error code.
        code: String,
        /// The provider's request id.
        request_id: String,
    },
    /// The provider failed, and its answer says that it sent nothing.
    #[error("the SMS provider failed: {code} (request {request_id})")]
    Failed {
        /// The provider's error code, or the HTTP status.
        code: String,
        /// The provider's request id; empty if the answer has no id.
        request_id: String,
    },
    /// The request did not reach the provider.
    #[error("the SMS provider could not be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The provider did not answer in time, or its answer is not understood. The SMS may have been sent.
    #[error("the SMS provider gave no clear answer")]
    Ambiguous(#[source] Box<dyn Error + Send + Sync>),
}

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(source) => Self::Unreachable(source),
            CallError::TimedOut(_) | CallError::Broken(_) | CallError::TooLarge => Self::Ambiguous(error.into()),
        }
    }
}

/// Sends messages to phones.
///
/// Every method fails with `SendError` if the provider fails or cannot be reached, and limits its own duration.
#[async_trait]
pub trait MessageSender: Send + Sync {
    /// The provider's name in logs.
    fn name(&self) -> &'static str;

    /// Checks that the provider accepts the settings, without sending an SMS.
    async fn check(&self) -> Result<(), SendError>;

    /// Sends a code.
    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError>;

    /// Returns whether the sender is configured to send such notices.
    fn sends_notices(&self, _kind: NoticeKind) -> bool {
        false
    }

    /// Sends a notice. It is called only if `sends_notices` returns true.
    async fn notify(&self, _notice: &Notice<'_>) -> Result<SendOutcome, SendError> {
        Err(SendError::Unreachable("this sender sends no notices".into()))
    }

    /// Reports to the provider that the code of a message was used. A sender whose provider learns nothing from that does
    /// nothing.
    async fn report_used(&self, _serial: &str, _at: Timestamp) -> Result<(), SendError> {
        Ok(())
    }
}
