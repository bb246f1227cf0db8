//! Settings of access tokens and proofs, and of the key that signs them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};

use super::values::{lifetime, pem};
use super::{ConfigError, DatabaseConfig, Secret};
use crate::tokens::TokenPolicy;

const SIGNING_KEY_FILE: &str = "signing-key.pem";

/// Settings of access tokens and proofs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tokens")]
pub struct TokenSettings {
    /// Ed25519 private key in PEM that signs tokens [default: with SQLite, created in DATA_DIR]
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub jwt_signing_key: Option<Secret>,
    /// Shared secret of at least 32 bytes that signs tokens with HS256 instead of EdDSA
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    pub jwt_secret: Option<Secret>,
    /// Older public keys whose tokens are still accepted: PEM blocks, one after another
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub jwt_verifying_keys: Option<Secret>,
    /// `iss` of every token
    #[arg(long, value_name = "NAME", default_value = "sms-login")]
    pub jwt_issuer: String,
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

/// The key that signs tokens.
#[derive(Debug, Clone)]
pub enum SigningConfig {
    /// An Ed25519 key in PEM.
    Ed25519(Secret),
    /// A shared secret for HS256.
    Hs256(Secret),
    /// An Ed25519 key in this file, which the server creates if it is missing.
    File(PathBuf),
}

impl TokenSettings {
    pub(super) fn signing(&self, database: &DatabaseConfig, data_dir: &Path) -> Result<SigningConfig, ConfigError> {
        match (&self.jwt_signing_key, &self.jwt_secret) {
            (Some(_), Some(_)) => Err(ConfigError::new("JWT_SECRET", "set JWT_SIGNING_KEY or JWT_SECRET, not both")),
            (Some(key), None) => Ok(SigningConfig::Ed25519(pem(key.expose()).into())),
            (None, Some(secret)) => Ok(SigningConfig::Hs256(secret.clone())),
            // Servers that share a database must sign with the same key, so no server can create its own.
            (None, None) if database.is_mysql() => {
                let reason = "needed with MySQL, the same on every server: `sms-login keygen` prints one";
                Err(ConfigError::new("JWT_SIGNING_KEY", reason))
            }
            (None, None) => Ok(SigningConfig::File(data_dir.join(SIGNING_KEY_FILE))),
        }
    }

    /// Returns the older public keys in PEM.
    pub(super) fn verifying_keys(&self) -> Option<String> {
        self.jwt_verifying_keys.as_ref().map(|keys| pem(keys.expose()))
    }

    pub(super) fn policy(&self) -> Result<TokenPolicy, ConfigError> {
        if self.jwt_audience == self.proof_audience {
            let reason = "the same as JWT_AUDIENCE: a proof would be accepted as an access token";
            return Err(ConfigError::new("PROOF_AUDIENCE", reason));
        }
        Ok(TokenPolicy {
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            proof_audience: self.proof_audience.clone(),
            profile_claims: self.jwt_profile_claims,
            access_ttl: self.access_token_ttl,
            device_ttl: self.device_token_ttl,
        })
    }
}
