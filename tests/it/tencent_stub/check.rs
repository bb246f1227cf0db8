//! The checks that Tencent Cloud makes before it executes a request. An `Err` contains the error code of its answer.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    CHANGE_PHONE_TEMPLATE, CODE_ONLY_TEMPLATE, Call, DELETE_ACCOUNT_TEMPLATE, LOGIN_TEMPLATE, Message, NOTICE_TEMPLATE,
    REFERENCE_TEMPLATE, REGION, Report, SDK_APP_ID, SECRET_ID, SECRET_KEY, SIGN_NAME, VERIFY_TEMPLATE, VOICE_APP_ID,
};

/// A request as it arrived.
pub(super) struct Request<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// The `Host` header of correct requests.
    pub(super) host: &'a str,
    pub(super) now: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendSms {
    phone_number_set: Vec<String>,
    sms_sdk_app_id: String,
    template_id: String,
    sign_name: Option<String>,
    #[serde(default)]
    template_param_set: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendCodeVoice {
    code_message: String,
    called_number: String,
    voice_sdk_appid: String,
    play_times: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReportConversion {
    sms_sdk_app_id: String,
    serial_no: String,
    conversion_time: i64,
}

impl Request<'_> {
    /// Checks the common headers, the time and the signature of a request to a product.
    pub(super) fn signed_for(&self, service: &str, version: &str) -> Result<(), &'static str> {
        if self.header("x-tc-version")? != version {
            return Err("NoSuchVersion");
        }
        if self.header("content-type")? != "application/json" || self.header("host")? != self.host {
            return Err("InvalidParameter");
        }

        let timestamp = self.header("x-tc-timestamp")?;
        let seconds: i64 = timestamp.parse().map_err(|_| "InvalidParameter")?;
        if (self.now.as_second() - seconds).abs() > 5 * 60 {
            return Err("AuthFailure.SignatureExpire");
        }
        self.check_signature(service, timestamp, seconds)
    }

    fn check_signature(&self, service: &str, timestamp: &str, seconds: i64) -> Result<(), &'static str> {
        const BAD_FORM: &str = "AuthFailure.InvalidAuthorization";
        let parts = self.header("authorization")?.strip_prefix("TC3-HMAC-SHA256 ").ok_or(BAD_FORM)?;

        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in parts.split(", ") {
            match part.split_once('=').ok_or(BAD_FORM)? {
                ("Credential", value) => credential = Some(value),
                ("SignedHeaders", value) => signed = Some(value),
                ("Signature", value) => signature = Some(value),
                _ => return Err(BAD_FORM),
            }
        }
        let (secret_id, scope) = credential.and_then(|value| value.split_once('/')).ok_or(BAD_FORM)?;
        let (signed, signature) = (signed.ok_or(BAD_FORM)?, signature.ok_or(BAD_FORM)?);
        if secret_id != SECRET_ID {
            return Err("AuthFailure.SecretIdNotFound");
        }

        let names: Vec<&str> = signed.split(';').collect();
        if !names.contains(&"content-type") || !names.contains(&"host") || !names.is_sorted() {
            return Err(BAD_FORM);
        }

        let mut canonical = String::from("POST\n/\n\n");
        for name in names {
            let value = self.header(name)?.trim().to_lowercase();
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{signed}\n{}", sha256(self.body));

        let instant = Timestamp::from_second(seconds).map_err(|_| "InvalidParameter")?;
        let date = instant.to_string().chars().take(10).collect::<String>();
        if scope != format!("{date}/{service}/tc3_request") {
            return Err("AuthFailure.SignatureFailure");
        }

        let to_sign = format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let by_date = mac(format!("TC3{SECRET_KEY}").as_bytes(), &date);
        let key = mac(&mac(&by_date, service), "tc3_request");
        if hex(&mac(&key, &to_sign)) == signature { Ok(()) } else { Err("AuthFailure.SignatureFailure") }
    }

    /// Parses a SendSms for one phone, and checks it against the account's application, signature and templates.
    pub(super) fn send_sms(&self) -> Result<Message, &'static str> {
        if self.header("x-tc-region")? != REGION {
            return Err("UnsupportedRegion");
        }

        let request: SendSms = serde_json::from_slice(self.body).map_err(|_| "InvalidParameter")?;
        let [phone] =
            <[String; 1]>::try_from(request.phone_number_set).map_err(|_| "MissingParameter.EmptyPhoneNumberSet")?;
        if request.sms_sdk_app_id != SDK_APP_ID {
            return Err("UnauthorizedOperation.SmsSdkAppIdVerifyFail");
        }
        match &request.sign_name {
            Some(sign_name) if sign_name == SIGN_NAME => {}
            None if !phone.starts_with("+86") => {}
            _ => return Err("FailedOperation.SignatureIncorrectOrUnapproved"),
        }

        let params = match request.template_id.as_str() {
            LOGIN_TEMPLATE | CHANGE_PHONE_TEMPLATE | DELETE_ACCOUNT_TEMPLATE | VERIFY_TEMPLATE => 2,
            CODE_ONLY_TEMPLATE => 1,
            REFERENCE_TEMPLATE => 3,
            NOTICE_TEMPLATE => 0,
            _ => return Err("FailedOperation.TemplateUnapprovedOrNotExist"),
        };
        if request.template_param_set.len() != params {
            return Err("FailedOperation.TemplateParamSetNotMatchApprovedTemplate");
        }
        let is_short_number = |param: &String| param.len() <= 6 && param.bytes().all(|b| b.is_ascii_digit());
        if !request.template_param_set.iter().take(2).all(is_short_number) {
            return Err("InvalidParameterValue.TemplateParameterFormatError");
        }

        Ok(Message {
            phone,
            template: request.template_id,
            params: request.template_param_set,
            sign_name: request.sign_name,
        })
    }

    /// Parses a SendCodeVoice, and checks it against the account's application.
    pub(super) fn send_code_voice(&self) -> Result<Call, &'static str> {
        let request: SendCodeVoice = serde_json::from_slice(self.body).map_err(|_| "InvalidParameter")?;
        if request.voice_sdk_appid != VOICE_APP_ID {
            return Err("UnauthorizedOperation.VoiceSdkAppidVerifyFail");
        }
        if request.called_number.is_empty() {
            return Err("InvalidParameterValue.CalledNumberVerifyFail");
        }
        let is_mainland = request.called_number.starts_with("+86");
        let is_code = !request.code_message.is_empty() && request.code_message.bytes().all(|b| b.is_ascii_digit());
        if !is_mainland || !is_code || request.play_times.is_some_and(|times| !(1..=3).contains(&times)) {
            return Err("InvalidParameterValue.ParametersOutOfRange");
        }
        Ok(Call { phone: request.called_number, code: request.code_message, play_times: request.play_times })
    }

    /// Parses a ReportConversion, and checks it against the account's application.
    pub(super) fn report_conversion(&self) -> Result<Report, &'static str> {
        let request: ReportConversion = serde_json::from_slice(self.body).map_err(|_| "InvalidParameter")?;
        if request.sms_sdk_app_id != SDK_APP_ID {
            return Err("UnauthorizedOperation.SmsSdkAppIdVerifyFail");
        }
        Ok(Report { serial: request.serial_no, time: request.conversion_time })
    }

    fn header(&self, name: &str) -> Result<&str, &'static str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).ok_or("MissingParameter")
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
