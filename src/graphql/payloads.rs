//! What mutations answer with.

use async_graphql::{ID, SimpleObject};

use super::scalars::DateTime;
use super::types::UserNode;
use crate::sessions::{SessionTokens, SignedIn};
use crate::tokens::Issued;
use crate::users::User;
use crate::verification::CodeSent;

/// A code is on its way.
#[derive(SimpleObject)]
pub(super) struct RequestCodePayload {
    /// Names this code. Keep it, and show it again with the code.
    pub(super) session_id: ID,
    /// From when on the code is refused.
    pub(super) expires_at: DateTime,
    /// The earliest next send to this phone; tomorrow's start when none is left today.
    pub(super) resend_at: DateTime,
    /// Sends to this phone left today; null where there is no daily limit.
    pub(super) sends_remaining: Option<u32>,
}

impl From<CodeSent> for RequestCodePayload {
    fn from(sent: CodeSent) -> Self {
        Self {
            session_id: sent.challenge_id.into(),
            expires_at: DateTime(sent.expires_at),
            resend_at: DateTime(sent.resend_at),
            sends_remaining: sent.sends_remaining,
        }
    }
}

/// A new session's tokens.
#[derive(SimpleObject)]
pub(super) struct LoginPayload {
    /// A JWT for `Authorization: Bearer`.
    pub(super) access_token: String,
    /// From when on the access token is refused.
    pub(super) access_token_expires_at: DateTime,
    /// An opaque token, good once, for a new access token. Keep it where only the app can read it.
    pub(super) refresh_token: String,
    /// From when on the refresh token is refused.
    pub(super) refresh_token_expires_at: DateTime,
    /// Who signed in.
    pub(super) user: UserNode,
    /// Whether this was the sign-up.
    pub(super) is_new_user: bool,
}

impl From<SignedIn> for LoginPayload {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { tokens, user, .. } = signed_in;
        Self {
            access_token: tokens.access.token,
            access_token_expires_at: DateTime(tokens.access.expires_at),
            refresh_token: tokens.refresh.token,
            refresh_token_expires_at: DateTime(tokens.refresh.expires_at),
            user: UserNode::own(user, tokens.session_id),
            is_new_user: signed_in.is_new_user,
        }
    }
}

/// The session's new tokens.
#[derive(SimpleObject)]
pub(super) struct RefreshSessionPayload {
    /// A JWT for `Authorization: Bearer`.
    pub(super) access_token: String,
    /// From when on the access token is refused.
    pub(super) access_token_expires_at: DateTime,
    /// The next refresh token. The one that was sent is used up.
    pub(super) refresh_token: String,
    /// From when on the refresh token is refused.
    pub(super) refresh_token_expires_at: DateTime,
    /// Whose session it is.
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

/// Sessions have ended.
#[derive(SimpleObject)]
pub(super) struct LogoutPayload {
    /// How many lived until now.
    pub(super) ended_sessions: i32,
}

/// The profile is changed.
#[derive(SimpleObject)]
pub(super) struct UpdateProfilePayload {
    /// The user as they are now.
    pub(super) user: UserNode,
}

/// The phone is changed.
#[derive(SimpleObject)]
pub(super) struct ChangePhonePayload {
    /// The user as they are now.
    pub(super) user: UserNode,
}

/// The account is gone.
#[derive(SimpleObject)]
pub(super) struct DeleteAccountPayload {
    /// Whose it was, for a client's cache.
    pub(super) deleted_user_id: ID,
}

/// The phone is held.
#[derive(SimpleObject)]
pub(super) struct VerifyCodePayload {
    /// A JWT: `sub` is the phone, `reference` what was confirmed, `aud` the server's `PROOF_AUDIENCE`. A service that
    /// takes it once keeps its `jti` until it expires.
    pub(super) proof: String,
    /// From when on the proof is to be refused.
    pub(super) proof_expires_at: DateTime,
}

impl From<Issued> for VerifyCodePayload {
    fn from(proof: Issued) -> Self {
        Self { proof: proof.token, proof_expires_at: DateTime(proof.expires_at) }
    }
}
