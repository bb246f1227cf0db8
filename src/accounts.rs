//! The account's own affairs: the profile, another phone, the end.
//!
//! What a code allows is stored while the code is claimed, and the code is used up after. Each is for the signed-in user
//! alone; a code asked for by another user is refused by its challenge id.

use std::sync::Arc;

use crate::account_store::AccountStore;
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::phone::PhoneNumber;
use crate::sessions::Viewer;
use crate::store::StoreError;
use crate::users::{PhoneChange, PhoneChangeOutcome, ProfileChange, User, checked_avatar, checked_name};
use crate::verification::code::Purpose;
use crate::verification::{AttemptError, Claimed, ShownCode, Verification};

/// A code that is shown with its challenge id.
#[derive(Debug, Clone)]
pub struct Proof {
    /// What was typed.
    pub code: String,
    /// The challenge id.
    pub challenge_id: String,
    /// From where.
    pub client: ClientAddress,
}

/// Why an account stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name is not of its form.
    #[error("the name is not of its form")]
    BadName,
    /// The avatar is not of its form.
    #[error("the avatar is not of its form")]
    BadAvatar,
    /// Another user has the phone. The code is used up.
    #[error("the phone is taken")]
    PhoneTaken,
    /// The account was deleted meanwhile.
    #[error("the account is gone")]
    Gone,
    /// The code is not taken.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The database failed. The code stays good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The service of accounts.
pub struct Accounts {
    users: Arc<AccountStore>,
    verification: Arc<Verification>,
    clock: Arc<dyn Clock>,
}

impl Accounts {
    /// A service of these parts.
    #[must_use]
    pub fn new(users: Arc<AccountStore>, verification: Arc<Verification>, clock: Arc<dyn Clock>) -> Self {
        Self { users, verification, clock }
    }

    /// Changes what is given of the viewer's profile, and gives the user as it is then.
    ///
    /// # Errors
    /// `AccountError`; then nothing is changed.
    pub async fn update_profile(&self, viewer: &Viewer, wanted: ProfileChange) -> Result<User, AccountError> {
        let name = wanted.name.map(|name| checked_name(&name).ok_or(AccountError::BadName)).transpose()?;
        let avatar = wanted.avatar.map(|avatar| checked_avatar(&avatar).ok_or(AccountError::BadAvatar)).transpose()?;
        let mut user = viewer.user.clone();
        if name.is_none() && avatar.is_none() {
            return Ok(user);
        }
        let change = ProfileChange { name, avatar };
        if !self.users.update_profile(user.id, &change).await? {
            return Err(AccountError::Gone);
        }
        user.name = change.name.unwrap_or(user.name);
        user.avatar = change.avatar.unwrap_or(user.avatar);
        Ok(user)
    }

    /// Moves the viewer to the phone that got the code, and ends their other sessions.
    ///
    /// # Errors
    /// `AccountError`; `PhoneTaken` only after the code is proven.
    pub async fn change_phone(&self, viewer: &Viewer, phone: PhoneNumber, proof: Proof) -> Result<User, AccountError> {
        let claimed = self.claim(viewer, Purpose::ChangePhone, &phone, &proof).await?;
        let user = User { phone: phone.clone(), ..viewer.user.clone() };
        let change = PhoneChange { user_id: user.id, phone, kept_session: viewer.session_id, at: self.clock.now() };
        let outcome = self.users.change_phone(&change).await;
        match self.settle(claimed, outcome).await? {
            PhoneChangeOutcome::Changed => {
                tracing::info!(user.id = %user.id, phone.masked = %user.phone, "phone changed");
                Ok(user)
            }
            PhoneChangeOutcome::Taken => Err(AccountError::PhoneTaken),
            PhoneChangeOutcome::Gone => Err(AccountError::Gone),
        }
    }

    /// Deletes the viewer's account.
    ///
    /// # Errors
    /// `AccountError`; then the account is as it was.
    pub async fn delete(&self, viewer: &Viewer, proof: Proof) -> Result<(), AccountError> {
        let claimed = self.claim(viewer, Purpose::DeleteAccount, &viewer.user.phone, &proof).await?;
        let outcome = self.users.delete_user(viewer.user.id).await;
        self.settle(claimed, outcome).await?;
        tracing::info!(user.id = %viewer.user.id, "account deleted");
        Ok(())
    }

    async fn claim(
        &self,
        viewer: &Viewer,
        purpose: Purpose,
        phone: &PhoneNumber,
        proof: &Proof,
    ) -> Result<Claimed, AttemptError> {
        let shown = ShownCode {
            phone,
            code: &proof.code,
            challenge_id: &proof.challenge_id,
            purpose,
            user: Some(viewer.user.id),
            client: proof.client,
        };
        self.verification.attempt(shown).await
    }

    /// Uses the code up where the database did its part, else gives it back. What is stored is not undone where the code
    /// cannot be used up: the same code could only do the same again, for the same user.
    async fn settle<T>(&self, claimed: Claimed, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.is_err() {
            self.verification.release(claimed).await;
        } else if let Err(error) = self.verification.consume(claimed).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a code that did its part could not be used up");
        }
        outcome
    }
}
