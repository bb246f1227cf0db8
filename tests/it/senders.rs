//! The contract of every sender: each kind of answer has one meaning, a message that may have been sent is not sent again,
//! a call ends in time, and errors contain no secret.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sms_login::channel::Channel;
use sms_login::clock::{Clock, SystemClock};
use sms_login::code::Code;
use sms_login::outbound::Timeouts;
use sms_login::phone::PhoneNumber;
use sms_login::purpose::Purpose;
use sms_login::sms::console::ConsoleSms;
use sms_login::sms::tencent::voice::{TencentVoice, TencentVoiceConfig};
use sms_login::sms::tencent::{TemplateParam, Templates, TencentSms, TencentSmsConfig};
use sms_login::sms::webhook::{WebhookConfig, WebhookSecret, WebhookSms, WebhookUrl};
use sms_login::sms::{CodeMessage, MessageSender, SendError, SendOutcome};
use sms_login::tencent::tc3::Credentials;
use url::Url;

use crate::process::stub;
use crate::tencent_stub::{self as stand_in, Behaviour, TencentStub};
use crate::webhook::{Fault, Gateway, SECRET};

const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_millis(200), whole: Duration::from_millis(500) };

/// What a provider does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Accept,
    Refuse,
    Stall,
    Reset,
    Garbage,
    Trickle,
    Flood,
}

/// What the sender must conclude.
#[derive(Debug, PartialEq, Eq)]
enum Conclusion {
    Accepted,
    NothingSent,
    Unclear,
}

/// A provider's stand-in.
enum Provider {
    Tencent(TencentStub),
    Webhook(Gateway),
}

impl Provider {
    fn set(&self, act: Act) {
        match self {
            Self::Tencent(stub) => stub.set(match act {
                Act::Accept => Behaviour::Accept,
                Act::Refuse => Behaviour::Error("FailedOperation.InsufficientBalanceInSmsPackage".to_owned()),
                Act::Stall => Behaviour::Stall,
                Act::Reset => Behaviour::BreakOff,
                Act::Garbage => Behaviour::Nonsense,
                Act::Trickle => Behaviour::Slow,
                Act::Flood => Behaviour::Huge,
            }),
            Self::Webhook(gateway) => match act {
                Act::Accept => gateway.set(200, ""),
                Act::Refuse => gateway.set(503, ""),
                Act::Stall => gateway.fail(Fault::Stall),
                Act::Reset => gateway.fail(Fault::Reset),
                Act::Garbage => gateway.set(500, "<html>"),
                Act::Trickle => gateway.fail(Fault::Trickle),
                Act::Flood => gateway.fail(Fault::Flood),
            },
        }
    }

    fn requests(&self) -> usize {
        match self {
            Self::Tencent(stub) => stub.requests(),
            Self::Webhook(gateway) => gateway.requests(),
        }
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn credentials() -> Credentials {
    Credentials::new(stand_in::SECRET_ID, stand_in::SECRET_KEY)
}

fn tencent_sms(endpoint: Url) -> TencentSms {
    let config = TencentSmsConfig {
        credentials: credentials(),
        region: stand_in::REGION.to_owned(),
        sdk_app_id: stand_in::SDK_APP_ID.to_owned(),
        sign_name: Some(stand_in::SIGN_NAME.to_owned()),
        templates: Templates::new(stand_in::LOGIN_TEMPLATE, []),
        template_params: vec![TemplateParam::Code, TemplateParam::Minutes],
        notices: HashMap::new(),
        report_conversion: true,
        endpoint,
        timeouts: TIMEOUTS,
    };
    TencentSms::new(config, clock()).expect("a sender")
}

fn tencent_voice(endpoint: Url) -> TencentVoice {
    let config = TencentVoiceConfig {
        credentials: credentials(),
        region: stand_in::REGION.to_owned(),
        sdk_app_id: stand_in::VOICE_APP_ID.to_owned(),
        play_times: None,
        endpoint,
        timeouts: TIMEOUTS,
    };
    TencentVoice::new(config, clock()).expect("a sender")
}

fn webhook(url: &str) -> WebhookSms {
    let config = WebhookConfig {
        url: WebhookUrl::parse(url).expect("a URL"),
        secret: WebhookSecret::parse(SECRET).expect("a secret"),
        notices: Vec::new(),
        timeouts: TIMEOUTS,
    };
    WebhookSms::new(config, clock()).expect("a sender")
}

/// Returns every sender over HTTP, with its provider.
async fn senders() -> Vec<(Box<dyn MessageSender>, Provider, Channel)> {
    let (sms, voice, gateway) = (stub().await, stub().await, Gateway::start().await);
    let url = |stub: &TencentStub| stub.endpoint().parse().expect("a URL");
    vec![
        (Box::new(tencent_sms(url(&sms))), Provider::Tencent(sms), Channel::Sms),
        (Box::new(tencent_voice(url(&voice))), Provider::Tencent(voice), Channel::Voice),
        (Box::new(webhook(&gateway.url)), Provider::Webhook(gateway), Channel::Sms),
    ]
}

async fn send(sender: &dyn MessageSender, channel: Channel) -> Result<SendOutcome, SendError> {
    let phone = PhoneNumber::from_e164("+8613711112222".to_owned()).expect("a phone number");
    let code = Code::parse("012345").expect("a code");
    let message = CodeMessage {
        id: "message-1",
        phone: &phone,
        code: &code,
        purpose: Purpose::Login,
        channel,
        valid_for: Duration::from_mins(5),
        expires_at: jiff::Timestamp::MAX,
        locale: None,
        reference: None,
        app_hash: None,
    };
    sender.send(&message).await
}

fn conclusion(outcome: &Result<SendOutcome, SendError>) -> Conclusion {
    match outcome {
        Ok(SendOutcome::Accepted(_)) => Conclusion::Accepted,
        Ok(_) | Err(SendError::NeedsOperator { .. } | SendError::Failed { .. } | SendError::Unreachable(_)) => {
            Conclusion::NothingSent
        }
        Err(SendError::Ambiguous(_)) => Conclusion::Unclear,
    }
}

fn shown(error: &SendError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.fold(String::new(), |text, error| format!("{text} {error} {error:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_one_meaning_and_no_message_is_sent_twice() {
    for (sender, provider, channel) in senders().await {
        for (act, expected) in [
            (Act::Accept, Conclusion::Accepted),
            (Act::Refuse, Conclusion::NothingSent),
            (Act::Stall, Conclusion::Unclear),
            (Act::Reset, Conclusion::Unclear),
            (Act::Garbage, Conclusion::Unclear),
            (Act::Trickle, Conclusion::Unclear),
            (Act::Flood, Conclusion::Unclear),
            (Act::Accept, Conclusion::Accepted),
        ] {
            provider.set(act);
            let (before, started) = (provider.requests(), Instant::now());
            let outcome = send(sender.as_ref(), channel).await;

            let name = sender.name();
            assert_eq!(conclusion(&outcome), expected, "{name}, {act:?}: {outcome:?}");
            assert_eq!(provider.requests() - before, 1, "{name}, {act:?}");
            assert!(started.elapsed() < Duration::from_secs(2), "{name}, {act:?}");
            if let Err(error) = outcome {
                let shown = shown(&error);
                for secret in ["13711112222", "012345", stand_in::SECRET_KEY, SECRET] {
                    assert!(!shown.contains(secret), "{name}, {act:?}: {shown}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_cannot_be_reached_sends_nothing() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url: Url = format!("http://{closed}").parse().expect("a URL");
    let senders: [(Box<dyn MessageSender>, Channel); 3] = [
        (Box::new(tencent_sms(url.clone())), Channel::Sms),
        (Box::new(tencent_voice(url.clone())), Channel::Voice),
        (Box::new(webhook(url.as_str())), Channel::Sms),
    ];
    for (sender, channel) in senders {
        let outcome = send(sender.as_ref(), channel).await;
        assert!(matches!(outcome, Err(SendError::Unreachable(_))), "{}: {outcome:?}", sender.name());
        assert!(sender.check().await.is_err(), "{}", sender.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_accepts_right_settings_and_sends_nothing() {
    for (sender, provider, _) in senders().await {
        sender.check().await.unwrap_or_else(|error| panic!("{}: {error}", sender.name()));
        if let Provider::Tencent(stub) = provider {
            assert!(stub.messages().is_empty() && stub.calls().is_empty());
        }
    }
    let stub = stub().await;
    let url: Url = stub.endpoint().parse().expect("a URL");
    let mut config = TencentVoiceConfig {
        credentials: Credentials::new(stand_in::SECRET_ID, "another key"),
        region: stand_in::REGION.to_owned(),
        sdk_app_id: stand_in::VOICE_APP_ID.to_owned(),
        play_times: None,
        endpoint: url,
        timeouts: TIMEOUTS,
    };
    let wrong = TencentVoice::new(config.clone(), clock()).expect("a sender");
    assert!(matches!(wrong.check().await, Err(SendError::NeedsOperator { .. })));
    config.credentials = credentials();
    config.sdk_app_id = "1".to_owned();
    let wrong = TencentVoice::new(config, clock()).expect("a sender");
    assert!(matches!(wrong.check().await, Err(SendError::NeedsOperator { .. })));
}

#[tokio::test]
async fn the_console_accepts_every_message() {
    let console = ConsoleSms::new(None);
    console.check().await.expect("it works");
    for channel in [Channel::Sms, Channel::Voice] {
        assert_eq!(conclusion(&send(&console, channel).await), Conclusion::Accepted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn used_codes_are_reported_only_if_the_operator_wants_it() {
    let stub = stub().await;
    let at = "2026-03-01T04:00:00Z".parse().expect("a time");
    let sender = tencent_sms(stub.endpoint().parse().expect("a URL"));
    sender.report_used(stand_in::SERIAL, at).await.expect("accepted");
    let report = stand_in::Report { serial: stand_in::SERIAL.to_owned(), time: at.as_second() };
    assert_eq!(stub.reports(), [report]);

    let requests = stub.requests();
    let voice = tencent_voice(stub.endpoint().parse().expect("a URL"));
    voice.report_used(stand_in::SERIAL, at).await.expect("nothing to do");
    assert_eq!(stub.requests(), requests);
}
