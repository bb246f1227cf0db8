//! The format of refresh tokens: `slr_`, then in base64url the session id, the generation, and a signature over both
//! and the session's salt.
//!
//! The signature is made with the server's signing key. After a key rotation the old public key still verifies, so
//! users stay signed in. The salt is stored only in the database: an attacker needs both the key and the database to
//! forge a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::keys::{KeyError, Keys};

const PREFIX: &str = "slr_";
const CLAIM_BYTES: usize = 20;
/// The maximum length of the part after the prefix, with the signature of an RSA key of 4096 bits. Longer texts are
/// rejected before they are decoded.
const MAX_CHARS: usize = 768;
/// The start of every signed message. Its space and NUL cannot occur in a JWT, so that a signature for one is never
/// valid for the other.
const LABEL: &[u8] = b"sms-login refresh token\0";

/// A refresh token that was parsed but not yet verified. `is_genuine` verifies it with its session's salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The id of the session.
    pub session_id: Uuid,
    /// The number of the token in its session, from 0. Every refresh adds one.
    pub generation: u32,
    signature: Vec<u8>,
}

impl RefreshToken {
    /// Returns a token of a session's generation. Except with ES256, the same arguments always return the same token.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn encode(keys: &Keys, session_id: Uuid, generation: u32, salt: &[u8]) -> Result<String, KeyError> {
        let claim = claim(session_id, generation);
        let signature = keys.sign(&message(&claim, salt))?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&claim[..], &signature].concat())))
    }

    /// Parses a token without verifying it. `None` if it is malformed.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let encoded = token.strip_prefix(PREFIX).filter(|encoded| encoded.len() <= MAX_CHARS)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (claim, signature) = bytes.split_at_checked(CLAIM_BYTES)?;
        let (session_id, generation) = claim.split_at(16);
        Some(Self {
            session_id: Uuid::from_slice(session_id).ok()?,
            generation: u32::from_be_bytes(generation.try_into().ok()?),
            signature: signature.to_vec(),
        })
    }

    /// Returns whether the server issued this token for the session with this salt.
    #[must_use]
    pub fn is_genuine(&self, keys: &Keys, salt: &[u8]) -> bool {
        keys.signed(&message(&claim(self.session_id, self.generation), salt), &self.signature)
    }
}

fn claim(session_id: Uuid, generation: u32) -> [u8; CLAIM_BYTES] {
    let mut bytes = [0; CLAIM_BYTES];
    bytes[..16].copy_from_slice(session_id.as_bytes());
    bytes[16..].copy_from_slice(&generation.to_be_bytes());
    bytes
}

fn message(claim: &[u8; CLAIM_BYTES], salt: &[u8]) -> Vec<u8> {
    [LABEL, claim, salt].concat()
}
