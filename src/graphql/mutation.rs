//! The mutations.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use super::context::RequestContext;
use super::error::{ApiError, ApiResult};
use super::field_errors;
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
use crate::accounts::Proof;
use crate::sessions::{LogOut, SignIn};
use crate::users::ProfileChange;
use crate::verification::code::Purpose;
use crate::verification::{CodeRequest, Requester};

/// The most sessions that one `logout` names.
const MAX_SESSION_IDS: usize = 100;

/// What can be done.
pub struct Mutation;

/// What can be done.
#[Object]
impl Mutation {
    /// Sends a six-digit code by SMS. Show it with its `sessionId`, to `login` or to the field of its purpose.
    #[graphql(directive = raises::apply(field_errors::request_code()))]
    async fn request_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the purpose, and what the purpose needs.")] input: RequestCodeInput,
    ) -> ApiResult<RequestCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let purpose = Purpose::from(input.purpose);
        let requester = request.viewer_for(purpose).await?.map(|viewer| &viewer.user);
        let requester = requester.map(|user| Requester { id: user.id, phone: user.phone.clone() });

        let verification = &request.services.verification;
        let sent = verification.request_code(CodeRequest {
            phone: verification.read_phone(&input.phone.0)?,
            purpose,
            reference: input.reference,
            requester,
            captcha: input.captcha.map(Into::into),
            client: request.client,
        });
        Ok(sent.await?.into())
    }

    /// Signs a person in with the code that `requestCode` sent, and up where the phone is new.
    #[graphql(directive = raises::apply(field_errors::login()))]
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `sessionId` that came with it.")] input: LoginInput,
    ) -> ApiResult<LoginPayload> {
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

    /// Takes a refresh token for the next one, and a new access token. A refresh token is good once: using an older one
    /// again ends the session, save that the one just before gets the same successor for a few seconds.
    #[graphql(directive = raises::apply(field_errors::refresh_session()))]
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
    #[graphql(directive = raises::apply(field_errors::logout()))]
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
    #[graphql(directive = raises::apply(field_errors::update_profile()))]
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
    #[graphql(directive = raises::apply(field_errors::change_phone()))]
    async fn change_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new phone, the code from its SMS and the `sessionId` that came with it.")]
        input: ChangePhoneInput,
    ) -> ApiResult<ChangePhonePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let phone = request.services.verification.read_phone(&input.phone.0)?;
        let proof = Proof { code: input.code, challenge_id: input.session_id.0, client: request.client };
        let user = request.services.accounts.change_phone(viewer, phone, proof).await?;
        Ok(ChangePhonePayload { user: UserNode::own(user, viewer.session_id) })
    }

    /// Deletes the account and all that is known of the person, by a code of purpose `DELETE_ACCOUNT` that went to the
    /// account's own phone. The phone can sign up anew, as another user. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::delete_account()))]
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code from the SMS to the account's own phone and the `sessionId` that came with it.")]
        input: DeleteAccountInput,
    ) -> ApiResult<DeleteAccountPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let proof = Proof { code: input.code, challenge_id: input.session_id.0, client: request.client };
        request.services.accounts.delete(viewer, proof).await?;
        Ok(DeleteAccountPayload { deleted_user_id: viewer.user.id.into() })
    }

    /// Takes a code of purpose `VERIFY` for a signed proof that the phone is held, which any service can check with the
    /// server's public keys. Nobody is signed in or up by it.
    #[graphql(directive = raises::apply(field_errors::verify_code()))]
    async fn verify_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `sessionId` that came with it.")]
        input: VerifyCodeInput,
    ) -> ApiResult<VerifyCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let phone = request.services.verification.read_phone(&input.phone.0)?;
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
