//! The sender for Tencent Cloud's voice service: the action SendCodeVoice, version 2020-09-02.
//!
//! A voice reads the code aloud, in Chinese, after a fixed sentence: there is no template. The service calls numbers in mainland
//! China only.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use url::Url;

use super::outcome;
use crate::clock::Clock;
use crate::outbound::Timeouts;
use crate::sms::{CodeMessage, MessageSender, SendError, SendOutcome};
use crate::tencent::api::{Api, ApiConfig, BuildError};
use crate::tencent::tc3::Credentials;

/// The settings of the sender.
#[derive(Debug, Clone)]
pub struct TencentVoiceConfig {
    /// The API key.
    pub credentials: Credentials,
    /// The region of the service, such as `ap-guangzhou`.
    pub region: String,
    /// The voice application's id.
    pub sdk_app_id: String,
    /// How often the voice says the code, from 1 to 3. Tencent Cloud's default is 2.
    pub play_times: Option<u8>,
    /// The service's address: `https://vms.tencentcloudapi.com`, except in tests.
    pub endpoint: Url,
    /// How long a call of the API may take.
    pub timeouts: Timeouts,
}

/// Calls phones and says the code, with Tencent Cloud's voice service.
pub struct TencentVoice {
    api: Api,
    sdk_app_id: String,
    play_times: Option<u8>,
}

impl TencentVoice {
    /// Creates a sender. It connects at the first call.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(config: TencentVoiceConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let api = ApiConfig {
            service: "vms",
            version: "2020-09-02",
            endpoint: config.endpoint,
            credentials: config.credentials,
            region: Some(config.region),
            timeouts: config.timeouts,
        };
        let api = Api::new(api, clock)?;
        Ok(Self { api, sdk_app_id: config.sdk_app_id, play_times: config.play_times })
    }

    fn payload(&self, code: &str, phone: &str) -> String {
        let mut payload = json!({ "CodeMessage": code, "CalledNumber": phone, "VoiceSdkAppid": self.sdk_app_id });
        if let Some(play_times) = self.play_times {
            payload["PlayTimes"] = json!(play_times);
        }
        payload.to_string()
    }
}

#[async_trait]
impl MessageSender for TencentVoice {
    fn name(&self) -> &'static str {
        "tencent-voice"
    }

    /// Calls SendCodeVoice without a number. The service checks the signature before the parameters, so a complaint about a
    /// parameter proves that it accepts the key.
    async fn check(&self) -> Result<(), SendError> {
        let answer = self.api.call("SendCodeVoice", &self.payload("0", "")).await?;
        match outcome::of_call(&answer) {
            Ok(SendOutcome::InvalidPhone) => Ok(()),
            Err(SendError::Failed { code, .. }) if code.contains("Parameter") => Ok(()),
            Ok(_) => Err(SendError::Failed { code: "an unexpected answer".to_owned(), request_id: String::new() }),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let payload = self.payload(message.code.expose_digits(), message.phone.e164());
        outcome::of_call(&self.api.call("SendCodeVoice", &payload).await?)
    }
}
