//! The mutations. A resolver parses its arguments, calls one service and maps the result; rules belong in services.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use super::context::{RequestContext, parse_locale};
use super::error::ApiResult;
use super::field_errors;
use super::inputs::{
    ChangePhoneInput, DeleteAccountInput, LoginInput, LogoutInput, ReauthenticateInput, RefreshSessionInput,
    RequestCodeInput, UpdateProfileInput, VerifyCodeInput,
};
use super::payloads::{
    ChangePhonePayload, DeleteAccountPayload, LoginPayload, LogoutPayload, ReauthenticatePayload,
    RefreshSessionPayload, RequestCodePayload, UpdateProfilePayload, VerifyCodePayload,
};
use super::problem::Failure;
use super::raises::raises;
use super::results::{
    ChangePhoneResult, DeleteAccountResult, LoginResult, LogoutResult, ReauthenticateResult, RefreshSessionResult,
    RequestCodeResult, UpdateProfileResult, VerifyCodeResult,
};
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
    /// Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to `login`, or to the
    /// mutation of its purpose.
    #[graphql(directive = raises::apply(field_errors::request_code()))]
    async fn request_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the purpose, and what the purpose requires.")] input: RequestCodeInput,
    ) -> ApiResult<RequestCodeResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<RequestCodePayload, Failure> = async {
            let code_use = request.code_use(input.purpose).await?;
            let phone = request.recipient(&code_use, input.phone.as_ref())?;
            let locale = parse_locale(input.locale.as_deref())?;
            let device_token = request.cookies.device_token(input.device_token)?;
            let sent = request.services.issuing.request_code(CodeRequest {
                device: device_token.and_then(|token| request.services.tokens.recognize_device(&token, &phone)),
                phone,
                code_use,
                reference: input.reference,
                captcha: input.captcha.map(Into::into),
                client: request.client,
                resend_of: input.resend_of.map(|id| id.0),
                idempotency_key: input.idempotency_key,
                locale,
                default_locale: request.accepted_locale.clone(),
                app_hash: input.app_hash,
                channel: input.channel.into(),
            });
            Ok(sent.await?.into())
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this creates one.
    #[graphql(directive = raises::apply(field_errors::login()))]
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `challengeId` from `requestCode`.")]
        input: LoginInput,
    ) -> ApiResult<LoginResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<LoginPayload, Failure> = async {
            let signed_in = request.services.sessions.sign_in(SignIn {
                phone: request.phone(&input.phone)?,
                code: input.code,
                challenge_id: input.challenge_id.0,
                device_name: input.device_name,
                device_token: request.cookies.device_token(input.device_token)?,
                idempotency_key: input.idempotency_key,
                client: request.client,
            });
            Ok(request.keep_in_cookies(signed_in.await?).into())
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Exchanges a refresh token for a new refresh token and a new access token. A refresh token is valid once. Reusing
    /// an older token ends the session. For a few seconds, the immediately preceding token returns the same new refresh
    /// token instead.
    #[graphql(directive = raises::apply(field_errors::refresh_session()))]
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token to exchange. Required, except in cookie mode.")] input: Option<
            RefreshSessionInput,
        >,
    ) -> ApiResult<RefreshSessionResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<RefreshSessionPayload, Failure> = async {
            let input = input.unwrap_or_default();
            let (token, key) = (request.cookies.refresh_token(input.refresh_token)?, input.idempotency_key);
            let refreshed = request.services.sessions.refresh(&token, key.as_deref(), request.client).await?;
            let (tokens, user) = refreshed;
            Ok((request.cookies.keep_session(tokens), user).into())
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Confirms that the user of the session holds the account's phone, with a code of purpose `REAUTHENTICATE` that this
    /// phone received. For a few minutes, the session can then use `changePhone`. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::reauthenticate()))]
    async fn reauthenticate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code from the SMS to the account's own phone and the `challengeId` from `requestCode`.")]
        input: ReauthenticateInput,
    ) -> ApiResult<ReauthenticateResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<ReauthenticatePayload, Failure> = async {
            let viewer = request.require_viewer().await?;
            let confirmation =
                Confirmation { code: input.code, challenge_id: input.challenge_id.0, client: request.client };
            Ok(request.services.accounts.reauthenticate(viewer, confirmation).await?.into())
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Ends the current session, the given sessions, or all sessions. Their access tokens are rejected immediately.
    /// Needs sign-in; in cookie mode, the refresh cookie is enough.
    #[graphql(directive = raises::apply(field_errors::logout()))]
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The sessions to end. If absent, only the current session ends.")] input: Option<LogoutInput>,
    ) -> ApiResult<LogoutResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<LogoutPayload, Failure> = async {
            let viewer = request.viewer_to_log_out().await?;
            let which = log_out(input.unwrap_or_default())?;
            let is_own = which.ends(viewer.session_id);
            let ended = request.services.sessions.log_out(&viewer, which).await?;
            if is_own {
                request.cookies.clear();
            }
            Ok(LogoutPayload { ended_sessions: i32::try_from(ended).unwrap_or(i32::MAX) })
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::update_profile()))]
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields to change.")] input: UpdateProfileInput,
    ) -> ApiResult<UpdateProfileResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<UpdateProfilePayload, Failure> = async {
            let viewer = request.require_viewer().await?;
            let change = ProfileChange { name: input.name, avatar: input.avatar };
            let user = request.services.accounts.update_profile(viewer, change).await?;
            Ok(UpdateProfilePayload { user: UserNode::own(user, viewer.session_id) })
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Moves the account to another phone, with a code of purpose `CHANGE_PHONE` that the new phone received. All other
    /// sessions of the user end. Needs a session that signed in, or used `reauthenticate`, in the last minutes.
    #[graphql(directive = raises::apply(field_errors::change_phone()))]
    async fn change_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new phone, the code from its SMS and the `challengeId` from `requestCode`.")]
        input: ChangePhoneInput,
    ) -> ApiResult<ChangePhoneResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<ChangePhonePayload, Failure> = async {
            let viewer = request.require_viewer().await?;
            let phone = request.phone(&input.phone)?;
            let confirmation =
                Confirmation { code: input.code, challenge_id: input.challenge_id.0, client: request.client };
            let user = request.services.accounts.change_phone(viewer, phone, confirmation).await?;
            Ok(ChangePhonePayload { user: UserNode::own(user, viewer.session_id) })
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Deletes the account and all data of the user, with a code of purpose `DELETE_ACCOUNT` that the account's own
    /// phone received. The phone can sign up again, as a new user. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::delete_account()))]
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code from the SMS to the account's own phone and the `challengeId` from `requestCode`.")]
        input: DeleteAccountInput,
    ) -> ApiResult<DeleteAccountResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<DeleteAccountPayload, Failure> = async {
            let viewer = request.require_viewer().await?;
            let confirmation =
                Confirmation { code: input.code, challenge_id: input.challenge_id.0, client: request.client };
            request.services.accounts.delete(viewer, confirmation).await?;
            request.cookies.clear();
            Ok(DeleteAccountPayload { deleted_user_id: viewer.user.id.into() })
        }
        .await;
        request.result(ctx, outcome)
    }

    /// Exchanges a code of purpose `VERIFY` for a signed proof that the user has the phone. Any service can check the
    /// proof with the server's public keys. This does not sign the user in and does not create an account.
    #[graphql(directive = raises::apply(field_errors::verify_code()))]
    async fn verify_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The phone, the code from its SMS and the `challengeId` from `requestCode`.")]
        input: VerifyCodeInput,
    ) -> ApiResult<VerifyCodeResult> {
        let request = ctx.data_unchecked::<RequestContext>();
        let outcome: Result<VerifyCodePayload, Failure> = async {
            let phone = request.phone(&input.phone)?;
            let proof = request.services.proofs.verify(&phone, &input.code, &input.challenge_id, request.client);
            Ok(proof.await?.into())
        }
        .await;
        request.result(ctx, outcome)
    }
}

/// Returns which sessions the input names; `everywhere` takes precedence over the ids.
fn log_out(input: LogoutInput) -> Result<LogOut, Failure> {
    let malformed = || Failure::bad_input("input.sessionIds", "The session ids are at most 100 UUIDs.");
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
