//! Refresh token rotation, checked against a small model with random steps and times.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use sms_login::clock::Clock;

use crate::app::{Answer, ME, REFRESH, SignedIn, Stores, TestApp};

const LOG_OUT: &str = "mutation { logout { ... on LogoutPayload { endedSessions } ...P } }";

/// The session id and the generation.
const CLAIM_BYTES: usize = 20;
const ACCESS_TTL: Duration = Duration::from_hours(1);
const REFRESH_TTL: Duration = Duration::from_hours(30 * 24);
/// Two keys are enough: one may be that of the last refresh, the other is not.
const KEYS: [Option<&str>; 3] = [None, Some("one idempotency key"), Some("another idempotency key")];
/// So short that a session reaches it by one refresh.
const MAX_AGE: Duration = Duration::from_hours(40 * 24);
const MILLISECOND: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Sends the token that is `back` generations older than the current one, perhaps with an idempotency key.
    Refresh { back: usize, key: Option<&'static str> },
    /// Sends a token that the server did not issue.
    Forged { back: usize, how: Forgery },
    /// Waits.
    Wait(Duration),
    /// Waits until a moment, or until one millisecond before it.
    Until { moment: Moment, just_before: bool },
    /// Signs out with the latest access token.
    LogOut,
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    GraceEnds,
    TokenExpires,
    SessionIsTooOld,
}

#[derive(Debug, Clone, Copy)]
enum Forgery {
    /// A bit of the signature is flipped.
    Signature(usize),
    /// A bit of the session id or generation is flipped.
    Claim(usize),
    /// The signature is missing.
    Unsigned,
    /// The signature is another session's.
    Transplanted,
    /// The token is shortened by this number of characters.
    Cut(usize),
    /// The token has one more byte.
    Longer,
    /// The prefix is missing.
    Bare,
}

fn step() -> impl Strategy<Value = Step> {
    let back = prop_oneof![5 => Just(0), 3 => Just(1_usize), 1 => 2..5_usize];
    let how = prop_oneof![
        any::<usize>().prop_map(Forgery::Signature),
        any::<usize>().prop_map(Forgery::Claim),
        Just(Forgery::Unsigned),
        Just(Forgery::Transplanted),
        (1..115_usize).prop_map(Forgery::Cut),
        Just(Forgery::Longer),
        Just(Forgery::Bare),
    ];

    let moment = prop_oneof![Just(Moment::GraceEnds), Just(Moment::TokenExpires), Just(Moment::SessionIsTooOld)];
    let wait = [MILLISECOND, Duration::from_secs(3), ACCESS_TTL, Duration::from_hours(29 * 24)];

    prop_oneof![
        12 => (back.clone(), prop::sample::select(KEYS.to_vec())).prop_map(|(back, key)| Step::Refresh { back, key }),
        3 => (back, how).prop_map(|(back, how)| Step::Forged { back, how }),
        3 => prop::sample::select(wait.to_vec()).prop_map(Step::Wait),
        6 => (moment, any::<bool>()).prop_map(|(moment, just_before)| Step::Until { moment, just_before }),
        1 => Just(Step::LogOut),
    ]
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    New,
    SameAgain,
    Invalid,
    Expired,
    KeyReused,
}

/// The expected state of a session, and the expected outcomes of its tokens.
struct Model {
    grace: Duration,
    began: Timestamp,
    generation: usize,
    /// The idempotency key of the last refresh.
    key: Option<&'static str>,
    rotated_at: Timestamp,
    expires_at: Timestamp,
    access_expires_at: Timestamp,
    ended: bool,
}

impl Model {
    fn new(grace: Duration, now: Timestamp) -> Self {
        let access_expires_at = access_expiry(now);
        let expires_at = now + REFRESH_TTL;
        Self {
            grace,
            began: now,
            generation: 0,
            key: None,
            rotated_at: now,
            expires_at,
            access_expires_at,
            ended: false,
        }
    }

    fn refresh(&mut self, generation: usize, key: Option<&'static str>, now: Timestamp) -> Outcome {
        if self.ended {
            return Outcome::Invalid;
        }
        if now >= self.expires_at {
            return Outcome::Expired;
        }
        let is_same_key = key.is_some() && key == self.key;
        if generation == self.generation && is_same_key {
            return Outcome::KeyReused;
        }
        if generation == self.generation {
            self.key = key;
            self.generation += 1;
            self.rotated_at = now;
            self.expires_at = (now + REFRESH_TTL).min(self.began + MAX_AGE);
            self.access_expires_at = access_expiry(now);
            return Outcome::New;
        }
        if generation + 1 == self.generation && (is_same_key || now < self.rotated_at + self.grace) {
            self.access_expires_at = access_expiry(now);
            return Outcome::SameAgain;
        }

        self.ended = true;
        Outcome::Invalid
    }

    /// Returns the expected outcome of the latest access token.
    fn access(&self, now: Timestamp) -> Outcome {
        if now >= self.access_expires_at {
            Outcome::Expired
        } else if self.ended || now >= self.expires_at {
            Outcome::Invalid
        } else {
            Outcome::New
        }
    }

    fn moment(&self, moment: Moment) -> Timestamp {
        match moment {
            Moment::GraceEnds => self.rotated_at + self.grace,
            Moment::TokenExpires => self.expires_at,
            Moment::SessionIsTooOld => self.began + MAX_AGE,
        }
    }
}

fn access_expiry(now: Timestamp) -> Timestamp {
    Timestamp::from_second((now + ACCESS_TTL).as_second()).expect("a time")
}

/// Returns the outcome that an answer reports.
fn outcome(answer: &Answer) -> Outcome {
    if answer.body["errors"].is_null() {
        return Outcome::New;
    }
    match answer.code() {
        "TOKEN_INVALID" => Outcome::Invalid,
        "TOKEN_EXPIRED" => Outcome::Expired,
        "BAD_INPUT" => Outcome::KeyReused,
        code => panic!("{code}"),
    }
}

/// Forges a token from this one and another session's.
fn forge(token: &str, other: &str, how: Forgery) -> String {
    let read = |token: &str| URL_SAFE_NO_PAD.decode(&token["slr_".len()..]).expect("base64url");
    let write = |bytes: &[u8]| format!("slr_{}", URL_SAFE_NO_PAD.encode(bytes));
    let mut bytes = read(token);
    match how {
        Forgery::Claim(at) => bytes[at % CLAIM_BYTES] ^= 1,
        Forgery::Signature(at) => {
            let signature = &mut bytes[CLAIM_BYTES..];
            signature[at % signature.len()] ^= 1;
        }
        Forgery::Unsigned => bytes.truncate(CLAIM_BYTES),
        Forgery::Transplanted => bytes.splice(CLAIM_BYTES.., read(other).split_off(CLAIM_BYTES)).for_each(drop),
        Forgery::Longer => bytes.push(0),
        Forgery::Cut(by) => return token[..token.len() - by].to_owned(),
        Forgery::Bare => return token["slr_".len()..].to_owned(),
    }
    write(&bytes)
}

/// Runs the steps on one session and checks after each that the server agrees with the model.
async fn live(app: &TestApp, grace: Duration, steps: &[Step]) {
    let other = app.signed_in().await.refresh_token;
    let mut user = app.signed_in().await;
    let mut model = Model::new(grace, app.clock.now());
    let mut tokens = vec![user.refresh_token.clone()];

    for step in steps {
        let now = app.clock.now();
        match *step {
            Step::Wait(by) => app.advance(by),
            Step::Until { moment, just_before } => {
                let then = model.moment(moment) - if just_before { MILLISECOND } else { Duration::ZERO };
                app.advance(Duration::try_from(then.duration_since(now)).unwrap_or_default());
            }
            Step::Forged { back, how } => {
                let token = forge(&tokens[model.generation.saturating_sub(back)], &other, how);
                let answer = app.anonymous().run(REFRESH, json!({ "input": { "refreshToken": token } })).await;
                assert_eq!(outcome(&answer), Outcome::Invalid, "{token}");
            }
            Step::Refresh { back, key } => {
                let generation = model.generation.saturating_sub(back);
                refresh(app, &mut model, &mut tokens, &mut user, (generation, key)).await;
            }
            Step::LogOut => {
                let expected = model.access(now);
                let answer = user.run(LOG_OUT, json!({})).await;
                assert_eq!(outcome(&answer), expected);
                model.ended |= expected == Outcome::New;
            }
        }

        let seen = outcome(&user.run(ME, json!({})).await);
        assert_eq!(seen, model.access(app.clock.now()), "after {step:?}");
    }
}

async fn refresh(
    app: &TestApp,
    model: &mut Model,
    tokens: &mut Vec<String>,
    user: &mut SignedIn<'_>,
    (generation, key): (usize, Option<&'static str>),
) {
    let expected = model.refresh(generation, key, app.clock.now());
    let input = json!({ "input": { "refreshToken": tokens[generation], "idempotencyKey": key } });
    let answer = app.anonymous().run(REFRESH, input).await;
    match expected {
        Outcome::Invalid | Outcome::Expired | Outcome::KeyReused => return assert_eq!(outcome(&answer), expected),
        Outcome::New | Outcome::SameAgain => {}
    }

    let refreshed = answer.data("refreshSession");
    let token = refreshed["refreshToken"].as_str().expect("a token").to_owned();
    if expected == Outcome::New {
        assert!(!tokens.contains(&token));
        tokens.push(token);
    } else {
        assert_eq!(token, tokens[model.generation]);
    }

    let time = |name: &str| -> Timestamp { refreshed[name].as_str().expect("a time").parse().expect("a time") };
    assert_eq!(time("refreshTokenExpiresAt"), model.expires_at);
    assert_eq!(time("accessTokenExpiresAt"), model.access_expires_at);
    assert_eq!(refreshed["user"]["id"], user.id);
    refreshed["accessToken"].as_str().expect("a token").clone_into(&mut user.access_token);
}

fn lives(stores: Stores, grace: Duration, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let builder = TestApp::on(stores).set("REFRESH_GRACE", format!("{}s", grace.as_secs()));
    let start = builder.set("SESSION_MAX_AGE", format!("{}h", MAX_AGE.as_secs() / 3600)).start();
    let app = Mutex::new(runtime.block_on(start));

    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let lived = TestRunner::new(config).run(&prop::collection::vec(step(), 1..32), |steps| {
        let app = app.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runtime.block_on(live(&app, grace, &steps));
        Ok(())
    });
    lived.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn rotation_agrees_with_the_model_on_sqlite() {
    lives(Stores::Embedded, Duration::from_secs(10), 96);
}

#[test]
fn rotation_agrees_with_the_model_on_mariadb() {
    lives(Stores::Shared, Duration::from_secs(10), 12);
}

#[test]
fn without_a_grace_period_no_preceding_token_is_accepted() {
    lives(Stores::Embedded, Duration::ZERO, 32);
    lives(Stores::Shared, Duration::ZERO, 4);
}

#[tokio::test]
async fn without_a_grace_period_the_second_of_two_refreshes_ends_the_session() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("REFRESH_GRACE", "0s").start().await;
        let user = app.signed_in().await;
        let input = json!({ "input": { "refreshToken": user.refresh_token } });
        let first = app.anonymous().run(REFRESH, input.clone()).await;

        let next = json!({ "input": { "refreshToken": first.data("refreshSession")["refreshToken"] } });
        assert_eq!(app.anonymous().run(REFRESH, input).await.code(), "TOKEN_INVALID");
        assert_eq!(app.anonymous().run(REFRESH, next).await.code(), "TOKEN_INVALID");
        assert_eq!(user.run(ME, json!({})).await.code(), "TOKEN_INVALID");
    }
}

#[tokio::test]
async fn a_maximum_age_of_zero_sets_no_limit() {
    for stores in Stores::BOTH {
        let app = TestApp::on(stores).set("SESSION_MAX_AGE", "0").set("REFRESH_TOKEN_TTL", "30d").start().await;
        let mut user = app.signed_in().await;
        for _ in 0..10 {
            app.advance(Duration::from_hours(29 * 24));
            user = user.refreshed().await;
        }
    }
}
