//! Idempotency keys of sign-ins and refreshes: the keyed hashes that the database keeps of them.
//!
//! The hash of a sign-in's key covers the phone, and that of a refresh's key covers the session and the generation, so a key
//! belongs to them alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::SignIn;
use crate::mac::{Mac, MacKey};
use crate::phone::PhoneNumber;

/// Computes the keyed hashes of idempotency keys.
pub struct IdempotencyKeys {
    login: MacKey,
    arguments: MacKey,
    claim: MacKey,
    rotation: MacKey,
}

impl IdempotencyKeys {
    /// Creates the hashes of servers with this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self {
            login: MacKey::derive(secret, "idempotency key: login"),
            arguments: MacKey::derive(secret, "idempotency key: arguments of login"),
            claim: MacKey::derive(secret, "idempotency key: claim of login"),
            rotation: MacKey::derive(secret, "idempotency key: refreshSession"),
        }
    }

    /// Returns the hash of a sign-in's key.
    pub(super) fn login(&self, phone: &PhoneNumber, key: &str) -> Mac {
        self.login.mac(&[phone.e164().as_bytes(), key.as_bytes()])
    }

    /// Returns the hash of the arguments that a repeated sign-in must have again.
    pub(super) fn arguments(&self, sign_in: &SignIn, device_name: Option<&str>) -> Mac {
        let device_name = device_name.unwrap_or_default();
        self.arguments.mac(&[sign_in.code.as_bytes(), sign_in.challenge_id.as_bytes(), device_name.as_bytes()])
    }

    /// Returns the token of the claim that all sign-ins with this key and these arguments share.
    pub(super) fn claim(&self, key: &Mac, arguments: &Mac) -> String {
        URL_SAFE_NO_PAD.encode(&self.claim.mac(&[key, arguments])[..16])
    }

    /// Returns the hash of the key of the refresh that makes a session's `generation`.
    pub(super) fn rotation(&self, session_id: Uuid, generation: u32, key: &str) -> Mac {
        self.rotation.mac(&[session_id.as_bytes(), &generation.to_be_bytes(), key.as_bytes()])
    }
}
