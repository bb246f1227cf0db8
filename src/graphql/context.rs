//! What one request carries: who asks, from where, and what it has loaded.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Services;
use super::error::ApiError;
use super::types::CodePurpose;
use crate::client::ClientAddress;
use crate::sessions::Viewer;
use crate::store::StoreError;
use crate::tokens::{AccessClaims, TokenError};
use crate::users::loader::UserLoader;
use crate::verification::{CodeUse, Requester};

/// What the `Authorization` header came to. It is verified once a request; a bad one fails only the fields that need it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Authorization {
    /// There is none.
    Anonymous,
    /// A genuine access token; its session may have ended.
    Verified(AccessClaims),
    /// A token that is not taken.
    Refused(TokenError),
}

/// A request's own data.
pub(crate) struct RequestContext {
    authorization: Authorization,
    pub(super) client: ClientAddress,
    pub(super) users: UserLoader,
    pub(super) services: Arc<Services>,
    viewer: OnceCell<Result<Option<Viewer>, Arc<StoreError>>>,
}

impl RequestContext {
    pub(crate) fn new(authorization: Authorization, client: ClientAddress, services: Arc<Services>) -> Self {
        Self {
            authorization,
            client,
            users: UserLoader::new(Arc::clone(&services.users)),
            services,
            viewer: OnceCell::new(),
        }
    }

    /// Who asks; `None` without a token. Looked up once a request, however many fields ask.
    ///
    /// # Errors
    /// If the token is not taken, or its session has ended.
    pub(super) async fn viewer(&self) -> Result<Option<&Viewer>, ApiError> {
        let claims = match self.authorization {
            Authorization::Anonymous => return Ok(None),
            Authorization::Refused(error) => return Err(error.into()),
            Authorization::Verified(claims) => claims,
        };
        let find = || async { self.services.sessions.viewer(claims).await.map_err(Arc::new) };
        match self.viewer.get_or_init(find).await {
            Ok(Some(viewer)) => Ok(Some(viewer)),
            Ok(None) => Err(TokenError::Invalid.into()),
            Err(error) => Err(ApiError::from(error)),
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a token; else as `viewer`.
    pub(super) async fn require_viewer(&self) -> Result<&Viewer, ApiError> {
        self.viewer().await?.ok_or_else(ApiError::unauthenticated)
    }

    /// Returns what the client requests a code for. A purpose that needs sign-in carries the viewer.
    ///
    /// # Errors
    /// As `require_viewer`, for a purpose that needs sign-in.
    pub(super) async fn code_use(&self, purpose: CodePurpose) -> Result<CodeUse, ApiError> {
        Ok(match purpose {
            CodePurpose::Login => CodeUse::Login,
            CodePurpose::Verify => CodeUse::Verify,
            CodePurpose::ChangePhone => CodeUse::ChangePhone(self.requester().await?),
            CodePurpose::DeleteAccount => CodeUse::DeleteAccount(self.requester().await?),
        })
    }

    async fn requester(&self) -> Result<Requester, ApiError> {
        let user = &self.require_viewer().await?.user;
        Ok(Requester { id: user.id, phone: user.phone.clone() })
    }
}
