//! Settings of Tencent Cloud: the API key, and the SMS application with its templates.

use std::collections::HashMap;

use clap::{ArgAction, Args};
use url::Url;

use super::phones::Regions;
use super::{ConfigError, Secret};
use crate::outbound::Timeouts;
use crate::purpose::Purpose;
use crate::sms::NoticeKind;
use crate::sms::tencent::voice::TencentVoiceConfig;
use crate::sms::tencent::{LocalizedTemplate, TemplateParam, Templates, TencentSmsConfig};
use crate::tencent::tc3::Credentials;

const DEFAULT_REGION: &str = "ap-guangzhou";
const SMS_ENDPOINT: &str = "https://sms.tencentcloudapi.com";
const VOICE_ENDPOINT: &str = "https://vms.tencentcloudapi.com";

/// Settings of Tencent Cloud.
///
/// Even a setting with a default is an `Option`, so that the server can refuse a setting without the API key.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tencent Cloud")]
pub struct TencentSettings {
    /// Id of the API key; turns on SMS by Tencent Cloud
    #[arg(long, value_name = "ID")]
    pub tencentcloud_secret_id: Option<Secret>,
    /// API key
    #[arg(long, value_name = "KEY")]
    pub tencentcloud_secret_key: Option<Secret>,
    /// Region of the SMS service [default: ap-guangzhou]
    #[arg(long, value_name = "REGION")]
    pub tencentcloud_region: Option<String>,
    /// Id of the SMS application
    #[arg(long, value_name = "ID")]
    pub tencent_sms_sdk_app_id: Option<String>,
    /// Text of the approved signature; needed for numbers in mainland China
    #[arg(long, value_name = "TEXT")]
    pub tencent_sms_sign_name: Option<String>,
    /// Id of the template
    #[arg(long, value_name = "ID")]
    pub tencent_sms_template_id: Option<String>,
    /// Id of the template for CHANGE_PHONE [default: TENCENT_SMS_TEMPLATE_ID]
    #[arg(long, value_name = "ID")]
    pub tencent_sms_template_id_change_phone: Option<String>,
    /// Id of the template for DELETE_ACCOUNT [default: TENCENT_SMS_TEMPLATE_ID]
    #[arg(long, value_name = "ID")]
    pub tencent_sms_template_id_delete_account: Option<String>,
    /// Id of the template for VERIFY [default: TENCENT_SMS_TEMPLATE_ID]
    #[arg(long, value_name = "ID")]
    pub tencent_sms_template_id_verify: Option<String>,
    /// Id of the template for the notice PHONE_CHANGED to the old phone [default: no notice]
    #[arg(long, value_name = "ID")]
    pub tencent_sms_template_id_phone_changed: Option<String>,
    /// Whether Tencent Cloud learns which codes were used; it admits accounts to this one by one
    #[arg(long, default_value = "false", action = ArgAction::Set)]
    pub tencent_sms_report_conversion: bool,
    /// Parameters of the template, in its order: code, minutes, app_hash, reference; comma-separated
    /// [default: code,minutes]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = template_param)]
    pub tencent_sms_template_params: Vec<TemplateParam>,
    /// URL of the SMS service.
    #[arg(long, value_name = "URL", help = "URL of the SMS service [default: https://sms.tencentcloudapi.com]")]
    pub tencent_sms_endpoint: Option<Url>,
    /// URL of the voice service.
    #[arg(long, value_name = "URL", help = "URL of the voice service [default: https://vms.tencentcloudapi.com]")]
    pub tencent_vms_endpoint: Option<Url>,
}

/// The settings of a sender that a route has, besides those that all routes share.
pub(super) struct TencentRoute {
    pub(super) sdk_app_id: String,
    pub(super) sign_name: Option<String>,
    pub(super) templates: Templates,
    pub(super) template_params: Vec<TemplateParam>,
    pub(super) notices: HashMap<NoticeKind, LocalizedTemplate>,
    pub(super) report_conversion: bool,
}

/// The settings of a sender of calls that a route has, besides those that all routes share.
pub(super) struct VoiceRoute {
    pub(super) sdk_app_id: String,
    pub(super) play_times: Option<u8>,
}

impl TencentSettings {
    /// Refuses settings without the id of the API key: the operator would believe that the server sends SMS.
    pub(super) fn check_unused(&self) -> Result<(), ConfigError> {
        match self.any_set() {
            Some(name) if self.tencentcloud_secret_id.is_none() => {
                Err(ConfigError::new(name, "set, but TENCENTCLOUD_SECRET_ID is not"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the name of the first setting that is set, except `TENCENTCLOUD_SECRET_ID`.
    fn any_set(&self) -> Option<&'static str> {
        let shared = [
            ("TENCENTCLOUD_SECRET_KEY", self.tencentcloud_secret_key.is_some()),
            ("TENCENTCLOUD_REGION", self.tencentcloud_region.is_some()),
            ("TENCENT_SMS_ENDPOINT", self.tencent_sms_endpoint.is_some()),
            ("TENCENT_VMS_ENDPOINT", self.tencent_vms_endpoint.is_some()),
        ];
        shared.into_iter().chain(self.short_form()).find_map(|(name, is_set)| is_set.then_some(name))
    }

    /// Returns the settings of the only route, and whether each is set.
    fn short_form(&self) -> [(&'static str, bool); 9] {
        [
            ("TENCENT_SMS_TEMPLATE_PARAMS", !self.tencent_sms_template_params.is_empty()),
            ("TENCENT_SMS_SDK_APP_ID", self.tencent_sms_sdk_app_id.is_some()),
            ("TENCENT_SMS_SIGN_NAME", self.tencent_sms_sign_name.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID", self.tencent_sms_template_id.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_CHANGE_PHONE", self.tencent_sms_template_id_change_phone.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_DELETE_ACCOUNT", self.tencent_sms_template_id_delete_account.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_VERIFY", self.tencent_sms_template_id_verify.is_some()),
            ("TENCENT_SMS_TEMPLATE_ID_PHONE_CHANGED", self.tencent_sms_template_id_phone_changed.is_some()),
            ("TENCENT_SMS_REPORT_CONVERSION", self.tencent_sms_report_conversion),
        ]
    }

    /// Returns the checked settings of the SMS sender.
    pub(super) fn sms(&self, allowed: &Regions) -> Result<TencentSmsConfig, ConfigError> {
        let no_id = || ConfigError::new("TENCENTCLOUD_SECRET_ID", "needed with SMS_PROVIDER=tencent");
        let secret_id = self.tencentcloud_secret_id.as_ref().ok_or_else(no_id)?;
        let secret_key = needed("TENCENTCLOUD_SECRET_KEY", self.tencentcloud_secret_key.as_ref())?;
        if allowed.has("CN") && self.tencent_sms_sign_name.is_none() {
            return Err(ConfigError::new("TENCENT_SMS_SIGN_NAME", "needed for numbers in mainland China"));
        }

        let phone_changed = self.tencent_sms_template_id_phone_changed.as_ref();
        let notices = phone_changed.map(|id| (NoticeKind::PhoneChanged, LocalizedTemplate::new(id)));
        let route = TencentRoute {
            sdk_app_id: needed("TENCENT_SMS_SDK_APP_ID", self.tencent_sms_sdk_app_id.clone())?,
            sign_name: self.tencent_sms_sign_name.clone(),
            templates: self.templates()?,
            template_params: self.template_params(),
            notices: notices.into_iter().collect(),
            report_conversion: self.tencent_sms_report_conversion,
        };
        self.sender(Credentials::new(secret_id.expose(), secret_key.expose()), route)
    }

    /// Returns the checked settings of a sender for a route of the settings file. `None` without an API key.
    pub(super) fn route(&self, route: TencentRoute) -> Result<Option<TencentSmsConfig>, ConfigError> {
        self.credentials().map(|credentials| self.sender(credentials, route)).transpose()
    }

    /// Returns the checked settings of a sender of calls for a route of the settings file. `None` without an API key.
    pub(super) fn voice_route(&self, route: VoiceRoute) -> Result<Option<TencentVoiceConfig>, ConfigError> {
        let Some(credentials) = self.credentials() else {
            return Ok(None);
        };
        Ok(Some(TencentVoiceConfig {
            credentials,
            region: self.region(),
            sdk_app_id: route.sdk_app_id,
            play_times: route.play_times,
            endpoint: endpoint("TENCENT_VMS_ENDPOINT", self.tencent_vms_endpoint.as_ref(), VOICE_ENDPOINT)?,
            timeouts: Timeouts::default(),
        }))
    }

    fn credentials(&self) -> Option<Credentials> {
        let (id, key) = self.tencentcloud_secret_id.as_ref().zip(self.tencentcloud_secret_key.as_ref())?;
        Some(Credentials::new(id.expose(), key.expose()))
    }

    fn region(&self) -> String {
        self.tencentcloud_region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned())
    }

    /// Refuses the settings of the only route, because the settings file has routes with the same values.
    pub(super) fn check_no_short_form(&self) -> Result<(), ConfigError> {
        match self.short_form().into_iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) => Err(ConfigError::new(name, "set, but the settings file has routes: set it for a route")),
            None => Ok(()),
        }
    }

    fn sender(&self, credentials: Credentials, route: TencentRoute) -> Result<TencentSmsConfig, ConfigError> {
        Ok(TencentSmsConfig {
            credentials,
            region: self.region(),
            sdk_app_id: route.sdk_app_id,
            sign_name: route.sign_name,
            templates: route.templates,
            template_params: route.template_params,
            notices: route.notices,
            report_conversion: route.report_conversion,
            endpoint: endpoint("TENCENT_SMS_ENDPOINT", self.tencent_sms_endpoint.as_ref(), SMS_ENDPOINT)?,
            timeouts: Timeouts::default(),
        })
    }

    fn templates(&self) -> Result<Templates, ConfigError> {
        let default = needed("TENCENT_SMS_TEMPLATE_ID", self.tencent_sms_template_id.clone())?;
        let by_purpose = [
            (Purpose::ChangePhone, &self.tencent_sms_template_id_change_phone),
            (Purpose::DeleteAccount, &self.tencent_sms_template_id_delete_account),
            (Purpose::Verify, &self.tencent_sms_template_id_verify),
        ];
        let by_purpose = by_purpose.into_iter().filter_map(|(purpose, id)| Some((purpose, id.clone()?)));
        Ok(Templates::new(default, by_purpose))
    }

    fn template_params(&self) -> Vec<TemplateParam> {
        if self.tencent_sms_template_params.is_empty() {
            return vec![TemplateParam::Code, TemplateParam::Minutes];
        }
        self.tencent_sms_template_params.clone()
    }
}

fn endpoint(name: &str, set: Option<&Url>, default: &str) -> Result<Url, ConfigError> {
    match set {
        Some(endpoint) => Ok(endpoint.clone()),
        None => Url::parse(default).map_err(|error| ConfigError::new(name, error)),
    }
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::new(name, "needed, since TENCENTCLOUD_SECRET_ID is set"))
}

/// Parses one parameter of a template.
fn template_param(text: &str) -> Result<TemplateParam, String> {
    TemplateParam::parse(text.trim())
        .ok_or_else(|| "not a list of `code`, `minutes`, `app_hash` and `reference`".to_owned())
}
