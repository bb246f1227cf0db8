//! The outcome of a send for each error code and each kind of answer.

use std::time::Duration;

use sms_login::sms::{ProviderWait, SendError, SendOutcome};

use super::{assert_ambiguous, send, start};
use crate::tencent_stub::{self as stub, Behaviour};

#[tokio::test]
async fn codes_that_the_user_can_act_on_become_outcomes() {
    let seconds = |seconds| SendOutcome::RateLimited(ProviderWait::For(Duration::from_secs(seconds)));
    let tomorrow = SendOutcome::RateLimited(ProviderWait::UntilTomorrow);
    let table = [
        ("InvalidParameterValue.IncorrectPhoneNumber", SendOutcome::InvalidPhone),
        ("FailedOperation.PhoneNumberParseFail", SendOutcome::InvalidPhone),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", seconds(30)),
        ("LimitExceeded.PhoneNumberOneHourLimit", seconds(3600)),
        ("LimitExceeded.PhoneNumberDailyLimit", tomorrow.clone()),
        ("LimitExceeded.PhoneNumberSameContentDailyLimit", tomorrow),
        ("LimitExceeded.DeliveryFrequencyLimit", seconds(5)),
        ("LimitExceeded.GlobalSmsSendingRateLimit", seconds(5)),
        ("RequestLimitExceeded", seconds(5)),
        ("RequestLimitExceeded.UinLimitExceeded", seconds(5)),
        ("FailedOperation.PhoneNumberInBlacklist", SendOutcome::NumberBlocked),
        ("UnsupportedOperation.UnsuportedRegion", SendOutcome::RegionNotAllowed),
        ("UnsupportedOperation.UnsupportedRegion", SendOutcome::RegionNotAllowed),
        ("LimitExceeded.AppCountryOrRegionInBlacklist", SendOutcome::RegionNotAllowed),
    ];
    let (stub, sender) = start().await;
    for (code, outcome) in table {
        for behaviour in [Behaviour::Status(code.to_owned()), Behaviour::Error(code.to_owned())] {
            stub.set(behaviour);
            assert_eq!(send(&sender).await.expect(code), outcome, "{code}");
        }
    }
}

#[tokio::test]
async fn codes_about_settings_or_balance_need_the_operator() {
    let codes = [
        "LimitExceeded.AppDailyLimit",
        "LimitExceeded.AppMainlandChinaDailyLimit",
        "LimitExceeded.AppGlobalDailyLimit",
        "LimitExceeded.AppCountryOrRegionDailyLimit",
        "LimitExceeded.DailyLimit",
        "FailedOperation.InsufficientBalanceInSmsPackage",
        "UnauthorizedOperation",
        "UnauthorizedOperation.SerivceSuspendDueToArrears",
        "UnauthorizedOperation.ServiceSuspendDueToArrears",
        "UnauthorizedOperation.SdkAppIdIsDisabled",
        "AuthFailure.SignatureFailure",
        "AuthFailure.SecretIdNotFound",
        "FailedOperation.ContainSensitiveWord",
        "FailedOperation.MarketingSendTimeConstraint",
        "FailedOperation.MissingSignature",
        "FailedOperation.NotEnterpriseCertification",
        "FailedOperation.SignatureIncorrectOrUnapproved",
        "FailedOperation.TemplateIdNotExist",
        "FailedOperation.TemplateIncorrectOrUnapproved",
        "FailedOperation.TemplateUnapprovedOrNotExist",
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        "InvalidParameter.AppidAndBizId",
        "InvalidParameter.DirtyWordFound",
        "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.SdkAppIdNotExist",
        "InvalidParameterValue.TemplateParameterFormatError",
        "InvalidParameterValue.TemplateParameterLengthLimit",
        "InvalidParameterValue.UnsupportedTemplateVariable",
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
        "UnsupportedRegion",
    ];
    let (stub, sender) = start().await;
    for expected in codes {
        for behaviour in [Behaviour::Status(expected.to_owned()), Behaviour::Error(expected.to_owned())] {
            stub.set(behaviour);
            match send(&sender).await {
                Err(SendError::NeedsOperator { code, request_id }) => {
                    assert_eq!((code.as_str(), request_id.as_str()), (expected, stub::REQUEST_ID));
                }
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn other_codes_and_unknown_codes_are_failures() {
    let codes = [
        "InternalError",
        "InternalError.OtherError",
        "InternalError.UnknownError",
        "FailedOperation.OtherError",
        "AuthFailureOfAnotherKind",
        "Something.New",
        "",
    ];
    let (stub, sender) = start().await;
    for expected in codes {
        let in_body = [Behaviour::Status(expected.to_owned()), Behaviour::Error(expected.to_owned())];
        let with_500 = Behaviour::HttpWithError(500, expected.to_owned());
        for behaviour in in_body.into_iter().chain([with_500]) {
            stub.set(behaviour);
            match send(&sender).await {
                Err(SendError::Failed { code, request_id }) => {
                    assert_eq!((code.as_str(), request_id.as_str()), (expected, stub::REQUEST_ID));
                }
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
    stub.set(Behaviour::Error("Ok".to_owned()));
    assert!(matches!(send(&sender).await, Err(SendError::Failed { .. })), "Ok is not an error code");
}

#[tokio::test]
async fn unclear_answers_are_ambiguous_and_are_not_retried() {
    let (stub, sender) = start().await;
    let behaviours = [
        Behaviour::Status("InternalError.Timeout".to_owned()),
        Behaviour::Status("InternalError.SendAndRecvFail".to_owned()),
        Behaviour::Error("InternalError.ParseBackendResponseFail".to_owned()),
        Behaviour::BreakOff,
        Behaviour::Nonsense,
        Behaviour::Json("{}".to_owned()),
        Behaviour::Json(r#"{"Response":{"RequestId":"x"}}"#.to_owned()),
        Behaviour::Json(r#"{"Response":{"SendStatusSet":[],"RequestId":"x"}}"#.to_owned()),
        Behaviour::Json(r#"{"Response":"+8613711112222"}"#.to_owned()),
        Behaviour::Huge,
        Behaviour::Http(500),
        Behaviour::Http(502),
        Behaviour::Http(503),
    ];
    for (number, behaviour) in behaviours.into_iter().enumerate() {
        stub.set(behaviour.clone());
        let result = send(&sender).await;
        assert_eq!(stub.requests(), number + 1, "{behaviour:?}");
        assert_ambiguous(result);
    }
}

#[tokio::test]
async fn a_gateways_refusal_is_a_failure_and_a_redirect_is_not_followed() {
    let (stub, sender) = start().await;
    for (status, expected) in [(302, "HTTP 302"), (403, "HTTP 403"), (429, "HTTP 429")] {
        stub.set(Behaviour::Http(status));
        match send(&sender).await {
            Err(SendError::Failed { code, .. }) => assert_eq!(code, expected),
            other => panic!("{status}: {other:?}"),
        }
    }
    assert_eq!(stub.requests(), 3);
}

#[tokio::test]
async fn codes_are_shortened_and_have_plain_characters_only() {
    let (stub, sender) = start().await;
    stub.set(Behaviour::Error(format!("Evil\n\u{1b}[31m\"腾\u{202e}{}", "x".repeat(10_000))));
    match send(&sender).await {
        Err(SendError::Failed { code, .. }) => {
            assert!(code.starts_with("Evil???31m???x"), "{code}");
            assert_eq!(code.len(), 96);
        }
        other => panic!("{other:?}"),
    }
}
