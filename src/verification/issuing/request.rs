//! A client's request for a code and its answer: the phone, what the code is for, and the rules that need no store.

use jiff::Timestamp;
use uuid::Uuid;

use super::RequestCodeError;
use crate::captcha::CaptchaAnswer;
use crate::channel::Channel;
use crate::client::ClientAddress;
use crate::device::Device;
use crate::locale::Locale;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::text;
use crate::verification::keys::{ChallengeName, Scope};
use crate::verification::store::SentAnswer;

/// The longest reference, in characters.
const MAX_REFERENCE_CHARS: usize = 128;

/// The length of an app hash: Android's SMS Retriever uses 11 characters of base64.
const APP_HASH_CHARS: usize = 11;

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

    /// Returns the phone that the code goes to. `given` is the client's choice. If there is none, it is the account's phone,
    /// for the uses whose code goes to no other.
    ///
    /// # Errors
    /// If another use has no phone (`MissingPhone`).
    pub fn recipient(&self, given: Option<PhoneNumber>) -> Result<PhoneNumber, RequestCodeError> {
        given.or_else(|| self.own_phone().cloned()).ok_or(RequestCodeError::MissingPhone)
    }

    /// Returns the account's phone if the code goes to that phone alone.
    const fn own_phone(&self) -> Option<&PhoneNumber> {
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
    /// The way in which the code reaches the phone.
    pub channel: Channel,
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
            channel: Channel::Sms,
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
    pub(super) const fn scope(&self) -> Scope<'_> {
        Scope { phone: &self.phone, purpose: self.code_use.purpose(), user: self.code_use.user() }
    }

    /// Checks the rules that need no store.
    ///
    /// # Errors
    /// If the request breaks one.
    pub(super) fn check_form(&self) -> Result<(), RequestCodeError> {
        if self.code_use.own_phone().is_some_and(|own| *own != self.phone) {
            return Err(RequestCodeError::NotOwnPhone);
        }

        if self.idempotency_key.as_deref().is_some_and(|key| !text::is_idempotency_key(key)) {
            return Err(RequestCodeError::BadIdempotencyKey);
        }

        if let Some(hash) = &self.app_hash {
            let is_base64 = hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
            if hash.len() != APP_HASH_CHARS || !is_base64 {
                return Err(RequestCodeError::BadAppHash);
            }
        }

        if let Some(reference) = &self.reference {
            let chars = reference.chars().count();
            let is_plain = !reference.chars().any(char::is_control);
            let is_for_verify = matches!(self.code_use, CodeUse::Verify);
            if !is_for_verify || !is_plain || !(1..=MAX_REFERENCE_CHARS).contains(&chars) {
                return Err(RequestCodeError::BadReference);
            }
        }
        Ok(())
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
    pub(super) fn new(name: ChallengeName, answer: &SentAnswer) -> Self {
        let SentAnswer { expires_at, resend_at, sends_remaining } = *answer;
        Self { challenge_id: name.id, expires_at, resend_at, sends_remaining }
    }
}
