//! What mutations take.

use async_graphql::{ID, InputObject};

use super::scalars::PhoneNumber;
use super::types::CodePurpose;
use crate::captcha::CaptchaAnswer;

/// Where to send a code, and what for.
#[derive(InputObject)]
pub(super) struct RequestCodeInput {
    /// The phone that gets the code.
    pub(super) phone: PhoneNumber,
    /// What the code is to be good for.
    #[graphql(default_with = "CodePurpose::Login")]
    pub(super) purpose: CodePurpose,
    /// With `VERIFY` only: what is being confirmed, such as `transfer:9981`; at most 128 characters.
    pub(super) reference: Option<String>,
    /// The answer to a captcha, when the server asks for one.
    pub(super) captcha: Option<CaptchaInput>,
}

/// What Tencent Captcha's client library gives when a person has passed.
#[derive(InputObject)]
pub(super) struct CaptchaInput {
    /// The ticket.
    pub(super) ticket: String,
    /// The random string that goes with it.
    pub(super) randstr: String,
}

impl From<CaptchaInput> for CaptchaAnswer {
    fn from(input: CaptchaInput) -> Self {
        Self { ticket: input.ticket, randstr: input.randstr }
    }
}

/// A code, and what it was given out for.
#[derive(InputObject)]
pub(super) struct LoginInput {
    /// The phone that got the code.
    pub(super) phone: PhoneNumber,
    /// The six digits of the SMS.
    pub(super) code: String,
    /// The `sessionId` that `requestCode` answered with.
    pub(super) session_id: ID,
    /// What the person calls the device, shown in the list of sessions; at most 64 characters.
    pub(super) device_name: Option<String>,
}

/// A refresh token.
#[derive(InputObject)]
pub(super) struct RefreshSessionInput {
    /// The last refresh token that the client was given.
    pub(super) refresh_token: String,
}

/// Which sessions end; with neither field set, this one.
#[derive(InputObject, Default)]
pub(super) struct LogoutInput {
    /// These, where they are one's own; at most 100.
    pub(super) session_ids: Option<Vec<ID>>,
    /// All, this one among them.
    #[graphql(default = false)]
    pub(super) everywhere: bool,
}

/// What changes; absent or null stays as it is.
#[derive(InputObject)]
pub(super) struct UpdateProfileInput {
    /// 1 to 32 characters, as a person counts them.
    pub(super) name: Option<String>,
    /// An `https` URL of at most 512 characters.
    pub(super) avatar: Option<String>,
}

/// A code of purpose `CHANGE_PHONE`, and the new phone that got it.
#[derive(InputObject)]
pub(super) struct ChangePhoneInput {
    /// The new phone.
    pub(super) phone: PhoneNumber,
    /// The six digits of the SMS.
    pub(super) code: String,
    /// The `sessionId` that `requestCode` answered with.
    pub(super) session_id: ID,
}

/// A code of purpose `DELETE_ACCOUNT`, which went to the account's own phone.
#[derive(InputObject)]
pub(super) struct DeleteAccountInput {
    /// The six digits of the SMS.
    pub(super) code: String,
    /// The `sessionId` that `requestCode` answered with.
    pub(super) session_id: ID,
}

/// A code of purpose `VERIFY`.
#[derive(InputObject)]
pub(super) struct VerifyCodeInput {
    /// The phone that got the code.
    pub(super) phone: PhoneNumber,
    /// The six digits of the SMS.
    pub(super) code: String,
    /// The `sessionId` that `requestCode` answered with.
    pub(super) session_id: ID,
}
