//! The functions that run for every request, each with a typical input.
//!
//! Only public functions of the server's library can be measured one at a time. The hash of a code is private: the keyed hash
//! of four parts stands for it. The execution of `me` is private, too: a whole request through the router stands for it, on
//! SQLite, and a request without a store beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use async_graphql::Variables;
use async_graphql::parser::parse_query;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use clap::Parser;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sms_login::app::App;
use sms_login::clock::{Clock, SystemClock};
use sms_login::config::{self, Config, ParseOutcome, Settings};
use sms_login::graphql::bounds;
use sms_login::mac::MacKey;
use sms_login::phone::{PhoneNumber, Region};
use sms_login::tencent::tc3::{Credentials, SigningInput};
use sms_login::tokens::device::DeviceTokens;
use sms_login::tokens::keys::{self, Keys, SigningAlgorithm};
use sms_login::tokens::{TokenPolicy, Tokens};
use sms_login::users::User;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use uuid::Uuid;

const PHONE: &str = "+8613800000000";
const CODE: &str = "135790";
const DOCUMENT: &str = "mutation Login($input: LoginInput!) { login(input: $input) { __typename \
    ... on LoginPayload { accessToken accessTokenExpiresAt refreshToken isNewUser user { id phone name avatar } } \
    ... on Problem { code message retryAfterSeconds } } }";
const PAYLOAD: &str = r#"{"PhoneNumberSet":["+8613711112222"],"SmsSdkAppId":"1400000001","TemplateId":"100001","SignName":"bench","TemplateParamSet":["135790","5"]}"#;

/// A function to measure. Each call does the work once.
pub struct Subject {
    pub name: &'static str,
    pub run: Box<dyn Fn()>,
}

/// The names of all subjects.
pub const NAMES: [&str; 10] = [
    "TC3 signature",
    "phone parsing",
    "access token: verify",
    "access token: issue",
    "keyed hash of four parts",
    "document: bounds of its text",
    "document: parser of the library",
    "document: bounds of its tree",
    "request { __typename }",
    "request { me }",
];

/// Prepares the subject with this name.
///
/// # Panics
/// If the subject does not do its work.
pub fn subject(name: &'static str) -> Result<Subject> {
    let run: Box<dyn Fn()> = match name {
        "TC3 signature" => tc3(),
        "phone parsing" => {
            let region: Region = "CN".parse()?;
            repeat(move || PhoneNumber::parse("137 1111 2222", region))
        }
        "access token: verify" => {
            let (tokens, user) = tokens()?;
            let token = tokens.issue_access(&user, Uuid::from_u128(8), SystemClock.now())?.token;
            repeat(move || tokens.verify_access(&token))
        }
        "access token: issue" => {
            let (tokens, user) = tokens()?;
            repeat(move || tokens.issue_access(&user, Uuid::from_u128(8), SystemClock.now()))
        }
        "keyed hash of four parts" => {
            let key = MacKey::derive(b"a secret of thirty-two bytes or more", "codes");
            let parts = ["LOGIN", PHONE, "AAAAAAAAAAAAAAAAAAAAAA", CODE].map(str::as_bytes);
            Box::new(move || {
                std::hint::black_box(key.mac(std::hint::black_box(&parts)));
            })
        }
        "document: bounds of its text" => repeat(|| bounds::check_text(std::hint::black_box(DOCUMENT))),
        "document: parser of the library" => repeat(|| parse_query(std::hint::black_box(DOCUMENT))),
        "document: bounds of its tree" => {
            let document = parse_query(DOCUMENT)?;
            let input = json!({ "input": { "phone": PHONE, "code": CODE, "challengeId": "A".repeat(43) } });
            let variables = Variables::from_json(input);
            repeat(move || bounds::check_document(&document, None, &variables, false))
        }
        "request { __typename }" => request("{ __typename }")?,
        "request { me }" => request("query Me { me { id phone name avatar createdAt lastLoginAt } }")?,
        _ => anyhow::bail!("no subject {name}"),
    };
    Ok(Subject { name, run })
}

/// Returns a function that calls `work` and checks that it succeeds.
fn repeat<T, E>(work: impl Fn() -> Result<T, E> + 'static) -> Box<dyn Fn()> {
    Box::new(move || assert!(std::hint::black_box(work()).is_ok()))
}

fn tc3() -> Box<dyn Fn()> {
    let credentials = Credentials::new("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    let timestamp = SystemClock.now();
    Box::new(move || {
        let input = SigningInput {
            service: "sms",
            host: "sms.tencentcloudapi.com",
            payload: std::hint::black_box(PAYLOAD.as_bytes()),
            timestamp,
        };
        drop(std::hint::black_box(credentials.authorization(&input)));
    })
}

fn tokens() -> Result<(Tokens, User)> {
    let algorithm = SigningAlgorithm::EdDsa;
    let keys = Keys::from_private_pem(&keys::generate(algorithm)?.private_pem, algorithm)?;
    let policy = TokenPolicy {
        issuer: "sms-login".to_owned(),
        base_url: None,
        audience: "sms-login".to_owned(),
        proof_audience: "sms-login-proof".to_owned(),
        profile_claims: true,
        access_ttl: std::time::Duration::from_hours(1),
        device_ttl: std::time::Duration::from_hours(24),
    };
    let now = SystemClock.now();
    let user = User {
        id: Uuid::from_u128(7),
        phone: PhoneNumber::from_e164(PHONE.to_owned())?,
        name: "Anna".to_owned(),
        avatar: "http://127.0.0.1:8000/avatars/1.svg".to_owned(),
        created_at: now,
        last_login_at: now,
        banned_at: None,
    };
    let devices = DeviceTokens::new(b"a secret of thirty-two bytes or more", policy.device_ttl);
    Ok((Tokens::new(keys, devices, policy, Arc::new(SystemClock)), user))
}

#[derive(Parser)]
struct OnlySettings {
    #[command(flatten)]
    settings: Settings,
}

/// Returns a function that sends a query of a signed-in user through the router.
fn request(query: &str) -> Result<Box<dyn Fn()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = TempDir::new()?;
    let (router, token) = runtime.block_on(signed_in(&folder))?;
    let body = json!({ "query": query }).to_string();
    Ok(Box::new(move || {
        // The folder lives as long as the router.
        let _ = &folder;
        let answer = send(&runtime, &router, &body, Some(&token)).expect("an answer");
        assert!(answer.starts_with(r#"{"data":{"#), "{answer}");
    }))
}

async fn signed_in(folder: &TempDir) -> Result<(Router, String)> {
    let env = BTreeMap::from([
        ("DATA_DIR".to_owned(), folder.path().as_os_str().to_owned()),
        ("TEST_NUMBERS".to_owned(), format!("{PHONE}={CODE}").into()),
    ]);
    let parsed = config::parse::<OnlySettings>(&[OsString::from("sms-login")], &env)?;
    let settings = match parsed {
        ParseOutcome::Parsed(parsed, _) => parsed.settings,
        ParseOutcome::Said(said) => anyhow::bail!("{said}"),
    };
    let app = Box::pin(App::build(Config::try_from(settings)?, Arc::new(SystemClock))).await?;
    let router = app.router();

    let ask = "mutation($phone: PhoneNumber!) { requestCode(input: { phone: $phone }) { ... on RequestCodePayload { challengeId } } }";
    let asked = exchange(&router, &json!({ "query": ask, "variables": { "phone": PHONE } }).to_string(), None).await?;
    let asked: Value = serde_json::from_str(&asked)?;
    let challenge = &asked["data"]["requestCode"]["challengeId"];
    let input = json!({ "phone": PHONE, "code": CODE, "challengeId": challenge });
    let login = json!({ "query": DOCUMENT, "variables": { "input": input } });
    let login: Value = serde_json::from_str(&exchange(&router, &login.to_string(), None).await?)?;
    let token = login["data"]["login"]["accessToken"].as_str().with_context(|| format!("no token: {login}"))?;
    Ok((router, token.to_owned()))
}

fn send(runtime: &Runtime, router: &Router, body: &str, token: Option<&str>) -> Result<String> {
    runtime.block_on(exchange(router, body, token))
}

async fn exchange(router: &Router, body: &str, token: Option<&str>) -> Result<String> {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut request = request.body(Body::from(body.to_owned()))?;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
    let answer = router.clone().oneshot(request).await?;
    Ok(String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec())?)
}
