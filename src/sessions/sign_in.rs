//! Signing in: a right code starts a session.
//!
//! The sign-in is stored while the code is claimed, then the code is consumed, and only then are tokens made. An idempotency
//! key makes a repeated sign-in return the session of the first one. Simultaneous sign-ins with one key share the claim of
//! the code, and the database stores the session of one of them.

use std::time::Duration;

use super::{SessionTokens, Sessions};
use crate::account_store::{LoginKey, NewSession, SessionRow, SignInOutcome};
use crate::client::ClientAddress;
use crate::device::Device;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::random;
use crate::store::StoreError;
use crate::text;
use crate::tokens::keys::KeyError;
use crate::users::{SignUpPolicy, User};
use crate::verification::{AttemptError, SubmittedCode};

/// The longest device name, in characters as a reader counts them (grapheme clusters).
const MAX_DEVICE_NAME_CHARACTERS: usize = 64;

/// How long after a sign-in its idempotency key returns the same session.
const REPEATABLE: Duration = Duration::from_mins(2);

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
    /// The device token of an earlier sign-in. If it is not recognized, it has no effect.
    pub device_token: Option<String>,
    /// The client's idempotency key.
    pub idempotency_key: Option<String>,
    /// The client's address.
    pub client: ClientAddress,
}

/// The outcome of a sign-in.
pub struct SignedIn {
    /// The session's tokens.
    pub tokens: SessionTokens,
    /// The proof that this device signed in with the phone.
    pub device_token: String,
    /// The user.
    pub user: User,
    /// Whether the user has just signed up.
    pub is_new_user: bool,
}

/// Why a sign-in fails.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The device name is too long, invisible, or has control characters.
    #[error("the device name is malformed")]
    BadDeviceName,
    /// The idempotency key is too short or too long.
    #[error("the idempotency key is malformed")]
    BadIdempotencyKey,
    /// A sign-in with the same phone and idempotency key had other arguments.
    #[error("the idempotency key was used with other arguments")]
    IdempotencyKeyReused,
    /// The code is rejected.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// An operator banned the user. The code is consumed.
    #[error("the user is banned")]
    Banned,
    /// The database failed. The code stays valid.
    #[error("the sign-in was not stored")]
    Store(#[source] StoreError),
    /// The token could not be signed.
    #[error(transparent)]
    Token(#[from] KeyError),
}

/// A session that a sign-in started.
struct Started {
    session: SessionRow,
    user: User,
    is_new_user: bool,
    /// Whether an earlier request with the same idempotency key started the session.
    is_repeated: bool,
}

impl Sessions {
    /// Signs a user up or in with a code.
    ///
    /// # Errors
    /// If the device name or the idempotency key is malformed, the code is rejected, or the sign-in cannot be stored. After
    /// `Store` the user can try the same code again.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, SignInError> {
        let session = self.new_session(&sign_in)?;
        let claim = session.login.map(|login| self.idempotency.claim(&login.key, &login.arguments));
        let device_token = sign_in.device_token.as_deref();
        let device = device_token.and_then(|token| self.tokens.recognize_device(token, &sign_in.phone));

        let submitted = SubmittedCode {
            phone: &sign_in.phone,
            code: &sign_in.code,
            challenge_id: &sign_in.challenge_id,
            purpose: Purpose::Login,
            user: None,
            client: sign_in.client,
            device: device.as_ref(),
            claim: claim.as_deref(),
        };
        let redeemed = self.checking.redeem(submitted, async |_| self.start(&sign_in.phone, &session).await).await;
        let redeemed = match (redeemed, &session.login) {
            // An earlier request with the same key may have used the code. Repeating its answer is no attempt, so it is not
            // limited.
            (Err(SignInError::Attempt(rejected @ (AttemptError::Expired | AttemptError::Limited(_)))), Some(login)) => {
                let started = self.find_started(login).await?.ok_or(rejected)?;
                return self.signed_in(&sign_in, device.as_ref(), started);
            }
            (redeemed, _) => redeemed?,
        };

        let started = redeemed.value.ok_or(SignInError::Banned)?;
        if let Err(error) = redeemed.consumed {
            if !started.is_repeated {
                // No client has a token of the session yet.
                self.end_unheld(session.id).await;
            }
            return Err(error.into());
        }
        self.signed_in(&sign_in, device.as_ref(), started)
    }

    fn new_session(&self, sign_in: &SignIn) -> Result<NewSession, SignInError> {
        let device_name = checked_device_name(sign_in.device_name.as_deref())?;
        let created_at = self.clock.now();
        let login = match sign_in.idempotency_key.as_deref() {
            None => None,
            Some(key) if !text::is_idempotency_key(key) => return Err(SignInError::BadIdempotencyKey),
            Some(key) => Some(LoginKey {
                key: self.idempotency.login(&sign_in.phone, key),
                arguments: self.idempotency.arguments(sign_in, device_name.as_deref()),
                forgotten_before: created_at - REPEATABLE,
            }),
        };
        Ok(NewSession {
            id: random::id(created_at),
            salt: random::bytes(),
            device_name,
            address: sign_in.client,
            created_at,
            expires_at: self.expiry(created_at, created_at),
            login,
        })
    }

    /// Stores the sign-in while its code is claimed. Returns `None` if the user is banned: that is not an error, so the code is
    /// consumed.
    async fn start(&self, phone: &PhoneNumber, session: &NewSession) -> Result<Option<Started>, SignInError> {
        let stored = match self.policy.sign_up {
            SignUpPolicy::Open => {
                let new_user = self.policy.new_user(phone.clone(), session.created_at);
                self.store.sign_in(&new_user, session).await
            }
            SignUpPolicy::Closed => self.store.sign_in_known(phone, session).await,
        };
        if matches!(stored, Err(StoreError::Unavailable(_))) && session.login.is_none() {
            // The session may have been stored even though the answer was lost. With an idempotency key it must not be ended:
            // the database may execute that late, after a repeated request has already returned the session.
            self.end_unheld(session.id).await;
        }

        match stored.map_err(SignInError::Store)? {
            SignInOutcome::Stored { user, is_new } => {
                Ok(Some(Started { session: session.into(), user, is_new_user: is_new, is_repeated: false }))
            }
            SignInOutcome::Repeated(found) => repeated(*found, session.login.as_ref()).map(Some),
            SignInOutcome::Banned => Ok(None),
            // The account was deleted after its code was sent. The answer is that for a phone without an account.
            SignInOutcome::NoUser => Err(AttemptError::Expired.into()),
        }
    }

    /// Returns the session that an earlier sign-in with this key started, or `None` if there was no such sign-in,
    /// or too long ago.
    async fn find_started(&self, login: &LoginKey) -> Result<Option<Started>, SignInError> {
        let found = self.store.find_session_of_login(&login.key).await.map_err(SignInError::Store)?;
        let found = found.filter(|(session, _)| session.created_at > login.forgotten_before);
        found.map(|found| repeated(found, Some(login))).transpose()
    }

    fn signed_in(&self, sign_in: &SignIn, device: Option<&Device>, started: Started) -> Result<SignedIn, SignInError> {
        let Started { session, user, is_new_user, is_repeated } = started;
        let now = self.clock.now();
        if session.ended_at.is_some() || session.generation > 0 || session.expires_at <= now {
            return Err(AttemptError::Expired.into());
        }

        let device_token = self.tokens.devices().issue(&sign_in.phone, device, now);
        tracing::info!(
            user.id = %user.id,
            user.new = is_new_user,
            session.id = %session.id,
            session.repeated = is_repeated,
            "signed in"
        );
        let tokens = self.tokens_of(&session, &user, session.generation, session.expires_at)?;
        Ok(SignedIn { tokens, device_token, user, is_new_user })
    }
}

/// Returns the session of an earlier sign-in with the same idempotency key, if it had the same arguments.
fn repeated((session, user): (SessionRow, User), login: Option<&LoginKey>) -> Result<Started, SignInError> {
    let login = login.filter(|login| session.created_at > login.forgotten_before).ok_or(AttemptError::Expired)?;
    if session.login_arguments.as_deref() != Some(&login.arguments) {
        return Err(SignInError::IdempotencyKeyReused);
    }
    let is_new_user = user.created_at == session.created_at;
    Ok(Started { session, user, is_new_user, is_repeated: true })
}

/// Returns the name in its normal form, or `None` if it is absent or blank.
fn checked_device_name(name: Option<&str>) -> Result<Option<String>, SignInError> {
    let name = name.filter(|name| !name.trim().is_empty());
    let checked = |name| text::checked(name, MAX_DEVICE_NAME_CHARACTERS).ok_or(SignInError::BadDeviceName);
    name.map(checked).transpose()
}
