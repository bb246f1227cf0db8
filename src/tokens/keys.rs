//! The keys that sign and verify tokens: parsing, generation and derivation.
//!
//! Every key has exactly one algorithm and one `kid`; for an Ed25519 key it is the thumbprint of RFC 7638. Types with a
//! secret must not implement `Debug`, so that a secret cannot get into the log.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use pem::Pem;

/// The minimum length of `JWT_SECRET` in bytes: that of the hash (RFC 7518 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The DER bytes before the 32 bytes of an Ed25519 public key (RFC 8410 4).
const ED25519_SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The reason to reject a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not an Ed25519 private key in PEM.
    #[error("not an Ed25519 private key in PEM (PKCS #8), as `sms-login keygen` prints it")]
    PrivateKey,
    /// The text is not a list of Ed25519 public keys in PEM.
    #[error("not Ed25519 public keys in PEM, one block after another")]
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
    algorithm: Algorithm,
    encoding: EncodingKey,
    signer: Signer,
    root: hkdf::Prk,
}

enum Signer {
    Ed25519(Ed25519KeyPair),
    Hmac(Box<hmac::Key>),
}

/// A key that verifies tokens of its one algorithm.
pub(super) struct VerifyingKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    verifier: Verifier,
    jwk: Option<Jwk>,
}

enum Verifier {
    Ed25519(Vec<u8>),
    Hmac(Box<hmac::Key>),
}

impl Keys {
    /// Creates keys from an Ed25519 private key in PEM.
    ///
    /// # Errors
    /// If `pem` is not an Ed25519 private key.
    pub fn ed25519(pem: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(pem).map_err(|_| KeyError::PrivateKey)?;
        let pair = Ed25519KeyPair::from_pkcs8(pem.contents()).map_err(|_| KeyError::PrivateKey)?;

        // Secrets are derived from the seed, not from the PEM: two encodings of one key must have the same secrets.
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
        let seed = pair.seed().map_err(|_| KeyError::Library)?;
        let seed: aws_lc_rs::encoding::Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(|_| KeyError::Library)?;

        let verifying = VerifyingKey::ed25519(pair.public_key().as_ref())?;
        let signing = SigningKey {
            kid: verifying.kid.clone(),
            algorithm: Algorithm::EdDSA,
            encoding: EncodingKey::from_ed_der(pkcs8.as_ref()),
            root: root(seed.as_ref()),
            signer: Signer::Ed25519(pair),
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

        let signing = SigningKey {
            kid: kid.clone(),
            algorithm: Algorithm::HS256,
            encoding: EncodingKey::from_secret(secret),
            root,
            signer: Signer::Hmac(mac.clone()),
        };

        let verifying = VerifyingKey {
            kid,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret),
            verifier: Verifier::Hmac(mac),
            jwk: None,
        };

        Ok(Self { signing, verifying: vec![verifying] })
    }

    /// Adds older public keys, given as one PEM block after another, so that their tokens stay valid after a key
    /// rotation. Duplicates are ignored.
    ///
    /// # Errors
    /// If `pems` has no PEM block, or a block that is not an Ed25519 public key.
    pub fn with_older(mut self, pems: &str) -> Result<Self, KeyError> {
        let blocks = pem::parse_many(pems).map_err(|_| KeyError::PublicKeys)?;
        if blocks.is_empty() {
            return Err(KeyError::PublicKeys);
        }

        for block in blocks {
            let key = block.contents().strip_prefix(&ED25519_SPKI_PREFIX).filter(|key| key.len() == 32);
            let key = VerifyingKey::ed25519(key.ok_or(KeyError::PublicKeys)?)?;
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

    /// Derives a secret of 32 bytes from the signing key (HKDF, RFC 5869). Every label has a different secret.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn derive(&self, label: &str) -> Result<[u8; 32], KeyError> {
        derive(&self.signing.root, label)
    }

    pub(super) fn signing(&self) -> (&str, Algorithm, &EncodingKey) {
        (&self.signing.kid, self.signing.algorithm, &self.signing.encoding)
    }

    pub(super) fn verifying(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.kid == kid)
    }

    /// Signs bytes other than a JWT. The same bytes always have the same signature.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signing.signer {
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    /// Returns whether one of the keys signed these bytes.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.iter().any(|key| match &key.verifier {
            Verifier::Ed25519(public) => UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok(),
            Verifier::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
        })
    }
}

impl VerifyingKey {
    fn ed25519(public: &[u8]) -> Result<Self, KeyError> {
        let decoding = DecodingKey::from_ed_der(public);
        let jwk = Jwk::from_decoding_key(&decoding, Some(Algorithm::EdDSA));
        let mut jwk = jwk.map_err(|_| KeyError::PublicKeys)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError::Library)?;

        jwk.common.key_id = Some(kid.clone());
        jwk.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);

        Ok(Self {
            kid,
            algorithm: Algorithm::EdDSA,
            decoding,
            verifier: Verifier::Ed25519(public.to_vec()),
            jwk: Some(jwk),
        })
    }
}

/// A new Ed25519 key pair in PEM.
pub struct GeneratedKey {
    /// The private key, in PKCS #8.
    pub private_pem: String,
    /// The public key. After a key rotation it belongs into `JWT_VERIFYING_KEYS`.
    pub public_pem: String,
    /// The key's id (`kid`).
    pub kid: String,
}

/// Generates an Ed25519 key pair with randomness from the operating system.
///
/// # Errors
/// If the cryptographic library fails.
pub fn generate() -> Result<GeneratedKey, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Library)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
    let public = [&ED25519_SPKI_PREFIX, pair.public_key().as_ref()].concat();
    Ok(GeneratedKey {
        private_pem: pem::encode(&Pem::new("PRIVATE KEY", pkcs8.as_ref())).replace("\r\n", "\n"),
        public_pem: pem::encode(&Pem::new("PUBLIC KEY", public)).replace("\r\n", "\n"),
        kid: VerifyingKey::ed25519(pair.public_key().as_ref())?.kid,
    })
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
