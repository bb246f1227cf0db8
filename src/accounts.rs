//! Accounts: the user's profile, reauthentication, changing the phone, and deleting the account.
//!
//! Every change applies only to the signed-in user's own account. A change that needs a code is stored while the code is
//! claimed, and the code is consumed afterwards.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::account_store::AccountStore;
use crate::client::ClientAddress;
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::events::Actor;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::sessions::Viewer;
use crate::sms::NoticeKind;
use crate::store::StoreError;
use crate::tokens::keys::KeyError;
use crate::tokens::{Issued, Tokens};
use crate::users::{Avatars, PhoneChange, PhoneChangeOutcome, ProfileChange, User, checked_avatar, checked_name};
use crate::verification::test_numbers::TestNumbers;
use crate::verification::{AttemptError, Checking, SubmittedCode};

/// The code that a user confirms a change with.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// What the user typed.
    pub code: String,
    /// The id of the challenge.
    pub challenge_id: String,
    /// The client's address.
    pub client: ClientAddress,
}

/// How accounts are protected.
#[derive(Debug, Clone)]
pub struct AccountPolicy {
    /// How long after the user has entered a code a session may change the phone. Zero turns the limit off.
    pub reauthentication_max_age: Duration,
    /// The numbers that get no messages.
    pub test_numbers: TestNumbers,
    /// The avatars of users who remove their own.
    pub avatars: Avatars,
}

/// Why an account is not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name is malformed.
    #[error("the name is malformed")]
    BadName,
    /// The avatar is malformed.
    #[error("the avatar is malformed")]
    BadAvatar,
    /// Another user has the phone. The code is consumed.
    #[error("the phone is taken")]
    PhoneTaken,
    /// The session signed in, or reauthenticated, too long ago for this change.
    #[error("the sign-in is too old")]
    ReauthenticationRequired,
    /// Meanwhile the account was deleted or banned, or its session ended.
    #[error("the account is gone")]
    Gone,
    /// The code is rejected.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The database failed. The code stays valid.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token could not be signed.
    #[error(transparent)]
    Token(#[from] KeyError),
}

/// The service that changes and deletes accounts.
pub struct Accounts {
    users: Arc<AccountStore>,
    checking: Arc<Checking>,
    tokens: Arc<Tokens>,
    deliveries: Arc<Deliveries>,
    policy: AccountPolicy,
    clock: Arc<dyn Clock>,
}

impl Accounts {
    /// Creates the service.
    #[must_use]
    pub fn new(
        users: Arc<AccountStore>,
        checking: Arc<Checking>,
        tokens: Arc<Tokens>,
        deliveries: Arc<Deliveries>,
        policy: AccountPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { users, checking, tokens, deliveries, policy, clock }
    }

    /// Checks that the viewer's session signed in or reauthenticated recently enough to change the phone: a stolen token
    /// alone must not be enough to take an account.
    ///
    /// # Errors
    /// If it did not: `ReauthenticationRequired`.
    pub fn check_recent_sign_in(&self, viewer: &Viewer) -> Result<(), AccountError> {
        let max_age = self.policy.reauthentication_max_age;
        let is_recent = max_age.is_zero() || self.clock.now() < viewer.authenticated_at + max_age;
        if is_recent { Ok(()) } else { Err(AccountError::ReauthenticationRequired) }
    }

    /// Records that the viewer entered a code in their session, and returns a new access token that says so. The code went
    /// to the account's own phone.
    ///
    /// # Errors
    /// If the code is rejected, the session has ended, or the store fails.
    pub async fn reauthenticate(&self, viewer: &Viewer, confirmation: Confirmation) -> Result<Issued, AccountError> {
        let (user, now) = (&viewer.user, self.clock.now());
        let record = self.users.reauthenticate_session(viewer.session_id, now);
        if !self.confirmed(user.id, Purpose::Reauthenticate, &user.phone, &confirmation, record).await? {
            return Err(AccountError::Gone);
        }
        tracing::info!(user.id = %user.id, session.id = %viewer.session_id, "reauthenticated");
        Ok(self.tokens.issue_access(user, viewer.session_id, now)?)
    }

    /// Changes the viewer's profile, and returns the user after the change. Fields that are `None` do not change. An empty name
    /// is no name, and an empty avatar becomes one of those that new users get.
    ///
    /// # Errors
    /// If a value is malformed, the account is gone, or the store fails. Nothing is changed then.
    pub async fn update_profile(&self, viewer: &Viewer, wanted: ProfileChange) -> Result<User, AccountError> {
        let name = match wanted.name {
            Some(name) if !name.is_empty() => Some(checked_name(&name).ok_or(AccountError::BadName)?),
            name => name,
        };
        let avatar = match wanted.avatar.as_deref() {
            Some("") => Some(self.policy.avatars.pick()),
            Some(avatar) => Some(checked_avatar(avatar).ok_or(AccountError::BadAvatar)?),
            None => None,
        };
        let mut user = viewer.user.clone();
        if name.is_none() && avatar.is_none() {
            return Ok(user);
        }

        let change = ProfileChange { name, avatar };
        if !self.users.update_profile(user.id, viewer.session_id, &change, self.clock.now()).await? {
            return Err(AccountError::Gone);
        }
        user.name = change.name.unwrap_or(user.name);
        user.avatar = change.avatar.unwrap_or(user.avatar);
        Ok(user)
    }

    /// Moves the viewer's account to the phone that got the code, and ends their other sessions.
    ///
    /// # Errors
    /// If the code is rejected, the phone is taken, or the store fails. `PhoneTaken` is returned only if the code is right, so
    /// a client without access to the phone cannot find out whether it has an account.
    pub async fn change_phone(
        &self,
        viewer: &Viewer,
        phone: PhoneNumber,
        confirmation: Confirmation,
    ) -> Result<User, AccountError> {
        self.check_recent_sign_in(viewer)?;
        let user = User { phone: phone.clone(), ..viewer.user.clone() };
        let change = PhoneChange {
            user_id: user.id,
            phone: phone.clone(),
            kept_session: Some(viewer.session_id),
            by: Actor::User,
            at: self.clock.now(),
        };
        let outcome = self
            .confirmed(viewer.user.id, Purpose::ChangePhone, &phone, &confirmation, self.users.change_phone(&change))
            .await?;

        match outcome {
            PhoneChangeOutcome::Changed => {
                self.revoke_devices(&viewer.user.phone).await;
                if !self.policy.test_numbers.include(&viewer.user.phone, self.clock.now()) {
                    self.deliveries.notify(NoticeKind::PhoneChanged, &viewer.user.phone);
                }
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
    /// If the code is rejected, the account is gone, or the store fails. The account is unchanged then.
    pub async fn delete(&self, viewer: &Viewer, confirmation: Confirmation) -> Result<(), AccountError> {
        let user = &viewer.user;
        let deletion = self.users.delete_own_user(user, viewer.session_id, self.clock.now());
        if !self.confirmed(user.id, Purpose::DeleteAccount, &user.phone, &confirmation, deletion).await? {
            return Err(AccountError::Gone);
        }
        self.revoke_devices(&user.phone).await;
        tracing::info!(user.id = %user.id, "account deleted");
        Ok(())
    }

    async fn revoke_devices(&self, phone: &PhoneNumber) {
        self.checking.revoke_devices(phone, self.tokens.devices().ttl()).await;
    }

    /// Runs `act` if the code is right.
    async fn confirmed<T>(
        &self,
        user_id: Uuid,
        purpose: Purpose,
        phone: &PhoneNumber,
        confirmation: &Confirmation,
        act: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, AccountError> {
        let submitted = SubmittedCode {
            phone,
            code: &confirmation.code,
            challenge_id: &confirmation.challenge_id,
            purpose,
            user: Some(user_id),
            client: confirmation.client,
            device: None,
            claim: None,
        };
        let redeemed = self.checking.redeem(submitted, async |_| act.await.map_err(AccountError::from)).await?;

        // The act is stored and is not undone: the same code could only repeat it, for the same user.
        if let Err(error) = redeemed.consumed {
            tracing::warn!(error = &error as &dyn std::error::Error, "a code could not be consumed after its act");
        }
        Ok(redeemed.value)
    }
}
