//! Sending a code by SMS: the trait that senders fill, and what can come of it.
//!
//! A sender tells apart what a person can mend (`SendOutcome`) from what failed (`SendError`), and for a failure
//! whether the SMS may have gone all the same. It must not log, and must not retry once the request may have arrived.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;

use crate::code::Code;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;

pub mod console;
pub mod inbox;
pub mod tencent;

/// One code on its way to one phone.
#[derive(Debug)]
pub struct CodeMessage<'a> {
    /// Where it goes.
    pub phone: &'a PhoneNumber,
    /// What it says.
    pub code: &'a Code,
    /// What the code is good for; picks the template.
    pub purpose: Purpose,
    /// How long the code is good.
    pub valid_for: Duration,
}

/// What a provider that was reached made of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider took it.
    Accepted,
    /// The provider says that this is no phone number.
    InvalidPhone,
    /// The carrier or the provider refuses this number.
    NumberBlocked,
    /// The provider does not send to this region.
    RegionNotAllowed,
    /// A limit of the provider's own.
    RateLimited(ProviderWait),
}

/// How long a provider's limit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderWait {
    /// For this long.
    For(Duration),
    /// Until the calendar day ends.
    UntilTomorrow,
}

/// Why a message was not taken, through no fault of the phone's.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The account, the signature or the template is at fault, or the money is spent: an operator must see it.
    #[error("the SMS provider refuses to send for this account: {code} (request {request_id})")]
    NeedsOperator {
        /// The provider's code.
        code: String,
        /// The provider's request id.
        request_id: String,
    },
    /// The provider failed, and says that nothing was sent.
    #[error("the SMS provider failed: {code} (request {request_id})")]
    Failed {
        /// The provider's code, or the HTTP status.
        code: String,
        /// The provider's request id, empty where it gave none.
        request_id: String,
    },
    /// The request never reached the provider.
    #[error("the SMS provider could not be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// No answer that could be understood came back. The SMS may have been sent.
    #[error("the SMS provider gave no clear answer")]
    Ambiguous(#[source] Box<dyn Error + Send + Sync>),
}

/// Takes codes to phones.
#[async_trait]
pub trait SmsSender: Send + Sync {
    /// The provider's name in logs.
    fn name(&self) -> &'static str;

    /// Sends one message. Bounded in time by the sender itself.
    ///
    /// # Errors
    /// `SendError` where the provider failed or could not be reached.
    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError>;
}
