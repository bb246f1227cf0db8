//! Sessions: signing in, listing and ending sessions, and checking whether a session is live.
//!
//! A session is a row with a generation and a salt. A sign-in stores user and session in one transaction, then consumes the
//! code, and only then issues tokens. If the code cannot be consumed, the stored session is ended.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use crate::account_store::{AccountStore, NewSession, SessionRow};
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::random;
use crate::store::StoreError;
use crate::text;
use crate::tokens::keys::KeyError;
use crate::tokens::{AccessClaims, Issued, Tokens};
use crate::users::{NewUser, User};
use crate::verification::{AttemptError, Checking, SubmittedCode};

mod cleanup;
mod refresh;

pub use refresh::RefreshError;

/// The longest device name, in characters as a reader counts them (grapheme clusters).
const MAX_DEVICE_NAME_CHARACTERS: usize = 64;

/// How long sessions and their tokens are valid, and the avatars of new users.
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    /// How long a refresh token is valid.
    pub refresh_ttl: Duration,
    /// For how long after a refresh the previous refresh token still returns the same new one.
    pub refresh_grace: Duration,
    /// The maximum age of a session, even if it is refreshed regularly. Zero turns the limit off.
    pub max_age: Duration,
    /// The avatars from which a new user gets one at random.
    pub avatars: Vec<String>,
}

/// The authenticated user and their live session.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The user.
    pub user: User,
    /// The session.
    pub session_id: Uuid,
}

/// A request to sign in with a code.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The phone that the code went to.
    pub phone: PhoneNumber,
    /// What the user typed.
    pub code: String,
    /// The id of the challenge.
    pub challenge_id: String,
    /// The user's name for the device.
    pub device_name: Option<String>,
    /// The client's address.
    pub client: ClientAddress,
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

/// A session's tokens.
pub struct SessionTokens {
    /// The session.
    pub session_id: Uuid,
    /// The access token, a JWT.
    pub access: Issued,
    /// The refresh token, which is opaque.
    pub refresh: Issued,
}

/// The outcome of a sign-in.
pub struct SignedIn {
    /// The session's tokens.
    pub tokens: SessionTokens,
    /// The user.
    pub user: User,
    /// Whether the user has just signed up.
    pub is_new_user: bool,
}

/// Why a sign-in fails.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The device name is too long, has no visible character, or contains control characters.
    #[error("the device name is malformed")]
    BadDeviceName,
    /// The code is rejected.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The database failed. The code stays valid.
    #[error("the sign-in was not stored")]
    Store(#[source] StoreError),
    /// The token could not be signed.
    #[error(transparent)]
    Token(#[from] KeyError),
}

/// The service that signs users in and keeps their sessions.
pub struct Sessions {
    store: Arc<AccountStore>,
    checking: Arc<Checking>,
    tokens: Arc<Tokens>,
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
        policy: SessionPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, checking, tokens, policy, clock }
    }

    /// Signs a user up or in with a code.
    ///
    /// # Errors
    /// If the device name is malformed, the code is rejected, or the sign-in cannot be stored. After [`SignInError::Store`]
    /// the user can try the same code again.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, SignInError> {
        let device_name = checked_device_name(sign_in.device_name.as_deref())?;
        let new_user = self.new_user(sign_in.phone.clone());
        let session = self.new_session(device_name, sign_in.client);

        let submitted = SubmittedCode {
            phone: &sign_in.phone,
            code: &sign_in.code,
            challenge_id: &sign_in.challenge_id,
            purpose: Purpose::Login,
            user: None,
            client: sign_in.client,
        };

        let redeemed = self.checking.redeem(submitted, async |_| self.store_sign_in(&new_user, &session).await).await?;
        if let Err(error) = redeemed.consumed {
            // Nobody gets a token of this session, so it must not stay live.
            self.end_unheld(session.id).await;
            return Err(error.into());
        }

        let (user, is_new_user) = redeemed.value;
        tracing::info!(user.id = %user.id, session.id = %session.id, user.new = is_new_user, "signed in");

        let tokens = SessionTokens {
            session_id: session.id,
            access: self.tokens.issue_access(&user, session.id)?,
            refresh: Issued {
                token: self.tokens.refresh_token(session.id, 0, &session.salt),
                expires_at: session.expires_at,
            },
        };
        Ok(SignedIn { tokens, user, is_new_user })
    }

    async fn store_sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<(User, bool), SignInError> {
        let stored = self.store.sign_in(new_user, session).await;
        if let Err(StoreError::Unavailable(_)) = stored {
            // The session may have been stored even though the answer was lost.
            self.end_unheld(session.id).await;
        }
        stored.map_err(SignInError::Store)
    }

    /// Returns the viewer of a verified access token, or `None` if its session has ended.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn viewer(&self, claims: AccessClaims) -> Result<Option<Viewer>, StoreError> {
        let session_id = claims.session_id;
        let user = self.store.find_live_user(session_id, self.clock.now()).await?;
        Ok(user.filter(|user| user.id == claims.user_id).map(|user| Viewer { user, session_id }))
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
        let ended = self.store.end_user_sessions(viewer.user.id, ids.as_deref(), self.clock.now()).await?;
        tracing::info!(user.id = %viewer.user.id, sessions.ended = ended, "signed out");
        Ok(ended)
    }

    /// Returns when the refresh token expires that is issued at `now` for a session created at `created_at`.
    fn expiry(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        let expires_at = now + self.policy.refresh_ttl;
        if self.policy.max_age.is_zero() { expires_at } else { expires_at.min(created_at + self.policy.max_age) }
    }

    /// Ends a session whose tokens were not sent to any client.
    async fn end_unheld(&self, session_id: Uuid) {
        if let Err(error) = self.store.end_session(session_id, self.clock.now()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a session of a failed sign-in could not be ended"
            );
        }
    }

    fn new_user(&self, phone: PhoneNumber) -> NewUser {
        let avatar = self.policy.avatars.choose(&mut random::source());
        NewUser { id: self.new_id(), phone, avatar: avatar.cloned().unwrap_or_default() }
    }

    fn new_session(&self, device_name: Option<String>, address: ClientAddress) -> NewSession {
        let created_at = self.clock.now();
        NewSession {
            id: self.new_id(),
            salt: random::bytes(),
            device_name,
            address,
            created_at,
            expires_at: self.expiry(created_at, created_at),
        }
    }

    /// Creates a UUIDv7 (RFC 9562 5.7) from the clock's time.
    fn new_id(&self) -> Uuid {
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(now, &random::bytes()).into_uuid()
    }
}

/// Returns the name in its normal form, or `None` if it is absent or blank.
fn checked_device_name(name: Option<&str>) -> Result<Option<String>, SignInError> {
    let name = name.filter(|name| !name.trim().is_empty());
    let checked = |name| text::checked(name, MAX_DEVICE_NAME_CHARACTERS).ok_or(SignInError::BadDeviceName);
    name.map(checked).transpose()
}
