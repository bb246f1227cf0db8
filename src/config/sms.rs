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
use crate::channel::Channel;

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
    /// Whether the settings file has no routes, so that the provider alone decides.
    pub is_short_form: bool,
}

impl SmsConfig {
    /// Returns whether messages are sent to phones. Otherwise they are only printed to the terminal.
    pub(crate) fn sends_to_phones(&self) -> bool {
        self.routes.iter().any(|route| !matches!(route.provider, ProviderConfig::Console))
    }

    /// Returns whether codes can be spoken in a call.
    pub(crate) fn calls(&self) -> bool {
        self.routes.iter().any(|route| route.scope.channel == Channel::Voice)
    }

    /// Returns whether messages can be printed to the terminal.
    pub(crate) fn prints(&self) -> bool {
        self.routes.iter().any(|route| matches!(route.provider, ProviderConfig::Console))
    }
}

impl SmsSettings {
    /// Returns the routes of the settings file. If it has no routes, chooses the provider, and returns its routes.
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
        let routes = match provider {
            SmsProvider::Console => {
                let route = |name, channel| RouteConfig::for_all(name, channel, ProviderConfig::Console);
                vec![route("console", Channel::Sms), route("console-voice", Channel::Voice)]
            }
            SmsProvider::Tencent => {
                let provider = ProviderConfig::Tencent(Box::new(tencent.sms(allowed)?));
                vec![RouteConfig::for_all("tencent", Channel::Sms, provider)]
            }
        };
        Ok(SmsConfig { routes, is_short_form: true })
    }

    fn routes(&self, tencent: &TencentSettings, allowed: &Regions, routes: &[Table]) -> Result<SmsConfig, ConfigError> {
        if self.sms_provider.is_some() {
            return Err(ConfigError::new("SMS_PROVIDER", "set, but the settings file has routes: each has a provider"));
        }
        tencent.check_no_short_form()?;
        tencent.check_unused()?;
        Ok(SmsConfig { routes: routes::read(routes, tencent, allowed)?, is_short_form: false })
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
