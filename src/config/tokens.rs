//! Settings of access tokens and proofs, and of the key that signs them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::listen::is_server_url;
use super::values::{lifetime, pem};
use super::{ConfigError, DatabaseConfig, Secret};
use crate::tokens::TokenPolicy;
use crate::tokens::keys::SigningAlgorithm;

const SIGNING_KEY_FILE: &str = "signing-key.pem";
const DEFAULT_ISSUER: &str = "sms-login";

/// Settings of access tokens and proofs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tokens")]
pub struct TokenSettings {
    /// Private key in PEM that signs tokens, of the kind that JWT_ALGORITHM needs
    /// [default: with SQLite, created in DATA_DIR]
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub jwt_signing_key: Option<Secret>,
    /// Algorithm that signs tokens with JWT_SIGNING_KEY [default: EdDSA]
    #[arg(long, value_name = "ALGORITHM")]
    pub jwt_algorithm: Option<JwtAlgorithmSetting>,
    /// Shared secret of at least 32 bytes that signs tokens with HS256 instead of JWT_SIGNING_KEY
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    pub jwt_secret: Option<Secret>,
    /// Older public keys of any kind, whose tokens are still accepted: PEM blocks, one after another
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub jwt_verifying_keys: Option<Secret>,
    /// `iss` of every token. If it is a URL, /.well-known/openid-configuration describes the tokens
    /// [default: PUBLIC_URL if it is set, else sms-login]
    #[arg(long, value_name = "NAME")]
    pub jwt_issuer: Option<String>,
    /// `aud` of access tokens
    #[arg(long, value_name = "NAME", default_value = "sms-login")]
    pub jwt_audience: String,
    /// `aud` of the proofs that verifyCode returns
    #[arg(long, value_name = "NAME", default_value = "sms-login-proof")]
    pub proof_audience: String,
    /// Whether access tokens have the claims phone_number, name and picture
    #[arg(long, default_value = "true", action = ArgAction::Set)]
    pub jwt_profile_claims: bool,
    /// How long an access token is valid
    #[arg(long, default_value = "1h", value_parser = lifetime)]
    pub access_token_ttl: Duration,
    /// How long a device that has signed in keeps its own quota of codes
    #[arg(long, default_value = "180d", value_parser = lifetime)]
    pub device_token_ttl: Duration,
}

/// An algorithm that signs with a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JwtAlgorithmSetting {
    /// Ed25519: short tokens, signed fast
    #[value(name = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256
    #[value(name = "ES256")]
    Es256,
    /// RSA with 2048 to 4096 bits, for gateways that know no other algorithm
    #[value(name = "RS256")]
    Rs256,
}

impl From<JwtAlgorithmSetting> for SigningAlgorithm {
    fn from(setting: JwtAlgorithmSetting) -> Self {
        match setting {
            JwtAlgorithmSetting::EdDsa => Self::EdDsa,
            JwtAlgorithmSetting::Es256 => Self::Es256,
            JwtAlgorithmSetting::Rs256 => Self::Rs256,
        }
    }
}

/// The key that signs tokens.
#[derive(Debug, Clone)]
pub enum SigningConfig {
    /// A private key of this algorithm, in PEM.
    Pem(Secret, SigningAlgorithm),
    /// A shared secret for HS256.
    Hs256(Secret),
    /// A private key of this algorithm in this file, which the server creates if it is missing.
    File(PathBuf, SigningAlgorithm),
}

impl TokenSettings {
    pub(super) fn signing(&self, database: &DatabaseConfig, data_dir: &Path) -> Result<SigningConfig, ConfigError> {
        let algorithm = self.jwt_algorithm.map(SigningAlgorithm::from);
        match (&self.jwt_signing_key, &self.jwt_secret) {
            (Some(_), Some(_)) => Err(ConfigError::new("JWT_SECRET", "set JWT_SIGNING_KEY or JWT_SECRET, not both")),
            (None, Some(_)) if algorithm.is_some() => {
                Err(ConfigError::new("JWT_ALGORITHM", "set, but JWT_SECRET always signs with HS256"))
            }
            (Some(key), None) => Ok(SigningConfig::Pem(pem(key.expose()).into(), algorithm.unwrap_or_default())),
            (None, Some(secret)) => Ok(SigningConfig::Hs256(secret.clone())),
            // Servers that share a database must sign with the same key, so no server can create its own.
            (None, None) if database.is_mysql() => {
                let reason = "needed with MySQL, the same on every server: `sms-login keygen` prints one";
                Err(ConfigError::new("JWT_SIGNING_KEY", reason))
            }
            (None, None) => Ok(SigningConfig::File(data_dir.join(SIGNING_KEY_FILE), algorithm.unwrap_or_default())),
        }
    }

    /// Returns the older public keys in PEM.
    pub(super) fn verifying_keys(&self) -> Option<String> {
        self.jwt_verifying_keys.as_ref().map(|keys| pem(keys.expose()))
    }

    /// Returns the policy of a server that clients reach at `public_url`, if that is set.
    pub(super) fn policy(&self, public_url: Option<&str>) -> Result<TokenPolicy, ConfigError> {
        if self.jwt_audience == self.proof_audience {
            let reason = "the same as JWT_AUDIENCE: a proof would be accepted as an access token";
            return Err(ConfigError::new("PROOF_AUDIENCE", reason));
        }
        let issuer = self.jwt_issuer.as_deref().or(public_url).unwrap_or(DEFAULT_ISSUER).to_owned();
        let is_url = is_server_url(&issuer);
        Ok(TokenPolicy {
            base_url: is_url.then(|| public_url.unwrap_or(&issuer).trim_end_matches('/').to_owned()),
            issuer,
            audience: self.jwt_audience.clone(),
            proof_audience: self.proof_audience.clone(),
            profile_claims: self.jwt_profile_claims,
            access_ttl: self.access_token_ttl,
            device_ttl: self.device_token_ttl,
        })
    }
}
