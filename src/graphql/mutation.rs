//! The mutations.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use super::context::RequestContext;
use super::error::ErrorCode::{
    BadInput, CaptchaFailed, CaptchaRequired, CodeExpired, CodeIncorrect, InvalidPhone, NumberBlocked, PhoneTaken,
    RateLimited, RegionNotAllowed, SessionMismatch, SignupFailed, SmsSendFailed, TokenExpired, TokenInvalid,
    Unauthenticated,
};
use super::error::{ApiError, ApiResult};
use super::inputs::{
    ChangePhoneInput, DeleteAccountInput, LoginInput, LogoutInput, RefreshSessionInput, RequestCodeInput,
    UpdateProfileInput, VerifyCodeInput,
};
use super::payloads::{
    ChangePhonePayload, DeleteAccountPayload, LoginPayload, LogoutPayload, RefreshSessionPayload, RequestCodePayload,
    UpdateProfilePayload, VerifyCodePayload,
};
use super::raises::raises;
use super::types::UserNode;
use crate::accounts::Confirmation;
use crate::sessions::{LogOut, SignIn};
use crate::users::ProfileChange;
use crate::verification::CodeRequest;

/// The most sessions that one `logout` names.
const MAX_SESSION_IDS: usize = 100;

/// What can be done.
pub struct Mutation;

/// What can be done.
#[Object]
impl Mutation {
    /// Sends a six-digit code by SMS. Show it with its `sessionId`, to `login` or to the field of its purpose.
    #[graphql(directive = raises::apply(vec![BadInput, InvalidPhone, SmsSendFailed, TokenInvalid, TokenExpired, Unauthenticated, RateLimited, CaptchaRequired, CaptchaFailed, RegionNotAllowed, NumberBlocked]))]
    async fn request_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the purpose, and what the purpose needs.")] input: RequestCodeInput,
    ) -> ApiResult<RequestCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let sent = request.services.issuing.request_code(CodeRequest {
            code_use: request.code_use(input.purpose).await?,
            phone: request.services.phones.parse(&input.phone.0)?,
            reference: input.reference,
            captcha: input.captcha.map(Into::into),
            client: request.client,
        });
        Ok(sent.await?.into())
    }

    /// Signs a person in with the code that `requestCode` sent, and up where the phone is new.
    #[graphql(directive = raises::apply(vec![BadInput, InvalidPhone, CodeExpired, CodeIncorrect, SessionMismatch, SignupFailed, RateLimited]))]
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `sessionId` that came with it.")] input: LoginInput,
    ) -> ApiResult<LoginPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let signed_in = request.services.sessions.sign_in(SignIn {
            phone: request.services.phones.parse(&input.phone.0)?,
            code: input.code,
            challenge_id: input.session_id.0,
            device_name: input.device_name,
            client: request.client,
        });
        Ok(signed_in.await?.into())
    }

    /// Takes a refresh token for the next one, and a new access token. A refresh token is good once: using an older one
    /// again ends the session, save that the one just before gets the same successor for a few seconds.
    #[graphql(directive = raises::apply(vec![TokenInvalid, TokenExpired]))]
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token to exchange.")] input: RefreshSessionInput,
    ) -> ApiResult<RefreshSessionPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let refreshed = request.services.sessions.refresh(&input.refresh_token, request.client);
        Ok(refreshed.await?.into())
    }

    /// Ends sessions: this one, those named, or all. Their access tokens are refused at once. Needs sign-in.
    #[graphql(directive = raises::apply(vec![BadInput, TokenInvalid, TokenExpired, Unauthenticated]))]
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The sessions to end; without it, only this one.")] input: Option<LogoutInput>,
    ) -> ApiResult<LogoutPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let which = log_out(input.unwrap_or_default())?;
        let ended = request.services.sessions.log_out(viewer, which).await?;
        Ok(LogoutPayload { ended_sessions: i32::try_from(ended).unwrap_or(i32::MAX) })
    }

    /// Changes name and avatar; what is absent or null stays. Needs sign-in.
    #[graphql(directive = raises::apply(vec![BadInput, TokenInvalid, TokenExpired, Unauthenticated]))]
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields to change.")] input: UpdateProfileInput,
    ) -> ApiResult<UpdateProfilePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let change = ProfileChange { name: input.name, avatar: input.avatar };
        let user = request.services.accounts.update_profile(viewer, change).await?;
        Ok(UpdateProfilePayload { user: UserNode::own(user, viewer.session_id) })
    }

    /// Moves the account to another phone, which got a code of purpose `CHANGE_PHONE`. All other sessions end. Needs
    /// sign-in.
    #[graphql(directive = raises::apply(vec![BadInput, InvalidPhone, TokenInvalid, TokenExpired, Unauthenticated, CodeExpired, CodeIncorrect, SessionMismatch, PhoneTaken, RateLimited]))]
    async fn change_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new phone, the code from its SMS and the `sessionId` that came with it.")]
        input: ChangePhoneInput,
    ) -> ApiResult<ChangePhonePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let phone = request.services.phones.parse(&input.phone.0)?;
        let confirmation = Confirmation { code: input.code, challenge_id: input.session_id.0, client: request.client };
        let user = request.services.accounts.change_phone(viewer, phone, confirmation).await?;
        Ok(ChangePhonePayload { user: UserNode::own(user, viewer.session_id) })
    }

    /// Deletes the account and all that is known of the person, by a code of purpose `DELETE_ACCOUNT` that went to the
    /// account's own phone. The phone can sign up anew, as another user. Needs sign-in.
    #[graphql(directive = raises::apply(vec![BadInput, TokenInvalid, TokenExpired, Unauthenticated, CodeExpired, CodeIncorrect, SessionMismatch, RateLimited]))]
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code from the SMS to the account's own phone and the `sessionId` that came with it.")]
        input: DeleteAccountInput,
    ) -> ApiResult<DeleteAccountPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let confirmation = Confirmation { code: input.code, challenge_id: input.session_id.0, client: request.client };
        request.services.accounts.delete(viewer, confirmation).await?;
        Ok(DeleteAccountPayload { deleted_user_id: viewer.user.id.into() })
    }

    /// Takes a code of purpose `VERIFY` for a signed proof that the phone is held, which any service can check with the
    /// server's public keys. Nobody is signed in or up by it.
    #[graphql(directive = raises::apply(vec![BadInput, InvalidPhone, CodeExpired, CodeIncorrect, SessionMismatch, RateLimited]))]
    async fn verify_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `sessionId` that came with it.")]
        input: VerifyCodeInput,
    ) -> ApiResult<VerifyCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let phone = request.services.phones.parse(&input.phone.0)?;
        let proof = request.services.proofs.verify(&phone, &input.code, &input.session_id, request.client);
        Ok(proof.await?.into())
    }
}

/// Reads which sessions are to end.
fn log_out(input: LogoutInput) -> ApiResult<LogOut> {
    let malformed = || ApiError::bad_input("input.sessionIds", "Name at most 100 sessions, each by its UUID.");
    match input.session_ids {
        _ if input.everywhere => Ok(LogOut::Everywhere),
        None => Ok(LogOut::This),
        Some(ids) if ids.len() > MAX_SESSION_IDS => Err(malformed()),
        Some(ids) => {
            let ids: Result<Vec<Uuid>, _> = ids.iter().map(|id: &ID| id.parse()).collect();
            ids.map(LogOut::Some).map_err(|_| malformed())
        }
    }
}
