//! Settings of who can sign up.

use clap::{Args, ValueEnum};

use crate::users::SignUpPolicy;

/// Settings of who can sign up.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "New users")]
pub struct SignUpSettings {
    /// Whether a phone without an account can sign up
    #[arg(long, value_name = "POLICY", default_value = "open")]
    pub sign_up: SignUpSetting,
}

/// Whether a phone without an account can sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignUpSetting {
    /// Yes
    Open,
    /// No: `sms-login users add` admits a phone
    Closed,
}

impl From<SignUpSetting> for SignUpPolicy {
    fn from(setting: SignUpSetting) -> Self {
        match setting {
            SignUpSetting::Open => Self::Open,
            SignUpSetting::Closed => Self::Closed,
        }
    }
}
