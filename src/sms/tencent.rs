//! The sender for Tencent Cloud SMS: the actions SendSms and ReportConversion, version 2021-01-11.
//!
//! Owns the content of requests; `tencent::api` makes the call, and `outcome` interprets the answer. Each call has
//! exactly one phone number, because each code is for one phone. Phone number and code are only ever in the request,
//! never in an error.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::{CodeMessage, MessageSender, Notice, NoticeKind, SendError, SendOutcome};
use crate::clock::Clock;
use crate::outbound::Timeouts;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::tencent::api::{Api, ApiConfig, BuildError};
use crate::tencent::tc3::Credentials;

mod outcome;
mod templates;
pub mod voice;

pub use templates::{LocalizedTemplate, Templates};

/// The settings of the sender.
#[derive(Debug, Clone)]
pub struct TencentSmsConfig {
    /// The API key.
    pub credentials: Credentials,
    /// The region of the SMS service, such as `ap-guangzhou`.
    pub region: String,
    /// The SMS application's id.
    pub sdk_app_id: String,
    /// The text of the approved signature, required for numbers in mainland China.
    pub sign_name: Option<String>,
    /// The template for each purpose and language.
    pub templates: Templates,
    /// The parameters of every template, in order.
    pub template_params: Vec<TemplateParam>,
    /// The template of each notice. It has no parameters. A notice without a template is not sent.
    pub notices: HashMap<NoticeKind, LocalizedTemplate>,
    /// Whether Tencent Cloud learns which codes were used.
    pub report_conversion: bool,
    /// The service's address: `https://sms.tencentcloudapi.com`, except in tests.
    pub endpoint: Url,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// A parameter of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateParam {
    /// The code.
    Code,
    /// The number of minutes until the code expires.
    Minutes,
    /// The hash of an Android app; empty if the client sent no hash.
    AppHash,
    /// What the user confirms: only in messages for VERIFY, and empty if the client sent no reference.
    Reference,
}

impl TemplateParam {
    /// Parses a word of the setting: `code`, `minutes`, `app_hash` or `reference`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "code" => Some(Self::Code),
            "minutes" => Some(Self::Minutes),
            "app_hash" => Some(Self::AppHash),
            "reference" => Some(Self::Reference),
            _ => None,
        }
    }

    /// The value in a message, or `None` if the message's template does not have this parameter.
    fn value(self, message: &CodeMessage<'_>) -> Option<String> {
        match self {
            Self::Code => Some(message.code.expose_digits().to_owned()),
            Self::Minutes => Some(whole_minutes(message.valid_for).to_string()),
            Self::AppHash => Some(message.app_hash.unwrap_or_default().to_owned()),
            Self::Reference if message.purpose == Purpose::Verify => {
                Some(message.reference.unwrap_or_default().to_owned())
            }
            Self::Reference => None,
        }
    }
}

/// Sends codes with Tencent Cloud SMS.
pub struct TencentSms {
    api: Api,
    sdk_app_id: String,
    sign_name: Option<String>,
    templates: Templates,
    template_params: Vec<TemplateParam>,
    notices: HashMap<NoticeKind, LocalizedTemplate>,
    report_conversion: bool,
}

impl TencentSms {
    /// Creates a sender. It connects at the first call.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(config: TencentSmsConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let api = ApiConfig {
            service: "sms",
            version: "2021-01-11",
            endpoint: config.endpoint,
            credentials: config.credentials,
            region: Some(config.region),
            timeouts: config.timeouts,
        };
        Ok(Self {
            api: Api::new(api, clock)?,
            sdk_app_id: config.sdk_app_id,
            sign_name: config.sign_name,
            templates: config.templates,
            template_params: config.template_params,
            notices: config.notices,
            report_conversion: config.report_conversion,
        })
    }

    async fn send_sms(&self, phone: &PhoneNumber, template: &str, params: &[String]) -> Result<SendOutcome, SendError> {
        let mut payload = json!({
            "PhoneNumberSet": [phone.e164()],
            "SmsSdkAppId": self.sdk_app_id,
            "TemplateId": template,
            "TemplateParamSet": params,
        });
        if let Some(sign_name) = &self.sign_name {
            payload["SignName"] = json!(sign_name);
        }
        outcome::of_sms(&self.api.call("SendSms", &payload.to_string()).await?)
    }
}

#[async_trait]
impl MessageSender for TencentSms {
    fn name(&self) -> &'static str {
        "tencent"
    }

    /// Calls SendSms with an empty list of phone numbers. The service checks the signature before the parameters, so
    /// a complaint about a parameter proves that it accepts the key.
    async fn check(&self) -> Result<(), SendError> {
        let payload = json!({
            "PhoneNumberSet": [],
            "SmsSdkAppId": self.sdk_app_id,
            "TemplateId": self.templates.default.default,
        });
        let answer = self.api.call("SendSms", &payload.to_string()).await?;

        match outcome::of_sms(&answer) {
            Ok(SendOutcome::InvalidPhone) => Ok(()),
            Err(SendError::Failed { code, .. }) if code.contains("Parameter") => Ok(()),
            Ok(_) => Err(SendError::Failed { code: "an unexpected answer".to_owned(), request_id: String::new() }),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let template = self.templates.find(message.purpose, message.locale);
        let params: Vec<String> = self.template_params.iter().filter_map(|param| param.value(message)).collect();
        self.send_sms(message.phone, template, &params).await
    }

    fn sends_notices(&self, kind: NoticeKind) -> bool {
        self.notices.contains_key(&kind)
    }

    async fn notify(&self, notice: &Notice<'_>) -> Result<SendOutcome, SendError> {
        let Some(template) = self.notices.get(&notice.kind) else {
            return Err(SendError::Unreachable("the route has no template for this notice".into()));
        };
        self.send_sms(notice.phone, template.find(notice.locale), &[]).await
    }

    /// Calls ReportConversion. Tencent Cloud admits accounts to it one by one, and refuses the others.
    async fn report_used(&self, serial: &str, at: Timestamp) -> Result<(), SendError> {
        if !self.report_conversion {
            return Ok(());
        }
        let payload = json!({
            "SmsSdkAppId": self.sdk_app_id,
            "SerialNo": serial,
            "ConversionTime": at.as_second(),
        });
        outcome::of_report(&self.api.call("ReportConversion", &payload.to_string()).await?)
    }
}

/// Rounds up to at least 1: a template's parameter has digits only, so "less than a minute" cannot be sent.
fn whole_minutes(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    seconds.div_ceil(60).max(1)
}
