//! `Purpose`: what a one-time code may be used for.

/// What a one-time code may be used for. A code issued for one purpose is rejected for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing up or in.
    Login,
    /// Reauthenticating the user of a session. The code goes to the account's phone.
    Reauthenticate,
    /// Changing the phone of an account. The code goes to the new phone.
    ChangePhone,
    /// Deleting an account. The code goes to the account's phone.
    DeleteAccount,
    /// Proving to another service that the user holds the phone.
    Verify,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] =
        [Self::Login, Self::Reauthenticate, Self::ChangePhone, Self::DeleteAccount, Self::Verify];

    /// Returns the name in keyed hashes, store keys and logs. It is stored, so it must not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Reauthenticate => "reauthenticate",
            Self::ChangePhone => "change_phone",
            Self::DeleteAccount => "delete_account",
            Self::Verify => "verify",
        }
    }
}
