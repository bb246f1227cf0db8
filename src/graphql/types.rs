//! The types that more than one field answers with.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::context::RequestContext;
use super::error::ApiResult;
use super::scalars::{DateTime, PhoneNumber};
use crate::purpose::Purpose;
use crate::sessions::{SessionRow, Viewer};
use crate::users::User;
use uuid::Uuid;

/// What a code is good for. A code asked for one purpose is refused for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Purpose")]
pub(super) enum CodePurpose {
    /// Signing up or in.
    Login,
    /// Moving the account to the phone that gets the code. Needs sign-in.
    ChangePhone,
    /// Deleting the account. The code goes to the account's own phone. Needs sign-in.
    DeleteAccount,
    /// Proving to another service that the phone is held.
    Verify,
}

/// A person with an account.
pub(super) struct UserNode {
    user: User,
    /// The session that asks, where it is the user's own.
    own_session: Option<Uuid>,
}

impl UserNode {
    /// The user as they see themselves.
    pub(super) const fn own(user: User, session_id: Uuid) -> Self {
        Self { user, own_session: Some(session_id) }
    }

    /// The user as `viewer` sees them.
    pub(super) fn seen_by(viewer: &Viewer, user: User) -> Self {
        let own_session = (viewer.user.id == user.id).then_some(viewer.session_id);
        Self { user, own_session }
    }
}

/// A person with an account.
#[Object(name = "User")]
impl UserNode {
    /// A UUIDv7; it stays the same for the life of the account.
    async fn id(&self) -> ID {
        self.user.id.into()
    }

    /// What the person is called; empty until set.
    async fn name(&self) -> &str {
        &self.user.name
    }

    /// The URL of a picture; one of the server's own, by chance, until set.
    async fn avatar(&self) -> &str {
        &self.user.avatar
    }

    /// The phone that signs in. Only its owner sees it; null to anyone else.
    async fn phone(&self) -> Option<PhoneNumber> {
        self.own_session.map(|_| PhoneNumber::from(&self.user.phone))
    }

    /// When the person signed up.
    async fn created_at(&self) -> DateTime {
        DateTime(self.user.created_at)
    }

    /// When the person last signed in with a code.
    async fn last_login_at(&self) -> DateTime {
        DateTime(self.user.last_login_at)
    }

    /// The devices that are signed in, the last used first, at most 100. Only their owner sees them; null to anyone else.
    async fn sessions(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<SessionNode>>> {
        let Some(current) = self.own_session else {
            return Ok(None);
        };
        let request = ctx.data_unchecked::<RequestContext>();
        let rows = request.services.sessions.list(self.user.id).await?;
        Ok(Some(rows.into_iter().map(|row| SessionNode::new(row, current)).collect()))
    }
}

/// A signed-in device.
#[derive(SimpleObject)]
#[graphql(name = "Session")]
pub(super) struct SessionNode {
    /// What `logout` ends it by; the access token's `sid`.
    id: ID,
    /// What the person called the device at sign-in.
    device_name: Option<String>,
    /// When the person signed in.
    created_at: DateTime,
    /// When it was last refreshed.
    last_used_at: DateTime,
    /// When it ends unless it is refreshed.
    expires_at: DateTime,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionNode {
    fn new(row: SessionRow, current: Uuid) -> Self {
        Self {
            id: row.id.into(),
            device_name: row.device_name,
            created_at: DateTime(row.created_at),
            last_used_at: DateTime(row.last_used_at),
            expires_at: DateTime(row.expires_at),
            current: current == row.id,
        }
    }
}
