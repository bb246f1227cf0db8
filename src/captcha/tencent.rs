//! The verifier for Tencent Captcha: the actions DescribeCaptchaResult (web pages and apps) and DescribeCaptchaMiniResult
//! (mini-programs), version 2019-07-22.
//!
//! Owns the content of requests and the meaning of answers; `tencent::api` makes the call. If the user can fix the
//! problem, the outcome is `Failed`; if Tencent Captcha refuses the account or does not answer, it is an outage. Codes
//! and request ids get into logs only after `plain`; tickets and keys never do.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{CaptchaAnswer, CaptchaOutcome, CaptchaVerifier, VerifierError};
use crate::clock::Clock;
use crate::outbound::{Answer, CallError, Timeouts};
use crate::tencent::api::{Api, ApiConfig, BuildError};
use crate::tencent::plain;
use crate::tencent::tc3::Credentials;

/// Shorter than for an SMS, because the same request sends the SMS afterwards.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(1), whole: Duration::from_secs(3) };

/// The only type in the API's documentation.
const CAPTCHA_TYPE: u32 = 9;

/// `CaptchaCode` for a ticket that passed.
const OK: i64 = 1;

/// `EvilLevel` for a ticket that passed. The documentation has 0 and 100; any level but 0 is rejected.
const HARMLESS: i64 = 0;

/// Values of `CaptchaCode` for tickets that are expired, reused, malformed, suspicious, invalid or for another random
/// string. An operator does not need to act on them.
const USUAL_FAILURES: [i64; 7] = [7, 8, 9, 10, 15, 21, 25];

/// Values of `CaptchaCode` of a mini-program's captcha for a failure of the service (26) and for an account without a paid
/// package (31): the user cannot fix these.
const MINI_OUTAGES: [i64; 2] = [26, 31];

/// Where the captcha application runs: each place has its own action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppType {
    /// On web pages and in apps. The result has a `ticket` and a `randstr`.
    Web,
    /// In mini-programs. The result has only a `ticket`.
    Mini,
}

/// The settings of the verifier.
#[derive(Clone)]
pub struct TencentCaptchaConfig {
    /// The API key.
    pub credentials: Credentials,
    /// The captcha application's id.
    pub app_id: u64,
    /// Where the captcha application runs.
    pub app_type: AppType,
    /// The captcha application's secret key.
    pub app_secret_key: String,
    /// The service's address: `https://captcha.tencentcloudapi.com`, except in tests.
    pub endpoint: Url,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

impl TencentCaptchaConfig {
    /// Creates settings for web pages, with the default time limits.
    #[must_use]
    pub fn new(credentials: Credentials, app_id: u64, app_secret_key: &str, endpoint: Url) -> Self {
        let app_secret_key = app_secret_key.to_owned();
        Self { credentials, app_id, app_type: AppType::Web, app_secret_key, endpoint, timeouts: TIMEOUTS }
    }
}

impl fmt::Debug for TencentCaptchaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TencentCaptchaConfig")
            .field("app_id", &self.app_id)
            .field("endpoint", &self.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

/// Tencent Captcha could not verify an answer.
#[derive(Debug, thiserror::Error)]
pub enum CaptchaOutage {
    /// The call failed.
    #[error("Tencent Captcha gave no answer")]
    Call(#[from] CallError),
    /// The service refuses the account or the settings, or it failed.
    #[error("Tencent Captcha refused: {code} (request {request_id})")]
    Refused {
        /// The provider's error code.
        code: String,
        /// The provider's request id.
        request_id: String,
    },
    /// The body is not an answer of this API.
    #[error("HTTP {0} with a body that is not an answer of Tencent Captcha")]
    NotUnderstood(u16),
}

/// Verifies answers with Tencent Captcha.
pub struct TencentCaptcha {
    api: Api,
    app_id: u64,
    app_type: AppType,
    app_secret_key: String,
}

impl TencentCaptcha {
    /// Creates a verifier. It connects at the first call.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(config: TencentCaptchaConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let api = ApiConfig {
            service: "captcha",
            version: "2019-07-22",
            endpoint: config.endpoint,
            credentials: config.credentials,
            region: None,
            timeouts: config.timeouts,
        };
        let TencentCaptchaConfig { app_id, app_type, app_secret_key, .. } = config;
        Ok(Self { api: Api::new(api, clock)?, app_id, app_type, app_secret_key })
    }

    async fn describe_result(&self, answer: &CaptchaAnswer, address: IpAddr) -> Result<Verdict, CaptchaOutage> {
        let mut payload = json!({
            "CaptchaType": CAPTCHA_TYPE,
            "Ticket": answer.ticket,
            "UserIp": address.to_string(),
            "CaptchaAppId": self.app_id,
            "AppSecretKey": self.app_secret_key,
        });
        let action = match self.app_type {
            AppType::Web => {
                payload["Randstr"] = json!(answer.randstr);
                "DescribeCaptchaResult"
            }
            AppType::Mini => "DescribeCaptchaMiniResult",
        };

        let verdict = parse(&self.api.call(action, &payload.to_string()).await?)?;
        if self.app_type == AppType::Mini && MINI_OUTAGES.contains(&verdict.code) {
            let code = format!("CaptchaCode {}", verdict.code);
            return Err(CaptchaOutage::Refused { code, request_id: verdict.request_id });
        }
        Ok(verdict)
    }
}

#[async_trait]
impl CaptchaVerifier for TencentCaptcha {
    /// Asks the service about an invalid ticket: its answer proves that it accepts the key.
    async fn check(&self) -> Result<(), VerifierError> {
        let answer = CaptchaAnswer { ticket: "check".to_owned(), randstr: Some("check".to_owned()) };
        self.describe_result(&answer, IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        Ok(())
    }

    async fn verify(&self, answer: &CaptchaAnswer, address: IpAddr) -> CaptchaOutcome {
        match self.describe_result(answer, address).await {
            Ok(Verdict { code: OK, evil_level: HARMLESS, .. }) => CaptchaOutcome::Passed,
            Ok(Verdict { code, evil_level, .. }) if code == OK || USUAL_FAILURES.contains(&code) => {
                tracing::info!(captcha.code = code, captcha.evil_level = evil_level, "a captcha was not passed");
                CaptchaOutcome::Failed
            }
            Ok(Verdict { code, .. }) => {
                tracing::warn!(
                    captcha.code = code,
                    "a captcha was not passed: check that the app id and its secret key belong together"
                );
                CaptchaOutcome::Failed
            }
            Err(outage) => CaptchaOutcome::Unavailable(outage.into()),
        }
    }
}

/// The service's result for a ticket.
struct Verdict {
    code: i64,
    evil_level: i64,
    request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    response: Reply,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    error: Option<Refusal>,
    captcha_code: Option<i64>,
    evil_level: Option<i64>,
    #[serde(default)]
    request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
}

fn parse(answer: &Answer) -> Result<Verdict, CaptchaOutage> {
    // serde_json's error is dropped because it may quote the answer.
    let Ok(Envelope { response }) = serde_json::from_slice(&answer.body) else {
        return Err(CaptchaOutage::NotUnderstood(answer.status));
    };
    if let Some(Refusal { code }) = response.error {
        return Err(CaptchaOutage::Refused { code: plain(&code), request_id: plain(&response.request_id) });
    }

    let code = response.captcha_code.ok_or(CaptchaOutage::NotUnderstood(answer.status))?;
    let evil_level = response.evil_level.unwrap_or(HARMLESS);
    Ok(Verdict { code, evil_level, request_id: plain(&response.request_id) })
}
