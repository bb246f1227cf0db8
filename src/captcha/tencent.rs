//! Tencent Captcha: DescribeCaptchaResult, version 2019-07-22.
//!
//! Owns what is asked and what the answer means; `tencent::api` owns the call. What is the person's to mend is an
//! outcome of `Failed`; a refusal of our account, or no answer, is an outage. No text of the provider's gets out unless
//! it is bounded and plain.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::{CaptchaAnswer, CaptchaOutcome, CaptchaVerifier};
use crate::clock::Clock;
use crate::tencent::api::{Answer, Api, ApiConfig, BuildError, CallError, Timeouts};
use crate::tencent::tc3::Credentials;
use crate::tencent::{Url, plain};

/// Shorter than for an SMS, which comes after it in the same request.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(1), whole: Duration::from_secs(3) };

const CAPTCHA_TYPE: u32 = 9;
const OK: i64 = 1;

/// The levels are 0 and 100; a level between would be new, and is not trusted either.
const HARMLESS: i64 = 0;

/// Expired, reused, not of this random string, not a ticket, suspicious: nothing for an operator.
const USUAL_FAILURES: [i64; 5] = [7, 8, 9, 15, 21];

/// What Tencent Captcha has to be told.
#[derive(Clone)]
pub struct TencentCaptchaConfig {
    /// The API key.
    pub credentials: Credentials,
    /// The captcha application's id.
    pub app_id: u64,
    /// The captcha application's secret key.
    pub app_secret_key: String,
    /// The service's address; `https://captcha.tencentcloudapi.com` outside tests.
    pub endpoint: Url,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

impl TencentCaptchaConfig {
    /// Settings with the usual time limits.
    #[must_use]
    pub fn new(credentials: Credentials, app_id: u64, app_secret_key: &str, endpoint: Url) -> Self {
        Self { credentials, app_id, app_secret_key: app_secret_key.to_owned(), endpoint, timeouts: TIMEOUTS }
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

/// Why an answer could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum CaptchaOutage {
    /// The service could not be asked.
    #[error("Tencent Captcha gave no answer")]
    Call(#[from] CallError),
    /// The service refuses the account or the settings, or failed.
    #[error("Tencent Captcha refused: {code} (request {request_id})")]
    Refused {
        /// The provider's code.
        code: String,
        /// The provider's request id.
        request_id: String,
    },
    /// What came back is no answer of this API.
    #[error("HTTP {0}, and not an answer of Tencent Captcha")]
    NotUnderstood(u16),
}

/// Verifies answers by Tencent Captcha.
pub struct TencentCaptcha {
    api: Api,
    app_id: u64,
    app_secret_key: String,
}

impl TencentCaptcha {
    /// Sets up the verifier. Nothing is connected yet.
    ///
    /// # Errors
    /// `BuildError` where a setting cannot be used.
    pub fn new(config: TencentCaptchaConfig, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let api = Api::new(
            ApiConfig {
                service: "captcha",
                version: "2019-07-22",
                endpoint: config.endpoint,
                credentials: config.credentials,
                region: None,
                timeouts: config.timeouts,
            },
            clock,
        )?;
        Ok(Self { api, app_id: config.app_id, app_secret_key: config.app_secret_key })
    }

    /// Asks the service whether it takes the key, by a ticket that is none.
    ///
    /// # Errors
    /// If the key is not taken, or the service cannot be reached.
    pub async fn check(&self) -> Result<(), CaptchaOutage> {
        let answer = CaptchaAnswer { ticket: "check".to_owned(), randstr: "check".to_owned() };
        self.ask(&answer, IpAddr::V4(Ipv4Addr::LOCALHOST)).await.map(drop)
    }

    async fn ask(&self, answer: &CaptchaAnswer, address: IpAddr) -> Result<Verdict, CaptchaOutage> {
        let payload = json!({
            "CaptchaType": CAPTCHA_TYPE,
            "Ticket": answer.ticket,
            "Randstr": answer.randstr,
            "UserIp": address.to_string(),
            "CaptchaAppId": self.app_id,
            "AppSecretKey": self.app_secret_key,
        });
        read(&self.api.call("DescribeCaptchaResult", &payload.to_string()).await?)
    }
}

#[async_trait]
impl CaptchaVerifier for TencentCaptcha {
    async fn verify(&self, answer: &CaptchaAnswer, address: IpAddr) -> CaptchaOutcome {
        match self.ask(answer, address).await {
            Ok(Verdict { code: OK, evil_level: HARMLESS }) => CaptchaOutcome::Passed,
            Ok(Verdict { code, evil_level }) if code == OK || USUAL_FAILURES.contains(&code) => {
                tracing::info!(captcha.code = code, captcha.evil_level = evil_level, "a captcha was not passed");
                CaptchaOutcome::Failed
            }
            Ok(Verdict { code, .. }) => {
                tracing::warn!(
                    captcha.code = code,
                    "a captcha was not passed: does the app id go with its secret key?"
                );
                CaptchaOutcome::Failed
            }
            Err(outage) => CaptchaOutcome::Unavailable(outage.into()),
        }
    }
}

/// What the service found.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    code: i64,
    evil_level: i64,
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

fn read(answer: &Answer) -> Result<Verdict, CaptchaOutage> {
    // serde_json's own error is dropped, as it may quote the answer.
    let Ok(Envelope { response }) = serde_json::from_slice(&answer.body) else {
        return Err(CaptchaOutage::NotUnderstood(answer.status));
    };
    if let Some(Refusal { code }) = response.error {
        return Err(CaptchaOutage::Refused { code: plain(&code), request_id: plain(&response.request_id) });
    }
    let code = response.captcha_code.ok_or(CaptchaOutage::NotUnderstood(answer.status))?;
    Ok(Verdict { code, evil_level: response.evil_level.unwrap_or(HARMLESS) })
}
