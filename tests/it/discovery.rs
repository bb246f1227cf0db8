//! `/.well-known/openid-configuration`: what is in it, and a client that verifies tokens by the issuer alone.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use sms_login::tokens::keys::{self, SigningAlgorithm};
use tempfile::TempDir;

use crate::app::{Answer, Stores, TestApp, phone};
use crate::process::{Server, shared_env, stub};
use crate::processes::{ask, login};

async fn discovery(app: &TestApp) -> Answer {
    let request = Request::get("/.well-known/openid-configuration").body(Body::empty()).expect("a request");
    app.anonymous().send(request).await
}

#[tokio::test]
async fn the_document_describes_the_tokens_and_claims_no_endpoint() {
    let app = TestApp::on(Stores::Embedded).set("JWT_ISSUER", "https://login.example.com/").start().await;
    let answer = discovery(&app).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "claims_supported": [
        "iss",
        "aud",
        "sub",
        "sid",
        "iat",
        "exp",
        "auth_time",
        "amr",
        "phone_number",
        "name",
        "picture"
      ],
      "id_token_signing_alg_values_supported": [
        "EdDSA"
      ],
      "issuer": "https://login.example.com/",
      "jwks_uri": "https://login.example.com/.well-known/jwks.json",
      "response_types_supported": [
        "id_token"
      ],
      "subject_types_supported": [
        "public"
      ]
    }
    "#);
}

#[tokio::test]
async fn the_public_url_is_the_default_issuer() {
    let app = TestApp::on(Stores::Embedded)
        .set("PUBLIC_URL", "https://login.example.com/auth/")
        .set("JWT_PROFILE_CLAIMS", "false")
        .start()
        .await;
    let document = discovery(&app).await.body;
    assert_eq!(document["issuer"], "https://login.example.com/auth");
    assert_eq!(document["jwks_uri"], "https://login.example.com/auth/.well-known/jwks.json");
    assert_eq!(document["claims_supported"].as_array().map(Vec::len), Some(8));

    let app = TestApp::on(Stores::Embedded)
        .set("PUBLIC_URL", "https://internal.example.com")
        .set("JWT_ISSUER", "https://login.example.com")
        .start()
        .await;
    let document = discovery(&app).await.body;
    assert_eq!(document["issuer"], "https://login.example.com");
    assert_eq!(document["jwks_uri"], "https://internal.example.com/.well-known/jwks.json");
}

#[tokio::test]
async fn tokens_that_nobody_can_discover_have_no_document() {
    let secret = "0123456789abcdef0123456789abcdef";
    for builder in [
        TestApp::on(Stores::Embedded),
        TestApp::on(Stores::Embedded).set("PUBLIC_URL", "https://a.b").set("JWT_ISSUER", "sms-login"),
        TestApp::on(Stores::Embedded).set("PUBLIC_URL", "https://a.b").set("JWT_SECRET", secret),
        TestApp::on(Stores::Embedded).set("JWT_ISSUER", "https://a.b/?c"),
    ] {
        assert_eq!(discovery(&builder.start().await).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_document_lists_the_algorithms_of_older_keys() {
    let [old, new] =
        [SigningAlgorithm::Es256, SigningAlgorithm::Rs256].map(|kind| keys::generate(kind).expect("a key"));
    let app = TestApp::on(Stores::Embedded)
        .set("JWT_ISSUER", "https://login.example.com")
        .set("JWT_ALGORITHM", "RS256")
        .set("JWT_SIGNING_KEY", new.private_pem)
        .set("JWT_VERIFYING_KEYS", old.public_pem)
        .start()
        .await;
    let algorithms = &discovery(&app).await.body["id_token_signing_alg_values_supported"];
    assert_eq!(*algorithms, json!(["RS256", "ES256"]));
}

/// Returns the line that `verify.ts` prints for a token. It runs the snippet of the document, with the npm package `jose`.
fn verified_by_jose(issuer: &str, token: &str) -> String {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let program = clients.join("node_modules/.bin/tsx");
    assert!(program.exists(), "the clients' libraries are missing: scripts/setup-tests installs them");
    let folder = TempDir::new_in(&clients).expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/verify.ts");
    std::fs::copy(source, folder.path().join("verify.ts")).expect("a copy");
    let document = include_str!("../../docs/sessions-and-tokens.md");
    let snippet = document.split("```typescript\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    std::fs::write(folder.path().join("snippet.ts"), snippet).expect("a file");
    let mut run = Command::new(program);
    let output = run.arg("verify.ts").args([issuer, token]).current_dir(folder.path()).output().expect("it runs");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jose_verifies_tokens_by_the_issuer_alone() {
    for (algorithm, name) in
        [(SigningAlgorithm::EdDsa, "EdDSA"), (SigningAlgorithm::Es256, "ES256"), (SigningAlgorithm::Rs256, "RS256")]
    {
        let (sms, data) = (stub().await, TempDir::new().expect("a folder"));
        // The issuer has a port, so the port must be known before the server starts.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let mut env = shared_env("", "", &sms);
        env.retain(|name, _| !["DATABASE_URL", "REDIS_URL"].contains(&name.as_str()));
        for (setting, value) in [
            ("DATA_DIR", data.path().to_str().expect("a path")),
            ("LISTEN_ADDR", &free.to_string()),
            ("JWT_ISSUER", &format!("http://{free}")),
            ("JWT_ALGORITHM", name),
            ("JWT_SIGNING_KEY", &keys::generate(algorithm).expect("a key").private_pem),
        ] {
            env.insert(setting.to_owned(), value.to_owned());
        }
        let server = Server::start(&env);

        let phone = phone();
        let challenge_id = ask(&server, &phone).await;
        let signed_in = login(&server, &phone, &sms.last_code_for(&phone).expect("a code"), &challenge_id).await;
        let signed_in: &Value = &signed_in["data"]["login"];
        let token = signed_in["accessToken"].as_str().expect("a token");
        let expected = format!("{name} {}", signed_in["user"]["id"].as_str().expect("an id"));
        assert_eq!(verified_by_jose(&server.base, token), expected);

        let other = [&token[..token.len() - 8], "AAAAAAAA"].concat();
        assert_eq!(verified_by_jose(&server.base, &other), "refused: signature verification failed");
    }
}
