//! The payloads of mutations, and how the results of services map to them.

use async_graphql::{ID, SimpleObject};

use super::scalars::DateTime;
use super::types::UserNode;
use crate::sessions::{SessionTokens, SignedIn};
use crate::tokens::Issued;
use crate::users::User;
use crate::verification::CodeSent;

/// The number of digits in a code.
const CODE_LENGTH: i32 = 6;

/// A code that was issued and sent.
#[derive(SimpleObject)]
pub(super) struct RequestCodePayload {
    /// The id of this challenge. Keep it, and send it together with the code.
    pub(super) challenge_id: ID,
    /// When the code expires. From then on, it is rejected with `CODE_EXPIRED`.
    pub(super) expires_at: DateTime,
    /// The earliest time at which this phone can be sent another code. If no send is left today, this is the start of
    /// tomorrow. Requests before this time fail with `RATE_LIMITED`.
    pub(super) resend_at: DateTime,
    /// How many more codes can be sent to this phone today. Null if the server has no daily limit.
    pub(super) sends_remaining: Option<u32>,
    /// The number of digits in the code, for the input field.
    pub(super) code_length: i32,
}

impl From<CodeSent> for RequestCodePayload {
    fn from(sent: CodeSent) -> Self {
        Self {
            challenge_id: sent.challenge_id.into(),
            expires_at: DateTime(sent.expires_at),
            resend_at: DateTime(sent.resend_at),
            sends_remaining: sent.sends_remaining,
            code_length: CODE_LENGTH,
        }
    }
}

/// The new session's tokens and its user.
#[derive(SimpleObject)]
pub(super) struct LoginPayload {
    /// A JWT for the header `Authorization: Bearer <token>`.
    pub(super) access_token: String,
    /// When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    pub(super) access_token_expires_at: DateTime,
    /// An opaque token that `refreshSession` exchanges, once, for new tokens. Store it where only the app can read it. Empty
    /// in cookie mode.
    pub(super) refresh_token: String,
    /// When the refresh token expires, and with it the session.
    pub(super) refresh_token_expires_at: DateTime,
    /// An opaque token that proves that this device once signed in with the phone. Keep it after the session has ended, and
    /// send it with later requests: the device has its own quota then. It grants no access. Empty in cookie mode.
    pub(super) device_token: String,
    /// The user who signed in.
    pub(super) user: UserNode,
    /// Whether this sign-in created the account.
    pub(super) is_new_user: bool,
}

impl From<SignedIn> for LoginPayload {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { tokens, device_token, user, is_new_user } = signed_in;
        Self {
            access_token: tokens.access.token,
            access_token_expires_at: DateTime(tokens.access.expires_at),
            refresh_token: tokens.refresh.token,
            refresh_token_expires_at: DateTime(tokens.refresh.expires_at),
            device_token,
            user: UserNode::own(user, tokens.session_id),
            is_new_user,
        }
    }
}

/// The session's new tokens.
#[derive(SimpleObject)]
pub(super) struct RefreshSessionPayload {
    /// A JWT for the header `Authorization: Bearer <token>`.
    pub(super) access_token: String,
    /// When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    pub(super) access_token_expires_at: DateTime,
    /// The next refresh token. Replace the old one with it: the old one must not be used again. Empty in cookie mode.
    pub(super) refresh_token: String,
    /// When the refresh token expires, and with it the session.
    pub(super) refresh_token_expires_at: DateTime,
    /// The user of the session.
    pub(super) user: UserNode,
}

impl From<(SessionTokens, User)> for RefreshSessionPayload {
    fn from((tokens, user): (SessionTokens, User)) -> Self {
        Self {
            access_token: tokens.access.token,
            access_token_expires_at: DateTime(tokens.access.expires_at),
            refresh_token: tokens.refresh.token,
            refresh_token_expires_at: DateTime(tokens.refresh.expires_at),
            user: UserNode::own(user, tokens.session_id),
        }
    }
}

/// The session's new access token.
#[derive(SimpleObject)]
pub(super) struct ReauthenticatePayload {
    /// A JWT for the header `Authorization: Bearer <token>`. Its `auth_time` is the time of this request.
    pub(super) access_token: String,
    /// When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    pub(super) access_token_expires_at: DateTime,
}

impl From<Issued> for ReauthenticatePayload {
    fn from(access: Issued) -> Self {
        Self { access_token: access.token, access_token_expires_at: DateTime(access.expires_at) }
    }
}

/// The result of ending sessions.
#[derive(SimpleObject)]
pub(super) struct LogoutPayload {
    /// How many active sessions were ended.
    pub(super) ended_sessions: i32,
}

/// The user after the change of the profile.
#[derive(SimpleObject)]
pub(super) struct UpdateProfilePayload {
    /// The user with the new values.
    pub(super) user: UserNode,
}

/// The user after the change of the phone.
#[derive(SimpleObject)]
pub(super) struct ChangePhonePayload {
    /// The user with the new values.
    pub(super) user: UserNode,
}

/// The account that was deleted.
#[derive(SimpleObject)]
pub(super) struct DeleteAccountPayload {
    /// The id of the deleted user, for example to remove them from a client's cache.
    pub(super) deleted_user_id: ID,
}

/// A proof that the user has the phone.
#[derive(SimpleObject)]
pub(super) struct VerifyCodePayload {
    /// A JWT with the phone in `sub`, the `reference` if one was requested, and the server's `PROOF_AUDIENCE` in `aud`.
    /// A service that must accept a proof only once stores its `jti` until the proof expires.
    pub(super) proof: String,
    /// When the proof expires. It is valid for five minutes.
    pub(super) proof_expires_at: DateTime,
}

impl From<Issued> for VerifyCodePayload {
    fn from(proof: Issued) -> Self {
        Self { proof: proof.token, proof_expires_at: DateTime(proof.expires_at) }
    }
}
