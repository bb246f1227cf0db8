//! The types that more than one field answers with.

use async_graphql::{Enum, ID, Object};

use super::scalars::{DateTime, PhoneNumber};
use crate::sessions::Viewer;
use crate::users::User;
use crate::verification::code::Purpose;

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
    is_own: bool,
}

impl UserNode {
    /// The user as they see themselves.
    pub(super) const fn own(user: User) -> Self {
        Self { user, is_own: true }
    }

    /// The user as `viewer` sees them.
    pub(super) fn seen_by(viewer: &Viewer, user: User) -> Self {
        let is_own = viewer.user.id == user.id;
        Self { user, is_own }
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
        self.is_own.then(|| PhoneNumber::from(&self.user.phone))
    }

    /// When the person signed up.
    async fn created_at(&self) -> DateTime {
        DateTime(self.user.created_at)
    }

    /// When the person last signed in with a code.
    async fn last_login_at(&self) -> DateTime {
        DateTime(self.user.last_login_at)
    }
}
