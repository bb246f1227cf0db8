//! Refresh tokens: a client exchanges each of them once for the next one and a new access token.
//!
//! A refresh increments the session's generation by one guarded update. Reusing an older token ends the session, because
//! two parties hold a copy of it. For a short grace period, the immediately preceding token returns the same new token
//! instead: a client may have lost the answer, or two of its tabs may have refreshed at the same time. While the new token is
//! unused, the request that made it can be repeated at any time with its idempotency key. A thief who copied the old token
//! does not have that key.

use jiff::Timestamp;

use super::{SessionTokens, Sessions, Viewer};
use crate::account_store::{Rotation, SessionRow};
use crate::client::ClientAddress;
use crate::store::StoreError;
use crate::text;
use crate::tokens::keys::KeyError;
use crate::tokens::{RefreshToken, TokenError};
use crate::users::User;

/// The number of tries of a refresh: another refresh may change the session in the meantime.
const TRIES: usize = 3;

/// Why a session was not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The idempotency key is too short or too long.
    #[error("the idempotency key is malformed")]
    BadIdempotencyKey,
    /// The idempotency key is that of the refresh that made this token. The token stays valid.
    #[error("the idempotency key was used with another token")]
    IdempotencyKeyReused,
    /// The refresh token is rejected.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The database failed. The token stays valid.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The new access token could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// How a genuine token relates to its session.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// The token is the session's current one.
    Current,
    /// The token is the preceding one, within the grace period or with the idempotency key of its refresh.
    Preceding,
    /// The token is older, so it was used before.
    Reused,
    /// The token cannot be used any more. Its use does not end the session.
    Rejected(TokenError),
}

impl Sessions {
    /// Exchanges a refresh token for the next one and a new access token.
    ///
    /// # Errors
    /// If the idempotency key is malformed or was used before, or the token is forged, used or expired:
    /// [`RefreshError::Token`].
    pub async fn refresh(
        &self,
        token: &str,
        idempotency_key: Option<&str>,
        client: ClientAddress,
    ) -> Result<(SessionTokens, User), RefreshError> {
        if idempotency_key.is_some_and(|key| !text::is_idempotency_key(key)) {
            return Err(RefreshError::BadIdempotencyKey);
        }

        let token = RefreshToken::parse(token).ok_or(TokenError::Invalid)?;
        for _ in 0..TRIES {
            let found = self.store.find_session(token.session_id).await?;
            let (row, user) = found.ok_or(TokenError::Invalid)?;
            // This check comes first: a forged token must not end a session.
            if !self.tokens.is_genuine(&token, &row.salt) {
                return Err(TokenError::Invalid.into());
            }

            let now = self.clock.now();
            let key_of = |generation| idempotency_key.map(|key| self.idempotency.rotation(row.id, generation, key));
            let is_same_key = key_of(row.generation).is_some_and(|key| row.rotation_key.as_deref() == Some(&key));
            match self.standing(&row, token.generation, is_same_key, user.banned_at.is_some(), now) {
                Standing::Rejected(error) => return Err(error.into()),
                Standing::Reused => {
                    self.store.end_session(row.id, now).await?;
                    tracing::warn!(user.id = %user.id, session.id = %row.id, "refresh token used again: session ended");
                    return Err(TokenError::Invalid.into());
                }
                Standing::Preceding => {
                    let tokens = self.tokens_of(&row, &user, row.generation, row.expires_at)?;
                    return Ok((tokens, user));
                }
                // A client that always sends the same key would look the same as a thief.
                Standing::Current if is_same_key => return Err(RefreshError::IdempotencyKeyReused),
                Standing::Current => {}
            }

            let expires_at = self.expiry(row.created_at, now);
            let rotation = Rotation {
                session_id: row.id,
                from: token.generation,
                address: client,
                at: now,
                expires_at,
                key: key_of(token.generation + 1),
            };
            if self.store.rotate_session(&rotation).await? {
                let tokens = self.tokens_of(&row, &user, token.generation + 1, expires_at)?;
                return Ok((tokens, user));
            }
            // A simultaneous refresh came first, so the token is no longer the current one.
        }
        Err(TokenError::Invalid.into())
    }

    /// Returns the viewer of a refresh token, which stays valid. Used tokens are rejected, but do not end the session.
    ///
    /// # Errors
    /// If the token is forged, used or expired ([`RefreshError::Token`]), or the store fails.
    pub async fn viewer_of_refresh_token(&self, token: &str) -> Result<Viewer, RefreshError> {
        let token = RefreshToken::parse(token).ok_or(TokenError::Invalid)?;
        let (row, user) = self.store.find_session(token.session_id).await?.ok_or(TokenError::Invalid)?;
        if !self.tokens.is_genuine(&token, &row.salt) {
            return Err(TokenError::Invalid.into());
        }
        match self.standing(&row, token.generation, false, user.banned_at.is_some(), self.clock.now()) {
            Standing::Current | Standing::Preceding => {
                Ok(Viewer { user, session_id: row.id, authenticated_at: row.authenticated_at })
            }
            Standing::Reused => Err(TokenError::Invalid.into()),
            Standing::Rejected(error) => Err(error.into()),
        }
    }

    /// Returns how a token of a `generation` relates to its session. `is_same_key` says whether the request has the
    /// idempotency key of the session's last refresh.
    fn standing(
        &self,
        row: &SessionRow,
        generation: u32,
        is_same_key: bool,
        is_banned: bool,
        now: Timestamp,
    ) -> Standing {
        // A ban ends all sessions. A session of a banned user that is still open was started by the previous version.
        if row.ended_at.is_some() || is_banned {
            return Standing::Rejected(TokenError::Invalid);
        }
        if row.expires_at <= now {
            return Standing::Rejected(TokenError::Expired);
        }
        let grace_ends = row.rotated_at + self.policy.refresh_grace;
        match row.generation.checked_sub(generation) {
            Some(0) => Standing::Current,
            Some(1) if is_same_key || now < grace_ends => Standing::Preceding,
            Some(_) => Standing::Reused,
            // The generation is newer than the database's, for example because a backup was restored.
            None => Standing::Rejected(TokenError::Invalid),
        }
    }
}
