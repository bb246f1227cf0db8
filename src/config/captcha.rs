//! Settings of the captcha.

use clap::{Args, ValueEnum};
use url::Url;

use super::guard::GuardModeSetting;
use super::tencent::TencentSettings;
use super::{ConfigError, Secret};
use crate::captcha::tencent::{AppType, TencentCaptchaConfig};
use crate::captcha::{CaptchaMode, CaptchaPolicy, OnOutage};
use crate::tencent::tc3::Credentials;

/// Settings of the captcha.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Captcha")]
pub struct CaptchaSettings {
    /// When a request for a code needs a captcha [default: off]
    #[arg(long, value_name = "WHEN")]
    pub captcha: Option<CaptchaModeSetting>,
    /// Id of the Tencent Captcha application
    #[arg(long, value_name = "ID", value_parser = app_id)]
    pub tencent_captcha_app_id: Option<u64>,
    /// Secret key of the Tencent Captcha application
    #[arg(long, value_name = "KEY")]
    pub tencent_captcha_app_secret_key: Option<Secret>,
    /// Where the Tencent Captcha application runs
    #[arg(long, value_name = "TYPE", default_value = "web")]
    pub tencent_captcha_app_type: CaptchaAppTypeSetting,
    /// URL of Tencent Captcha
    #[arg(long, value_name = "URL", default_value = "https://captcha.tencentcloudapi.com")]
    pub tencent_captcha_endpoint: Url,
    /// What happens to a request for a code while Tencent Captcha is down
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    pub captcha_outage: OnOutageSetting,
}

/// When a request for a code needs a captcha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CaptchaModeSetting {
    /// Never
    Off,
    /// For every request
    Always,
    /// For a request that the client address's limits would refuse, or that GUARD_MODE=challenge suspects
    Challenge,
}

/// Where the Tencent Captcha application runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CaptchaAppTypeSetting {
    /// On web pages and in apps
    Web,
    /// In mini-programs, whose captcha has no randstr
    Mini,
}

impl From<CaptchaAppTypeSetting> for AppType {
    fn from(setting: CaptchaAppTypeSetting) -> Self {
        match setting {
            CaptchaAppTypeSetting::Web => Self::Web,
            CaptchaAppTypeSetting::Mini => Self::Mini,
        }
    }
}

/// What happens to a request for a code while Tencent Captcha is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnOutageSetting {
    /// Refuse it
    Refuse,
    /// Send the code; a client that only pretends that Tencent Captcha is down gets one, too
    Allow,
}

impl From<OnOutageSetting> for OnOutage {
    fn from(setting: OnOutageSetting) -> Self {
        match setting {
            OnOutageSetting::Refuse => Self::Refuse,
            OnOutageSetting::Allow => Self::Allow,
        }
    }
}

/// Which requests need a captcha, and how it is verified.
#[derive(Debug, Clone)]
pub enum CaptchaConfig {
    /// No request needs a captcha.
    Off,
    /// Tencent Captcha verifies it.
    Tencent {
        /// Which requests need a captcha.
        policy: CaptchaPolicy,
        /// The service that verifies it, and the credentials for it.
        verifier: Box<TencentCaptchaConfig>,
    },
}

impl CaptchaConfig {
    /// Returns whether some requests need a captcha.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::Tencent { .. })
    }
}

impl CaptchaSettings {
    /// Checks that the captcha, the guard and Tencent Cloud's settings fit together.
    ///
    /// With `CAPTCHA=off`, other captcha settings may stay: an operator can turn the captcha off for a while. If `CAPTCHA`
    /// is not set, an id or a key is refused, because the operator would believe that the server is protected.
    pub(super) fn config(
        &self,
        guard: GuardModeSetting,
        tencent: &TencentSettings,
    ) -> Result<CaptchaConfig, ConfigError> {
        self.check_guard(guard)?;
        let mode = match self.captcha {
            Some(CaptchaModeSetting::Off) => return Ok(CaptchaConfig::Off),
            Some(CaptchaModeSetting::Always) => CaptchaMode::Always,
            Some(CaptchaModeSetting::Challenge) => CaptchaMode::Challenge,
            None => return self.unset(),
        };

        let app_id = needed("TENCENT_CAPTCHA_APP_ID", self.tencent_captcha_app_id)?;
        let app_secret_key =
            needed("TENCENT_CAPTCHA_APP_SECRET_KEY", self.tencent_captcha_app_secret_key.as_ref())?.expose();
        let secret_id = needed("TENCENTCLOUD_SECRET_ID", tencent.tencentcloud_secret_id.as_ref())?;
        let secret_key = needed("TENCENTCLOUD_SECRET_KEY", tencent.tencentcloud_secret_key.as_ref())?;

        let credentials = Credentials::new(secret_id.expose(), secret_key.expose());
        let endpoint = self.tencent_captcha_endpoint.clone();
        let app_type = AppType::from(self.tencent_captcha_app_type);
        let verifier = TencentCaptchaConfig {
            app_type,
            ..TencentCaptchaConfig::new(credentials, app_id, app_secret_key, endpoint)
        };
        let needs_randstr = app_type == AppType::Web;
        let policy = CaptchaPolicy { mode, app_id, needs_randstr, on_outage: self.captcha_outage.into() };
        Ok(CaptchaConfig::Tencent { policy, verifier: Box::new(verifier) })
    }

    /// Without a captcha, a guard that asks for one would let every suspect request pass.
    fn check_guard(&self, guard: GuardModeSetting) -> Result<(), ConfigError> {
        let guard_asks = guard == GuardModeSetting::Challenge;
        if guard_asks && matches!(self.captcha, None | Some(CaptchaModeSetting::Off)) {
            return Err(ConfigError::new("GUARD_MODE", "challenge needs a captcha: set CAPTCHA=challenge"));
        }
        Ok(())
    }

    fn unset(&self) -> Result<CaptchaConfig, ConfigError> {
        let set = [
            ("TENCENT_CAPTCHA_APP_ID", self.tencent_captcha_app_id.is_some()),
            ("TENCENT_CAPTCHA_APP_SECRET_KEY", self.tencent_captcha_app_secret_key.is_some()),
        ];
        let reason = "set, but CAPTCHA is not: set it to always, challenge or off";
        match set.into_iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) => Err(ConfigError::new(name, reason)),
            None => Ok(CaptchaConfig::Off),
        }
    }
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::new(name, "needed, since CAPTCHA is on"))
}

/// Parses the id of a captcha application. clap's own parser would not say what an id looks like.
fn app_id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "not a number such as 190000000".to_owned())
}
