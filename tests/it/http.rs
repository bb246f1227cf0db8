//! HTTP around GraphQL: methods, media types, sizes, CORS and health checks.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;

use crate::app::{Answer, Stores, TestApp, phone};
use crate::problems::with_fragment;

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

async fn post(app: &TestApp, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/graphql").header(header::CONTENT_TYPE, content_type);
    app.anonymous().send(request.body(body.into()).expect("a request")).await
}

/// Sends the preflight request of a browser for a page of another origin.
async fn preflight(app: &TestApp, origin: &str) -> Answer {
    let request = Request::options("/graphql")
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
    app.anonymous().send(request.body(Body::empty()).expect("a request")).await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.anonymous().send(Request::get(path).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn malformed_bodies_are_rejected() {
    let app = TestApp::start(Stores::Embedded).await;
    let json_type = "application/json";
    for (content_type, body, status) in [
        (json_type, "", StatusCode::BAD_REQUEST),
        (json_type, "{", StatusCode::BAD_REQUEST),
        (json_type, "null", StatusCode::BAD_REQUEST),
        (json_type, "{}", StatusCode::BAD_REQUEST),
        (json_type, "\u{feff}{}", StatusCode::BAD_REQUEST),
        (json_type, r#"{"query":1}"#, StatusCode::BAD_REQUEST),
        (json_type, r#"{"query":"{me{id}}","variables":[]}"#, StatusCode::BAD_REQUEST),
        (json_type, r#"{"query":"{me{id}}","extensions":1}"#, StatusCode::BAD_REQUEST),
        (json_type, r#"{"query":"{me{id}}","operationName":1}"#, StatusCode::BAD_REQUEST),
        (json_type, r#"[{"query":"{me{id}}"}]"#, StatusCode::BAD_REQUEST),
        ("text/plain", r#"{"query":"{me{id}}"}"#, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", "query={me{id}}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("multipart/form-data; boundary=x", "--x--", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", r#"{"query":"{me{id}}"}"#, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let answer = post(&app, content_type, body).await;
        assert_eq!(answer.status, status, "{content_type} {body}");
        assert_eq!(answer.code(), "BAD_INPUT");
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post(&app, json_type, nested).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_has_at_most_256_kib() {
    let app = TestApp::start(Stores::Embedded).await;
    let body = |bytes: usize| {
        let frame = r#"{"query":"{me{id}}","variables":{"x":""}}"#;
        frame.replace(r#""x":"""#, &format!(r#""x":"{}""#, "a".repeat(bytes - frame.len())))
    };
    assert_eq!(post(&app, "application/json", body(256 * 1024)).await.status, StatusCode::OK);
    let refused = post(&app, "application/json", body(256 * 1024 + 1)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::PAYLOAD_TOO_LARGE, "QUERY_TOO_COMPLEX"));
}

#[tokio::test]
async fn get_is_only_for_queries() {
    let app = TestApp::start(Stores::Embedded).await;
    assert_eq!(get(&app, "/graphql?query=%7Bme%7Bid%7D%7D").await.body, json!({ "data": { "me": null } }));
    let named = "/graphql?query=query%20A%7Bme%7Bid%7D%7Dmutation%20B%7B__typename%7D&operationName=";
    assert_eq!(get(&app, &format!("{named}A")).await.status, StatusCode::OK);
    for path in [
        &format!("{named}B"),
        "/graphql?query=mutation%7B__typename%7D",
        "/graphql?query=mutation%20Named%7B__typename%7D",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers[header::ALLOW], "GET, POST");
    }
    for path in
        ["/graphql", "/graphql?query=%7Bme%7Bid%7D%7D&variables=1", "/graphql?query=%7Bme%7Bid%7D%7D&variables=%7B"]
    {
        assert_eq!(get(&app, path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD] {
        let request = Request::builder().method(method).uri("/graphql").body(Body::empty()).expect("a request");
        let answer = app.anonymous().send(request).await;
        assert!([StatusCode::METHOD_NOT_ALLOWED, StatusCode::BAD_REQUEST].contains(&answer.status));
    }
}

#[tokio::test]
async fn the_status_follows_the_media_type() {
    let app = TestApp::start(Stores::Embedded).await;
    let ask = async |accept: &str, query: &str| {
        let request =
            Request::post("/graphql").header(header::CONTENT_TYPE, "application/json").header(header::ACCEPT, accept);
        let body = json!({ "query": with_fragment(query) }).to_string();
        app.anonymous().send(request.body(Body::from(body)).expect("a request")).await
    };
    for (accept, query, status, content_type) in [
        (GRAPHQL_RESPONSE, "{ me { id } }", 200, GRAPHQL_RESPONSE),
        (GRAPHQL_RESPONSE, "{ me", 400, GRAPHQL_RESPONSE),
        (GRAPHQL_RESPONSE, "{ nothing }", 400, GRAPHQL_RESPONSE),
        (GRAPHQL_RESPONSE, "{ user(id: \"x\") { id } }", 200, GRAPHQL_RESPONSE),
        ("application/json", "{ me", 200, "application/json"),
        ("*/*", "{ nothing }", 200, "application/json"),
        ("text/html", "{ me { id } }", 406, "application/json"),
    ] {
        let answer = ask(accept, query).await;
        assert_eq!(answer.status, status, "{accept} {query}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], format!("{content_type}; charset=utf-8"));
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_that_the_client_cannot_choose() {
    let app = TestApp::start(Stores::Embedded).await;
    let request = Request::get("/healthz").header("x-request-id", "theirs\\n").body(Body::empty()).expect("a request");
    let answer = app.anonymous().send(request).await;
    let id = answer.headers["x-request-id"].to_str().expect("text");
    assert_eq!(id.len(), 36);
    assert_ne!(id, get(&app, "/healthz").await.headers["x-request-id"]);
}

#[tokio::test]
async fn health_checks_report_what_works() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        assert_eq!(get(&app, "/healthz").await.body, "ok\n");
        let ready = get(&app, "/readyz").await;
        assert_eq!(
            (ready.status, ready.body),
            (StatusCode::OK, json!({ "clock": true, "codes": true, "database": true }))
        );
    }
    let app = TestApp::on(Stores::Embedded).set("REDIS_URL", "redis://127.0.0.1:1").start().await;
    let ready = get(&app, "/readyz").await;
    assert_eq!(
        (ready.status, ready.body),
        (StatusCode::SERVICE_UNAVAILABLE, json!({ "clock": true, "codes": false, "database": true }))
    );
    assert_eq!(get(&app, "/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let app = TestApp::start(Stores::Embedded).await;
    for path in ["/nothing", "/graphql/", "/../etc/passwd", "/dev/inbox"] {
        assert_eq!(get(&app, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn only_pages_of_listed_origins_may_call() {
    let listed = "https://app.example.com,http://localhost:3000";
    for (setting, origin, allowed) in [
        (listed, "https://app.example.com", Some("https://app.example.com")),
        (listed, "http://localhost:3000", Some("http://localhost:3000")),
        (listed, "https://app.example.com.evil.example", None),
        (listed, "null", None),
        ("*", "https://anybody.example", Some("*")),
        ("", "https://app.example.com", None),
    ] {
        let app = TestApp::on(Stores::Shared).set("CORS_ORIGINS", setting).start().await;
        let answer = preflight(&app, origin).await;
        let value = |answer: &Answer, name: &str| {
            answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned())
        };
        assert_eq!(value(&answer, "access-control-allow-origin").as_deref(), allowed, "{setting} {origin}");
        assert_eq!(value(&answer, "access-control-allow-credentials"), None);
        if setting.is_empty() {
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
            continue;
        }
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(value(&answer, "access-control-allow-methods").as_deref(), Some("GET,POST"));
        assert_eq!(value(&answer, "access-control-allow-headers").as_deref(), Some("content-type,authorization"));
        let request = Request::get("/graphql?query=%7Bme%7Bid%7D%7D").header(header::ORIGIN, origin);
        let answer = app.anonymous().send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(value(&answer, "access-control-allow-origin").as_deref(), allowed);
        assert_eq!(value(&answer, "vary").as_deref(), Some("origin"));
    }
}

#[tokio::test]
async fn every_answer_has_restrictive_headers_for_browsers() {
    let app = TestApp::start(Stores::Embedded).await;
    for path in ["/graphql?query=%7Bme%7Bid%7D%7D", "/graphql", "/healthz", "/.well-known/jwks.json", "/nothing"] {
        let answer = get(&app, path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.headers[name], value, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn a_rate_limit_that_rejects_the_whole_request_sets_retry_after() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let first = app.anonymous().try_ask(&phone).await;
    assert!(first.headers.get(header::RETRY_AFTER).is_none());
    let second = app.anonymous().try_ask(&phone).await;
    assert_eq!((second.code(), second.status), ("RATE_LIMITED", StatusCode::OK));
    assert_eq!(second.headers[header::RETRY_AFTER], "30");
    let part = "mutation($input: RequestCodeInput!) { __typename requestCode(input: $input) { ... on RequestCodePayload { challengeId } ...P } }";
    let answer = app.anonymous().run(part, json!({ "input": { "phone": phone } })).await;
    assert_eq!(answer.headers[header::RETRY_AFTER], "30", "the mutation failed, so the whole `data` is null");
    let other = app.anonymous().try_ask("+1").await;
    assert!(other.headers.get(header::RETRY_AFTER).is_none(), "not a rate limit: {}", other.body);
}

/// The schema is large, and says nothing that an attacker could learn from its compressed length.
#[tokio::test]
async fn answers_to_introspection_are_compressed_and_no_others() {
    let app = TestApp::start(Stores::Embedded).await;
    let introspection = "{ __schema { types { name description fields { name description } } } }";
    let both = "{ __schema { types { name } } me { id } }";
    for (query, accepted, is_compressed) in [
        (introspection, "gzip, br", true),
        (introspection, "identity", false),
        (both, "gzip", false),
        ("{ me { id } }", "gzip", false),
    ] {
        let request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT_ENCODING, accepted);
        let body = Body::from(json!({ "query": query }).to_string());
        let response =
            app.send(request.body(body).expect("a request"), "127.0.0.1:1".parse().expect("an address")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let encoding = response.headers().get(header::CONTENT_ENCODING).cloned();
        assert_eq!(encoding.is_some_and(|encoding| encoding == "gzip"), is_compressed, "{query} {accepted}");
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), is_compressed);
        assert!(!is_compressed || bytes.len() < 20_000, "{} bytes", bytes.len());
    }
}
