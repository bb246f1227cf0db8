//! Settings that choose who sends the SMS.

use clap::{ArgAction, Args, ValueEnum};

use super::ConfigError;
use super::phones::Regions;
use super::tencent::TencentSettings;
use crate::sms::tencent::TencentSmsConfig;

/// Settings that choose who sends the SMS.
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
    /// Returns whether messages are sent to phones. Otherwise they are only printed to the terminal of this machine.
    pub(crate) const fn leaves_this_machine(&self) -> bool {
        match self {
            Self::Console => false,
            Self::Tencent(_) => true,
        }
    }
}

impl SmsSettings {
    pub(super) fn config(&self, tencent: &TencentSettings, allowed: &Regions) -> Result<SmsConfig, ConfigError> {
        let Some(secret_id) = &tencent.tencentcloud_secret_id else {
            if self.sms_provider == Some(SmsProvider::Tencent) {
                return Err(ConfigError::new("TENCENTCLOUD_SECRET_ID", "needed with SMS_PROVIDER=tencent"));
            }
            return match tencent.any_set() {
                Some(name) => Err(ConfigError::new(name, "set, but TENCENTCLOUD_SECRET_ID is not")),
                None => Ok(SmsConfig::Console),
            };
        };

        if self.sms_provider == Some(SmsProvider::Console) {
            return Ok(SmsConfig::Console);
        }
        Ok(SmsConfig::Tencent(Box::new(tencent.sms(secret_id, allowed)?)))
    }
}
