//! The Tencent Cloud sender against the stand-in.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sms_login::clock::{Clock, ManualClock};
use sms_login::outbound::Timeouts;
use sms_login::phone::PhoneNumber;
use sms_login::sms::tencent::{TemplateParam, Templates, TencentSms, TencentSmsConfig};
use sms_login::sms::{CodeMessage, ProviderWait, SendError, SendOutcome, SmsSender};
use sms_login::tencent::api::BuildError;
use sms_login::tencent::tc3::Credentials;
use sms_login::verification::code::{Code, Purpose};
use tokio::net::{TcpListener, TcpSocket};
use url::Url;

use crate::tencent_stub::{self as stub, Behaviour, TencentStub};

const PHONE: &str = "+8613711112222";
const FIVE_MINUTES: Duration = Duration::from_mins(5);

fn clock() -> Arc<ManualClock> {
    let start: Timestamp = "2026-03-14T07:08:09.250Z".parse().expect("an instant");
    Arc::new(ManualClock::new(start))
}

fn phone() -> PhoneNumber {
    PhoneNumber::from_e164(PHONE.to_owned()).expect("a phone number")
}

fn config(endpoint: &str) -> TencentSmsConfig {
    TencentSmsConfig {
        credentials: Credentials::new(stub::SECRET_ID, stub::SECRET_KEY),
        region: stub::REGION.to_owned(),
        sdk_app_id: stub::SDK_APP_ID.to_owned(),
        sign_name: Some(stub::SIGN_NAME.to_owned()),
        templates: Templates {
            login: stub::LOGIN_TEMPLATE.to_owned(),
            change_phone: None,
            delete_account: None,
            verify: None,
        },
        template_params: vec![TemplateParam::Code, TemplateParam::Minutes],
        endpoint: endpoint.parse().expect("a URL"),
        timeouts: Timeouts::default(),
    }
}

fn sender(config: TencentSmsConfig, clock: Arc<dyn Clock>) -> TencentSms {
    TencentSms::new(config, clock).expect("settings that can be used")
}

pub(crate) async fn start() -> (TencentStub, TencentSms) {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let sender = sender(config(&stub.endpoint()), clock);
    (stub, sender)
}

pub(crate) async fn send(sender: &TencentSms) -> Result<SendOutcome, SendError> {
    send_as(sender, Purpose::Login, FIVE_MINUTES).await
}

async fn send_as(sender: &TencentSms, purpose: Purpose, valid_for: Duration) -> Result<SendOutcome, SendError> {
    let (phone, code) = (phone(), Code::parse("012345").expect("a code"));
    let message = CodeMessage { phone: &phone, code: &code, purpose, valid_for };
    sender.send(&message).await
}

/// All that a log could show of an error.
fn shown(error: &SendError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text} {error} {error:?}");
        source = error.source();
    }
    text
}

fn assert_ambiguous(result: Result<SendOutcome, SendError>) {
    let error = result.expect_err("no clear answer");
    assert!(matches!(error, SendError::Ambiguous(_)), "{error:?}");
    let shown = shown(&error);
    for secret in ["13711112222", "012345", "127.0.0.1", stub::SECRET_KEY] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_meant() {
    let (stub, sender) = start().await;
    assert_eq!(send(&sender).await.expect("sent"), SendOutcome::Accepted);
    let message = stub::Message {
        phone: PHONE.to_owned(),
        template: stub::LOGIN_TEMPLATE.to_owned(),
        params: vec!["012345".to_owned(), "5".to_owned()],
        sign_name: Some(stub::SIGN_NAME.to_owned()),
    };
    assert_eq!(stub.messages(), [message]);
    assert_eq!(stub.last_code_for(PHONE).as_deref(), Some("012345"));
}

#[tokio::test]
async fn outcomes_of_the_table() {
    let seconds = |seconds| SendOutcome::RateLimited(ProviderWait::For(Duration::from_secs(seconds)));
    let tomorrow = SendOutcome::RateLimited(ProviderWait::UntilTomorrow);
    let table = [
        ("InvalidParameterValue.IncorrectPhoneNumber", SendOutcome::InvalidPhone),
        ("FailedOperation.PhoneNumberParseFail", SendOutcome::InvalidPhone),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", seconds(30)),
        ("LimitExceeded.PhoneNumberOneHourLimit", seconds(3600)),
        ("LimitExceeded.PhoneNumberDailyLimit", tomorrow),
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
async fn faults_that_an_operator_must_see() {
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
async fn faults_of_the_provider_and_unknown_codes() {
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
    assert!(matches!(send(&sender).await, Err(SendError::Failed { .. })), "Ok is no error's code");
}

#[tokio::test]
async fn answers_that_leave_it_open_are_ambiguous_and_not_asked_again() {
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

/// The one test that waits for real, a fifth of a second.
#[tokio::test]
async fn a_stall_ends_at_the_time_out() {
    assert_eq!(Timeouts::default().connect, Duration::from_secs(2));
    assert_eq!(Timeouts::default().whole, Duration::from_secs(5));
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    stub.set(Behaviour::Stall);
    let mut config = config(&stub.endpoint());
    config.timeouts = Timeouts { connect: Duration::from_millis(80), whole: Duration::from_millis(200) };
    let sender = sender(config, clock);
    let result = tokio::time::timeout(Duration::from_secs(5), send(&sender)).await;
    assert_ambiguous(result.expect("an end of its own"));
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    // Bound but not listening: the port refuses, and nobody else can take it.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("an address");
    let error = send(&sender(config(&format!("http://{address}")), clock())).await.expect_err("refused");
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    assert!(!shown(&error).contains("13711112222"));
}

/// A server that hangs up during the TLS handshake: no connection is made, but each attempt can be counted.
#[tokio::test]
async fn a_connection_that_is_not_made_is_tried_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let attempts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&attempts);
    let server = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let error = send(&sender(config(&format!("https://{address}")), clock())).await.expect_err("hung up");
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    assert_eq!(attempts.load(Ordering::SeqCst), 2);
    server.abort();
}

/// A server that takes the request and hangs up without a word.
#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let server = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connection.readable().await.expect("a request");
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_ambiguous(send(&sender(config(&format!("http://{address}")), clock())).await);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    server.abort();
}

#[tokio::test]
async fn the_connection_is_kept() {
    let (stub, sender) = start().await;
    for _ in 0..10 {
        send(&sender).await.expect("sent");
    }
    assert_eq!(stub.messages().len(), 10);
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn wrong_settings_need_the_operator() {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let right = config(&stub.endpoint());
    let mut wrong = vec![right.clone(); 6];
    wrong[0].credentials = Credentials::new(stub::SECRET_ID, "another-key");
    wrong[1].credentials = Credentials::new("another-id", stub::SECRET_KEY);
    wrong[2].region = "ap-nowhere".to_owned();
    wrong[3].sdk_app_id = "1".to_owned();
    wrong[4].sign_name = None;
    wrong[5].template_params = vec![TemplateParam::Code];
    let expected = [
        "AuthFailure.SignatureFailure",
        "AuthFailure.SecretIdNotFound",
        "UnsupportedRegion",
        "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
        "FailedOperation.SignatureIncorrectOrUnapproved",
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
    ];
    for (config, expected) in wrong.into_iter().zip(expected) {
        match send(&sender(config, Arc::clone(&clock) as Arc<dyn Clock>)).await {
            Err(SendError::NeedsOperator { code, .. }) => assert_eq!(code, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert!(stub.messages().is_empty());
}

#[tokio::test]
async fn a_clock_that_is_off_needs_the_operator() {
    let (server_clock, client_clock) = (clock(), clock());
    let stub = TencentStub::start(server_clock).await;
    let sender = sender(config(&stub.endpoint()), Arc::clone(&client_clock) as Arc<dyn Clock>);
    client_clock.advance(SignedDuration::from_mins(5));
    assert_eq!(send(&sender).await.expect("within five minutes"), SendOutcome::Accepted);
    client_clock.advance(SignedDuration::from_secs(1));
    match send(&sender).await {
        Err(SendError::NeedsOperator { code, .. }) => assert_eq!(code, "AuthFailure.SignatureExpire"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_purpose_has_its_template_or_the_login_one() {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let mut own = config(&stub.endpoint());
    own.templates.change_phone = Some(stub::CHANGE_PHONE_TEMPLATE.to_owned());
    own.templates.delete_account = Some(stub::DELETE_ACCOUNT_TEMPLATE.to_owned());
    own.templates.verify = Some(stub::VERIFY_TEMPLATE.to_owned());
    let own = sender(own, Arc::clone(&clock) as Arc<dyn Clock>);
    let shared = sender(config(&stub.endpoint()), clock);
    let table = [
        (Purpose::Login, stub::LOGIN_TEMPLATE),
        (Purpose::ChangePhone, stub::CHANGE_PHONE_TEMPLATE),
        (Purpose::DeleteAccount, stub::DELETE_ACCOUNT_TEMPLATE),
        (Purpose::Verify, stub::VERIFY_TEMPLATE),
    ];
    for (purpose, template) in table {
        send_as(&own, purpose, FIVE_MINUTES).await.expect("sent");
        send_as(&shared, purpose, FIVE_MINUTES).await.expect("sent");
        let sent = stub.messages();
        let [.., first, second] = sent.as_slice() else { panic!("two messages") };
        assert_eq!(first.template, template);
        assert_eq!(second.template, stub::LOGIN_TEMPLATE);
    }
}

#[tokio::test]
async fn minutes_are_rounded_up() {
    let (stub, sender) = start().await;
    let table = [
        (Duration::ZERO, "1"),
        (Duration::from_secs(1), "1"),
        (Duration::from_mins(1), "1"),
        (Duration::from_millis(60_001), "2"),
        (Duration::from_secs(61), "2"),
        (Duration::from_mins(10), "10"),
    ];
    for (valid_for, minutes) in table {
        send_as(&sender, Purpose::Login, valid_for).await.expect("sent");
        let sent = stub.messages();
        assert_eq!(sent.last().expect("a message").params, ["012345", minutes], "{valid_for:?}");
    }
}

#[tokio::test]
async fn parameters_are_those_of_the_setting_in_its_order() {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let mut turned = config(&stub.endpoint());
    turned.template_params = vec![TemplateParam::Minutes, TemplateParam::Code];
    let mut code_only = config(&stub.endpoint());
    code_only.templates.login = stub::CODE_ONLY_TEMPLATE.to_owned();
    code_only.template_params = vec![TemplateParam::Code];
    for (config, params) in [(turned, vec!["5", "012345"]), (code_only, vec!["012345"])] {
        send(&sender(config, Arc::clone(&clock) as Arc<dyn Clock>)).await.expect("sent");
        assert_eq!(stub.messages().last().expect("a message").params, params);
    }
    assert_eq!(TemplateParam::parse("code"), Some(TemplateParam::Code));
    assert_eq!(TemplateParam::parse("minutes"), Some(TemplateParam::Minutes));
    assert_eq!(TemplateParam::parse("hours"), None);
}

#[tokio::test]
async fn provider_texts_are_bounded_and_plain() {
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

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let build = |config| TencentSms::new(config, clock()).map(|_| ());
    for endpoint in ["ftp://127.0.0.1", "https://127.0.0.1/v1", "https://me:pw@127.0.0.1", "https://127.0.0.1/?a=b"] {
        assert!(matches!(build(config(endpoint)), Err(BuildError::Endpoint)), "{endpoint}");
    }
    let good = config("https://sms.tencentcloudapi.com");
    let region = TencentSmsConfig { region: "a\nb".to_owned(), ..good.clone() };
    assert!(matches!(build(region), Err(BuildError::Region(_))));
    let credentials = TencentSmsConfig { credentials: Credentials::new("a\nb", "c"), ..good.clone() };
    assert!(matches!(build(credentials), Err(BuildError::SecretId(_))));
    assert!(build(good).is_ok());
}

#[tokio::test]
async fn a_check_asks_for_nothing_to_be_sent_and_sees_a_wrong_key() {
    let (stub, sender) = start().await;
    sender.check().await.expect("the key is taken");
    let mut wrong = config(&stub.endpoint());
    wrong.credentials = Credentials::new(stub::SECRET_ID, "another-key");
    let error = self::sender(wrong, clock()).check().await.expect_err("the key is not taken");
    assert!(matches!(error, SendError::NeedsOperator { .. }), "{error:?}");
    assert_eq!(stub.requests(), 2);
    assert!(stub.messages().is_empty());
}

#[test]
fn debug_shows_no_secret() {
    let endpoint: Url = "https://sms.tencentcloudapi.com".parse().expect("a URL");
    let config = config(endpoint.as_str());
    let shown = format!("{config:?} {config:#?}");
    assert!(shown.contains(stub::SECRET_ID));
    assert!(!shown.contains(stub::SECRET_KEY));
}
