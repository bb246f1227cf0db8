//! The captcha service of the stand-in. It accepts every well-formed ticket, each of them once.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Mutex;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{REQUEST_ID, Shared, TencentStub, as_json, check, error, html, http_status, lock};

pub(crate) const APP_ID: u64 = 190_000_001;
pub(crate) const APP_SECRET_KEY: &str = "stub-captcha-secret-never-shown";

/// The answer to valid requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaptchaBehaviour {
    /// Each ticket passes once.
    Pass,
    /// This `CaptchaCode`, and this `EvilLevel`.
    Verdict(i64, i64),
    /// This code in `Response.Error`.
    Error(String),
    /// No answer.
    Stall,
    /// HTML, with this status.
    Http(u16),
    /// This JSON, with status 200.
    Json(String),
}

/// A request to verify a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verification {
    pub(crate) ticket: String,
    /// Absent for a mini-program's captcha.
    pub(crate) randstr: Option<String>,
    pub(crate) user_ip: IpAddr,
}

pub(super) struct State {
    behaviour: Mutex<CaptchaBehaviour>,
    used: Mutex<HashSet<String>>,
    verifications: Mutex<Vec<Verification>>,
}

impl Default for State {
    fn default() -> Self {
        Self { behaviour: Mutex::new(CaptchaBehaviour::Pass), used: Mutex::default(), verifications: Mutex::default() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeCaptchaResult {
    captcha_type: u64,
    ticket: String,
    user_ip: String,
    randstr: Option<String>,
    captcha_app_id: u64,
    app_secret_key: String,
}

impl TencentStub {
    /// Sets the answer to all captcha requests from now on.
    pub(crate) fn set_captcha(&self, behaviour: CaptchaBehaviour) {
        *lock(&self.shared.captcha.behaviour) = behaviour;
    }

    /// Returns the requests to verify tickets, oldest first.
    pub(crate) fn verifications(&self) -> Vec<Verification> {
        lock(&self.shared.captcha.verifications).clone()
    }
}

/// Answers DescribeCaptchaResult, or DescribeCaptchaMiniResult if `is_mini`.
pub(super) async fn describe_result(shared: &Shared, request: &check::Request<'_>, is_mini: bool) -> Response {
    let parsed = request.signed_for("captcha", "2019-07-22").and_then(|()| parse(request.body, is_mini));
    let verification = match parsed {
        Ok(verification) => verification,
        Err(code) => return error(code),
    };
    lock(&shared.captcha.verifications).push(verification.clone());

    let behaviour = lock(&shared.captcha.behaviour).clone();
    match behaviour {
        CaptchaBehaviour::Pass if lock(&shared.captcha.used).insert(verification.ticket) => verdict(1, 0, is_mini),
        // A mini-program's captcha documents no code for reuse.
        CaptchaBehaviour::Pass if is_mini => verdict(1, 0, is_mini),
        CaptchaBehaviour::Pass => verdict(9, 0, is_mini),
        CaptchaBehaviour::Verdict(code, evil_level) => verdict(code, evil_level, is_mini),
        CaptchaBehaviour::Error(code) => error(&code),
        CaptchaBehaviour::Stall => {
            shared.stopped.cancelled().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        CaptchaBehaviour::Http(status) => html(http_status(status)),
        CaptchaBehaviour::Json(text) => as_json(text),
    }
}

fn parse(body: &[u8], is_mini: bool) -> Result<Verification, &'static str> {
    let request: DescribeCaptchaResult = serde_json::from_slice(body).map_err(|_| "InvalidParameter")?;
    if request.captcha_type != 9 || request.ticket.is_empty() || request.randstr.as_deref() == Some("") {
        return Err("InvalidParameterValue");
    }
    if request.randstr.is_some() == is_mini {
        return Err("InvalidParameterValue");
    }
    if request.captcha_app_id != APP_ID || request.app_secret_key != APP_SECRET_KEY {
        return Err("UnauthorizedOperation.ErrorAuth");
    }
    let user_ip = request.user_ip.parse().map_err(|_| "InvalidParameterValue")?;
    Ok(Verification { ticket: request.ticket, randstr: request.randstr, user_ip })
}

fn verdict(code: i64, evil_level: i64, is_mini: bool) -> Response {
    let message = "a message";
    if is_mini {
        let response = json!({ "CaptchaCode": code, "CaptchaMsg": message, "RequestId": REQUEST_ID });
        return as_json(json!({ "Response": response }).to_string());
    }
    let response = json!({
        "CaptchaCode": code, "CaptchaMsg": message, "EvilLevel": evil_level, "GetCaptchaTime": 0, "RequestId": REQUEST_ID,
    });
    as_json(json!({ "Response": response }).to_string())
}
