//! Private keys: parsing, generation and signatures. Each has exactly one algorithm.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use pem::Pem;

use super::verifying::{ED25519_SPKI_PREFIX, P256_SPKI_PREFIX, RSA_MODULUS_BYTES};
use super::{KeyError, SigningAlgorithm};

/// A private key.
pub(super) enum KeyPair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl KeyPair {
    /// Parses a private key of any algorithm, in PEM (PKCS #8).
    pub(super) fn parse(pem: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(pem).map_err(|_| KeyError::PrivateKey)?;
        let der = pem.contents();
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Ok(Self::Ed25519(pair));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(Self::P256(pair));
        }

        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::PrivateKey)?;
        if RSA_MODULUS_BYTES.contains(&pair.public_modulus_len()) {
            Ok(Self::Rsa(pair))
        } else {
            Err(KeyError::RsaSize)
        }
    }

    /// Generates a key with randomness from the operating system.
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            SigningAlgorithm::EdDsa => Ed25519KeyPair::generate().map(Self::Ed25519),
            SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::P256),
            SigningAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Self::Rsa),
        };
        pair.map_err(|_| KeyError::Library)
    }

    pub(super) const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Ed25519(_) => SigningAlgorithm::EdDsa,
            Self::P256(_) => SigningAlgorithm::Es256,
            Self::Rsa(_) => SigningAlgorithm::Rs256,
        }
    }

    /// Returns the private key in PEM (PKCS #8).
    pub(super) fn private_pem(&self) -> Result<String, KeyError> {
        Ok(pem::encode(&Pem::new("PRIVATE KEY", self.pkcs8()?)).replace("\r\n", "\n"))
    }

    /// Returns the public key as a DER `SubjectPublicKeyInfo` (RFC 5280 4.1).
    pub(super) fn public_der(&self) -> Result<Vec<u8>, KeyError> {
        Ok(match self {
            Self::Ed25519(pair) => [&ED25519_SPKI_PREFIX, pair.public_key().as_ref()].concat(),
            Self::P256(pair) => [&P256_SPKI_PREFIX, pair.public_key().as_ref()].concat(),
            Self::Rsa(pair) => pair.public_key().as_der().map_err(|_| KeyError::Library)?.as_ref().to_vec(),
        })
    }

    /// Returns the secret part of the key. Two encodings of one key have the same secret.
    pub(super) fn secret(&self) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Ed25519(pair) => {
                let seed = pair.seed().map_err(|_| KeyError::Library)?;
                let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(|_| KeyError::Library)?;
                Ok(seed.as_ref().to_vec())
            }
            Self::P256(pair) => {
                let scalar: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(|_| KeyError::Library)?;
                Ok(scalar.as_ref().to_vec())
            }
            Self::Rsa(_) => self.pkcs8(),
        }
    }

    /// Signs bytes other than a JWT. Signatures of ES256 contain a random number; the other algorithms always return the
    /// same signature for the same bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::P256(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| KeyError::Library)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| KeyError::Library)?;
                Ok(signature)
            }
        }
    }

    /// Encodes the key as PKCS #8, always in the same way.
    fn pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let der = match self {
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Self::P256(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| der.as_ref().to_vec()),
        };
        der.map_err(|_| KeyError::Library)
    }
}
