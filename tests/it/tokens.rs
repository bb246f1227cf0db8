//! Access tokens: their claims, their verification, and the public keys.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use sms_login::tokens::keys;

use crate::app::{ME, Stores, TestApp};

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

async fn jwks(app: &TestApp) -> Value {
    let request = Request::get("/.well-known/jwks.json").body(Body::empty()).expect("a request");
    app.anonymous().send(request).await.body
}

#[tokio::test]
async fn an_access_token_names_its_user_and_session() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let (header, claims) = (part(&user.access_token, 0), part(&user.access_token, 1));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("JWT")));
    assert_eq!(claims["iss"], "sms-login");
    assert_eq!(claims["aud"], "sms-login");
    assert_eq!(claims["sub"], user.id);
    assert_eq!(claims["phone_number"], user.phone);
    assert_eq!(claims["name"], "");
    assert!(claims["picture"].as_str().expect("a URL").starts_with("http://127.0.0.1:8000/avatars/"));
    assert_eq!((&claims["auth_time"], &claims["amr"]), (&claims["iat"], &json!(["sms"])));
    assert_eq!(claims["exp"].as_i64().expect("a time") - claims["iat"].as_i64().expect("a time"), 3600);
    assert_eq!(claims["sid"].as_str().expect("an id").len(), 36);
    assert_eq!(header["kid"], jwks(&app).await["keys"][0]["kid"]);
}

#[tokio::test]
async fn another_service_can_verify_a_token_with_only_the_jwks() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks(&app).await).expect("a JWK set");
    let header = jsonwebtoken::decode_header(&user.access_token).expect("a header");
    let key = jwks.find(&header.kid.expect("a kid")).expect("the key");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["sms-login"]);
    validation.validate_exp = false; // the test's clock is not the machine's
    let decoding = DecodingKey::from_jwk(key).expect("a key");
    let token = jsonwebtoken::decode::<Value>(&user.access_token, &decoding, &validation).expect("a good token");
    assert_eq!(token.claims["sub"], user.id);
}

#[tokio::test]
async fn profile_claims_can_be_left_out() {
    let app = TestApp::on(Stores::Embedded).set("JWT_PROFILE_CLAIMS", "false").start().await;
    let claims = part(&app.signed_in().await.access_token, 1);
    for name in ["phone_number", "name", "picture"] {
        assert!(claims.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_shared_secret_signs_with_hs256_and_is_not_in_the_jwks() {
    let secret = "0123456789abcdef0123456789abcdef";
    let app = TestApp::on(Stores::Embedded).set("JWT_SECRET", secret).start().await;
    let user = app.signed_in().await;
    let header = part(&user.access_token, 0);
    assert_eq!(header["alg"], "HS256");
    assert!(!header["kid"].as_str().expect("a kid").is_empty());
    user.run(ME, json!({})).await.data("me");
    assert_eq!(jwks(&app).await, json!({ "keys": [] }));
}

#[tokio::test]
async fn expired_and_invalid_tokens_have_different_errors() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    app.advance(Duration::from_secs(3599));
    user.run(ME, json!({})).await.data("me");
    app.advance(Duration::from_secs(1));
    let late = user.run(ME, json!({})).await;
    assert_eq!((late.code(), &late.extensions()["errorCode"]), ("TOKEN_EXPIRED", &json!(-1006)));
}

#[tokio::test]
async fn forged_tokens_are_rejected() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let (header, claims) = (part(&user.access_token, 0), part(&user.access_token, 1));
    let kid = header["kid"].as_str().expect("a kid");
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = |header: Value| format!("{}.{}.", encode(&header), encode(&claims));
    let signed = |algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey| {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        jsonwebtoken::encode(&header, claims, key).expect("a token")
    };
    // Algorithm confusion: the public key is used as an HMAC secret.
    let public = URL_SAFE_NO_PAD.decode(jwks(&app).await["keys"][0]["x"].as_str().expect("a key")).expect("base64url");
    let confused = EncodingKey::from_secret(&public);
    let stranger = keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key").private_pem;
    let stranger = EncodingKey::from_ed_pem(stranger.as_bytes()).expect("a key");
    let own =
        EncodingKey::from_ed_pem(&std::fs::read(format!("{}/signing-key.pem", app.env["DATA_DIR"])).expect("a key"));
    let own = own.expect("a key");
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("claims").remove(name);
        claims
    };
    let mut tampered = user.access_token.clone();
    tampered.replace_range(tampered.len() - 4.., "AAAA");
    let forged = [
        tampered,
        unsigned(json!({ "alg": "none", "kid": kid })),
        unsigned(json!({ "alg": "EdDSA", "kid": kid })),
        signed(Algorithm::HS256, Some(kid), &claims, &confused),
        signed(Algorithm::EdDSA, Some(kid), &claims, &stranger),
        signed(Algorithm::EdDSA, None, &claims, &own),
        signed(Algorithm::EdDSA, Some("other"), &claims, &own),
        signed(Algorithm::EdDSA, Some(kid), &with("iss", json!("other")), &own),
        signed(Algorithm::EdDSA, Some(kid), &with("aud", json!("sms-login-proof")), &own),
        signed(Algorithm::EdDSA, Some(kid), &without("aud"), &own),
        signed(Algorithm::EdDSA, Some(kid), &without("iss"), &own),
        signed(Algorithm::EdDSA, Some(kid), &without("exp"), &own),
        signed(Algorithm::EdDSA, Some(kid), &without("sid"), &own),
        signed(Algorithm::EdDSA, Some(kid), &with("sid", json!("01900000-0000-7000-8000-000000000000")), &own),
        signed(Algorithm::EdDSA, Some(kid), &with("sub", json!("01900000-0000-7000-8000-000000000000")), &own),
        user.refresh_token.clone(),
        String::new(),
        "..".to_owned(),
        "x".repeat(5000),
    ];
    assert!(app.anonymous().with_token(&signed(Algorithm::EdDSA, Some(kid), &claims, &own)).run(ME, json!({})).await.body["errors"].is_null());
    for token in forged {
        let answer = app.anonymous().with_token(&token).run(ME, json!({})).await;
        assert_eq!(answer.code(), "TOKEN_INVALID", "{token}");
        assert_eq!(answer.extensions()["errorCode"], -1005);
    }
}

#[tokio::test]
async fn an_older_key_is_in_the_jwks_and_its_tokens_are_valid() {
    let (old, new) = (
        keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key"),
        keys::generate(keys::SigningAlgorithm::EdDsa).expect("a key"),
    );
    let before = TestApp::on(Stores::Shared).set("JWT_SIGNING_KEY", &old.private_pem).start().await;
    let user = before.signed_in().await;
    let after = TestApp::on(Stores::Shared)
        .set("DATABASE_URL", &before.env["DATABASE_URL"])
        .set("JWT_SIGNING_KEY", &new.private_pem)
        .set("JWT_VERIFYING_KEYS", &old.public_pem)
        .start()
        .await;
    after.anonymous().with_token(&user.access_token).run(ME, json!({})).await.data("me");
    let kids: Vec<Value> =
        jwks(&after).await["keys"].as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(kids, [json!(new.kid), json!(old.kid)]);
}
