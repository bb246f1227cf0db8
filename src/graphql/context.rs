//! The data of one GraphQL request: its access token, its client's address, and what it has loaded so far.
//!
//! The rule whether a field needs sign-in is applied here and in no other place. A rejected token fails only the fields
//! that need it, because clients send their `Authorization` header with every request.

use std::sync::Arc;

use async_graphql::Context;
use tokio::sync::OnceCell;
use tracing::Span;

use super::Services;
use super::cookies::TokenCookies;
use super::error::{ApiError, ApiResult};
use super::problem::{Failure, Problem};
use super::problems::Problems;
use super::scalars::PhoneNumber;
use super::types::CodePurpose;
use crate::account_store::UserLoader;
use crate::client::ClientAddress;
use crate::locale::Locale;
use crate::phone;
use crate::sessions::{RefreshError, SignedIn, Viewer};
use crate::store::StoreError;
use crate::tokens::{AccessClaims, TokenError};
use crate::verification::{CodeUse, Requester};

/// The result of verifying the `Authorization` header, once for the whole request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Authorization {
    /// The request has no token.
    Anonymous,
    /// The access token is genuine. Its session may have ended.
    Verified(AccessClaims),
    /// The token is rejected.
    Refused(TokenError),
}

/// The data of one request, which every resolver can read.
pub(crate) struct RequestContext {
    authorization: Authorization,
    pub(super) request_id: String,
    /// The span of the request.
    span: Span,
    pub(super) problems: Problems,
    pub(super) cookies: TokenCookies,
    pub(super) client: ClientAddress,
    /// The language of the `Accept-Language` header.
    pub(super) accepted_locale: Option<Locale>,
    pub(super) users: UserLoader,
    pub(super) services: Arc<Services>,
    viewer: OnceCell<Result<Option<Viewer>, Arc<StoreError>>>,
}

impl RequestContext {
    pub(crate) fn new(
        authorization: Authorization,
        client: ClientAddress,
        accepted_locale: Option<Locale>,
        request_id: String,
        services: Arc<Services>,
    ) -> Self {
        Self {
            authorization,
            request_id,
            span: Span::current(),
            problems: Problems::default(),
            cookies: TokenCookies::default(),
            client,
            accepted_locale,
            users: UserLoader::new(Arc::clone(&services.users)),
            services,
            viewer: OnceCell::new(),
        }
    }

    /// Returns the same request in the mode of `cookies`.
    pub(crate) fn with_cookies(self, cookies: TokenCookies) -> Self {
        Self { cookies, ..self }
    }

    /// Returns the authenticated user and their active session, or `None` if the request has no token.
    ///
    /// The session is loaded once for the whole request, however many fields need it.
    ///
    /// # Errors
    /// If the token is rejected, its session has ended, or the store fails.
    pub(super) async fn viewer(&self) -> Result<Option<&Viewer>, ApiError> {
        let claims = match self.authorization {
            Authorization::Anonymous => return Ok(None),
            Authorization::Refused(error) => return Err(error.into()),
            Authorization::Verified(claims) => claims,
        };

        let find = || async { self.services.sessions.viewer(claims).await.map_err(Arc::new) };
        match self.viewer.get_or_init(find).await {
            Ok(Some(viewer)) => Ok(Some(viewer)),
            // The token is genuine, but the user logged out or the account was deleted.
            Ok(None) => Err(TokenError::Invalid.into()),
            Err(error) => Err(ApiError::from(error)),
        }
    }

    /// Returns the authenticated user and their active session, for a field that needs sign-in.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` if the request has no token, and every error of `viewer`.
    pub(super) async fn require_viewer(&self) -> Result<&Viewer, ApiError> {
        self.viewer().await?.ok_or_else(ApiError::unauthenticated)
    }

    /// Returns the viewer for `logout`. With a refresh cookie, no access token is needed: a page may have lost it.
    ///
    /// # Errors
    /// If the cookie's token is rejected, which also removes the cookies. Without a cookie, as `require_viewer`.
    pub(super) async fn viewer_to_log_out(&self) -> Result<Viewer, Failure> {
        let Some(token) = self.cookies.refresh_cookie() else {
            return Ok(self.require_viewer().await?.clone());
        };
        let found = self.services.sessions.viewer_of_refresh_token(token).await;
        if let Err(RefreshError::Token(_)) = found {
            self.cookies.clear();
        }
        Ok(found?)
    }

    /// Returns what the client requests a code for. A purpose that needs sign-in carries the viewer.
    ///
    /// # Errors
    /// As `require_viewer`, for a purpose that needs sign-in. `REAUTHENTICATION_REQUIRED` if the session signed in too long
    /// ago for the purpose.
    pub(super) async fn code_use(&self, purpose: CodePurpose) -> Result<CodeUse, Failure> {
        Ok(match purpose {
            CodePurpose::Login => CodeUse::Login,
            CodePurpose::Verify => CodeUse::Verify,
            CodePurpose::Reauthenticate => CodeUse::Reauthenticate(self.requester().await?),
            CodePurpose::ChangePhone => {
                // Before an SMS is spent on a code that the session could not use.
                self.services.accounts.check_recent_sign_in(self.require_viewer().await?)?;
                CodeUse::ChangePhone(self.requester().await?)
            }
            CodePurpose::DeleteAccount => CodeUse::DeleteAccount(self.requester().await?),
        })
    }

    /// Parses the phone that a code is requested for. If the client leaves it out, the purpose decides.
    ///
    /// # Errors
    /// If the phone is malformed, or the purpose requires one.
    pub(super) fn recipient(
        &self,
        code_use: &CodeUse,
        given: Option<&PhoneNumber>,
    ) -> Result<phone::PhoneNumber, Failure> {
        let given = given.map(|given| self.services.phones.parse(&given.0)).transpose()?;
        Ok(self.noted(code_use.recipient(given)?))
    }

    /// Parses the phone of a mutation.
    ///
    /// # Errors
    /// If it is malformed.
    pub(super) fn phone(&self, given: &PhoneNumber) -> Result<phone::PhoneNumber, Failure> {
        Ok(self.noted(self.services.phones.parse(&given.0)?))
    }

    /// Notes the phone, masked, in the request's span.
    fn noted(&self, phone: phone::PhoneNumber) -> phone::PhoneNumber {
        self.span.record("phone.masked", tracing::field::display(&phone));
        phone
    }

    /// In cookie mode, moves the tokens of a sign-in into their cookies.
    pub(super) fn keep_in_cookies(&self, signed_in: SignedIn) -> SignedIn {
        let device_expires_at = self.services.clock.now() + self.services.tokens.devices().ttl();
        SignedIn {
            tokens: self.cookies.keep_session(signed_in.tokens),
            device_token: self.cookies.keep_device(signed_in.device_token, device_expires_at),
            ..signed_in
        }
    }

    async fn requester(&self) -> Result<Requester, ApiError> {
        let user = &self.require_viewer().await?.user;
        Ok(Requester { id: user.id, phone: user.phone.clone() })
    }

    /// Returns the result of the mutation `ctx`: its payload, its problem, or an error.
    pub(super) fn result<P, R>(&self, ctx: &Context<'_>, outcome: Result<P, Failure>) -> ApiResult<R>
    where
        R: From<P> + From<Problem>,
    {
        match outcome {
            Ok(payload) => Ok(payload.into()),
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Problem(problem, fault)) => {
                let problem = problem.dated(self.services.clock.now());
                let problem = if fault.is_some() { problem.in_request(&self.request_id) } else { problem };
                self.problems.add(ctx.item.node.response_key().node.clone(), &problem, fault);
                Ok(problem.into())
            }
        }
    }
}

/// Parses the language of a message.
///
/// # Errors
/// If it is malformed.
pub(super) fn parse_locale(given: Option<&str>) -> Result<Option<Locale>, Failure> {
    let malformed = || Failure::bad_input("input.locale", "The locale must be a BCP 47 tag such as zh-CN.");
    given.map(|tag| Locale::parse(tag).ok_or_else(malformed)).transpose()
}
