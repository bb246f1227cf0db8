//! The algorithms that sign tokens: EdDSA, ES256 and RS256, alone and after a change of the key.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use sms_login::app;
use sms_login::config::Config;
use sms_login::tokens::keys::{self, GeneratedKey, SigningAlgorithm};
use tempfile::TempDir;

use crate::app::{ME, SignedIn, Stores, TestApp, settings};
use crate::process;

const ALL: [(SigningAlgorithm, &str, Algorithm, &str); 3] = [
    (SigningAlgorithm::EdDsa, "EdDSA", Algorithm::EdDSA, "OKP"),
    (SigningAlgorithm::Es256, "ES256", Algorithm::ES256, "EC"),
    (SigningAlgorithm::Rs256, "RS256", Algorithm::RS256, "RSA"),
];

fn key(algorithm: SigningAlgorithm) -> GeneratedKey {
    keys::generate(algorithm).expect("a key")
}

async fn keys_of(app: &TestApp) -> Value {
    let request = Request::get("/.well-known/jwks.json").body(Body::empty()).expect("a request");
    app.anonymous().send(request).await.body["keys"].clone()
}

/// Refreshes a session twice with each token, so that the second answer repeats the first.
async fn refresh(user: &SignedIn<'_>) {
    let first = user.refreshed().await;
    let again = user.refreshed().await;
    for token in [&first.access_token, &again.access_token] {
        user.app.anonymous().with_token(token).run(ME, json!({})).await.data("me");
    }
    again.refreshed().await;
}

#[tokio::test]
async fn a_session_lives_with_every_algorithm() {
    for stores in Stores::BOTH {
        for (algorithm, name, library, key_type) in ALL {
            let app = TestApp::on(stores)
                .set("JWT_ALGORITHM", name)
                .set("JWT_SIGNING_KEY", key(algorithm).private_pem)
                .start()
                .await;
            let user = app.signed_in().await;
            let [jwk] = keys_of(&app).await.as_array().expect("keys").clone().try_into().expect("one key");
            assert_eq!((&jwk["kty"], &jwk["alg"], &jwk["use"]), (&json!(key_type), &json!(name), &json!("sig")));

            let decoding = DecodingKey::from_jwk(&serde_json::from_value(jwk.clone()).expect("a JWK")).expect("a key");
            let mut validation = Validation::new(library);
            validation.set_audience(&["sms-login"]);
            validation.validate_exp = false; // the test's clock is not the machine's
            let token =
                jsonwebtoken::decode::<Value>(&user.access_token, &decoding, &validation).expect("a good token");
            assert_eq!(
                (token.header.kid, &token.claims["sub"]),
                (jwk["kid"].as_str().map(str::to_owned), &json!(user.id))
            );
            refresh(&user).await;
        }
    }
}

#[tokio::test]
async fn a_key_of_another_kind_stays_valid_after_the_algorithm_changes() {
    let [ed, p256, rsa] = ALL.map(|(algorithm, ..)| key(algorithm));
    let before = TestApp::on(Stores::Shared).set("JWT_SIGNING_KEY", &ed.private_pem).start().await;
    let user = before.signed_in().await;
    let after = TestApp::on(Stores::Shared)
        .set("DATABASE_URL", &before.env["DATABASE_URL"])
        .set("JWT_ALGORITHM", "RS256")
        .set("JWT_SIGNING_KEY", &rsa.private_pem)
        .set("JWT_VERIFYING_KEYS", [ed.public_pem, p256.public_pem].concat())
        .start()
        .await;

    let user = SignedIn { app: &after, ..user };
    user.run(ME, json!({})).await.data("me");
    let refreshed = user.refreshed().await;
    let header = jsonwebtoken::decode_header(&refreshed.access_token).expect("a header");
    assert_eq!((header.alg, header.kid), (Algorithm::RS256, Some(rsa.kid.clone())));
    let kids: Vec<_> = keys_of(&after).await.as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(kids, [json!(rsa.kid), json!(ed.kid), json!(p256.kid)]);
}

#[tokio::test]
async fn a_token_cannot_choose_the_algorithm_of_a_key() {
    let [ed, p256, rsa] = ALL.map(|(algorithm, ..)| key(algorithm));
    let app = TestApp::on(Stores::Shared)
        .set("JWT_ALGORITHM", "RS256")
        .set("JWT_SIGNING_KEY", &rsa.private_pem)
        .set("JWT_VERIFYING_KEYS", [ed.public_pem.as_str(), &p256.public_pem].concat())
        .start()
        .await;
    let user = app.signed_in().await;
    let claims: Value = {
        let part = user.access_token.split('.').nth(1).expect("claims");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let made = |algorithm, kid: &str, key: &EncodingKey| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, &claims, key).expect("a token")
    };
    let ed_key = EncodingKey::from_ed_pem(ed.private_pem.as_bytes()).expect("a key");
    let p256_key = EncodingKey::from_ec_pem(p256.private_pem.as_bytes()).expect("a key");
    let rsa_key = EncodingKey::from_rsa_pem(rsa.private_pem.as_bytes()).expect("a key");
    for good in [
        made(Algorithm::RS256, &rsa.kid, &rsa_key),
        made(Algorithm::ES256, &p256.kid, &p256_key),
        made(Algorithm::EdDSA, &ed.kid, &ed_key),
    ] {
        app.anonymous().with_token(&good).run(ME, json!({})).await.data("me");
    }

    let secret = |text: &str| EncodingKey::from_secret(text.as_bytes());
    for forged in [
        made(Algorithm::HS256, &rsa.kid, &secret(&rsa.public_pem)),
        made(Algorithm::HS256, &p256.kid, &secret(&p256.public_pem)),
        made(Algorithm::RS512, &rsa.kid, &rsa_key),
        made(Algorithm::PS256, &rsa.kid, &rsa_key),
        made(Algorithm::RS256, &p256.kid, &rsa_key),
        made(Algorithm::ES256, &rsa.kid, &p256_key),
        made(Algorithm::EdDSA, &rsa.kid, &ed_key),
    ] {
        let answer = app.anonymous().with_token(&forged).run(ME, json!({})).await;
        assert_eq!(answer.code(), "TOKEN_INVALID", "{forged}");
    }
}

fn refusal(set: &[(&str, &str)]) -> String {
    let config = settings(&[], set.iter().copied()).and_then(Config::try_from);
    match config.map(|config| app::signing_keys(&config)) {
        Ok(Ok(_)) => panic!("{set:?} is accepted"),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_key_of_the_wrong_kind_is_refused_in_one_line() {
    let [ed, p256, rsa] = ALL.map(|(algorithm, ..)| key(algorithm).private_pem);
    for (key, algorithm, reason) in [
        (&rsa, "ES256", "JWT_SIGNING_KEY: an RSA key, but JWT_ALGORITHM is ES256, which needs a P-256 key"),
        (&p256, "EdDSA", "JWT_SIGNING_KEY: a P-256 key, but JWT_ALGORITHM is EdDSA, which needs an Ed25519 key"),
        (&ed, "RS256", "JWT_SIGNING_KEY: an Ed25519 key, but JWT_ALGORITHM is RS256, which needs an RSA key"),
    ] {
        assert_eq!(refusal(&[("JWT_SIGNING_KEY", key.as_str()), ("JWT_ALGORITHM", algorithm)]), reason);
    }
    let both = refusal(&[("JWT_SECRET", "0123456789abcdef0123456789abcdef"), ("JWT_ALGORITHM", "EdDSA")]);
    assert_eq!(both, "JWT_ALGORITHM: set, but JWT_SECRET always signs with HS256");
    assert_eq!(refusal(&[("JWT_ALGORITHM", "HS256")]), "JWT_ALGORITHM: not one of EdDSA, ES256, RS256");
}

#[test]
fn the_key_in_the_data_folder_has_the_chosen_algorithm() {
    let data = TempDir::new().expect("a folder");
    let folder = data.path().to_str().expect("a path");
    let set = [("DATA_DIR", folder), ("JWT_ALGORITHM", "ES256")];
    let kid = || {
        let config = settings(&[], set).and_then(Config::try_from).expect("settings");
        app::signing_keys(&config).expect("keys").kid().to_owned()
    };
    assert_eq!(kid(), kid(), "the key is kept");

    let changed = refusal(&[("DATA_DIR", folder), ("JWT_ALGORITHM", "RS256")]);
    assert!(changed.starts_with("DATA_DIR ("), "{changed}");
    assert!(changed.ends_with("signing-key.pem): a P-256 key, but JWT_ALGORITHM is RS256, which needs an RSA key"));
}

#[test]
fn keygen_prints_keys_of_every_algorithm() {
    for (algorithm, name, ..) in ALL {
        let made = process::run(&["keygen", "--algorithm", name], &BTreeMap::new());
        let kid = keys::Keys::from_private_pem(&made.out, algorithm).expect("a key").kid().to_owned();
        let public = made.err.split_once("-----BEGIN").map(|(_, rest)| format!("-----BEGIN{rest}")).expect("a key");
        let older = key(SigningAlgorithm::EdDsa).private_pem;
        let older = keys::Keys::from_private_pem(&older, SigningAlgorithm::EdDsa).expect("a key");
        assert!(made.err.contains(&kid) && older.with_older(&public).is_ok(), "{name}: {}", made.err);
    }
}
