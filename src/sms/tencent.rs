//! Sending codes by Tencent Cloud SMS: SendSms, version 2021-01-11.
//!
//! Owns what is asked; `tencent::api` owns the call, `outcome` what the answer means. A sent code is good for one phone,
//! so one call never carries more than one. Phone and code go into the request alone, never into an error.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{CodeMessage, SendError, SendOutcome, SmsSender};
use crate::clock::Clock;
use crate::purpose::Purpose;
use crate::tencent::Url;
use crate::tencent::api::{Api, ApiConfig, BuildError, CallError, Timeouts};
use crate::tencent::tc3::Credentials;

mod outcome;

/// What Tencent Cloud SMS has to be told.
#[derive(Debug, Clone)]
pub struct TencentSmsConfig {
    /// The API key.
    pub credentials: Credentials,
    /// The region of the SMS service, such as `ap-guangzhou`.
    pub region: String,
    /// The SMS application's id.
    pub sdk_app_id: String,
    /// The text of the approved signature. Mainland numbers need one.
    pub sign_name: Option<String>,
    /// Which template says what.
    pub templates: Templates,
    /// The parameters of every template, in order.
    pub template_params: Vec<TemplateParam>,
    /// The service's address; `https://sms.tencentcloudapi.com` outside tests.
    pub endpoint: Url,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// The ids of approved templates.
#[derive(Debug, Clone)]
pub struct Templates {
    /// For signing in, and for every purpose without its own.
    pub login: String,
    /// For changing the phone.
    pub change_phone: Option<String>,
    /// For deleting the account.
    pub delete_account: Option<String>,
    /// For showing another service that the phone is held.
    pub verify: Option<String>,
}

impl Templates {
    fn for_purpose(&self, purpose: Purpose) -> &str {
        let own = match purpose {
            Purpose::Login => None,
            Purpose::ChangePhone => self.change_phone.as_deref(),
            Purpose::DeleteAccount => self.delete_account.as_deref(),
            Purpose::Verify => self.verify.as_deref(),
        };
        own.unwrap_or(&self.login)
    }
}

/// What fills one place of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateParam {
    /// The code.
    Code,
    /// For how many minutes it is good.
    Minutes,
}

impl TemplateParam {
    /// Reads a setting's word: `code` or `minutes`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "code" => Some(Self::Code),
            "minutes" => Some(Self::Minutes),
            _ => None,
        }
    }

    fn fill(self, message: &CodeMessage<'_>) -> String {
        match self {
            Self::Code => message.code.expose_digits().to_owned(),
            Self::Minutes => whole_minutes(message.valid_for).to_string(),
        }
    }
}

/// Sends codes by Tencent Cloud SMS.
pub struct TencentSms {
    api: Api,
    sdk_app_id: String,
    sign_name: Option<String>,
    templates: Templates,
    template_params: Vec<TemplateParam>,
}

impl TencentSms {
    /// Sets up the sender. Nothing is connected yet.
    ///
    /// # Errors
    /// `BuildError` where a setting cannot be used.
    pub fn new(config: TencentSmsConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let api = Api::new(
            ApiConfig {
                service: "sms",
                version: "2021-01-11",
                endpoint: config.endpoint,
                credentials: config.credentials,
                region: Some(config.region),
                timeouts: config.timeouts,
            },
            clock,
        )?;
        Ok(Self {
            api,
            sdk_app_id: config.sdk_app_id,
            sign_name: config.sign_name,
            templates: config.templates,
            template_params: config.template_params,
        })
    }

    /// Asks the service whether it takes the key, by a call for no phone, which sends nothing.
    ///
    /// # Errors
    /// If the key is not taken, or the service cannot be reached.
    pub async fn check(&self) -> Result<(), SendError> {
        let payload = json!({
            "PhoneNumberSet": [],
            "SmsSdkAppId": self.sdk_app_id,
            "TemplateId": self.templates.login,
        });
        let answer = self.api.call("SendSms", &payload.to_string()).await?;
        match outcome::read(&answer) {
            // It looked at the parameters, so it took the signature.
            Ok(SendOutcome::InvalidPhone) => Ok(()),
            Err(SendError::Failed { code, .. }) if code.contains("Parameter") => Ok(()),
            Ok(_) => Err(SendError::Failed { code: "an answer to no question".to_owned(), request_id: String::new() }),
            Err(error) => Err(error),
        }
    }

    fn payload(&self, message: &CodeMessage<'_>) -> String {
        let params: Vec<String> = self.template_params.iter().map(|param| param.fill(message)).collect();
        let mut payload = json!({
            "PhoneNumberSet": [message.phone.e164()],
            "SmsSdkAppId": self.sdk_app_id,
            "TemplateId": self.templates.for_purpose(message.purpose),
            "TemplateParamSet": params,
        });
        if let Some(sign_name) = &self.sign_name {
            payload["SignName"] = json!(sign_name);
        }
        payload.to_string()
    }
}

#[async_trait]
impl SmsSender for TencentSms {
    fn name(&self) -> &'static str {
        "tencent"
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let answer = self.api.call("SendSms", &self.payload(message)).await?;
        outcome::read(&answer)
    }
}

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(source) => Self::Unreachable(source),
            CallError::TimedOut(_) | CallError::Broken(_) | CallError::TooLarge => Self::Ambiguous(error.into()),
        }
    }
}

/// Rounded up, and never 0: the SMS must not say less than a minute, nor have a parameter that is not digits.
fn whole_minutes(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    seconds.div_ceil(60).max(1)
}
