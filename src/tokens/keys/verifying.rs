//! Public keys, and the shared secret: what verifies a signature. Each has exactly one algorithm.

use std::ops::RangeInclusive;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::KeyError;

/// The DER bytes before the 32 bytes of an Ed25519 public key (RFC 8410 4).
pub(super) const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The DER bytes before the 65 bytes of a point on P-256 (RFC 5480 2).
pub(super) const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The size of RSA keys, 2048 to 4096 bits. RFC 7518 3.3 sets the minimum; larger keys would make signing too slow.
pub(super) const RSA_MODULUS_BYTES: RangeInclusive<usize> = 256..=512;

/// A key that verifies tokens of its one algorithm.
pub(in crate::tokens) struct VerifyingKey {
    pub(in crate::tokens) kid: String,
    pub(in crate::tokens) algorithm: Algorithm,
    pub(in crate::tokens) decoding: DecodingKey,
    pub(super) jwk: Option<Jwk>,
    verifier: Verifier,
}

enum Verifier {
    Public(ParsedPublicKey),
    Hmac(Box<hmac::Key>),
}

impl VerifyingKey {
    /// Parses a public key from a DER `SubjectPublicKeyInfo`: Ed25519, P-256 or RSA.
    pub(super) fn from_public_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Some(key) = der.strip_prefix(&ED25519_SPKI_PREFIX) {
            let verifier = ParsedPublicKey::new(&ED25519, key).map_err(|_| KeyError::PublicKeys)?;
            return Self::public(Algorithm::EdDSA, DecodingKey::from_ed_der(key), verifier);
        }
        if let Some(point) = der.strip_prefix(&P256_SPKI_PREFIX) {
            let verifier = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::PublicKeys)?;
            return Self::public(Algorithm::ES256, DecodingKey::from_ec_der(point), verifier);
        }

        let key = PublicKey::from_der(der).map_err(|_| KeyError::PublicKeys)?;
        if !RSA_MODULUS_BYTES.contains(&key.modulus_len()) {
            return Err(KeyError::RsaSize);
        }
        let verifier = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| KeyError::PublicKeys)?;
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
        Self::public(Algorithm::RS256, DecodingKey::from_rsa_raw_components(&parts.n, &parts.e), verifier)
    }

    /// Creates the key of a shared secret, for HS256. It has no public key.
    pub(super) fn shared(kid: String, secret: &[u8], mac: Box<hmac::Key>) -> Self {
        Self {
            kid,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret),
            verifier: Verifier::Hmac(mac),
            jwk: None,
        }
    }

    /// Creates the key of a public key. Its `kid` is the thumbprint of RFC 7638.
    fn public(algorithm: Algorithm, decoding: DecodingKey, verifier: ParsedPublicKey) -> Result<Self, KeyError> {
        let jwk = Jwk::from_decoding_key(&decoding, Some(algorithm));
        let mut jwk = jwk.map_err(|_| KeyError::PublicKeys)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError::Library)?;

        jwk.common.key_id = Some(kid.clone());
        jwk.common.key_algorithm = Some(KeyAlgorithm::from(algorithm));
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);

        Ok(Self { kid, algorithm, decoding, verifier: Verifier::Public(verifier), jwk: Some(jwk) })
    }

    /// Returns whether this key signed bytes that are not a JWT.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.verifier {
            Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
            Verifier::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}
