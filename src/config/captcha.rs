//! Whether the captcha's settings fit together.

use super::{ConfigError, GuardModeSetting, Settings};
use crate::captcha::tencent::TencentCaptchaConfig;
use crate::captcha::{CaptchaMode, CaptchaPolicy};
use crate::tencent::tc3::Credentials;

/// Who has to solve a captcha, and who verifies it.
#[derive(Debug, Clone)]
pub enum CaptchaConfig {
    /// Nobody has to.
    Off,
    /// Tencent Captcha verifies it.
    Tencent {
        /// Who has to.
        policy: CaptchaPolicy,
        /// Where, and as whom, to verify.
        verifier: Box<TencentCaptchaConfig>,
    },
}

/// Captcha is off where `CAPTCHA=off` says so, whatever else of it is set: that is how it is turned off for a while. The
/// guard that asks for it has to be told too, for it would let everybody past. Where
/// `CAPTCHA` is not set, an id or a key without it is a mistake: it would look protected and not be.
pub(super) fn read(settings: &Settings) -> Result<CaptchaConfig, ConfigError> {
    let captcha = &settings.captcha;
    let guard_asks = settings.guard_mode == GuardModeSetting::Challenge;
    if guard_asks && matches!(captcha.mode, None | Some(CaptchaMode::Off)) {
        return Err(ConfigError::new("GUARD_MODE", "challenge needs a captcha: set CAPTCHA=challenge"));
    }
    if captcha.mode == Some(CaptchaMode::Challenge) && !guard_asks {
        return Err(ConfigError::new("CAPTCHA", "challenge needs GUARD_MODE=challenge, which says who is asked"));
    }
    let mode = match captcha.mode {
        Some(CaptchaMode::Off) => return Ok(CaptchaConfig::Off),
        Some(mode @ (CaptchaMode::Always | CaptchaMode::Challenge)) => mode,
        None => {
            let set = [
                ("TENCENT_CAPTCHA_APP_ID", captcha.app_id.is_some()),
                ("TENCENT_CAPTCHA_APP_SECRET_KEY", captcha.app_secret_key.is_some()),
            ];
            let reason = "set, but CAPTCHA is not: set it to always, challenge or off";
            return match set.into_iter().find(|(_, set)| *set) {
                Some((name, _)) => Err(ConfigError::new(name, reason)),
                None => Ok(CaptchaConfig::Off),
            };
        }
    };
    let need = |name: &str| ConfigError::new(name, "needed, since CAPTCHA is on");
    let app_id = captcha.app_id.ok_or_else(|| need("TENCENT_CAPTCHA_APP_ID"))?;
    let app_secret_key = captcha.app_secret_key.as_ref().ok_or_else(|| need("TENCENT_CAPTCHA_APP_SECRET_KEY"))?;
    let secret_id = settings.tencent.secret_id.as_ref().ok_or_else(|| need("TENCENTCLOUD_SECRET_ID"))?;
    let secret_key = settings.tencent.secret_key.as_ref().ok_or_else(|| need("TENCENTCLOUD_SECRET_KEY"))?;
    let credentials = Credentials::new(secret_id.expose(), secret_key.expose());
    let verifier = TencentCaptchaConfig::new(credentials, app_id, app_secret_key.expose(), captcha.endpoint.clone());
    let policy = CaptchaPolicy { mode, app_id, on_outage: captcha.on_outage };
    Ok(CaptchaConfig::Tencent { policy, verifier: Box::new(verifier) })
}
