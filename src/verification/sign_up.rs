//! The sign-up policy as issuing sees it: which phones get a code to sign in.
//!
//! If sign-up is closed, a request for a phone without an account must not differ for the client from any other request.

use std::sync::Arc;

use crate::account_store::AccountStore;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::store::StoreError;

/// Decides which phones get a code to sign in.
pub enum SignUp {
    /// Every phone.
    Open,
    /// Phones of users in this store.
    Closed(Arc<AccountStore>),
}

impl SignUp {
    /// Returns whether a code for this purpose may be sent to the phone. A code that cannot create an account always may.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn admits(&self, phone: &PhoneNumber, purpose: Purpose) -> Result<bool, StoreError> {
        match (self, purpose) {
            (Self::Closed(users), Purpose::Login) => Ok(users.find_user_by_phone(phone).await?.is_some()),
            (Self::Closed(_) | Self::Open, _) => Ok(true),
        }
    }
}
