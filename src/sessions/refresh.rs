//! Refreshing: one token for the next, and what an older one means.
//!
//! Each refresh steps the session's generation by one guarded update. Who shows an older generation has a copy of a token
//! that was used: the session ends. The generation just before is forgiven for a short grace, since a client may have
//! lost the answer, or two tabs may have asked at once: it gets the same successor again.

use jiff::Timestamp;

use super::{Rotation, SessionRow, SessionTokens, Sessions};
use crate::client::ClientAddress;
use crate::store::StoreError;
use crate::tokens::keys::KeyError;
use crate::tokens::{Issued, RefreshToken, TokenError};
use crate::users::User;

/// How often a refresh that met another looks again.
const TRIES: usize = 3;

/// Why a session is not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not taken.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The database failed; the token stays good.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The new token could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What a genuine token is to its session.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// The session's present token.
    Present,
    /// The one before, within the grace.
    Forgiven,
    /// Used before.
    Reused,
    /// The session is over.
    Over(TokenError),
}

impl Sessions {
    /// Takes a refresh token for the next, and a new access token.
    ///
    /// # Errors
    /// `RefreshError::Token` for a token that is forged, used or too old.
    pub async fn refresh(&self, token: &str, client: ClientAddress) -> Result<(SessionTokens, User), RefreshError> {
        let token = RefreshToken::parse(token).ok_or(TokenError::Invalid)?;
        for _ in 0..TRIES {
            let found = self.store.find_session(token.session_id).await?;
            let (row, user) = found.ok_or(TokenError::Invalid)?;
            if !self.tokens.is_genuine(&token, &row.salt) {
                return Err(TokenError::Invalid.into());
            }
            let now = self.clock.now();
            match self.standing(&row, token.generation, now) {
                Standing::Over(error) => return Err(error.into()),
                Standing::Reused => {
                    self.store.end_session(row.id, now).await?;
                    tracing::warn!(user.id = %user.id, session.id = %row.id, "refresh token used again: session ended");
                    return Err(TokenError::Invalid.into());
                }
                Standing::Forgiven => return self.tokens_of(&row, row.generation, row.expires_at, user),
                Standing::Present => {}
            }
            let expires_at = self.expiry(row.created_at, now);
            let rotation =
                Rotation { session_id: row.id, from: token.generation, address: client, at: now, expires_at };
            if self.store.rotate_session(&rotation).await? {
                return self.tokens_of(&row, token.generation + 1, expires_at, user);
            }
            // Another refresh came first: what it left says what this one is.
        }
        Err(TokenError::Invalid.into())
    }

    fn standing(&self, row: &SessionRow, generation: u32, now: Timestamp) -> Standing {
        if row.ended_at.is_some() {
            return Standing::Over(TokenError::Invalid);
        }
        if row.expires_at <= now {
            return Standing::Over(TokenError::Expired);
        }
        let grace_ends = row.rotated_at + self.policy.refresh_grace;
        match row.generation.checked_sub(generation) {
            Some(0) => Standing::Present,
            Some(1) if now < grace_ends => Standing::Forgiven,
            Some(_) => Standing::Reused,
            // From a future that this database does not have, such as before a backup was restored.
            None => Standing::Over(TokenError::Invalid),
        }
    }

    fn tokens_of(
        &self,
        row: &SessionRow,
        generation: u32,
        expires_at: Timestamp,
        user: User,
    ) -> Result<(SessionTokens, User), RefreshError> {
        let access = self.tokens.issue_access(&user, row.id)?;
        let token = self.tokens.refresh_token(row.id, generation, &row.salt);
        Ok((SessionTokens { session_id: row.id, access, refresh: Issued { token, expires_at } }, user))
    }
}
