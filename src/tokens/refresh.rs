//! The refresh token's form: `slr_`, then in base64url the session id, the generation, and a signature over both and
//! the session's salt.
//!
//! It is signed by the server's own key, so that a change of key signs nobody out: the old public key stays listed. The
//! salt is known to the database alone, so the key without the database makes no token, nor the database without the key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::keys::Keys;

const PREFIX: &str = "slr_";
const CLAIM_BYTES: usize = 20;
/// No signature is longer; it bounds what is decoded.
const MAX_CHARS: usize = 128;
/// Has a space and a NUL, which no JWT has: a signature for one is never good for the other.
const LABEL: &[u8] = b"sms-login refresh token\0";

/// A refresh token that was read but not yet held against its session's salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that it names.
    pub session_id: Uuid,
    /// Which of the session's tokens it is, from 0.
    pub generation: u32,
    signature: Vec<u8>,
}

impl RefreshToken {
    /// Makes the token of a generation. The same input gives the same token.
    #[must_use]
    pub fn encode(keys: &Keys, session_id: Uuid, generation: u32, salt: &[u8]) -> String {
        let claim = claim(session_id, generation);
        let signature = keys.sign(&message(&claim, salt));
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&claim[..], &signature].concat()))
    }

    /// Reads a token's form; nothing is proven yet.
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

    /// Whether this server made it for the session with this salt.
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
