//! The input objects of mutations.
//!
//! They only carry values. Services check the values and name the field that is wrong.

use async_graphql::{ID, InputObject};

use super::scalars::PhoneNumber;
use super::types::{CodeChannel, CodePurpose};
use crate::captcha::CaptchaAnswer;

/// The phone that gets a code, and the purpose of the code.
#[derive(InputObject)]
pub(super) struct RequestCodeInput {
    /// The phone that gets the code. For `CHANGE_PHONE` it is the new phone. For `REAUTHENTICATE` and `DELETE_ACCOUNT` it must
    /// be the account's own phone, and can be left out. All other purposes require it.
    pub(super) phone: Option<PhoneNumber>,
    /// What the client will use the code for. The code is valid for this purpose only.
    #[graphql(default_with = "CodePurpose::Login")]
    pub(super) purpose: CodePurpose,
    /// The transaction that the user confirms, such as `transfer:9981`. It is copied into the proof. Only for `VERIFY`;
    /// 1 to 128 characters without control characters.
    pub(super) reference: Option<String>,
    /// The result of a captcha. Send it after a `CAPTCHA_REQUIRED` error.
    pub(super) captcha: Option<CaptchaInput>,
    /// The `deviceToken` that `login` returned on this device for this phone. Such a device has its own rate limits, which
    /// nobody else can use up. Every other text has no effect.
    pub(super) device_token: Option<String>,
    /// The challenge that this request replaces, because its SMS has not arrived. Its id is void then, and its code is accepted
    /// with the new id until it expires. Ignored if that challenge is not valid any more, or has another phone, purpose or
    /// reference.
    pub(super) resend_of: Option<ID>,
    /// The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs the challenge of the SMS in
    /// `resendOf`, so offer it to users whose SMS has not arrived.
    #[graphql(default_with = "CodeChannel::Sms")]
    pub(super) channel: CodeChannel,
    /// The user's language as a BCP 47 tag, such as `zh-CN`; it chooses the text of the SMS. Without it, the `Accept-Language`
    /// header of the request decides.
    pub(super) locale: Option<String>,
    /// The hash of an Android app that reads the code from the SMS with the SMS Retriever API: 11 characters. The SMS contains
    /// it if the server's template has a place for it.
    pub(super) app_hash: Option<String>,
    /// A random text of 16 to 128 characters, such as a UUID. Use the same one again if the answer was lost: while the code is
    /// valid, the server repeats its answer and sends no second SMS. The other arguments must be the same.
    pub(super) idempotency_key: Option<String>,
}

/// The result that Tencent Captcha's client library returns when the user has passed the captcha.
#[derive(InputObject)]
pub(super) struct CaptchaInput {
    /// The `ticket` of the result.
    pub(super) ticket: String,
    /// The `randstr` of the result. The captcha of a mini-program has none, so leave it out there.
    pub(super) randstr: Option<String>,
}

impl From<CaptchaInput> for CaptchaAnswer {
    fn from(input: CaptchaInput) -> Self {
        Self { ticket: input.ticket, randstr: input.randstr }
    }
}

/// The phone, the code from its SMS and the `challengeId` from `requestCode`.
#[derive(InputObject)]
pub(super) struct LoginInput {
    /// The phone that received the code.
    pub(super) phone: PhoneNumber,
    /// The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    pub(super) code: String,
    /// The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`.
    pub(super) challenge_id: ID,
    /// A name for the device in the user's list of sessions, such as `Anna's phone`; 1 to 64 characters.
    pub(super) device_name: Option<String>,
    /// The `deviceToken` of an earlier `login` on this device for this phone. Such a device has its own rate limits, and the
    /// new token is for the same device. Every other text has no effect.
    pub(super) device_token: Option<String>,
    /// A random string of 16 to 128 characters. For two minutes, and until the session is refreshed or ends, repeating the
    /// request with the same key returns the same session.
    pub(super) idempotency_key: Option<String>,
}

/// The refresh token of a session. In cookie mode it is in a cookie, and this input can be left out.
#[derive(InputObject, Default)]
pub(super) struct RefreshSessionInput {
    /// The latest refresh token that the client received, from `login` or `refreshSession`. Required, except in cookie mode.
    pub(super) refresh_token: Option<String>,
    /// A random string of 16 to 128 characters, a new one for each refresh. Until the new refresh token is used, repeating
    /// the request with the same key returns the same new refresh token.
    pub(super) idempotency_key: Option<String>,
}

/// The sessions to end. Without either field, only the session of the access token ends.
#[derive(InputObject, Default)]
pub(super) struct LogoutInput {
    /// The ids of the sessions to end, at most 100; more fail with `BAD_INPUT`. Sessions of other users are ignored.
    pub(super) session_ids: Option<Vec<ID>>,
    /// Whether to end all sessions of the user, including the current one. If true, `sessionIds` is ignored.
    #[graphql(default = false)]
    pub(super) everywhere: bool,
}

/// The fields of the profile to change. A field that is absent or null stays unchanged.
#[derive(InputObject)]
pub(super) struct UpdateProfileInput {
    /// The user's name: at most 32 characters (extended grapheme clusters), without control characters. An empty text removes the
    /// name.
    pub(super) name: Option<String>,
    /// The `https` URL of the user's picture, at most 512 characters. An empty text replaces the picture by one of those that new
    /// users get.
    pub(super) avatar: Option<String>,
}

/// A code of purpose `REAUTHENTICATE` that the account's own phone received.
#[derive(InputObject)]
pub(super) struct ReauthenticateInput {
    /// The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    pub(super) code: String,
    /// The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`.
    pub(super) challenge_id: ID,
}

/// The new phone and the code of purpose `CHANGE_PHONE` that it received.
#[derive(InputObject)]
pub(super) struct ChangePhoneInput {
    /// The new phone, which received the code.
    pub(super) phone: PhoneNumber,
    /// The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    pub(super) code: String,
    /// The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`.
    pub(super) challenge_id: ID,
}

/// A code of purpose `DELETE_ACCOUNT` that the account's own phone received.
#[derive(InputObject)]
pub(super) struct DeleteAccountInput {
    /// The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    pub(super) code: String,
    /// The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`.
    pub(super) challenge_id: ID,
}

/// A phone and the code of purpose `VERIFY` that it received.
#[derive(InputObject)]
pub(super) struct VerifyCodeInput {
    /// The phone that received the code.
    pub(super) phone: PhoneNumber,
    /// The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    pub(super) code: String,
    /// The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`.
    pub(super) challenge_id: ID,
}
