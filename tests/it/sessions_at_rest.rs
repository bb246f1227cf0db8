//! The stored sessions: the database contains no token, and its contents are not enough to make one.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sms_login::tokens::RefreshToken;
use sms_login::tokens::keys::{self, Keys};
use sqlx::{ColumnIndex, Connection, Database, Decode, Row, Type};
use uuid::Uuid;

use crate::app::{LOGIN, ME, REFRESH, SignedIn, Stores, TestApp, phone};

const LOGIN_KEY: &str = "a key of the client's login";
const REFRESH_KEY: &str = "a key of the client's refresh";

/// Returns every cell of `users` and `sessions`, as bytes.
async fn cells(app: &TestApp) -> Vec<Vec<u8>> {
    let mut cells = Vec::new();
    for query in ["SELECT * FROM users", "SELECT * FROM sessions"] {
        if let Some(url) = app.env.get("DATABASE_URL") {
            let mut connection = sqlx::MySqlConnection::connect(url).await.expect("a connection");
            let rows = sqlx::raw_sql(query).fetch_all(&mut connection).await.expect("rows");
            read(&rows, &mut cells);
        } else {
            let mut connection = sqlite(app).await;
            let rows = sqlx::raw_sql(query).fetch_all(&mut connection).await.expect("rows");
            read(&rows, &mut cells);
        }
    }
    cells
}

async fn sqlite(app: &TestApp) -> sqlx::SqliteConnection {
    let file = Path::new(&app.env["DATA_DIR"]).join("sms-login.db");
    sqlx::SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.expect("a connection")
}

fn read<R: Row>(rows: &[R], cells: &mut Vec<Vec<u8>>)
where
    usize: ColumnIndex<R>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    for row in rows {
        for column in 0..row.len() {
            cells.extend(row.try_get_unchecked::<Option<Vec<u8>>, _>(column).expect("bytes"));
        }
    }
}

/// Returns the id, salt and generation of the only session.
async fn stored(app: &TestApp) -> (Uuid, Vec<u8>, i64) {
    let query = "SELECT id, salt, generation FROM sessions";
    if let Some(url) = app.env.get("DATABASE_URL") {
        let mut connection = sqlx::MySqlConnection::connect(url).await.expect("a connection");
        sqlx::query_as(query).fetch_one(&mut connection).await.expect("a session")
    } else {
        sqlx::query_as(query).fetch_one(&mut sqlite(app).await).await.expect("a session")
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn holds(cell: &[u8], secret: &[u8]) -> bool {
    cell.windows(secret.len()).any(|window| window == secret)
}

/// Returns a token, its second half, and its signature in hex and in bytes.
fn secrets_of(token: &str) -> Vec<Vec<u8>> {
    let signature = token.strip_prefix("slr_").map_or_else(
        || URL_SAFE_NO_PAD.decode(token.rsplit('.').next().expect("a signature")).expect("base64url"),
        |encoded| URL_SAFE_NO_PAD.decode(encoded).expect("base64url").split_off(20),
    );
    assert_eq!(signature.len(), 64);
    let hex = Uuid::from_slice(&signature[..16]).expect("16 bytes").simple().to_string();
    let half = token.len() / 2;
    vec![token.into(), token[half..].into(), hex.to_uppercase().into(), hex.into(), signature[..32].into(), signature]
}

#[tokio::test]
async fn the_database_contains_no_token_and_no_code() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let phone = phone();
        let challenge_id = app.anonymous().ask(&phone).await;
        let code = app.code(&phone);
        let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id, "idempotencyKey": LOGIN_KEY });
        let signed_in = app.anonymous().run(LOGIN, json!({ "input": input })).await;
        let user = SignedIn::of(&app, &phone, signed_in.data("login"));
        let device_token = text(&signed_in.data("login")["deviceToken"]);
        let input = json!({ "refreshToken": user.refresh_token, "idempotencyKey": REFRESH_KEY });
        let answer = app.anonymous().run(REFRESH, json!({ "input": input })).await;
        let next = answer.data("refreshSession");

        let cells = cells(&app).await;
        let salt = stored(&app).await.1;
        assert!(cells.len() >= 15 && cells.iter().any(|cell| holds(cell, user.phone.as_bytes())), "the rows were read");
        assert!(cells.contains(&salt));
        for token in
            [&user.access_token, &user.refresh_token, &text(&next["accessToken"]), &text(&next["refreshToken"])]
        {
            for secret in secrets_of(token) {
                assert!(!cells.iter().any(|cell| holds(cell, &secret)), "{token}");
            }
        }
        let hashes = [LOGIN_KEY, REFRESH_KEY].map(|key| digest(&SHA256, key.as_bytes()).as_ref()[..16].to_vec());
        let keys = [LOGIN_KEY, REFRESH_KEY, &device_token].map(|secret| secret.as_bytes().to_vec());
        for secret in keys.iter().chain(&hashes) {
            assert!(!cells.iter().any(|cell| holds(cell, secret)), "keys are only keyed hashes");
        }
        // A phone number or a time may contain the digits of the code by chance.
        let by_chance = |cell: &[u8]| cell.strip_prefix(b"+").unwrap_or(cell).iter().all(u8::is_ascii_digit);
        let telling = cells.iter().filter(|cell| cell.len() == code.len() || !by_chance(cell));
        assert!(!telling.into_iter().any(|cell| holds(cell, code.as_bytes())));
    }
}

#[tokio::test]
async fn no_token_can_be_forged_from_the_database() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let (id, salt, generation) = stored(&app).await;
        let generation = u32::try_from(generation).expect("a generation");
        let claim = [id.as_bytes().as_slice(), &generation.to_be_bytes()].concat();
        let token = |signature: &[u8]| format!("slr_{}", URL_SAFE_NO_PAD.encode([&claim, signature].concat()));
        let genuine = URL_SAFE_NO_PAD.decode(&user.refresh_token[4..]).expect("base64url");
        assert_eq!(token(&genuine[20..]), user.refresh_token, "the encoding is right");

        let other = keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key").private_pem;
        let other = Keys::from_private_pem(&other, keys::SigningAlgorithm::EdDsa).expect("a key");
        let message = [b"sms-login refresh token\0", claim.as_slice(), &salt].concat();
        let salted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salt), &message);
        let mut forged = vec![
            token(&[]),
            token(&[0; 32]),
            token(&[0; 64]),
            token(&salt),
            token(salted.as_ref()),
            token(&[salted.as_ref(), salted.as_ref()].concat()),
            RefreshToken::encode(&Keys::hs256(&salt.repeat(2)).expect("a key"), id, generation, &salt)
                .expect("a token"),
        ];
        // The key without the salt is not enough either, and a signature is valid for one generation only.
        let own = app.env.get("JWT_SIGNING_KEY").cloned().unwrap_or_else(|| {
            std::fs::read_to_string(Path::new(&app.env["DATA_DIR"]).join("signing-key.pem")).expect("a key")
        });
        let own = Keys::from_private_pem(&own, keys::SigningAlgorithm::EdDsa).expect("a key");
        assert_eq!(
            RefreshToken::encode(&own, id, generation, &salt).expect("a token"),
            user.refresh_token,
            "the key and the salt together are enough"
        );
        forged
            .extend([&[][..], &[0; 16]].map(|salt| RefreshToken::encode(&own, id, generation, salt).expect("a token")));
        let next = [id.as_bytes().as_slice(), &(generation + 1).to_be_bytes(), &genuine[20..]].concat();
        forged.push(format!("slr_{}", URL_SAFE_NO_PAD.encode(next)));
        forged.extend((0..3).map(|generation| RefreshToken::encode(&other, id, generation, &salt).expect("a token")));
        for token in forged {
            let answer = app.anonymous().run(REFRESH, json!({ "input": { "refreshToken": token } })).await;
            assert_eq!(answer.code(), "TOKEN_INVALID", "{token}");
        }

        let part = |number: usize| user.access_token.split('.').nth(number).expect("a part");
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part(1)).expect("base64url")).expect("claims");
        let header = Header {
            kid: jsonwebtoken::decode_header(&user.access_token).expect("a header").kid,
            ..Header::new(Algorithm::HS256)
        };
        let by_salt = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&salt)).expect("a token");
        for token in [format!("{}.{}.", part(0), part(1)), by_salt] {
            assert_eq!(app.anonymous().with_token(&token).run(ME, json!({})).await.code(), "TOKEN_INVALID");
        }

        user.run(ME, json!({})).await.data("me");
        let input = json!({ "input": { "refreshToken": user.refresh_token } });
        app.anonymous().run(REFRESH, input).await.data("refreshSession");
    }
}

#[tokio::test]
async fn a_session_of_the_previous_version_was_authenticated_when_it_was_created() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let user = app.signed_in().await;
        let signed_in_at = app.clock_seconds();
        // The previous version does not know the column.
        let update = "UPDATE sessions SET authenticated_at = NULL";
        if let Some(url) = app.env.get("DATABASE_URL") {
            let mut connection = sqlx::MySqlConnection::connect(url).await.expect("a connection");
            sqlx::query(update).execute(&mut connection).await.expect("an update");
        } else {
            sqlx::query(update).execute(&mut sqlite(&app).await).await.expect("an update");
        }

        app.advance(std::time::Duration::from_mins(14));
        user.ask_for("CHANGE_PHONE", &crate::app::phone()).await;
        app.advance(std::time::Duration::from_mins(1));
        let next = user.refreshed().await;
        let claims = next.access_token.split('.').nth(1).expect("claims");
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
        assert_eq!(claims["auth_time"], signed_in_at);
        let input = json!({ "input": { "phone": crate::app::phone(), "purpose": "CHANGE_PHONE" } });
        assert_eq!(next.run(crate::app::ASK, input).await.code(), "REAUTHENTICATION_REQUIRED");
    }
}
