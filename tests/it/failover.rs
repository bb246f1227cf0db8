//! Failover between message routes: which failures try the next route, which routes are skipped, and that no message is
//! ever sent twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use sms_login::channel::Channel;
use sms_login::clock::{Clock, ManualClock};
use sms_login::code::Code;
use sms_login::phone::PhoneNumber;
use sms_login::purpose::Purpose;
use sms_login::sms::routes::{Route, RouteMinute, RouteScope, Routes};
use sms_login::sms::{Acceptance, CodeMessage, MessageSender, ProviderWait, SendError, SendOutcome};

use crate::app::{ASK, START, Stores, TestApp, phone};
use crate::webhook::{Gateway, SECRET};

/// What a provider does with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Accept,
    Outcome(SendOutcome),
    Unreachable,
    Fail,
    NeedOperator,
    /// The provider sends the message, but the answer is lost.
    LoseAnswer,
}

impl Act {
    /// Whether the user may get a message.
    fn may_send(&self) -> bool {
        matches!(self, Self::Accept | Self::LoseAnswer)
    }

    fn is_definite_failure(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Fail | Self::NeedOperator)
    }
}

/// A provider that does what the test says, and then accepts. It keeps the acts of the current message.
struct Scripted {
    number: usize,
    script: Mutex<VecDeque<Act>>,
    done: Arc<Mutex<Vec<(usize, Act)>>>,
}

#[async_trait]
impl MessageSender for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, _message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let act = self.script.lock().expect("a script").pop_front().unwrap_or(Act::Accept);
        self.done.lock().expect("acts").push((self.number, act.clone()));
        let (code, request_id) = ("down".to_owned(), String::new());
        match act {
            Act::Accept => Ok(SendOutcome::Accepted(Acceptance::default())),
            Act::Outcome(outcome) => Ok(outcome),
            Act::Unreachable => Err(SendError::Unreachable("refused".into())),
            Act::Fail => Err(SendError::Failed { code, request_id }),
            Act::NeedOperator => Err(SendError::NeedsOperator { code, request_id }),
            Act::LoseAnswer => Err(SendError::Ambiguous("lost".into())),
        }
    }
}

struct Providers {
    routes: Routes,
    clock: Arc<ManualClock>,
    done: Arc<Mutex<Vec<(usize, Act)>>>,
}

impl Providers {
    fn new(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self::in_groups(scripts, |_| None)
    }

    fn in_groups(scripts: impl IntoIterator<Item = Vec<Act>>, group: impl Fn(usize) -> Option<&'static str>) -> Self {
        let clock = Arc::new(ManualClock::new(START.parse().expect("a time")));
        let done = Arc::default();
        let route = |(number, script): (usize, Vec<Act>)| {
            let sender = Scripted { number, script: Mutex::new(script.into()), done: Arc::clone(&done) };
            let route = Route::new(format!("route-{number}"), RouteScope::default(), Arc::new(sender));
            route.in_group(group(number).map(str::to_owned))
        };
        let routes = scripts.into_iter().enumerate().map(route).collect();
        let routes = Routes::new(routes, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { routes, clock, done }
    }

    /// Sends a message. Returns what the routes did with it, and whether the send succeeded.
    async fn send(&self) -> (Vec<(usize, Act)>, bool) {
        let phone = PhoneNumber::from_e164("+8613711112222".to_owned()).expect("a phone number");
        let code = Code::parse("012345").expect("a code");
        let message = CodeMessage {
            id: "1",
            phone: &phone,
            code: &code,
            purpose: Purpose::Login,
            channel: Channel::Sms,
            valid_for: Duration::from_mins(5),
            expires_at: jiff::Timestamp::MAX,
            locale: None,
            reference: None,
            app_hash: None,
        };
        let is_sent = matches!(self.routes.send(&message).await.outcome, Ok(SendOutcome::Accepted(_)));
        (std::mem::take(&mut *self.done.lock().expect("acts")), is_sent)
    }

    /// Sends a message, and returns the numbers of the routes that were tried.
    async fn tried(&self) -> Vec<usize> {
        self.send().await.0.into_iter().map(|(number, _)| number).collect()
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Accept),
        Just(Act::Unreachable),
        Just(Act::Fail),
        Just(Act::NeedOperator),
        Just(Act::LoseAnswer),
        Just(Act::Outcome(SendOutcome::InvalidPhone)),
        Just(Act::Outcome(SendOutcome::NumberBlocked)),
        Just(Act::Outcome(SendOutcome::RegionNotAllowed)),
        Just(Act::Outcome(SendOutcome::RateLimited(ProviderWait::UntilTomorrow))),
    ]
}

proptest! {
    #[test]
    fn one_message_is_never_sent_by_two_routes(
        scripts in proptest::collection::vec(proptest::collection::vec(act(), 0..40), 1..5),
        pauses in proptest::collection::vec(0_i64..20, 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let providers = Providers::new(scripts);
        for pause in pauses {
            providers.advance(pause);
            let (acts, is_sent) = runtime.block_on(providers.send());
            let sent = acts.iter().filter(|(_, act)| act.may_send()).count();
            prop_assert!(sent <= 1, "{acts:?}");
            prop_assert_eq!(is_sent, acts.iter().any(|(_, act)| *act == Act::Accept));

            let (_, before) = acts.split_last().expect("at least one route is tried");
            prop_assert!(before.iter().all(|(_, act)| act.is_definite_failure()), "{acts:?}");
            prop_assert!(acts.is_sorted_by(|one, next| one.0 < next.0) && acts.len() <= 3, "{acts:?}");
        }
    }
}

#[tokio::test]
async fn a_definite_failure_tries_the_next_route_and_others_do_not() {
    let blocked = Act::Outcome(SendOutcome::NumberBlocked);
    for (first, tried) in [
        (Act::Unreachable, vec![0, 1]),
        (Act::Fail, vec![0, 1]),
        (Act::NeedOperator, vec![0, 1]),
        (Act::LoseAnswer, vec![0]),
        (blocked, vec![0]),
        (Act::Accept, vec![0]),
    ] {
        assert_eq!(Providers::new([vec![first.clone()], vec![]]).tried().await, tried, "{first:?}");
    }
}

#[tokio::test]
async fn a_route_that_failed_five_times_is_skipped_until_a_probe_succeeds() {
    let providers = Providers::new([vec![Act::Fail; 6], vec![]]);
    for _ in 0..5 {
        assert_eq!(providers.tried().await, [0, 1]);
    }
    assert_eq!(providers.tried().await, [1], "skipped");
    providers.advance(29);
    assert_eq!(providers.tried().await, [1], "still skipped");

    providers.advance(1);
    assert_eq!(providers.tried().await, [0, 1], "the probe fails");
    assert_eq!(providers.tried().await, [1]);
    providers.advance(30);
    assert_eq!(providers.tried().await, [0], "the probe succeeds");
    assert_eq!(providers.tried().await, [0]);
}

#[tokio::test]
async fn lost_answers_open_the_breaker_too() {
    let providers = Providers::new([vec![Act::LoseAnswer; 5], vec![]]);
    for _ in 0..5 {
        assert_eq!(providers.tried().await, [0]);
    }
    assert_eq!(providers.tried().await, [1]);
}

#[tokio::test]
async fn the_first_route_is_tried_if_all_are_skipped() {
    let providers = Providers::new([vec![Act::Fail; 6], vec![Act::Fail; 5]]);
    for _ in 0..5 {
        assert_eq!(providers.tried().await, [0, 1]);
    }
    assert_eq!(providers.tried().await, [0], "fails");
    assert_eq!(providers.tried().await, [0], "accepts");
    assert_eq!(providers.tried().await, [0]);
}

/// Returns the minutes in which so many of a hundred codes of each route were used.
fn minutes(now: Timestamp, used: &[u32]) -> Vec<RouteMinute> {
    let minute = now.as_second() / 60 - 10;
    let of_route = |(number, used): (usize, &u32)| RouteMinute {
        route: format!("route-{number}"),
        minute,
        sent: 100,
        used: *used,
    };
    used.iter().enumerate().map(of_route).collect()
}

#[tokio::test]
async fn of_routes_with_equal_rank_the_better_one_gets_more() {
    let grouped = |number: usize| (number < 2).then_some("cn");
    let providers = Providers::in_groups([vec![], vec![], vec![]], grouped);
    assert!(providers.routes.has_groups());
    let counts = async || {
        let mut counts = [0; 3];
        for _ in 0..1000 {
            counts[providers.tried().await[0]] += 1;
        }
        counts
    };

    let [first, second, alone] = counts().await;
    assert!(first.min(second) > 400 && alone == 0, "nothing is known: {first} {second} {alone}");
    providers.routes.learn(&minutes(providers.clock.now(), &[40, 90, 100]));
    let [first, second, alone] = counts().await;
    assert!((10..120).contains(&first) && second > 880 && alone == 0, "{first} {second} {alone}");
}

#[tokio::test]
async fn the_other_routes_of_a_group_are_its_fallbacks() {
    let providers = Providers::in_groups([vec![], vec![Act::Fail; 3], vec![]], |_| Some("all"));
    providers.routes.learn(&minutes(providers.clock.now(), &[0, 90, 0]));
    let mut tried = Vec::new();
    while tried.len() < 3 {
        let route = providers.tried().await;
        if route[0] == 1 {
            tried.push(route);
        }
    }
    assert_eq!(tried, [[1, 0], [1, 0], [1, 0]]);
}

#[tokio::test]
async fn routes_without_a_group_keep_their_order() {
    let providers = Providers::new([vec![], vec![]]);
    assert!(!providers.routes.has_groups());
    providers.routes.learn(&minutes(providers.clock.now(), &[0, 100]));
    for _ in 0..50 {
        assert_eq!(providers.tried().await, [0]);
    }
}

#[tokio::test]
async fn the_user_gets_the_code_by_the_next_route_in_the_same_request() {
    let (first, second) = (Gateway::start().await, Gateway::start().await);
    let route = |name: &str, gateway: &Gateway| {
        let url = &gateway.url;
        format!("[[route]]\nname = '{name}'\nprovider = 'webhook'\nurl = '{url}'\nsecret = '{SECRET}'\n")
    };
    let routes = route("first", &first) + &route("second", &second);
    let app = TestApp::on(Stores::Embedded).routes(routes).start().await;

    first.set(503, "");
    let asked = app.anonymous().run(ASK, json!({ "input": { "phone": phone() } })).await;
    assert!(asked.data("requestCode")["challengeId"].is_string());
    assert_eq!(first.messages(), second.messages(), "the same message");

    first.set(500, "");
    let unclear = app.anonymous().run(ASK, json!({ "input": { "phone": phone() } })).await;
    assert_eq!((unclear.code(), second.messages().len()), ("SMS_SEND_FAILED", 1));
}
