//! The types that several fields share: purposes, users and sessions.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::context::RequestContext;
use super::error::ApiResult;
use super::scalars::{DateTime, PhoneNumber};
use crate::account_store::SessionRow;
use crate::channel::Channel;
use crate::purpose::Purpose;
use crate::sessions::Viewer;
use crate::users::User;
use uuid::Uuid;

/// What a code can be used for. A code issued for one purpose is rejected for every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Purpose")]
pub(super) enum CodePurpose {
    /// To sign up or sign in, with `login`.
    Login,
    /// To confirm that the user of the session holds the account's phone, with `reauthenticate`. The code is sent to the
    /// account's own phone. Needs sign-in.
    Reauthenticate,
    /// To move the account to the phone that receives the code, with `changePhone`. Needs sign-in.
    ChangePhone,
    /// To delete the account, with `deleteAccount`. The code is sent to the account's own phone. Needs sign-in.
    DeleteAccount,
    /// To prove to another service that the user has the phone, with `verifyCode`.
    Verify,
}

/// The way in which a code reaches the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Channel")]
pub(super) enum CodeChannel {
    /// A text message.
    Sms,
    /// A call, in which a voice reads the code aloud. Only if the server has a route for it, and only after an SMS.
    Voice,
}

/// A user with an account.
pub(super) struct UserNode {
    user: User,
    /// The session of the request, if the user is its own user. Private fields are null without it.
    own_session: Option<Uuid>,
}

impl UserNode {
    /// Creates the node of a user who looks at themselves, with all fields.
    pub(super) const fn own(user: User, session_id: Uuid) -> Self {
        Self { user, own_session: Some(session_id) }
    }

    /// Creates the node of a user that `viewer` looks at: another user's private fields are null.
    pub(super) fn seen_by(viewer: &Viewer, user: User) -> Self {
        let own_session = (viewer.user.id == user.id).then_some(viewer.session_id);
        Self { user, own_session }
    }
}

/// A user with an account.
#[Object(name = "User")]
impl UserNode {
    /// A UUIDv7, which never changes.
    async fn id(&self) -> ID {
        self.user.id.into()
    }

    /// The user's name. Empty until the user sets one.
    async fn name(&self) -> &str {
        &self.user.name
    }

    /// The URL of the user's picture. Until the user sets one, it is a random default picture.
    async fn avatar(&self) -> &str {
        &self.user.avatar
    }

    /// The user's phone. Null for every other user than the one who is signed in.
    async fn phone(&self) -> Option<PhoneNumber> {
        self.own_session.map(|_| PhoneNumber::from(&self.user.phone))
    }

    /// When the user signed up.
    async fn created_at(&self) -> DateTime {
        DateTime(self.user.created_at)
    }

    /// When the user last signed in with a code. Null for every other user than the one who is signed in.
    async fn last_login_at(&self) -> Option<DateTime> {
        self.own_session.map(|_| DateTime(self.user.last_login_at))
    }

    /// The user's active sessions, the most recently used first, at most 100. Null for every other user than
    /// the one who is signed in.
    async fn sessions(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<SessionNode>>> {
        let Some(current) = self.own_session else {
            return Ok(None);
        };
        let request = ctx.data_unchecked::<RequestContext>();
        let rows = request.services.sessions.list(self.user.id).await?;
        Ok(Some(rows.into_iter().map(|row| SessionNode::new(row, current)).collect()))
    }
}

/// A session: a device on which the user is signed in.
#[derive(SimpleObject)]
#[graphql(name = "Session")]
pub(super) struct SessionNode {
    /// The id of the session, which `logout` accepts. It is also the `sid` claim of the session's access tokens.
    id: ID,
    /// The name of the device from `login`. Null if the client sent no name.
    device_name: Option<String>,
    /// The client address of the sign-in, or of the last refresh if there was one.
    last_address: String,
    /// When the user signed in.
    created_at: DateTime,
    /// When the session was last refreshed, or created if it was never refreshed.
    last_used_at: DateTime,
    /// When the session ends if it is not refreshed before.
    expires_at: DateTime,
    /// Whether this is the session of the request's access token.
    current: bool,
}

impl SessionNode {
    fn new(row: SessionRow, current: Uuid) -> Self {
        Self {
            id: row.id.into(),
            device_name: row.device_name,
            last_address: row.last_address,
            created_at: DateTime(row.created_at),
            last_used_at: DateTime(row.last_used_at),
            expires_at: DateTime(row.expires_at),
            current: current == row.id,
        }
    }
}
