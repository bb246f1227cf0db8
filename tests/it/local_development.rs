//! What helps a developer on one machine: pages of a development server, refusals in the log, persisted queries, the way
//! from `/graphql` to the Explorer, and a phone in the same network.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Answer, Builder, ME, Stores, TestApp};
use crate::process::{self, Server, env};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn preflight(app: &TestApp, origin: &str) -> Option<String> {
    let request = Request::options("/graphql")
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
    let answer = app.anonymous().send(request.body(Body::empty()).expect("a request")).await;
    let allowed = answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
    Some(allowed.to_str().expect("text").to_owned())
}

#[tokio::test]
async fn pages_of_this_machine_may_call_an_embedded_server_on_loopback() {
    let app = TestApp::start(Stores::Embedded).await;
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080", "http://localhost"] {
        assert_eq!(preflight(&app, origin).await.as_deref(), Some(origin));
        let request = Request::post("/graphql").header(header::ORIGIN, origin);
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "query": ME }).to_string()));
        let answer = app.anonymous().send(request.expect("a request")).await;
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], origin);
    }
    for origin in ["http://192.168.0.7:5173", "https://app.example.com", "http://localhost.example.com", "null"] {
        assert_eq!(preflight(&app, origin).await, None, "{origin}");
    }
}

#[tokio::test]
async fn pages_of_this_machine_may_not_call_other_servers() {
    let public = |builder: Builder| builder.set("LISTEN_ADDR", "0.0.0.0:8000");
    for builder in [TestApp::on(Stores::Shared), public(TestApp::on(Stores::Embedded))] {
        assert_eq!(preflight(&builder.start().await, "http://localhost:5173").await, None);
    }
    let listed = TestApp::on(Stores::Shared).set("CORS_ORIGINS", "http://localhost:5173").start().await;
    assert!(preflight(&listed, "http://localhost:5173").await.is_some());
    assert_eq!(preflight(&listed, "http://localhost:5174").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_a_refused_origin_and_the_setting() {
    let data = TempDir::new().expect("a folder");
    let server =
        Server::start(&env([("LISTEN_ADDR", "127.0.0.1:0"), ("DATA_DIR", data.path().to_str().expect("a path"))]));
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let own = server.base.clone();
    for origin in ["https://app.example.com", "https://app.example.com", "http://localhost:5173", &own] {
        let request = client.post(format!("{}/graphql", server.base)).header("origin", origin);
        let request = request.header("content-type", "application/json").body(json!({ "query": ME }).to_string());
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    }
    server.terminate();
    let (_, log) = server.wait();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("CORS_ORIGINS")).collect();
    assert!(matches!(lines[..], [line] if line.contains("https://app.example.com")), "{log}");
}

async fn persisted(app: &TestApp, accept: &str, body: Value) -> Answer {
    let request =
        Request::post("/graphql").header(header::CONTENT_TYPE, "application/json").header(header::ACCEPT, accept);
    app.anonymous().send(request.body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn a_client_with_persisted_queries_falls_back_to_the_document() {
    let app = TestApp::start(Stores::Embedded).await;
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "ab".repeat(32) } });
    for accept in ["application/json", "application/graphql-response+json,application/json;q=0.9"] {
        let answer = persisted(&app, accept, json!({ "operationName": "Me", "extensions": extensions })).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::OK, "PERSISTED_QUERY_NOT_SUPPORTED"));
        assert_eq!(answer.error()["message"], "PersistedQueryNotSupported");
        assert!(answer.body.get("data").is_none());
        let answer = persisted(&app, accept, json!({ "query": ME, "extensions": extensions })).await;
        assert_eq!(answer.data("me"), &Value::Null);
    }

    let url = "/graphql?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%7D%7D";
    let answer = app.anonymous().send(Request::get(url).body(Body::empty()).expect("a request")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::OK, "PERSISTED_QUERY_NOT_SUPPORTED"));
    let other = persisted(&app, "application/json", json!({ "extensions": { "tracing": {} } })).await;
    assert_eq!((other.status, other.code()), (StatusCode::BAD_REQUEST, "BAD_INPUT"));
}

async fn open(app: &TestApp, path: &str, accept: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).expect("a request");
    app.anonymous().send(request).await
}

#[tokio::test]
async fn a_browser_that_opens_the_endpoint_gets_to_the_explorer() {
    let app = TestApp::start(Stores::Embedded).await;
    let answer = open(&app, "/graphql", BROWSER).await;
    assert_eq!(
        (answer.status, &answer.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/#explorer".parse().expect("a value"))
    );

    assert_eq!(open(&app, "/graphql?query=%7Bme%7Bid%7D%7D", BROWSER).await.status, StatusCode::OK);
    assert_eq!(open(&app, "/graphql", "application/json").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(open(&app, "/graphql", "*/*").await.status, StatusCode::BAD_REQUEST);
    let without = TestApp::on(Stores::Embedded).set("PLAYGROUND", "false").start().await;
    assert_eq!(open(&without, "/graphql", BROWSER).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_in_the_network_reads_the_inbox_with_the_printed_token() {
    let data = TempDir::new().expect("a folder");
    let folder = data.path().to_str().expect("a path");
    let server = Server::start(&env([("LAN", "true"), ("LISTEN_ADDR", "127.0.0.1:0"), ("DATA_DIR", folder)]));
    assert!(server.base.starts_with("http://0.0.0.0:"), "{}", server.base);
    let port = server.base.rsplit(':').next().expect("a port");
    let line = server.printed_line("/?inbox=").await;
    let url = line.split_once("open ").expect("a URL").1;
    let (address, token) = url.split_once("/?inbox=").expect("a token");
    assert!(address.starts_with("http://") && address.ends_with(&format!(":{port}")) && token.len() == 22, "{url}");
    assert!(server.printed().contains('▀') && server.printed().contains("LAN=true: everybody in this network"));

    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let inbox = format!("http://127.0.0.1:{port}/dev/inbox");
    let status = async |url: &str, headers: &[(&str, &str)]| {
        let request = headers.iter().fold(client.get(url), |request, (name, value)| request.header(*name, *value));
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(status(&inbox, &[("x-inbox-token", token)]).await, 200);
    assert_eq!(status(&inbox, &[("x-inbox-token", token), ("host", "phone.example")]).await, 200);
    assert_eq!(status(&format!("{inbox}?inbox={token}"), &[]).await, 200);
    assert_eq!(status(&inbox, &[("sec-fetch-site", "same-origin")]).await, 200, "the page on this machine");
    let wrong = [&token[..21], "!"].concat();
    for headers in [&[][..], &[("x-inbox-token", "")], &[("x-inbox-token", &token[..21])], &[("x-inbox-token", &wrong)]]
    {
        assert_eq!(status(&inbox, headers).await, 403, "{headers:?}");
    }
    assert_eq!(status(&format!("{inbox}?inbox="), &[]).await, 403);
    assert_eq!(status(&inbox, &[("sec-fetch-site", "same-origin"), ("host", "phone.example")]).await, 403);
}

#[tokio::test]
async fn a_server_without_lan_has_no_token() {
    let app = TestApp::on(Stores::Embedded).set("SMS_PROVIDER", "console").start().await;
    let request = Request::get("/dev/inbox?inbox=").header("x-inbox-token", "").body(Body::empty()).expect("a request");
    assert_eq!(app.at("192.168.0.7").send(request).await.status, StatusCode::FORBIDDEN);
}

/// A page of a development server on this machine may still call, although the server listens on every address.
#[tokio::test]
async fn with_lan_pages_of_this_machine_may_call() {
    let app = TestApp::on(Stores::Embedded).set("SMS_PROVIDER", "console").set("LAN", "true").start().await;
    assert_eq!(preflight(&app, "http://localhost:5173").await.as_deref(), Some("http://localhost:5173"));
    assert_eq!(preflight(&app, "http://192.0.2.2:5173").await, None);
}

#[test]
fn lan_is_only_for_trying_the_page() {
    let key = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");
    for more in [
        &[("DATABASE_URL", "mysql://root@127.0.0.1:1/x"), key][..],
        &[("REDIS_URL", "redis://127.0.0.1:1")],
        &[("PLAYGROUND", "false")],
        &[
            ("TENCENTCLOUD_SECRET_ID", "x"),
            ("TENCENTCLOUD_SECRET_KEY", "x"),
            ("TENCENT_SMS_SDK_APP_ID", "1"),
            ("TENCENT_SMS_SIGN_NAME", "x"),
            ("TENCENT_SMS_TEMPLATE_ID", "1"),
        ],
    ] {
        let mut env = env([("LAN", "true")]);
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let refused = process::run(&["serve"], &env);
        assert!(!refused.status.success());
        assert!(
            refused.err.contains("LAN: for trying the page on a phone") && refused.err.lines().count() == 1,
            "{}",
            refused.err
        );
    }
}
