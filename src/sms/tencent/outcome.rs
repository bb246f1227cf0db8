//! Interprets answers of Tencent Cloud's SMS and voice services.
//!
//! Owns the table of Tencent Cloud's error codes. A failure for one number is in `SendStatusSet`, every other failure
//! in `Error`, so this module reads both. Codes and request ids get into an error only after `plain`; messages never
//! do, because they may contain the phone number.

use std::time::Duration;

use serde::Deserialize;

use crate::outbound::Answer;
use crate::sms::{Acceptance, Progress, ProviderWait, SendError, SendOutcome};
use crate::tencent::plain;

/// The wait after a limit on the account's request rate, which resets within seconds.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// The longest serial number that is kept. Real ones have fewer than 50 bytes.
const MAX_SERIAL_BYTES: usize = 128;

/// The most messages that a text is counted as. Tencent's longest text is 500 characters, which is eight messages.
const MAX_UNITS: u32 = 16;

/// Families of codes, with all their sub-codes, for errors in the settings, the balance or the account.
const OPERATOR_FAMILIES: &[&str] = &["AuthFailure", "UnauthorizedOperation"];

/// Single codes for such errors: other codes of their families do not need an operator.
const OPERATOR_CODES: &[&str] = &[
    "FailedOperation.ContainSensitiveWord",
    "FailedOperation.InsufficientBalanceInSmsPackage",
    "FailedOperation.InsufficientBalanceInVoicePackage",
    "FailedOperation.MarketingSendTimeConstraint",
    "FailedOperation.MissingSignature",
    "FailedOperation.NotEnterpriseCertification",
    "FailedOperation.PhonenumberUnappliedOrExpired",
    "FailedOperation.SignatureIncorrectOrUnapproved",
    "FailedOperation.TemplateIdNotExist",
    "FailedOperation.TemplateIncorrectOrUnapproved",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
    "FailedOperation.TemplateUnapprovedOrNotExist",
    "InvalidParameter.AppidAndBizId",
    "InvalidParameter.DirtyWordFound",
    "InvalidParameterValue.ContentLengthLimit",
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
    "InvalidParameterValue.SdkAppIdNotExist",
    "InvalidParameterValue.SdkAppidNotExist",
    "InvalidParameterValue.TemplateParameterFormatError",
    "InvalidParameterValue.TemplateParameterLengthLimit",
    "InvalidParameterValue.UnsupportedTemplateVariable",
    "LimitExceeded.AppCountryOrRegionDailyLimit",
    "LimitExceeded.AppDailyLimit",
    "LimitExceeded.AppGlobalDailyLimit",
    "LimitExceeded.AppMainlandChinaDailyLimit",
    "LimitExceeded.DailyLimit",
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
    "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
    "UnsupportedRegion",
];

/// The provider lost its connection to the carrier, perhaps after the message was sent.
const UNCLEAR_CODES: &[&str] = &[
    "InternalError.AccessUpstreamTimeout",
    "InternalError.ParseBackendResponseFail",
    "InternalError.SendAndRecvFail",
    "InternalError.Timeout",
    "InternalError.UpstreamError",
];

/// The answer does not say whether the SMS was sent.
#[derive(Debug, thiserror::Error)]
enum UnclearAnswer {
    #[error("HTTP {0} with a body that is not an answer of this API")]
    NotUnderstood(u16),
    #[error("the provider itself timed out: {code} (request {request_id})")]
    ProviderTimedOut { code: String, request_id: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    response: Reply,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    error: Option<Status>,
    send_status_set: Option<Vec<Status>>,
    /// Of the voice service. It names a call only if it accepted the call.
    send_status: Option<Call>,
    /// Of ReportConversion.
    report_conversion_status: Option<Status>,
    #[serde(default)]
    request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    code: String,
    serial_no: Option<String>,
    fee: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Call {
    call_id: String,
}

/// Parses the answer to SendSms for one number.
///
/// # Errors
/// If the provider failed, or the answer does not say whether the SMS was sent.
pub(super) fn of_sms(answer: &Answer) -> Result<SendOutcome, SendError> {
    let response = parse(answer)?;
    if let Some(error) = response.error {
        return refusal(&error.code, &response.request_id);
    }
    match response.send_status_set.as_deref() {
        Some([status]) if status.code == "Ok" => Ok(SendOutcome::Accepted(acceptance(status))),
        Some([status]) => refusal(&status.code, &response.request_id),
        _ => Err(not_understood(answer.status)),
    }
}

/// Parses the answer to SendCodeVoice.
///
/// # Errors
/// If the provider failed, or the answer does not say whether it calls.
pub(super) fn of_call(answer: &Answer) -> Result<SendOutcome, SendError> {
    let response = parse(answer)?;
    match (response.error, response.send_status) {
        (Some(error), _) => refusal(&error.code, &response.request_id),
        // Receipts of calls have another form, which this server does not read.
        (None, Some(call)) if !call.call_id.is_empty() => Ok(SendOutcome::Accepted(Acceptance::default())),
        (None, Some(_) | None) => Err(not_understood(answer.status)),
    }
}

/// Parses the answer to ReportConversion.
///
/// # Errors
/// If the provider refuses the report.
pub(super) fn of_report(answer: &Answer) -> Result<(), SendError> {
    let response = parse(answer)?;
    match response.error.or(response.report_conversion_status) {
        Some(status) if status.code != "Ok" => Err(failure(&status.code, &response.request_id)),
        Some(_) => Ok(()),
        None => Err(not_understood(answer.status)),
    }
}

fn parse(answer: &Answer) -> Result<Reply, SendError> {
    // serde_json's error is dropped because it may quote the answer.
    let parsed = serde_json::from_slice(&answer.body).map(|Envelope { response }| response);
    parsed.map_err(|_| not_understood(answer.status))
}

/// A serial number that is too long for a receipt's key is dropped: the message was accepted all the same.
fn acceptance(status: &Status) -> Acceptance {
    let is_usable = |serial: &&String| (1..=MAX_SERIAL_BYTES).contains(&serial.len());
    Acceptance {
        serial: status.serial_no.as_ref().filter(is_usable).cloned(),
        units: status.fee.unwrap_or(1).clamp(1, MAX_UNITS),
        progress: Progress::Accepted,
    }
}

/// A gateway that answers 3xx or 4xx did not forward the request. After a 5xx, or a 200 with nonsense, the SMS may have
/// been sent.
fn not_understood(status: u16) -> SendError {
    if (300..500).contains(&status) {
        return SendError::Failed { code: format!("HTTP {status}"), request_id: String::new() };
    }
    SendError::Ambiguous(Box::new(UnclearAnswer::NotUnderstood(status)))
}

/// Maps an error code to an outcome or an error. Tencent's documentation and its SDKs spell two codes differently, so
/// both spellings are in the table.
fn refusal(code: &str, request_id: &str) -> Result<SendOutcome, SendError> {
    let outcome = match code {
        "InvalidParameterValue.IncorrectPhoneNumber"
        | "InvalidParameterValue.CalledNumberVerifyFail"
        | "FailedOperation.PhoneNumberParseFail" => SendOutcome::InvalidPhone,
        "FailedOperation.PhoneNumberInBlacklist" => SendOutcome::NumberBlocked,
        "UnsupportedOperation.UnsuportedRegion"
        | "UnsupportedOperation.UnsupportedRegion"
        | "LimitExceeded.AppCountryOrRegionInBlacklist" => SendOutcome::RegionNotAllowed,
        "LimitExceeded.PhoneNumberThirtySecondLimit" => wait_for(Duration::from_secs(30)),
        "LimitExceeded.PhoneNumberOneHourLimit" => wait_for(Duration::from_hours(1)),
        "LimitExceeded.PhoneNumberDailyLimit" | "LimitExceeded.PhoneNumberSameContentDailyLimit" => {
            SendOutcome::RateLimited(ProviderWait::UntilTomorrow)
        }
        "LimitExceeded.DeliveryFrequencyLimit" | "LimitExceeded.GlobalSmsSendingRateLimit" => wait_for(SHORT_WAIT),
        _ if code.starts_with("RequestLimitExceeded") => wait_for(SHORT_WAIT),
        _ => return Err(failure(code, request_id)),
    };
    Ok(outcome)
}

const fn wait_for(duration: Duration) -> SendOutcome {
    SendOutcome::RateLimited(ProviderWait::For(duration))
}

fn failure(code: &str, request_id: &str) -> SendError {
    let needs_operator =
        OPERATOR_CODES.contains(&code) || OPERATOR_FAMILIES.iter().any(|family| is_in_family(code, family));
    let is_unclear = UNCLEAR_CODES.contains(&code);

    let (code, request_id) = (plain(code), plain(request_id));
    if needs_operator {
        SendError::NeedsOperator { code, request_id }
    } else if is_unclear {
        SendError::Ambiguous(Box::new(UnclearAnswer::ProviderTimedOut { code, request_id }))
    } else {
        SendError::Failed { code, request_id }
    }
}

/// Whether `code` is `family` or one of its sub-codes.
fn is_in_family(code: &str, family: &str) -> bool {
    code.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
