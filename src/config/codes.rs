//! Settings of one-time codes.

use std::time::Duration;

use clap::{Args, value_parser};

use super::values::lifetime;
use super::{ConfigError, Secret};
use crate::tokens::keys::MIN_SECRET_BYTES;

/// The longest lifetime of a code that NIST SP 800-63B allows for one sent by SMS.
const MAX_CODE_TTL: Duration = Duration::from_mins(10);

/// Settings of one-time codes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "One-time codes")]
pub struct CodeSettings {
    /// Secret of at least 32 bytes that protects stored codes, the same on every server
    /// [default: derived from the signing key]
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    pub code_secret: Option<Secret>,
    /// How long a code is valid, at most 10m
    #[arg(long, default_value = "5m", value_parser = lifetime)]
    pub code_ttl: Duration,
    /// Wrong attempts after which a code is rejected, from 1 to 10
    #[arg(long, default_value = "3", value_parser = value_parser!(u32).range(1..=10))]
    pub code_max_attempts: u32,
}

impl CodeSettings {
    pub(super) fn check_secret(&self) -> Result<(), ConfigError> {
        match &self.code_secret {
            Some(secret) if secret.expose().len() < MIN_SECRET_BYTES => {
                Err(ConfigError::new("CODE_SECRET", format!("shorter than {MIN_SECRET_BYTES} bytes")))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn checked_ttl(&self) -> Result<Duration, ConfigError> {
        if self.code_ttl > MAX_CODE_TTL {
            return Err(ConfigError::new("CODE_TTL", "longer than 10m (NIST SP 800-63B)"));
        }
        Ok(self.code_ttl)
    }
}
