//! The mutations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::context::RequestContext;
use super::error::ApiResult;
use super::scalars::{DateTime, PhoneNumber};
use super::types::{CodePurpose, UserNode};
use crate::sessions::{SignIn, SignedIn};
use crate::verification::code::Purpose;
use crate::verification::{CodeRequest, CodeSent, Requester};

/// What can be done.
pub struct Mutation;

/// What can be done.
#[Object]
impl Mutation {
    /// Sends a six-digit code by SMS. Show it with its `sessionId`, to `login` or to the field of its purpose.
    async fn request_code(&self, ctx: &Context<'_>, input: RequestCodeInput) -> ApiResult<RequestCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let purpose = Purpose::from(input.purpose);
        let requester = if purpose.needs_user() {
            let user = &request.require_viewer().await?.user;
            Some(Requester { id: user.id, phone: user.phone.clone() })
        } else {
            None
        };
        let verification = &request.services.verification;
        let sent = verification.request_code(CodeRequest {
            phone: verification.read_phone(&input.phone.0)?,
            purpose,
            reference: input.reference,
            requester,
            client: request.client,
        });
        Ok(sent.await?.into())
    }

    /// Signs a person in with the code that `requestCode` sent, and up where the phone is new.
    async fn login(&self, ctx: &Context<'_>, input: LoginInput) -> ApiResult<LoginPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let signed_in = request.services.sessions.sign_in(SignIn {
            phone: request.services.verification.read_phone(&input.phone.0)?,
            code: input.code,
            challenge_id: input.session_id.0,
            device_name: input.device_name,
            client: request.client,
        });
        Ok(signed_in.await?.into())
    }
}

/// Where to send a code, and what for.
#[derive(InputObject)]
struct RequestCodeInput {
    /// The phone that gets the code.
    phone: PhoneNumber,
    /// What the code is to be good for.
    #[graphql(default_with = "CodePurpose::Login")]
    purpose: CodePurpose,
    /// With `VERIFY` only: what is being confirmed, such as `transfer:9981`; at most 128 characters.
    reference: Option<String>,
    /// The answer to a captcha, when the server asks for one.
    captcha: Option<CaptchaInput>,
}

/// What Tencent Captcha's client library gives when a person has passed.
#[derive(InputObject)]
struct CaptchaInput {
    /// The ticket.
    ticket: String,
    /// The random string that goes with it.
    randstr: String,
}

/// A code is on its way.
#[derive(SimpleObject)]
struct RequestCodePayload {
    /// Names this code. Keep it, and show it again with the code.
    session_id: ID,
    /// From when on the code is refused.
    expires_at: DateTime,
    /// The earliest next send to this phone; tomorrow's start when none is left today.
    resend_at: DateTime,
    /// Sends to this phone left today; null where there is no daily limit.
    sends_remaining: Option<u32>,
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

/// A code, and what it was given out for.
#[derive(InputObject)]
struct LoginInput {
    /// The phone that got the code.
    phone: PhoneNumber,
    /// The six digits of the SMS.
    code: String,
    /// The `sessionId` that `requestCode` answered with.
    session_id: ID,
    /// What the person calls the device, shown in the list of sessions; at most 64 characters.
    device_name: Option<String>,
}

/// A new session's tokens.
#[derive(SimpleObject)]
struct LoginPayload {
    /// A JWT for `Authorization: Bearer`.
    access_token: String,
    /// From when on the access token is refused.
    access_token_expires_at: DateTime,
    /// An opaque token, good once, for a new access token. Keep it where only the app can read it.
    refresh_token: String,
    /// From when on the refresh token is refused.
    refresh_token_expires_at: DateTime,
    /// Who signed in.
    user: UserNode,
    /// Whether this was the sign-up.
    is_new_user: bool,
}

impl From<SignedIn> for LoginPayload {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { tokens, user, .. } = signed_in;
        Self {
            access_token: tokens.access.token,
            access_token_expires_at: DateTime(tokens.access.expires_at),
            refresh_token: tokens.refresh.token,
            refresh_token_expires_at: DateTime(tokens.refresh.expires_at),
            user: UserNode::own(user),
            is_new_user: signed_in.is_new_user,
        }
    }
}
