//! The keys that sign and verify tokens: parsing, generation and derivation.
//!
//! Every key has exactly one algorithm and one `kid`; for a public key it is the thumbprint of RFC 7638. Types with a
//! secret must not implement `Debug`, so that a secret cannot get into the log.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, Header};
use pem::Pem;
use serde::Serialize;

use self::pair::KeyPair;
pub(super) use self::verifying::VerifyingKey;

mod pair;
mod verifying;

/// The minimum length of `JWT_SECRET` in bytes: that of the hash (RFC 7518 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// An algorithm that signs with a private key, so that every service can verify with the public key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    #[default]
    EdDsa,
    /// ECDSA on the curve P-256 with SHA-256 (RFC 7518 3.4).
    Es256,
    /// RSA, PKCS #1 v1.5 with SHA-256 (RFC 7518 3.3).
    Rs256,
}

impl SigningAlgorithm {
    /// Returns the kind of key that the algorithm needs.
    const fn kind(self) -> &'static str {
        match self {
            Self::EdDsa => "an Ed25519 key",
            Self::Es256 => "a P-256 key",
            Self::Rs256 => "an RSA key",
        }
    }
}

/// Writes the name that tokens have in `alg`.
impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        })
    }
}

/// The reason to reject a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not a private key in PEM.
    #[error("not an Ed25519, P-256 or RSA private key in PEM (PKCS #8), as `sms-login keygen` prints it")]
    PrivateKey,
    /// The private key belongs to another algorithm.
    #[error("{}, but JWT_ALGORITHM is {expected}, which needs {}", found.kind(), expected.kind())]
    OtherAlgorithm {
        /// The algorithm of the key.
        found: SigningAlgorithm,
        /// The algorithm of the settings.
        expected: SigningAlgorithm,
    },
    /// The RSA key is too short or too long.
    #[error("an RSA key of a size other than 2048 to 4096 bits")]
    RsaSize,
    /// The text is not a list of public keys in PEM.
    #[error("not Ed25519, P-256 or RSA public keys in PEM, one block after another")]
    PublicKeys,
    /// The shared secret is too short.
    #[error("shorter than {MIN_SECRET_BYTES} bytes")]
    ShortSecret,
    /// The cryptographic library failed.
    #[error("the key could not be created or used")]
    Library,
}

/// The key that signs new tokens, and all keys that verify tokens.
pub struct Keys {
    signing: SigningKey,
    verifying: Vec<VerifyingKey>,
}

struct SigningKey {
    kid: String,
    /// The first part of every JWT, which is the same for all of them, and its full stop.
    jwt_header: String,
    signer: Signer,
    root: hkdf::Prk,
}

enum Signer {
    Pair(KeyPair),
    Secret {
        jwt: Box<hmac::Key>,
        /// For bytes other than a JWT.
        detached: Box<hmac::Key>,
    },
}

impl Signer {
    /// Signs bytes other than a JWT.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Pair(pair) => pair.sign(message),
            Self::Secret { detached, .. } => Ok(hmac::sign(detached, message).as_ref().to_vec()),
        }
    }

    /// Returns whether the same bytes always have the same signature, and signing is faster than verifying.
    const fn is_repeatable(&self) -> bool {
        match self {
            Self::Pair(pair) => matches!(pair.algorithm(), SigningAlgorithm::EdDsa),
            Self::Secret { .. } => true,
        }
    }

    fn sign_jwt(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Pair(pair) => pair.sign(message),
            Self::Secret { jwt, .. } => Ok(hmac::sign(jwt, message).as_ref().to_vec()),
        }
    }
}

impl Keys {
    /// Creates keys from a private key of this algorithm, in PEM.
    ///
    /// # Errors
    /// If `pem` is not a private key, or the key of another algorithm.
    pub fn from_private_pem(pem: &str, algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let pair = KeyPair::parse(pem)?;
        if pair.algorithm() != algorithm {
            return Err(KeyError::OtherAlgorithm { found: pair.algorithm(), expected: algorithm });
        }

        let verifying = VerifyingKey::from_public_der(&pair.public_der()?)?;
        let signing = SigningKey {
            jwt_header: jwt_header(verifying.algorithm, &verifying.kid)?,
            kid: verifying.kid.clone(),
            // Secrets are derived from the key, not from the PEM: two encodings of one key must have the same secrets.
            root: root(&pair.secret()?),
            signer: Signer::Pair(pair),
        };
        Ok(Self { signing, verifying: vec![verifying] })
    }

    /// Creates keys from a shared secret, for HS256.
    ///
    /// # Errors
    /// If `secret` is too short.
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret);
        }

        // The `kid` is public, so it is derived and not a hash of the secret. Detached signatures have their own key, so
        // that no signature of one use is valid for the other.
        let root = root(secret);
        let kid = URL_SAFE_NO_PAD.encode(derive(&root, "kid")?);
        let mac = Box::new(hmac::Key::new(hmac::HMAC_SHA256, &derive(&root, "detached signatures")?));

        let verifying = VerifyingKey::shared(kid.clone(), secret, mac.clone());
        let signing = SigningKey {
            jwt_header: jwt_header(verifying.algorithm, &kid)?,
            kid,
            root,
            signer: Signer::Secret { jwt: Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)), detached: mac },
        };
        Ok(Self { signing, verifying: vec![verifying] })
    }

    /// Adds older public keys of any algorithm, given as one PEM block after another, so that their tokens stay valid after
    /// a key rotation. Duplicates are ignored.
    ///
    /// # Errors
    /// If `pems` has no PEM block, or a block that is not a public key.
    pub fn with_older(mut self, pems: &str) -> Result<Self, KeyError> {
        let blocks = pem::parse_many(pems).map_err(|_| KeyError::PublicKeys)?;
        if blocks.is_empty() {
            return Err(KeyError::PublicKeys);
        }

        for block in blocks {
            let key = VerifyingKey::from_public_der(block.contents())?;
            if self.verifying.iter().all(|known| known.kid != key.kid) {
                self.verifying.push(key);
            }
        }

        Ok(self)
    }

    /// Returns the id (`kid`) of the signing key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.signing.kid
    }

    /// Returns the ids (`kid`) of the older keys, whose tokens are still accepted.
    pub fn older_kids(&self) -> impl Iterator<Item = &str> {
        self.verifying.iter().map(|key| key.kid.as_str()).filter(|kid| *kid != self.kid())
    }

    /// Returns the public keys, the signing key's first. A shared secret has no public key.
    pub(super) fn public_keys(&self) -> Vec<&Jwk> {
        self.verifying.iter().filter_map(|key| key.jwk.as_ref()).collect()
    }

    /// Returns the algorithms of the public keys, each once, the signing key's first.
    pub(super) fn public_algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        for key in self.verifying.iter().filter(|key| key.jwk.is_some()) {
            if !algorithms.contains(&key.algorithm) {
                algorithms.push(key.algorithm);
            }
        }
        algorithms
    }

    /// Derives a secret of 32 bytes from the signing key (HKDF, RFC 5869). Every label has a different secret.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn derive(&self, label: &str) -> Result<[u8; 32], KeyError> {
        derive(&self.signing.root, label)
    }

    /// Returns a JWT of these claims. `jsonwebtoken` would parse the key again for each one.
    pub(super) fn sign_jwt(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Library)?;
        let mut jwt = self.signing.jwt_header.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut jwt);
        let signature = self.signing.signer.sign_jwt(jwt.as_bytes())?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(jwt)
    }

    pub(super) fn verifying(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.kid == kid)
    }

    /// Signs bytes other than a JWT. Except with ES256, the same bytes always have the same signature.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.signing.signer.sign(message)
    }

    /// Returns whether one of the keys signed these bytes. To sign them again takes half the time of verifying, so that is tried
    /// first if the signing key always makes the same signature.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        if self.signing.signer.is_repeatable()
            && let Ok(again) = self.signing.signer.sign(message)
            && verify_slices_are_equal(&again, signature).is_ok()
        {
            return true;
        }
        self.verifying.iter().any(|key| key.signed(message, signature))
    }
}

/// A new key pair in PEM.
pub struct GeneratedKey {
    /// The private key, in PKCS #8.
    pub private_pem: String,
    /// The public key. After a key rotation it belongs into `JWT_VERIFYING_KEYS`.
    pub public_pem: String,
    /// The key's id (`kid`).
    pub kid: String,
}

/// Generates a key pair with randomness from the operating system.
///
/// # Errors
/// If the cryptographic library fails.
pub fn generate(algorithm: SigningAlgorithm) -> Result<GeneratedKey, KeyError> {
    let pair = KeyPair::generate(algorithm)?;
    let public = pair.public_der()?;
    Ok(GeneratedKey {
        kid: VerifyingKey::from_public_der(&public)?.kid,
        private_pem: pair.private_pem()?,
        public_pem: pem::encode(&Pem::new("PUBLIC KEY", public)).replace("\r\n", "\n"),
    })
}

/// Returns the first part of a JWT and its full stop.
fn jwt_header(algorithm: Algorithm, kid: &str) -> Result<String, KeyError> {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    let header = serde_json::to_vec(&header).map_err(|_| KeyError::Library)?;
    Ok(URL_SAFE_NO_PAD.encode(header) + ".")
}

fn root(secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"sms-login").extract(secret)
}

fn derive(root: &hkdf::Prk, label: &str) -> Result<[u8; 32], KeyError> {
    let mut secret = [0; 32];
    let info = [label.as_bytes()];
    let okm = root.expand(&info, hkdf::HKDF_SHA256).map_err(|_| KeyError::Library)?;
    okm.fill(&mut secret).map_err(|_| KeyError::Library)?;
    Ok(secret)
}
