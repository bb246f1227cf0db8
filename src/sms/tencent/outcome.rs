//! What an answer to SendSms means.
//!
//! Owns the table of provider codes. A failure for one number sits in `SendStatusSet`, any other in `Error`: both are
//! looked at. No text of the provider's gets into an error unless it is bounded and plain, and its messages never
//! do: they may name the phone.

use std::time::Duration;

use serde::Deserialize;

use crate::sms::{ProviderWait, SendError, SendOutcome};
use crate::tencent::api::Answer;
use crate::tencent::plain;

/// For limits over all calls, which pass by themselves.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Settings, money or the account are at fault. Families and their sub-codes.
const OPERATOR_FAMILIES: &[&str] = &["AuthFailure", "UnauthorizedOperation"];

/// The same, code by code: the rest of their families is not for an operator.
const OPERATOR_CODES: &[&str] = &[
    "FailedOperation.ContainSensitiveWord",
    "FailedOperation.InsufficientBalanceInSmsPackage",
    "FailedOperation.MarketingSendTimeConstraint",
    "FailedOperation.MissingSignature",
    "FailedOperation.NotEnterpriseCertification",
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

/// The provider lost its own line to the carrier after the message was on its way.
const UNCLEAR_CODES: &[&str] =
    &["InternalError.ParseBackendResponseFail", "InternalError.SendAndRecvFail", "InternalError.Timeout"];

/// Why an answer does not tell whether the SMS was sent.
#[derive(Debug, thiserror::Error)]
enum UnclearAnswer {
    #[error("HTTP {0}, and not an answer of this API")]
    NotUnderstood(u16),
    #[error("the provider timed out itself: {code} (request {request_id})")]
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
    #[serde(default)]
    request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    code: String,
}

/// Reads an answer to a call for one number.
///
/// # Errors
/// `SendError` where the provider failed, and where the answer leaves open whether it sent the SMS.
pub(super) fn read(answer: &Answer) -> Result<SendOutcome, SendError> {
    // serde_json's own error is dropped, as it may quote the answer.
    let Ok(Envelope { response }) = serde_json::from_slice(&answer.body) else {
        return Err(not_understood(answer.status));
    };
    if let Some(error) = response.error {
        return refusal(&error.code, &response.request_id);
    }
    match response.send_status_set.as_deref() {
        Some([status]) if status.code == "Ok" => Ok(SendOutcome::Accepted),
        Some([status]) => refusal(&status.code, &response.request_id),
        _ => Err(not_understood(answer.status)),
    }
}

/// A gateway's 3xx or 4xx was given instead of sending; a 5xx, or nonsense with a 200, may come after.
fn not_understood(status: u16) -> SendError {
    if (300..500).contains(&status) {
        return SendError::Failed { code: format!("HTTP {status}"), request_id: String::new() };
    }
    SendError::Ambiguous(Box::new(UnclearAnswer::NotUnderstood(status)))
}

/// The table. Tencent's documents and its SDKs spell two codes differently, so both spellings are known.
fn refusal(code: &str, request_id: &str) -> Result<SendOutcome, SendError> {
    let outcome = match code {
        "InvalidParameterValue.IncorrectPhoneNumber" | "FailedOperation.PhoneNumberParseFail" => {
            SendOutcome::InvalidPhone
        }
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
    let for_operator =
        OPERATOR_CODES.contains(&code) || OPERATOR_FAMILIES.iter().any(|family| is_in_family(code, family));
    let unclear = UNCLEAR_CODES.contains(&code);
    let (code, request_id) = (plain(code), plain(request_id));
    if for_operator {
        SendError::NeedsOperator { code, request_id }
    } else if unclear {
        SendError::Ambiguous(Box::new(UnclearAnswer::ProviderTimedOut { code, request_id }))
    } else {
        SendError::Failed { code, request_id }
    }
}

/// Whether `code` is `family` or one of its sub-codes.
fn is_in_family(code: &str, family: &str) -> bool {
    code.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
