//! The client's address behind a proxy: which address the limits count.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, Request, header};
use serde_json::{Value, json};

use crate::app::{ASK, Answer, HOME, LOGIN, Stores, TestApp, phone, settings, wrong};
use crate::problems::with_fragment;

/// Sends a request from `HOME` with this `X-Forwarded-For`.
async fn run_for(app: &TestApp, forwarded_for: &str, query: &str, input: Value) -> Answer {
    run_with(app, &[("x-forwarded-for", forwarded_for)], query, input).await
}

/// Sends a request from `HOME` with these headers.
async fn run_with(app: &TestApp, headers: &[(&str, &str)], query: &str, input: Value) -> Answer {
    let mut request = Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({ "query": with_fragment(query), "variables": { "input": input } }).to_string()))
        .expect("a request");
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a name");
        request.headers_mut().append(name, value.parse().expect("a value"));
    }
    app.anonymous().send(request).await
}

/// Submits five wrong codes, each with another forged entry before the client's address.
async fn guess_five_times(app: &TestApp, phone: &str, client: &str) {
    for attempt in 0..5 {
        let forged = format!("192.0.2.{attempt}, {client}");
        if attempt % 3 == 0 {
            app.advance(Duration::from_secs(30));
        }
        let asked = run_for(app, &forged, ASK, json!({ "phone": phone })).await;
        app.advance(Duration::from_secs(30));
        let input = json!({ "phone": phone, "code": wrong(&app.code(phone)), "challengeId": asked.data("requestCode")["challengeId"] });
        assert_eq!(run_for(app, &forged, LOGIN, input).await.code(), "CODE_INCORRECT");
    }
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_separately() {
    let app = TestApp::on(Stores::Embedded).set("TRUSTED_PROXIES", format!("10.0.0.0/8,{HOME}")).start().await;
    let phone = phone();
    guess_five_times(&app, &phone, "198.51.100.1").await;
    let refused = run_for(&app, "192.0.2.77, 198.51.100.1", ASK, json!({ "phone": phone })).await;
    assert_eq!(refused.extensions()["limit"], "FAILED_ATTEMPTS");
    run_for(&app, "198.51.100.2", ASK, json!({ "phone": phone })).await.data("requestCode");
}

#[tokio::test]
async fn the_header_of_an_untrusted_proxy_is_ignored() {
    let app = TestApp::on(Stores::Embedded).set("TRUSTED_PROXIES", "10.0.0.0/8").start().await;
    let phone = phone();
    guess_five_times(&app, &phone, "198.51.100.1").await;
    let refused = run_for(&app, "198.51.100.2", ASK, json!({ "phone": phone })).await;
    assert_eq!(refused.extensions()["limit"], "FAILED_ATTEMPTS", "both clients have the same peer");
}

#[tokio::test]
async fn a_platform_can_report_the_address_in_its_own_header() {
    let app = TestApp::on(Stores::Embedded)
        .set("TRUSTED_PROXIES", "0.0.0.0/0,::/0")
        .set("CLIENT_ADDRESS_HEADER", "X-Scf-Remote-Addr")
        .set("SEND_IP_HOURLY_LIMIT", "1")
        .start()
        .await;
    // What the client writes in the usual header has no effect.
    let ask = async |address: &str, forged: &str| {
        let headers = [("x-scf-remote-addr", address), ("x-forwarded-for", forged)];
        run_with(&app, &headers, ASK, json!({ "phone": phone() })).await
    };
    ask("198.51.100.1", "192.0.2.1").await.data("requestCode");
    assert_eq!(ask("198.51.100.1", "192.0.2.2").await.extensions()["limit"], "IP_HOURLY");
    ask("198.51.100.2:5678", "192.0.2.1").await.data("requestCode");
}

#[test]
fn malformed_ranges_and_origins_are_refused() {
    for (name, value, reason) in [
        ("CLIENT_ADDRESS_HEADER", "X Forwarded", "not the name of a header such as X-Forwarded-For"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "not ranges of addresses such as 10.0.0.0/8,2001:db8::/32"),
        (
            "CORS_ORIGINS",
            "https://app.example.com/",
            "not origins such as https://app.example.com, in lower case and without a path, or *",
        ),
    ] {
        let error = settings(&[], [(name, value)]).expect_err("refused");
        assert_eq!(error.to_string(), format!("{name}: {reason}"));
    }
}
