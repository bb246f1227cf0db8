//! Sessions: signing in, and whether a session lives.
//!
//! A session is a row with a generation and a salt. A sign-in stores user and session in one transaction; only then is
//! its code used up, and only after that are tokens made. What fails on the way leaves no session behind.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use crate::account_store::AccountStore;
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::phone::PhoneNumber;
use crate::random;
use crate::store::StoreError;
use crate::text;
use crate::tokens::keys::KeyError;
use crate::tokens::{AccessClaims, Issued, Tokens};
use crate::users::{NewUser, User};
use crate::verification::code::Purpose;
use crate::verification::{AttemptError, Claimed, ShownCode, Verification};

mod cleanup;
mod records;
mod refresh;

pub use records::{NewSession, Rotation, SessionRow};
pub use refresh::RefreshError;

/// The most characters of a device's name, as a person counts them.
const MAX_DEVICE_NAME_CHARACTERS: usize = 64;

/// How sessions are kept.
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    /// How long a refresh token is good.
    pub refresh_ttl: Duration,
    /// How long after a refresh the token before it still gets its successor.
    pub refresh_grace: Duration,
    /// The longest life of a session, however often it is refreshed; zero for no limit.
    pub max_age: Duration,
    /// What a new user's avatar is drawn from.
    pub avatars: Vec<String>,
}

/// Who asks, with a session that lives.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The user.
    pub user: User,
    /// The session.
    pub session_id: Uuid,
}

/// Someone shows a code to sign in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Where the code went.
    pub phone: PhoneNumber,
    /// What was typed.
    pub code: String,
    /// The challenge id.
    pub challenge_id: String,
    /// What the person calls the device.
    pub device_name: Option<String>,
    /// From where.
    pub client: ClientAddress,
}

/// Which sessions a person ends.
#[derive(Debug, Clone)]
pub enum LogOut {
    /// The one that asks.
    This,
    /// These.
    Some(Vec<Uuid>),
    /// All.
    Everywhere,
}

/// A session's tokens.
pub struct SessionTokens {
    /// Whose tokens they are.
    pub session_id: Uuid,
    /// The JWT.
    pub access: Issued,
    /// The opaque one.
    pub refresh: Issued,
}

/// Someone is signed in.
pub struct SignedIn {
    /// The session's tokens.
    pub tokens: SessionTokens,
    /// Who it is.
    pub user: User,
    /// Whether they just signed up.
    pub is_new_user: bool,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The device's name is too long, invisible, or has control characters.
    #[error("the device name is not of its form")]
    BadDeviceName,
    /// The code is not taken.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The database failed. The code stays good.
    #[error("the sign-in was not stored")]
    Store(#[source] StoreError),
    /// The token could not be signed.
    #[error(transparent)]
    Token(#[from] KeyError),
}

/// The service of sessions.
pub struct Sessions {
    store: Arc<AccountStore>,
    verification: Arc<Verification>,
    tokens: Arc<Tokens>,
    policy: SessionPolicy,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// A service of these parts.
    #[must_use]
    pub fn new(
        store: Arc<AccountStore>,
        verification: Arc<Verification>,
        tokens: Arc<Tokens>,
        policy: SessionPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, verification, tokens, policy, clock }
    }

    /// Signs a person up or in with a code.
    ///
    /// # Errors
    /// `SignInError`; after `Store` the same code can be tried again.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, SignInError> {
        let device_name = checked_device_name(sign_in.device_name.as_deref())?;
        let shown = ShownCode {
            phone: &sign_in.phone,
            code: &sign_in.code,
            challenge_id: &sign_in.challenge_id,
            purpose: Purpose::Login,
            user: None,
            client: sign_in.client,
        };
        let claimed = self.verification.attempt(shown).await?;
        let new_user = self.new_user(sign_in.phone);
        let session = self.new_session(device_name, sign_in.client);
        let (user, is_new_user) = match self.store.sign_in(&new_user, &session).await {
            Ok(stored) => stored,
            Err(error) => {
                if matches!(error, StoreError::Unavailable(_)) {
                    // It may have been stored, and the answer lost.
                    self.end_unheld(session.id).await;
                }
                self.verification.release(claimed).await;
                return Err(SignInError::Store(error));
            }
        };
        self.consume(claimed, session.id).await?;
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

    /// Who a verified access token speaks for, where its session still lives.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn viewer(&self, claims: AccessClaims) -> Result<Option<Viewer>, StoreError> {
        let session_id = claims.session_id;
        let user = self.store.find_live_user(session_id, self.clock.now()).await?;
        Ok(user.filter(|user| user.id == claims.user_id).map(|user| Viewer { user, session_id }))
    }

    /// The user's sessions that live, the last used first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, user_id: Uuid) -> Result<Vec<SessionRow>, StoreError> {
        self.store.list_live_sessions(user_id, self.clock.now()).await
    }

    /// Ends sessions of the viewer's, and says how many. Ids of others' sessions end nothing.
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

    /// Until when a session that began at `created_at` and is used now can be refreshed.
    fn expiry(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        let expires_at = now + self.policy.refresh_ttl;
        if self.policy.max_age.is_zero() { expires_at } else { expires_at.min(created_at + self.policy.max_age) }
    }

    /// Uses the code up. Where that fails, nobody has got a token of the session yet: it is ended again.
    async fn consume(&self, claimed: Claimed, session_id: Uuid) -> Result<(), AttemptError> {
        let consumed = self.verification.consume(claimed).await;
        if consumed.is_err() {
            self.end_unheld(session_id).await;
        }
        consumed
    }

    async fn end_unheld(&self, session_id: Uuid) {
        if let Err(error) = self.store.end_session(session_id, self.clock.now()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a session that nobody holds could not be ended");
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

    /// A UUIDv7 (RFC 9562 5.7) of the clock's time.
    fn new_id(&self) -> Uuid {
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(now, &random::bytes()).into_uuid()
    }
}

/// Returns the name in its normal form. `None` if it is absent or blank.
fn checked_device_name(name: Option<&str>) -> Result<Option<String>, SignInError> {
    let name = name.filter(|name| !name.trim().is_empty());
    let checked = |name| text::checked(name, MAX_DEVICE_NAME_CHARACTERS).ok_or(SignInError::BadDeviceName);
    name.map(checked).transpose()
}
