//! Sessions: signing in, listing and ending sessions, and checking whether a session is live.
//!
//! A session is a row with a generation and a salt. `sign_in` starts one, `refresh` renews its tokens. A sign-in that fails on
//! the way leaves no live session behind.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::account_store::{AccountStore, LiveUser, SessionRow};
use crate::clock::Clock;
use crate::events::Actor;
use crate::phone::PhoneNumber;
use crate::random;
use crate::store::StoreError;
use crate::tokens::keys::KeyError;
use crate::tokens::{AccessClaims, Issued, Tokens};
use crate::users::{Avatars, NewUser, SignUpPolicy, User};
use crate::verification::Checking;

mod cleanup;
mod idempotency;
mod refresh;
mod sign_in;

pub use idempotency::IdempotencyKeys;
pub use refresh::RefreshError;
pub use sign_in::{SignIn, SignInError, SignedIn};

/// How long sessions and their tokens are valid, and the avatars of new users.
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    /// How long a refresh token is valid.
    pub refresh_ttl: Duration,
    /// For how long after a refresh the previous refresh token still returns the same new one.
    pub refresh_grace: Duration,
    /// The maximum age of a session, even if it is refreshed regularly. Zero turns the limit off.
    pub max_age: Duration,
    /// Whether a phone without an account can sign up.
    pub sign_up: SignUpPolicy,
    /// The avatars of new users.
    pub avatars: Avatars,
}

impl SessionPolicy {
    /// Creates a user with this phone, at `now`. Nothing is stored.
    #[must_use]
    pub fn new_user(&self, phone: PhoneNumber, now: Timestamp) -> NewUser {
        NewUser { id: random::id(now), phone, name: String::new(), avatar: self.avatars.pick(), created_at: now }
    }
}

/// The authenticated user and their live session.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The user.
    pub user: User,
    /// The session.
    pub session_id: Uuid,
    /// When the user last entered a code to sign in to the session, or to reauthenticate in it.
    pub authenticated_at: Timestamp,
}

/// The sessions that a user ends.
#[derive(Debug, Clone)]
pub enum LogOut {
    /// The session of the request.
    This,
    /// The sessions with these ids.
    Some(Vec<Uuid>),
    /// All sessions of the user.
    Everywhere,
}

impl LogOut {
    /// Returns whether this ends the session of the request, if it has this id.
    #[must_use]
    pub fn ends(&self, own: Uuid) -> bool {
        match self {
            Self::This | Self::Everywhere => true,
            Self::Some(ids) => ids.contains(&own),
        }
    }
}

/// A session's tokens.
pub struct SessionTokens {
    /// The session.
    pub session_id: Uuid,
    /// The access token, a JWT.
    pub access: Issued,
    /// The refresh token, which is opaque.
    pub refresh: Issued,
}

/// The service of sessions.
pub struct Sessions {
    store: Arc<AccountStore>,
    checking: Arc<Checking>,
    tokens: Arc<Tokens>,
    idempotency: IdempotencyKeys,
    policy: SessionPolicy,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Creates the service.
    #[must_use]
    pub fn new(
        store: Arc<AccountStore>,
        checking: Arc<Checking>,
        tokens: Arc<Tokens>,
        idempotency: IdempotencyKeys,
        policy: SessionPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, checking, tokens, idempotency, policy, clock }
    }

    /// Returns the viewer of a verified access token, or `None` if its session has ended.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn viewer(&self, claims: AccessClaims) -> Result<Option<Viewer>, StoreError> {
        let session_id = claims.session_id;
        let live = self.store.find_live_user(session_id, self.clock.now()).await?;
        let live = live.filter(|live| live.user.id == claims.user_id);
        Ok(live.map(|LiveUser { user, authenticated_at }| Viewer { user, session_id, authenticated_at }))
    }

    /// Returns the user's live sessions, starting with the most recently used.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, user_id: Uuid) -> Result<Vec<SessionRow>, StoreError> {
        self.store.list_live_sessions(user_id, self.clock.now()).await
    }

    /// Ends sessions of the viewer, and returns their number. Ids of other users' sessions have no effect.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn log_out(&self, viewer: &Viewer, which: LogOut) -> Result<u64, StoreError> {
        let ids = match which {
            LogOut::This => Some(vec![viewer.session_id]),
            LogOut::Some(ids) => Some(ids),
            LogOut::Everywhere => None,
        };
        let ended =
            self.store.end_user_sessions(viewer.user.id, ids.as_deref(), &Actor::User, self.clock.now()).await?;
        if ids.is_none() {
            self.checking.revoke_devices(&viewer.user.phone, self.tokens.devices().ttl()).await;
        }
        tracing::info!(user.id = %viewer.user.id, sessions.ended = ended, "signed out");
        Ok(ended)
    }

    /// Returns when the refresh token expires that is issued at `now` for a session created at `created_at`.
    fn expiry(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        let expires_at = now + self.policy.refresh_ttl;
        if self.policy.max_age.is_zero() { expires_at } else { expires_at.min(created_at + self.policy.max_age) }
    }

    /// Makes the tokens of a session's generation.
    fn tokens_of(
        &self,
        session: &SessionRow,
        user: &User,
        generation: u32,
        expires_at: Timestamp,
    ) -> Result<SessionTokens, KeyError> {
        let access = self.tokens.issue_access(user, session.id, session.authenticated_at)?;
        let token = self.tokens.refresh_token(session.id, generation, &session.salt)?;
        Ok(SessionTokens { session_id: session.id, access, refresh: Issued { token, expires_at } })
    }

    /// Ends a session whose tokens no client has received.
    async fn end_unheld(&self, session_id: Uuid) {
        if let Err(error) = self.store.undo_session(session_id, self.clock.now()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a session of a failed sign-in could not be ended"
            );
        }
    }
}
