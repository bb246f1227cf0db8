//! Settings that choose the SMS provider, unless the settings file has message routes.
//!
//! The provider is chosen first, and only then are its settings checked. Settings of a provider that is not chosen are
//! refused if its API key is missing: the operator would believe that the server sends SMS.

use clap::{ArgAction, Args, ValueEnum};

use super::ConfigError;
use super::phones::Regions;
use super::routes::{self, ProviderConfig, RouteConfig};
use super::table::Table;
use super::tencent::TencentSettings;

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

/// The senders of SMS with their settings.
#[derive(Debug, Clone)]
pub struct SmsConfig {
    /// The routes of messages, in the order of preference.
    pub routes: Vec<RouteConfig>,
}

impl SmsConfig {
    /// Returns whether messages are sent to phones. Otherwise they are only printed to the terminal.
    pub(crate) fn sends_to_phones(&self) -> bool {
        self.routes.iter().any(|route| !matches!(route.provider, ProviderConfig::Console))
    }

    /// Returns whether messages can be printed to the terminal.
    pub(super) fn prints(&self) -> bool {
        self.routes.iter().any(|route| matches!(route.provider, ProviderConfig::Console))
    }
}

impl SmsSettings {
    /// Returns the routes of the settings file. If it has no routes, chooses the provider, and returns it as the only
    /// route.
    pub(super) fn config(
        &self,
        tencent: &TencentSettings,
        allowed: &Regions,
        routes: &[Table],
    ) -> Result<SmsConfig, ConfigError> {
        if !routes.is_empty() {
            return self.routes(tencent, allowed, routes);
        }

        let provider = self.provider(tencent);
        if provider != SmsProvider::Tencent {
            tencent.check_unused()?;
        }
        let only = match provider {
            SmsProvider::Console => RouteConfig::only("console", ProviderConfig::Console),
            SmsProvider::Tencent => {
                RouteConfig::only("tencent", ProviderConfig::Tencent(Box::new(tencent.sms(allowed)?)))
            }
        };
        Ok(SmsConfig { routes: vec![only] })
    }

    fn routes(&self, tencent: &TencentSettings, allowed: &Regions, routes: &[Table]) -> Result<SmsConfig, ConfigError> {
        if self.sms_provider.is_some() {
            return Err(ConfigError::new("SMS_PROVIDER", "set, but the settings file has routes: each has a provider"));
        }
        tencent.check_no_short_form()?;
        tencent.check_unused()?;
        Ok(SmsConfig { routes: routes::read(routes, tencent, allowed)? })
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
