//! Trusted documents: operations that clients name by an id, from a manifest of the operator.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Answer, ME, Stores, TestApp};
use crate::process::{self, env};

const HASH: &str = "0d5b5c5d0d5b5c5d0d5b5c5d0d5b5c5d0d5b5c5d0d5b5c5d0d5b5c5d0d5b5c5d";
const DOCUMENT: &str = "query Me { me { id } }";

/// Writes a manifest, and returns its folder and path.
fn file(manifest: &Value) -> (TempDir, String) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("manifest.json");
    std::fs::write(&path, manifest.to_string()).expect("a file");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

async fn app(manifest: &Value, only: bool) -> TestApp {
    let (_folder, path) = file(manifest);
    let app = TestApp::on(Stores::Embedded).set("TRUSTED_DOCUMENTS", path);
    app.set("TRUSTED_DOCUMENTS_ONLY", only.to_string()).start().await
}

async fn post(app: &TestApp, body: &Value) -> Answer {
    let accept = "application/graphql-response+json";
    let request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
    let request = request.header(header::ACCEPT, accept).body(Body::from(body.to_string()));
    app.anonymous().send(request.expect("a request")).await
}

fn apollo() -> Value {
    let operation = json!({ "id": HASH, "name": "Me", "type": "query", "body": DOCUMENT });
    json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_name_a_document_by_its_id() {
    for manifest in [apollo(), json!({ HASH: DOCUMENT })] {
        let app = app(&manifest, false).await;
        let hash = json!({ "persistedQuery": { "version": 1, "sha256Hash": HASH } });
        for body in [
            json!({ "documentId": HASH }),
            json!({ "documentId": format!("sha256:{HASH}"), "operationName": "Me" }),
            json!({ "extensions": hash }),
        ] {
            let answer = post(&app, &body).await;
            assert_eq!((answer.status, answer.data("me")), (StatusCode::OK, &Value::Null), "{body}: {}", answer.body);
        }
        let url = format!("/graphql?documentId={HASH}");
        let answer = app.anonymous().send(Request::get(url).body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.data("me"), &Value::Null);

        for unknown in [json!({ "documentId": "x" }), json!({ "extensions": { "persistedQuery": {} } })] {
            let answer = post(&app, &unknown).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::OK, "PERSISTED_QUERY_NOT_FOUND"));
            assert_eq!(answer.error()["message"], "PersistedQueryNotFound");
        }
        assert_eq!(post(&app, &json!({ "query": ME })).await.data("me"), &Value::Null, "others run, too");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_runs_if_only_trusted_documents_do() {
    let app = app(&apollo(), true).await;
    assert_eq!(post(&app, &json!({ "documentId": HASH })).await.data("me"), &Value::Null);
    assert_eq!(post(&app, &json!({ "query": DOCUMENT })).await.data("me"), &Value::Null, "the text of a trusted one");
    for other in [ME, "{ __typename }", "{ __schema { types { name } } }", "{", "query Me { me { id } } "] {
        let answer = post(&app, &json!({ "query": other })).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "DOCUMENT_NOT_TRUSTED"), "{other}");
    }
    // Without a page that sends its own operations.
    let page = app.anonymous().send(Request::get("/").body(Body::empty()).expect("a request")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[test]
fn a_manifest_that_cannot_be_used_is_refused_at_start() {
    let refusal = |set: &[(&str, &str)]| {
        let data = TempDir::new().expect("a folder");
        let mut env = env([("DATA_DIR", data.path().to_str().expect("a path")), ("LISTEN_ADDR", "127.0.0.1:0")]);
        env.extend(set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let ran = process::run(&["serve"], &env);
        assert!(!ran.status.success(), "{}", ran.out);
        ran.err.trim_start_matches("sms-login: ").to_owned()
    };
    for (manifest, reason) in [
        (json!([]), "not a manifest"),
        (json!({ "a": 1 }), "not a manifest"),
        (json!({}), "no documents"),
        (json!({ "operations": [{ "id": "a", "body": DOCUMENT }, { "id": "a", "body": ME }] }), "two operations"),
        (json!({ "one": "{ me" }), "the document \"one\": "),
    ] {
        let (_folder, path) = file(&manifest);
        let refused = refusal(&[("TRUSTED_DOCUMENTS", &path)]);
        assert!(refused.starts_with("TRUSTED_DOCUMENTS: ") && refused.contains(reason), "{manifest}: {refused}");
    }
    assert!(refusal(&[("TRUSTED_DOCUMENTS", "/nonexistent/x")]).contains("/nonexistent/x: No such file"));
    assert!(refusal(&[("TRUSTED_DOCUMENTS_ONLY", "true")]).starts_with("TRUSTED_DOCUMENTS_ONLY: "));
    let (_folder, path) = file(&apollo());
    let both = [("TRUSTED_DOCUMENTS", path.as_str()), ("TRUSTED_DOCUMENTS_ONLY", "true"), ("PLAYGROUND", "true")];
    assert!(refusal(&both).starts_with("PLAYGROUND: "));
}

/// Every operation of the server's own clients is valid in a manifest: queries, mutations and subscriptions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_operation_can_be_trusted() {
    let manifest = json!({
        "query": "query User($id: ID!) { user(id: $id) { id name } }",
        "mutation": "mutation Ask($input: RequestCodeInput!) { requestCode(input: $input) { __typename } }",
        "subscription": "subscription Follow($id: ID!) { codeDelivery(challengeId: $id) { status } }",
    });
    let app = app(&manifest, true).await;
    let input = json!({ "input": { "phone": crate::app::phone() } });
    let answer = post(&app, &json!({ "documentId": "mutation", "variables": input })).await;
    assert_eq!(answer.data("requestCode")["__typename"], "RequestCodePayload", "{}", answer.body);
    assert_eq!(app.sms.messages().len(), 1, "the documents were only checked at the start");
    let answer = post(&app, &json!({ "documentId": "mutation", "variables": { "input": { "phone": 1 } } })).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "variables are checked for each request");
}
