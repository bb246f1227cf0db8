//! The playground: when its routes exist, and which requests can read the inbox.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::app::{Answer, Builder, Stores, TestApp, phone};

const LOCAL: &str = "127.0.0.1";

/// The header that browsers add to requests of a page to its own origin.
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn get(app: &TestApp, peer: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.at(peer).send(request.body(Body::empty()).expect("a request")).await
}

async fn inbox(app: &TestApp) -> Answer {
    get(app, LOCAL, "/dev/inbox", &[("host", "localhost:8000"), SAME_ORIGIN]).await
}

/// Configures an embedded server that prints its messages.
fn printing() -> Builder {
    TestApp::on(Stores::Embedded).set("SMS_PROVIDER", "console")
}

#[tokio::test]
async fn the_page_is_on_if_the_server_is_embedded_or_if_it_is_set() {
    for (builder, status) in [
        (TestApp::on(Stores::Embedded), StatusCode::OK),
        (TestApp::on(Stores::Embedded).set("PLAYGROUND", "false"), StatusCode::NOT_FOUND),
        (TestApp::on(Stores::Shared), StatusCode::NOT_FOUND),
        (TestApp::on(Stores::Shared).set("PLAYGROUND", "true"), StatusCode::OK),
    ] {
        let app = builder.start().await;
        for path in ["/", "/playground.json"] {
            assert_eq!(get(&app, LOCAL, path, &[]).await.status, status, "{path}");
        }
    }
}

/// The captcha's script and frame come from Tencent, and only if the server asks for captchas.
#[tokio::test]
async fn the_page_may_load_the_captcha_if_there_is_one() {
    let settings = [
        ("CAPTCHA", "always"),
        ("TENCENT_CAPTCHA_APP_ID", "190000001"),
        ("TENCENT_CAPTCHA_APP_SECRET_KEY", "a secret key"),
    ];
    let with =
        settings.into_iter().fold(TestApp::on(Stores::Embedded), |builder, (name, value)| builder.set(name, value));
    for (builder, has_captcha) in [(with, true), (TestApp::on(Stores::Embedded), false)] {
        let app = builder.start().await;
        let answer = get(&app, LOCAL, "/", &[]).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        let host = "https://turing.captcha.qcloud.com";
        for directive in ["script-src", "connect-src", "frame-src"] {
            let allows = policy.split(';').any(|part| part.trim().starts_with(directive) && part.contains(host));
            assert_eq!(allows, has_captcha, "{directive}: {policy}");
        }
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("  "), "{policy}");
    }
}

#[tokio::test]
async fn the_page_may_not_load_scripts_from_other_origins() {
    let app = TestApp::start(Stores::Embedded).await;
    for path in ["/", "/playground.json", "/assets/none.js"] {
        let answer = get(&app, LOCAL, path, &[]).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[tokio::test]
async fn the_page_gets_the_regions_of_the_server() {
    let app = TestApp::on(Stores::Embedded).set("ALLOWED_REGIONS", "CN,HK").set("DEFAULT_REGION", "HK").start().await;
    let about = get(&app, LOCAL, "/playground.json", &[]).await.body;
    insta::assert_json_snapshot!(about, @r#"
    {
      "allowedRegions": [
        "CN",
        "HK"
      ],
      "calls": false,
      "defaultRegion": "HK",
      "inbox": null
    }
    "#);
}

#[tokio::test]
async fn there_is_no_inbox_unless_messages_are_printed_on_this_machine() {
    for builder in [
        TestApp::on(Stores::Embedded),
        TestApp::on(Stores::Shared).set("PLAYGROUND", "true"),
        TestApp::on(Stores::Shared).set("PLAYGROUND", "true").set("SMS_PROVIDER", "console"),
        printing().set("PLAYGROUND", "false"),
        printing().set("LISTEN_ADDR", "0.0.0.0:8000").set("ALLOW_CONSOLE_SMS", "true"),
    ] {
        assert_eq!(inbox(&builder.start().await).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_inbox_has_the_printed_messages() {
    let app = printing().start().await;
    let phone = phone();
    app.anonymous().ask(&phone).await;
    let answer = inbox(&app).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let message = &answer.body["messages"][0];
    assert_eq!(message["phone"], phone);
    let code = message["code"].as_str().expect("a code");
    assert_eq!(message["text"], format!("{code} is your code to sign in. It is valid for 5 min."));
}

#[tokio::test]
async fn only_the_page_on_this_machine_can_read_the_inbox() {
    let app = printing().start().await;
    for (peer, headers) in [
        ("192.168.0.7", &[("host", "localhost:8000"), SAME_ORIGIN][..]),
        (LOCAL, &[("host", "rebound.example.com:8000"), SAME_ORIGIN]),
        (LOCAL, &[SAME_ORIGIN]),
    ] {
        assert_eq!(get(&app, peer, "/dev/inbox", headers).await.status, StatusCode::FORBIDDEN, "{peer} {headers:?}");
    }
    assert_eq!(get(&app, "::1", "/dev/inbox", &[("host", "[::1]:8000"), SAME_ORIGIN]).await.status, StatusCode::OK);
}
