//! The floor: the least that a server of this kind can do.
//!
//! Bare axum handlers with JSON in and out. They make the round trips to the stores that a sign-in needs, in their best
//! form, the call to the SMS provider and the Ed25519 signature of the access token. They have no GraphQL, no bounds, no
//! idempotency, no guard, no metrics and no time limits. This is a yardstick, not a server to run.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

mod codes;
mod sms;
mod tokens;
mod users;

use codes::Codes;
use sms::Sms;
use tokens::Tokens;
use users::Users;

struct Floor {
    codes: Codes,
    users: Users,
    tokens: Tokens,
    sms: Sms,
}

/// A failure, which only the log of the benchmark sees.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.0.to_string()).into_response()
    }
}

type Answer = Result<Json<Value>, Failure>;

#[tokio::main]
async fn main() -> Result<()> {
    let setting = |name: &str| std::env::var(name).map_err(|_| anyhow::anyhow!("{name} is not set"));
    let key = std::fs::read_to_string(setting("JWT_SIGNING_KEY_FILE")?)?;
    let floor = Arc::new(Floor {
        codes: Codes::connect(&setting("REDIS_URL")?).await?,
        users: Users::open(&setting("DATABASE_URL")?)?,
        tokens: Tokens::new(&key)?,
        sms: Sms::new(&setting("TENCENT_SMS_ENDPOINT")?)?,
    });

    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(async || "ok"))
        .route("/request-code", post(request_code))
        .route("/login", post(login))
        .route("/me", get(me))
        .route("/users", post(several_users))
        .route("/refresh", post(refresh))
        .with_state(floor);
    let listener = TcpListener::bind(setting("LISTEN_ADDR")?).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn request_code(State(floor): State<Arc<Floor>>, headers: HeaderMap, Json(input): Json<Value>) -> Answer {
    let phone = text(&input, "phone")?;
    let (challenge, code) = floor.codes.issue(phone, address(&headers)).await?;
    floor.sms.send(phone, &code).await?;
    Ok(Json(json!({ "challengeId": challenge })))
}

async fn login(State(floor): State<Arc<Floor>>, headers: HeaderMap, Json(input): Json<Value>) -> Answer {
    let (phone, challenge) = (text(&input, "phone")?, text(&input, "challengeId")?);
    floor.codes.claim(phone, challenge, text(&input, "code")?).await?;
    let (user, session) = floor.users.sign_in(phone, address(&headers)).await?;
    floor.codes.consume(phone, challenge, address(&headers)).await?;
    Ok(Json(json!({
        "accessToken": floor.tokens.access(&user, session.id)?,
        "refreshToken": floor.tokens.refresh(session.id, 0, &session.salt),
        "user": user.to_json(),
    })))
}

async fn me(State(floor): State<Arc<Floor>>, headers: HeaderMap) -> Answer {
    let session = floor.tokens.verify(bearer(&headers))?;
    Ok(Json(floor.users.live(session).await?.to_json()))
}

async fn several_users(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
    Json(ids): Json<Vec<uuid::Uuid>>,
) -> Answer {
    let session = floor.tokens.verify(bearer(&headers))?;
    floor.users.live(session).await?;
    let users = floor.users.find(&ids).await?;
    Ok(Json(users.iter().map(users::User::to_json).collect()))
}

async fn refresh(State(floor): State<Arc<Floor>>, headers: HeaderMap, Json(input): Json<Value>) -> Answer {
    let token = text(&input, "refreshToken")?;
    let (id, generation) = Tokens::parse_refresh(token)?;
    let (user, session) = floor.users.session(id).await?;
    let is_genuine = floor.tokens.refresh(id, generation, &session.salt) == token;
    if !is_genuine || session.generation != i64::from(generation) {
        return Err(anyhow::anyhow!("the token is forged, or was used").into());
    }
    floor.users.rotate(&session, address(&headers)).await?;
    Ok(Json(json!({
        "accessToken": floor.tokens.access(&user, id)?,
        "refreshToken": floor.tokens.refresh(id, generation + 1, &session.salt),
        "user": user.to_json(),
    })))
}

fn text<'a>(input: &'a Value, name: &str) -> Result<&'a str> {
    input[name].as_str().ok_or_else(|| anyhow::anyhow!("{name} is missing"))
}

fn address(headers: &HeaderMap) -> &str {
    headers.get("x-forwarded-for").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get("authorization").and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}
