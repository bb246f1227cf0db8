//! The providers of the settings: the message routes with their senders, and the captcha.

use std::sync::Arc;

use super::StartError;
use crate::captcha::disabled::DisabledCaptcha;
use crate::captcha::tencent::TencentCaptcha;
use crate::captcha::{Captcha, CaptchaVerifier};
use crate::clock::Clock;
use crate::config::{CaptchaConfig, ConfigError, ProviderConfig, SmsConfig};
use crate::sms::MessageSender;
use crate::sms::console::ConsoleSms;
use crate::sms::inbox::Inbox;
use crate::sms::routes::{Route, Routes};
use crate::sms::tencent::TencentSms;
use crate::sms::tencent::voice::TencentVoice;
use crate::sms::webhook::WebhookSms;

/// Creates the message routes of the settings. A route that prints messages also adds them to `inbox`.
///
/// # Errors
/// If a setting cannot be used.
pub fn sms_routes(
    config: &SmsConfig,
    inbox: Option<&Arc<Inbox>>,
    clock: &Arc<dyn Clock>,
) -> Result<Routes, StartError> {
    let mut routes = Vec::new();
    for route in &config.routes {
        let sender: Arc<dyn MessageSender> = match &route.provider {
            ProviderConfig::Console => Arc::new(ConsoleSms::new(inbox.cloned())),
            ProviderConfig::Tencent(config) => {
                let sender = TencentSms::new(config.as_ref().clone(), Arc::clone(clock));
                Arc::new(sender.map_err(|error| ConfigError::new("TENCENT_SMS_ENDPOINT", error))?)
            }
            ProviderConfig::TencentVoice(config) => {
                let sender = TencentVoice::new(config.as_ref().clone(), Arc::clone(clock));
                Arc::new(sender.map_err(|error| ConfigError::new("TENCENT_VMS_ENDPOINT", error))?)
            }
            ProviderConfig::Webhook(config) => {
                let sender = WebhookSms::new(config.as_ref().clone(), Arc::clone(clock));
                let refused = |error| ConfigError::new(format!("route {:?}", route.name), error);
                Arc::new(sender.map_err(refused)?)
            }
        };
        routes.push(
            Route::new(route.name.clone(), route.scope.clone(), sender)
                .with_price(route.price)
                .in_group(route.group.clone()),
        );
    }
    Ok(Routes::new(routes, Arc::clone(clock)))
}

pub(super) fn captcha(config: &CaptchaConfig, clock: &Arc<dyn Clock>) -> Result<Captcha, StartError> {
    match config {
        CaptchaConfig::Off => Ok(Captcha::off()),
        CaptchaConfig::Tencent { policy, .. } => Ok(Captcha::new(captcha_verifier(config, clock)?, *policy)),
    }
}

/// Creates the captcha verifier that the settings name.
///
/// # Errors
/// If a setting cannot be used.
pub fn captcha_verifier(
    config: &CaptchaConfig,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn CaptchaVerifier>, StartError> {
    match config {
        CaptchaConfig::Off => Ok(Arc::new(DisabledCaptcha)),
        CaptchaConfig::Tencent { verifier, .. } => {
            let verifier = TencentCaptcha::new(verifier.as_ref().clone(), Arc::clone(clock));
            Ok(Arc::new(verifier.map_err(|error| ConfigError::new("TENCENT_CAPTCHA_ENDPOINT", error))?))
        }
    }
}
