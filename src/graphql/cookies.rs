//! The refresh token and the device token of a browser in cookie mode: they travel in cookies, and not in arguments and
//! payloads.
//!
//! Both ways must not be mixed in one request, so that it is always clear which token a client means. `http` reads and
//! writes the cookies, and decides which pages may use them.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::problem::Failure;
use crate::sessions::{RefreshError, SessionTokens};
use crate::tokens::{Issued, TokenError};

/// The tokens in the cookies of one request, and the changes to these cookies. The default is a request without cookie
/// mode. Clones share the changes.
#[derive(Clone, Default)]
pub(crate) struct TokenCookies(Option<Arc<Cookies>>);

struct Cookies {
    refresh_token: Option<String>,
    device_token: Option<String>,
    changes: Mutex<CookieChanges>,
}

/// What an operation changed. `None` leaves the cookie as it is.
#[derive(Default)]
pub(crate) struct CookieChanges {
    pub(crate) refresh_token: Option<CookieChange>,
    pub(crate) device_token: Option<CookieChange>,
}

/// A change to one cookie.
pub(crate) enum CookieChange {
    /// The cookie gets this token, until the token expires.
    Set(Issued),
    /// The cookie is removed.
    Clear,
}

impl TokenCookies {
    /// Creates the cookies of a request in cookie mode.
    pub(crate) fn new(refresh_token: Option<String>, device_token: Option<String>) -> Self {
        Self(Some(Arc::new(Cookies { refresh_token, device_token, changes: Mutex::default() })))
    }

    /// Returns the refresh token to use: `argument`, or in cookie mode that of the cookie.
    ///
    /// # Errors
    /// `BAD_INPUT` if the argument is missing, or set in cookie mode. `TOKEN_INVALID` if there is no cookie.
    pub(super) fn refresh_token(&self, argument: Option<String>) -> Result<String, Failure> {
        let field = "input.refreshToken";
        match (&self.0, argument) {
            (None, Some(token)) => Ok(token),
            (None, None) => Err(Failure::bad_input(field, "The refresh token is missing.")),
            (Some(_), Some(_)) => Err(Failure::bad_input(field, "In cookie mode the refresh token is in a cookie.")),
            (Some(cookies), None) => {
                let token = cookies.refresh_token.clone();
                token.ok_or_else(|| RefreshError::from(TokenError::Invalid).into())
            }
        }
    }

    /// Returns the device token to use: `argument`, or in cookie mode that of the cookie.
    ///
    /// # Errors
    /// `BAD_INPUT` if the argument is set in cookie mode.
    pub(super) fn device_token(&self, argument: Option<String>) -> Result<Option<String>, Failure> {
        match (&self.0, argument) {
            (None, argument) => Ok(argument),
            (Some(cookies), None) => Ok(cookies.device_token.clone()),
            (Some(_), Some(_)) => {
                Err(Failure::bad_input("input.deviceToken", "In cookie mode the device token is in a cookie."))
            }
        }
    }

    /// Returns the refresh token of the cookie, in cookie mode.
    pub(super) fn refresh_cookie(&self) -> Option<&str> {
        self.0.as_ref()?.refresh_token.as_deref()
    }

    /// In cookie mode, moves the refresh token into its cookie, and leaves an empty string.
    pub(super) fn keep_session(&self, mut tokens: SessionTokens) -> SessionTokens {
        self.change(|changes| {
            let token = std::mem::take(&mut tokens.refresh.token);
            changes.refresh_token = Some(CookieChange::Set(Issued { token, expires_at: tokens.refresh.expires_at }));
        });
        tokens
    }

    /// In cookie mode, moves the device token into its cookie, and leaves an empty string.
    pub(super) fn keep_device(&self, mut token: String, expires_at: Timestamp) -> String {
        self.change(|changes| {
            let token = std::mem::take(&mut token);
            changes.device_token = Some(CookieChange::Set(Issued { token, expires_at }));
        });
        token
    }

    /// In cookie mode, removes both cookies.
    pub(super) fn clear(&self) {
        self.change(|changes| {
            let clear = || Some(CookieChange::Clear);
            *changes = CookieChanges { refresh_token: clear(), device_token: clear() };
        });
    }

    /// Returns the changes, after the operation has finished.
    pub(super) fn take(&self) -> CookieChanges {
        let mut taken = CookieChanges::default();
        self.change(|changes| taken = std::mem::take(changes));
        taken
    }

    fn change(&self, change: impl FnOnce(&mut CookieChanges)) {
        if let Some(cookies) = &self.0 {
            change(&mut cookies.changes.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
