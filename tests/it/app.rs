//! A whole server in the test's process, and the two actors that send GraphQL to it through the real router:
//! `Anonymous` and `SignedIn`. SMS go to a stand-in for the provider. Time stands still until a test moves it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::{Router, http};
use clap::Parser;
use http_body_util::BodyExt;
use jiff::SignedDuration;
use rand::RngExt;
use serde_json::{Value, json};
use sms_login::app::App;
use sms_login::clock::{Clock, ManualClock};
use sms_login::config::{self, Config, ConfigError, ParseOutcome, Settings};
use sms_login::deliveries::Deliveries;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::problems::{folded, with_fragment};
use crate::servers;
use crate::tencent_stub::{self, TencentStub};

pub(crate) const START: &str = "2026-03-01T04:00:00Z";
pub(crate) const HOME: &str = "203.0.113.7";

pub(crate) const ASK: &str = "mutation($input: RequestCodeInput!) {
  requestCode(input: $input) { ... on RequestCodePayload { challengeId expiresAt resendAt sendsRemaining } ...P } }";
pub(crate) const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) { ... on LoginPayload {
  accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt deviceToken isNewUser
  user { id name avatar phone createdAt lastLoginAt } } ...P } }";
pub(crate) const ME: &str = "{ me { id name avatar phone createdAt lastLoginAt } }";

/// The stores of a test's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stores {
    /// SQLite, and codes in the process's memory.
    Embedded,
    /// MariaDB and Redis.
    Shared,
}

impl Stores {
    pub(crate) const BOTH: [Self; 2] = [Self::Embedded, Self::Shared];
}

/// Parses settings as the program does.
pub(crate) fn settings<'a>(
    args: &[&str],
    env: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Settings, ConfigError> {
    #[derive(Parser)]
    struct OnlySettings {
        #[command(flatten)]
        settings: Settings,
    }
    let args: Vec<OsString> = ["sms-login"].iter().chain(args).map(OsString::from).collect();
    let env: BTreeMap<_, _> = env.into_iter().map(|(name, value)| (name.to_owned(), OsString::from(value))).collect();
    match config::parse::<OnlySettings>(&args, &env)? {
        ParseOutcome::Parsed(parsed, origins) => Ok(Settings { origins, ..parsed.settings }),
        ParseOutcome::Said(said) => panic!("{said}"),
    }
}

pub(crate) struct TestApp {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sms: TencentStub,
    pub(crate) env: BTreeMap<String, String>,
    /// The service that follows messages.
    pub(crate) deliveries: Arc<Deliveries>,
    router: Router,
    _data: TempDir,
}

pub(crate) struct Builder {
    stores: Stores,
    env: BTreeMap<String, String>,
    clock: Arc<ManualClock>,
    routes: Option<String>,
}

impl Builder {
    /// Uses the message routes of a settings file instead of the only route.
    pub(crate) fn routes(mut self, toml: impl Into<String>) -> Self {
        self.routes = Some(toml.into());
        self
    }

    /// Changes a setting.
    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) async fn start(self) -> TestApp {
        let data = TempDir::new().expect("a folder");
        let sms = TencentStub::start(Arc::clone(&self.clock) as Arc<dyn Clock>).await;
        let mut env = BTreeMap::from(
            [
                ("DATA_DIR", data.path().to_str().expect("a path")),
                ("TENCENTCLOUD_SECRET_ID", tencent_stub::SECRET_ID),
                ("TENCENTCLOUD_SECRET_KEY", tencent_stub::SECRET_KEY),
                ("TENCENT_SMS_SDK_APP_ID", tencent_stub::SDK_APP_ID),
                ("TENCENT_SMS_SIGN_NAME", tencent_stub::SIGN_NAME),
                ("TENCENT_SMS_TEMPLATE_ID", tencent_stub::LOGIN_TEMPLATE),
                ("TENCENT_SMS_ENDPOINT", &sms.endpoint()),
                ("TENCENT_VMS_ENDPOINT", &sms.endpoint()),
                ("TENCENT_CAPTCHA_ENDPOINT", &sms.endpoint()),
                ("AUTO_MIGRATE", "true"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        if self.stores == Stores::Shared {
            let key = sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa)
                .expect("a key")
                .private_pem;
            env.insert("JWT_SIGNING_KEY".to_owned(), key);
            if !self.env.contains_key("DATABASE_URL") {
                env.insert("DATABASE_URL".to_owned(), servers::mariadb().create_database());
            }
            if !self.env.contains_key("REDIS_URL") {
                env.insert("REDIS_URL".to_owned(), servers::redis().fresh_url());
            }
            env.insert("REDIS_KEY_PREFIX".to_owned(), servers::fresh_key_prefix());
        }
        if let Some(routes) = &self.routes {
            env.retain(|name, _| !name.starts_with("TENCENT_SMS_") || name == "TENCENT_SMS_ENDPOINT");
            let file = data.path().join("routes.toml");
            std::fs::write(&file, routes).expect("a file");
            env.insert("CONFIG".to_owned(), file.to_str().expect("a path").to_owned());
        }
        env.extend(self.env);
        let pairs = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let config = Config::try_from(settings(&[], pairs).expect("settings")).expect("settings that fit together");
        let app = App::build(config, Arc::clone(&self.clock) as Arc<dyn Clock>).await.expect("a server");
        TestApp { deliveries: app.deliveries(), router: app.router(), clock: self.clock, sms, env, _data: data }
    }
}

impl TestApp {
    pub(crate) fn on(stores: Stores) -> Builder {
        let clock = Arc::new(ManualClock::new(START.parse().expect("a time")));
        Builder { stores, env: BTreeMap::new(), clock, routes: None }
    }

    pub(crate) async fn start(stores: Stores) -> Self {
        Self::on(stores).start().await
    }

    /// Waits until everything that the server does in the background is done. It does nothing more afterwards.
    pub(crate) async fn finish(&self) {
        self.deliveries.finish().await;
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).expect("a duration"));
    }

    /// Returns the current time in seconds, as a token has it.
    pub(crate) fn clock_seconds(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub(crate) fn anonymous(&self) -> Anonymous<'_> {
        self.at(HOME)
    }

    /// Returns a client at another address.
    pub(crate) fn at(&self, address: &str) -> Anonymous<'_> {
        let address = SocketAddr::new(address.parse().expect("an address"), 50_000);
        Anonymous { app: self, address, token: None }
    }

    /// Signs a new user in.
    pub(crate) async fn signed_in(&self) -> SignedIn<'_> {
        self.sign_in(&phone()).await
    }

    pub(crate) async fn sign_in(&self, phone: &str) -> SignedIn<'_> {
        let someone = self.anonymous();
        let challenge_id = someone.ask(phone).await;
        let answer = someone.login(phone, &self.code(phone), &challenge_id).await;
        SignedIn::of(self, phone, answer.data("login"))
    }

    /// Returns the code in the last SMS to a phone.
    pub(crate) fn code(&self, phone: &str) -> String {
        self.sms.last_code_for(phone).expect("an SMS with a code")
    }

    pub(crate) async fn send(&self, mut request: Request<Body>, address: SocketAddr) -> http::Response<Body> {
        request.extensions_mut().insert(ConnectInfo(address));
        self.router.clone().oneshot(request).await.expect("an answer")
    }
}

/// Returns a phone that no other test uses.
pub(crate) fn phone() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let run: u32 = sms_login::random::source().random_range(0..10_000);
    format!("+86137{:04}{:04}", run, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns another code than this one.
pub(crate) fn wrong(code: &str) -> String {
    let number: u32 = code.parse().expect("a number");
    format!("{:06}", (number + 1) % 1_000_000)
}

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, with problems among the errors.
    pub(crate) body: Value,
    /// The body as text, as the client gets it.
    pub(crate) text: String,
}

impl Answer {
    /// Returns the value of a field, and asserts that there are no errors.
    #[track_caller]
    pub(crate) fn data(&self, field: &str) -> &Value {
        assert!(self.body["errors"].is_null(), "{}", self.body);
        &self.body["data"][field]
    }

    /// Returns the only error.
    #[track_caller]
    pub(crate) fn error(&self) -> &Value {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no error: {}", self.body));
        assert_eq!(errors.len(), 1, "{}", self.body);
        &errors[0]
    }

    /// Returns the extensions of the only error.
    #[track_caller]
    pub(crate) fn extensions(&self) -> &Value {
        &self.error()["extensions"]
    }

    /// Returns the code of the only error.
    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        self.extensions()["code"].as_str().expect("a code")
    }
}

/// A client without a session.
pub(crate) struct Anonymous<'a> {
    app: &'a TestApp,
    address: SocketAddr,
    token: Option<String>,
}

impl Anonymous<'_> {
    /// Adds a bearer token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) async fn run(&self, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": with_fragment(query), "variables": variables }).to_string();
        let mut request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.send(request, self.address).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let body = serde_json::from_slice(&body).map_or_else(|_| text.clone().into(), folded);
        Answer { status: parts.status, headers: parts.headers, body, text }
    }

    pub(crate) async fn try_ask(&self, phone: &str) -> Answer {
        self.run(ASK, json!({ "input": { "phone": phone } })).await
    }

    /// Requests a code, and returns the challenge id.
    pub(crate) async fn ask(&self, phone: &str) -> String {
        self.try_ask(phone).await.data("requestCode")["challengeId"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn login(&self, phone: &str, code: &str, challenge_id: &str) -> Answer {
        let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id });
        self.run(LOGIN, json!({ "input": input })).await
    }
}

pub(crate) const REFRESH: &str =
    "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { ... on RefreshSessionPayload {
  accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt user { id phone } } ...P } }";

/// A client with a session.
#[derive(Clone)]
pub(crate) struct SignedIn<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) phone: String,
    pub(crate) id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

impl<'a> SignedIn<'a> {
    /// Creates the client from the result of `login`.
    pub(crate) fn of(app: &'a TestApp, phone: &str, login: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        Self {
            app,
            phone: phone.to_owned(),
            id: text(&login["user"]["id"]),
            access_token: text(&login["accessToken"]),
            refresh_token: text(&login["refreshToken"]),
        }
    }

    pub(crate) async fn run(&self, query: &str, variables: Value) -> Answer {
        self.app.anonymous().with_token(&self.access_token).run(query, variables).await
    }

    /// Requests a code for a purpose that needs sign-in, and returns the challenge id.
    pub(crate) async fn ask_for(&self, purpose: &str, phone: &str) -> String {
        let answer = self.run(ASK, json!({ "input": { "phone": phone, "purpose": purpose } })).await;
        answer.data("requestCode")["challengeId"].as_str().expect("an id").to_owned()
    }

    /// Refreshes without the access token, like a client whose access token has expired.
    pub(crate) async fn refresh(&self) -> Answer {
        self.app.anonymous().run(REFRESH, json!({ "input": { "refreshToken": self.refresh_token } })).await
    }

    /// Returns the same client with the session's new tokens.
    pub(crate) async fn refreshed(&self) -> Self {
        let answer = self.refresh().await;
        let data = answer.data("refreshSession");
        let text = |name: &str| data[name].as_str().expect("a token").to_owned();
        Self { access_token: text("accessToken"), refresh_token: text("refreshToken"), ..self.clone() }
    }
}
