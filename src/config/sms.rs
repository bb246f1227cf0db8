//! Settings that choose the SMS provider.
//!
//! The provider is chosen first, and only then are its settings checked. Settings of a provider that is not chosen are
//! refused if its API key is missing: the operator would believe that the server sends SMS.

use clap::{ArgAction, Args, ValueEnum};

use super::ConfigError;
use super::phones::Regions;
use super::tencent::TencentSettings;
use crate::sms::tencent::TencentSmsConfig;

/// Settings that choose the SMS provider.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "SMS")]
pub struct SmsSettings {
    /// Sender of the SMS [default: tencent if TENCENTCLOUD_SECRET_ID is set, else console]
    #[arg(long, value_name = "PROVIDER")]
    pub sms_provider: Option<SmsProvider>,
    /// Whether the server may print codes while it listens on an address that is not loopback
    #[arg(long, default_value = "false", action = ArgAction::Set)]
    pub allow_console_sms: bool,
}

/// A sender of SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SmsProvider {
    /// Tencent Cloud
    Tencent,
    /// Print messages to the terminal and send nothing
    Console,
}

/// The sender of SMS with its settings.
#[derive(Debug, Clone)]
pub enum SmsConfig {
    /// Messages are printed to the terminal.
    Console,
    /// Tencent Cloud sends messages.
    Tencent(Box<TencentSmsConfig>),
}

impl SmsConfig {
    /// Returns whether messages are sent to phones. Otherwise they are only printed to the terminal.
    pub(crate) const fn sends_to_phones(&self) -> bool {
        match self {
            Self::Console => false,
            Self::Tencent(_) => true,
        }
    }
}

impl SmsSettings {
    /// Chooses the provider, and returns it with its checked settings.
    pub(super) fn config(&self, tencent: &TencentSettings, allowed: &Regions) -> Result<SmsConfig, ConfigError> {
        let provider = self.provider(tencent);
        if provider != SmsProvider::Tencent {
            tencent.check_unused()?;
        }

        match provider {
            SmsProvider::Console => Ok(SmsConfig::Console),
            SmsProvider::Tencent => Ok(SmsConfig::Tencent(Box::new(tencent.sms(allowed)?))),
        }
    }

    /// Returns `SMS_PROVIDER`. If it is not set, returns the provider whose API key is set, or else the console.
    fn provider(&self, tencent: &TencentSettings) -> SmsProvider {
        match self.sms_provider {
            Some(provider) => provider,
            None if tencent.tencentcloud_secret_id.is_some() => SmsProvider::Tencent,
            None => SmsProvider::Console,
        }
    }
}
