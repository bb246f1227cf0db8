//! The mutations. A resolver parses its arguments, calls one service and maps the result; rules belong in services.

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
use crate::accounts::Confirmation;
use crate::sessions::{LogOut, SignIn};
use crate::users::ProfileChange;
use crate::verification::CodeRequest;

/// The maximum number of session ids in one `logout`.
const MAX_SESSION_IDS: usize = 100;

/// Operations that change something.
pub struct Mutation;

/// Operations that change something.
#[Object]
impl Mutation {
    /// Sends a one-time code of six digits by SMS. Send the code back with its `sessionId`: to `login`, or to the
    /// mutation of its purpose.
    #[graphql(directive = raises::apply(field_errors::request_code()))]
    async fn request_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the purpose, and what the purpose requires.")] input: RequestCodeInput,
    ) -> ApiResult<RequestCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let sent = request.services.issuing.request_code(CodeRequest {
            code_use: request.code_use(input.purpose).await?,
            phone: request.services.phones.parse(&input.phone.0)?,
            reference: input.reference,
            captcha: input.captcha.map(Into::into),
            client: request.client,
            device: None,
            resend_of: input.resend_of.map(|id| id.0),
            idempotency_key: input.idempotency_key,
        });
        Ok(sent.await?.into())
    }

    /// Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this creates one.
    #[graphql(directive = raises::apply(field_errors::login()))]
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `sessionId` from `requestCode`.")] input: LoginInput,
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

    /// Exchanges a refresh token for a new refresh token and a new access token. A refresh token is valid once. Reusing
    /// an older token ends the session. For a few seconds, the immediately preceding token returns the same new refresh
    /// token instead.
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

    /// Ends the current session, the given sessions, or all sessions. Their access tokens are rejected immediately.
    /// Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::logout()))]
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The sessions to end. If absent, only the current session ends.")] input: Option<LogoutInput>,
    ) -> ApiResult<LogoutPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let which = log_out(input.unwrap_or_default())?;
        let ended = request.services.sessions.log_out(viewer, which).await?;
        Ok(LogoutPayload { ended_sessions: i32::try_from(ended).unwrap_or(i32::MAX) })
    }

    /// Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs sign-in.
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

    /// Moves the account to another phone, with a code of purpose `CHANGE_PHONE` that the new phone received. All other
    /// sessions of the user end. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::change_phone()))]
    async fn change_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new phone, the code from its SMS and the `sessionId` from `requestCode`.")]
        input: ChangePhoneInput,
    ) -> ApiResult<ChangePhonePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let phone = request.services.phones.parse(&input.phone.0)?;
        let confirmation = Confirmation { code: input.code, challenge_id: input.session_id.0, client: request.client };
        let user = request.services.accounts.change_phone(viewer, phone, confirmation).await?;
        Ok(ChangePhonePayload { user: UserNode::own(user, viewer.session_id) })
    }

    /// Deletes the account and all data of the user, with a code of purpose `DELETE_ACCOUNT` that the account's own
    /// phone received. The phone can sign up again, as a new user. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::delete_account()))]
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code from the SMS to the account's own phone and the `sessionId` from `requestCode`.")]
        input: DeleteAccountInput,
    ) -> ApiResult<DeleteAccountPayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let confirmation = Confirmation { code: input.code, challenge_id: input.session_id.0, client: request.client };
        request.services.accounts.delete(viewer, confirmation).await?;
        Ok(DeleteAccountPayload { deleted_user_id: viewer.user.id.into() })
    }

    /// Exchanges a code of purpose `VERIFY` for a signed proof that the user has the phone. Any service can check the
    /// proof with the server's public keys. This does not sign the user in and does not create an account.
    #[graphql(directive = raises::apply(field_errors::verify_code()))]
    async fn verify_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `sessionId` from `requestCode`.")]
        input: VerifyCodeInput,
    ) -> ApiResult<VerifyCodePayload> {
        let request = ctx.data_unchecked::<RequestContext>();
        let phone = request.services.phones.parse(&input.phone.0)?;
        let proof = request.services.proofs.verify(&phone, &input.code, &input.session_id, request.client);
        Ok(proof.await?.into())
    }
}

/// Returns which sessions the input names; `everywhere` takes precedence over the ids.
fn log_out(input: LogoutInput) -> ApiResult<LogOut> {
    let malformed = || ApiError::bad_input("input.sessionIds", "The session ids are at most 100 UUIDs.");
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
