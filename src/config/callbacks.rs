//! Settings of delivery receipts.

use clap::Args;

use super::{ConfigError, Secret};

const MIN_SECRET_CHARS: usize = 16;

/// Settings of delivery receipts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Delivery receipts")]
pub struct CallbackSettings {
    /// Secret of at least 16 letters and digits in the URL that receives Tencent's receipts, /callbacks/tencent/SECRET
    /// [default: no receipts of Tencent]
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    pub callback_secret: Option<Secret>,
}

impl CallbackSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // Characters that a URL does not escape.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let is_right = |secret: &str| secret.len() >= MIN_SECRET_CHARS && secret.bytes().all(is_plain);
        match &self.callback_secret {
            Some(secret) if !is_right(secret.expose()) => {
                Err(ConfigError::new("CALLBACK_SECRET", "not at least 16 letters, digits and -_.~"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
