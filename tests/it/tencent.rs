//! The Tencent Cloud sender: what it sends to the stand-in server, and how it uses its settings.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sms_login::channel::Channel;
use sms_login::clock::{Clock, ManualClock};
use sms_login::code::Code;
use sms_login::outbound::Timeouts;
use sms_login::phone::PhoneNumber;
use sms_login::purpose::Purpose;
use sms_login::sms::tencent::{TemplateParam, Templates, TencentSms, TencentSmsConfig};
use sms_login::sms::{Acceptance, CodeMessage, MessageSender, SendError, SendOutcome};
use sms_login::tencent::api::BuildError;
use sms_login::tencent::tc3::Credentials;
use url::Url;

use crate::tencent_stub::{self as stub, TencentStub};

mod outcomes;
mod transport;

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
        templates: Templates::new(stub::LOGIN_TEMPLATE, []),
        template_params: vec![TemplateParam::Code, TemplateParam::Minutes],
        notices: HashMap::new(),
        report_conversion: false,
        endpoint: endpoint.parse().expect("a URL"),
        timeouts: Timeouts::default(),
    }
}

fn sender(config: TencentSmsConfig, clock: Arc<dyn Clock>) -> TencentSms {
    TencentSms::new(config, clock).expect("valid settings")
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
    send_with(sender, purpose, valid_for, None).await
}

async fn send_with(
    sender: &TencentSms,
    purpose: Purpose,
    valid_for: Duration,
    reference: Option<&str>,
) -> Result<SendOutcome, SendError> {
    let (phone, code) = (phone(), Code::parse("012345").expect("a code"));
    let message = CodeMessage {
        id: "1",
        phone: &phone,
        code: &code,
        purpose,
        channel: Channel::Sms,
        valid_for,
        expires_at: jiff::Timestamp::MAX,
        locale: None,
        reference,
        app_hash: None,
    };
    sender.send(&message).await
}

fn accepted() -> SendOutcome {
    SendOutcome::Accepted(Acceptance { serial: Some(stub::SERIAL.to_owned()), ..Acceptance::default() })
}

/// Everything that a log could contain of an error.
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
    let error = result.expect_err("an ambiguous answer");
    assert!(matches!(error, SendError::Ambiguous(_)), "{error:?}");
    let shown = shown(&error);
    for secret in ["13711112222", "012345", "127.0.0.1", stub::SECRET_KEY] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_message_has_the_phone_code_minutes_and_signature() {
    let (stub, sender) = start().await;
    assert_eq!(send(&sender).await.expect("sent"), accepted());
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
async fn a_wrong_clock_needs_the_operator() {
    let (server_clock, client_clock) = (clock(), clock());
    let stub = TencentStub::start(server_clock).await;
    let sender = sender(config(&stub.endpoint()), Arc::clone(&client_clock) as Arc<dyn Clock>);
    client_clock.advance(SignedDuration::from_mins(5));
    assert_eq!(send(&sender).await.expect("within five minutes"), accepted());
    client_clock.advance(SignedDuration::from_secs(1));
    match send(&sender).await {
        Err(SendError::NeedsOperator { code, .. }) => assert_eq!(code, "AuthFailure.SignatureExpire"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_purpose_uses_its_template_or_the_one_for_login() {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let mut own = config(&stub.endpoint());
    let by_purpose = [
        (Purpose::ChangePhone, stub::CHANGE_PHONE_TEMPLATE.to_owned()),
        (Purpose::DeleteAccount, stub::DELETE_ACCOUNT_TEMPLATE.to_owned()),
        (Purpose::Verify, stub::VERIFY_TEMPLATE.to_owned()),
    ];
    own.templates = Templates::new(stub::LOGIN_TEMPLATE, by_purpose);
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
async fn the_setting_decides_the_parameters_and_their_order() {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let mut reversed = config(&stub.endpoint());
    reversed.template_params = vec![TemplateParam::Minutes, TemplateParam::Code];
    let mut code_only = config(&stub.endpoint());
    code_only.templates = Templates::new(stub::CODE_ONLY_TEMPLATE, []);
    code_only.template_params = vec![TemplateParam::Code];
    for (config, params) in [(reversed, vec!["5", "012345"]), (code_only, vec!["012345"])] {
        send(&sender(config, Arc::clone(&clock) as Arc<dyn Clock>)).await.expect("sent");
        assert_eq!(stub.messages().last().expect("a message").params, params);
    }
    assert_eq!(TemplateParam::parse("code"), Some(TemplateParam::Code));
    assert_eq!(TemplateParam::parse("minutes"), Some(TemplateParam::Minutes));
    assert_eq!(TemplateParam::parse("hours"), None);
}

#[tokio::test]
async fn only_a_message_for_verify_shows_the_reference() {
    let clock = clock();
    let stub = TencentStub::start(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let mut config = config(&stub.endpoint());
    config.templates = Templates::new(stub::LOGIN_TEMPLATE, [(Purpose::Verify, stub::REFERENCE_TEMPLATE.to_owned())]);
    config.template_params.push(TemplateParam::parse("reference").expect("a parameter"));
    let sender = sender(config, clock);

    let table = [
        (Purpose::Verify, Some("transfer:9981"), vec!["012345", "5", "transfer:9981"]),
        (Purpose::Verify, None, vec!["012345", "5", ""]),
        (Purpose::Login, None, vec!["012345", "5"]),
    ];
    for (purpose, reference, params) in table {
        let outcome = send_with(&sender, purpose, FIVE_MINUTES, reference).await.expect("sent");
        assert_eq!(outcome, accepted());
        assert_eq!(stub.messages().last().expect("a message").params, params, "{purpose:?}");
    }
}

#[test]
fn invalid_settings_are_refused() {
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
async fn a_check_sends_no_sms_and_detects_a_wrong_key() {
    let (stub, sender) = start().await;
    sender.check().await.expect("the key is accepted");
    let mut wrong = config(&stub.endpoint());
    wrong.credentials = Credentials::new(stub::SECRET_ID, "another-key");
    let error = self::sender(wrong, clock()).check().await.expect_err("the key is not accepted");
    assert!(matches!(error, SendError::NeedsOperator { .. }), "{error:?}");
    assert_eq!(stub.requests(), 2);
    assert!(stub.messages().is_empty());
}

#[test]
fn debug_output_has_no_secret() {
    let endpoint: Url = "https://sms.tencentcloudapi.com".parse().expect("a URL");
    let config = config(endpoint.as_str());
    let shown = format!("{config:?} {config:#?}");
    assert!(shown.contains(stub::SECRET_ID));
    assert!(!shown.contains(stub::SECRET_KEY));
}
