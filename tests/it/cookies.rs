//! Cookie mode: the refresh token and the device token of a browser in cookies that its scripts cannot read.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::app::{ASK, Answer, LOGIN, ME, REFRESH, Stores, TestApp, phone};
use crate::problems::with_fragment;

const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";
const REFRESH_COOKIE: &str = "__Host-sms-login-refresh";
const DEVICE_COOKIE: &str = "__Host-sms-login-device";
const REFRESH_BY_COOKIE: &str =
    "mutation { refreshSession { ... on RefreshSessionPayload { accessToken refreshToken } ...P } }";
const LOGOUT: &str =
    "mutation($input: LogoutInput) { logout(input: $input) { ... on LogoutPayload { endedSessions } ...P } }";
const DELETE: &str = "mutation($input: DeleteAccountInput!) { deleteAccount(input: $input) { ... on DeleteAccountPayload { deletedUserId } ...P } }";

/// The headers that a browser adds to a request of a page of this server.
const OWN: [(&str, &str); 2] = [("sec-fetch-site", "same-origin"), ("x-sms-login-cookies", "1")];

/// A browser: it stores cookies and sends them back.
struct Browser<'a> {
    app: &'a TestApp,
    jar: BTreeMap<String, String>,
    access_token: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp) -> Self {
        Self { app, jar: BTreeMap::new(), access_token: None }
    }

    /// Sends a request with these headers, without storing the cookies of the answer.
    async fn send(&self, headers: &[(&str, &str)], query: &str, variables: Value) -> Answer {
        let body = json!({ "query": with_fragment(query), "variables": variables }).to_string();
        let mut request =
            Request::post("/graphql").header(header::CONTENT_TYPE, "application/json").header("host", "a.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, format!("theme=dark; {}", pairs.join("; ")));
        }
        if let Some(token) = &self.access_token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.app.anonymous().send(request.body(Body::from(body)).expect("a request")).await
    }

    async fn run(&mut self, query: &str, variables: Value) -> Answer {
        let answer = self.send(&OWN, query, variables).await;
        for (name, value, attributes) in set_cookies(&answer) {
            if attributes.starts_with("Max-Age=0;") {
                self.jar.remove(&name)
            } else {
                self.jar.insert(name, value)
            };
        }
        answer
    }

    async fn ask(&mut self, phone: &str) -> String {
        let asked = self.run(ASK, json!({ "input": { "phone": phone } })).await;
        asked.data("requestCode")["challengeId"].as_str().expect("an id").to_owned()
    }

    async fn sign_in(&mut self, phone: &str) -> Answer {
        let challenge_id = self.ask(phone).await;
        let input = json!({ "phone": phone, "code": self.app.code(phone), "challengeId": challenge_id });
        let answer = self.run(LOGIN, json!({ "input": input })).await;
        self.access_token = answer.data("login")["accessToken"].as_str().map(str::to_owned);
        answer
    }
}

/// Returns the cookies that an answer sets: name, value and attributes.
fn set_cookies(answer: &Answer) -> Vec<(String, String, String)> {
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().expect("text"));
    let parts = |cookie: &str| {
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        let (name, value) = pair.split_once('=').expect("a pair");
        (name.to_owned(), value.to_owned(), attributes.to_owned())
    };
    cookies.map(parts).collect()
}

async fn app(stores: Stores) -> TestApp {
    TestApp::on(stores).set("COOKIES", "true").start().await
}

#[tokio::test]
async fn the_tokens_are_in_cookies_and_not_in_the_answer() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let mut browser = Browser::new(&app);
        let answer = browser.sign_in(&phone()).await;
        let login = answer.data("login");
        assert_eq!((&login["refreshToken"], &login["deviceToken"]), (&json!(""), &json!("")));
        assert!(login["accessToken"].as_str().is_some_and(|token| token.starts_with("eyJ")));

        let cookies = set_cookies(&answer);
        let names: Vec<_> = cookies.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, [REFRESH_COOKIE, DEVICE_COOKIE]);
        assert!(cookies[0].1.starts_with("slr_") && !cookies[1].1.is_empty());
        assert_eq!(cookies[0].2, format!("Max-Age={}; {ATTRIBUTES}", 30 * 86_400));
        assert_eq!(cookies[1].2, format!("Max-Age={}; {ATTRIBUTES}", 180 * 86_400));
        assert!(!answer.text.contains(&cookies[0].1) && !answer.text.contains(&cookies[1].1));
    }
}

#[tokio::test]
async fn a_session_is_refreshed_and_ended_without_arguments() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let mut browser = Browser::new(&app);
        browser.sign_in(&phone()).await;
        // The page was reloaded: it has no access token.
        browser.access_token = None;
        let before = browser.jar[REFRESH_COOKIE].clone();

        let refreshed = browser.run(REFRESH_BY_COOKIE, json!({})).await;
        assert_eq!(refreshed.data("refreshSession")["refreshToken"], "");
        assert_ne!(browser.jar[REFRESH_COOKIE], before);
        let access_token = refreshed.data("refreshSession")["accessToken"].as_str().expect("a token").to_owned();
        app.anonymous().with_token(&access_token).run(ME, json!({})).await.data("me");

        let ended = browser.run(LOGOUT, json!({})).await;
        assert_eq!(ended.data("logout")["endedSessions"], 1);
        let cleared: Vec<_> =
            set_cookies(&ended).into_iter().map(|(_, value, attributes)| (value, attributes)).collect();
        assert_eq!(cleared, [(), ()].map(|()| (String::new(), format!("Max-Age=0; {ATTRIBUTES}"))));
        assert!(browser.jar.is_empty());
        assert_eq!(app.anonymous().with_token(&access_token).run(ME, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(browser.run(REFRESH_BY_COOKIE, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(browser.run(LOGOUT, json!({})).await.code(), "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_stolen_cookie_ends_the_session() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let mut browser = Browser::new(&app);
        browser.sign_in(&phone()).await;
        let stolen = Browser { app: &app, jar: browser.jar.clone(), access_token: None };
        browser.run(REFRESH_BY_COOKIE, json!({})).await.data("refreshSession");
        app.advance(Duration::from_mins(1));

        assert_eq!(
            stolen.send(&OWN, LOGOUT, json!({})).await.code(),
            "TOKEN_INVALID",
            "an old token ends nothing by logout"
        );
        assert_eq!(stolen.send(&OWN, REFRESH_BY_COOKIE, json!({})).await.code(), "TOKEN_INVALID");
        assert_eq!(
            browser.run(REFRESH_BY_COOKIE, json!({})).await.code(),
            "TOKEN_INVALID",
            "the owner is signed out, too"
        );
    }
}

#[tokio::test]
async fn the_device_cookie_grants_the_quota_of_its_device() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let (mut browser, phone) = (Browser::new(&app), phone());
        browser.sign_in(&phone).await;
        app.advance(Duration::from_mins(1));
        // A stranger uses the phone's cooldown; the device has its own.
        app.anonymous().ask(&phone).await;
        assert_eq!(app.anonymous().try_ask(&phone).await.code(), "RATE_LIMITED");
        browser.ask(&phone).await;
    }
}

#[tokio::test]
async fn requests_of_other_sites_are_refused() {
    let app =
        TestApp::on(Stores::Embedded).set("COOKIES", "true").set("CORS_ORIGINS", "https://app.example").start().await;
    let mut browser = Browser::new(&app);
    browser.sign_in(&phone()).await;
    let site = |site: &'static str| ("sec-fetch-site", site);
    let origin = |origin: &'static str| ("origin", origin);
    let mode = OWN[1];
    for headers in [
        vec![site("cross-site"), mode],
        vec![site("cross-site"), origin("https://app.example"), mode],
        vec![site("same-site"), mode],
        vec![site("same-site"), origin("https://other.example"), mode],
        vec![site("none"), mode],
        vec![site("same-origin"), site("cross-site"), mode],
        vec![origin("https://evil.example"), mode],
        vec![origin("https://evil.example"), site("cross-site"), mode],
        vec![origin("null"), mode],
        vec![mode],
    ] {
        let answer = browser.send(&headers, REFRESH_BY_COOKIE, json!({})).await;
        assert_eq!((answer.status, set_cookies(&answer).len()), (StatusCode::FORBIDDEN, 0), "{headers:?}");
    }
    for headers in [
        vec![site("same-site"), origin("https://app.example"), mode],
        vec![origin("https://app.example"), mode],
        vec![origin("https://a.example"), mode],
    ] {
        let answer = browser.send(&headers, "{ __typename }", json!({})).await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}");
    }

    // Without the header, the cookies have no effect.
    let answer = browser.send(&[site("same-origin")], REFRESH_BY_COOKIE, json!({})).await;
    assert_eq!((answer.code(), set_cookies(&answer).len()), ("BAD_INPUT", 0));
}

#[tokio::test]
async fn cookies_and_arguments_are_not_mixed() {
    let app = app(Stores::Embedded).await;
    let bearer = app.signed_in().await;
    let (mut browser, phone) = (Browser::new(&app), phone());
    let challenge_id = browser.ask(&phone).await;
    let input = json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id, "deviceToken": "x" });
    let mixed = browser.run(LOGIN, json!({ "input": input })).await;
    assert_eq!((mixed.code(), &mixed.extensions()["field"]), ("BAD_INPUT", &json!("input.deviceToken")));
    let mixed = browser.run(ASK, json!({ "input": { "phone": phone, "deviceToken": "x" } })).await;
    assert_eq!((mixed.code(), &mixed.extensions()["field"]), ("BAD_INPUT", &json!("input.deviceToken")));
    let mixed = browser.run(REFRESH, json!({ "input": { "refreshToken": bearer.refresh_token } })).await;
    assert_eq!((mixed.code(), &mixed.extensions()["field"]), ("BAD_INPUT", &json!("input.refreshToken")));
    assert!(browser.jar.is_empty(), "nothing was spent");

    // Clients without cookies work beside it.
    let refreshed = bearer.refresh().await;
    assert!(refreshed.data("refreshSession")["refreshToken"].as_str().is_some_and(|token| token.starts_with("slr_")));
    assert_eq!(set_cookies(&refreshed).len(), 0);
    let missing = app.anonymous().run(REFRESH_BY_COOKIE, json!({})).await;
    assert_eq!((missing.code(), &missing.extensions()["field"]), ("BAD_INPUT", &json!("input.refreshToken")));
}

#[tokio::test]
async fn only_the_end_of_the_own_session_removes_the_cookies() {
    let app = app(Stores::Embedded).await;
    let (mut browser, phone) = (Browser::new(&app), phone());
    browser.sign_in(&phone).await;
    app.advance(Duration::from_mins(1));
    let other = app.sign_in(&phone).await;
    let listed = other.run("{ me { sessions { id current } } }", json!({})).await;
    let sessions = listed.data("me")["sessions"].as_array().expect("sessions").clone();
    let id = sessions.iter().find(|session| session["current"] == true).expect("the other session")["id"].clone();
    let ended = browser.run(LOGOUT, json!({ "input": { "sessionIds": [id] } })).await;
    assert_eq!((&ended.data("logout")["endedSessions"], browser.jar.len()), (&json!(1), 2));

    let ended = browser.run(LOGOUT, json!({ "input": { "everywhere": true } })).await;
    assert_eq!((&ended.data("logout")["endedSessions"], browser.jar.len()), (&json!(1), 0));
}

#[tokio::test]
async fn deleting_the_account_removes_the_cookies() {
    let app = app(Stores::Embedded).await;
    let (mut browser, phone) = (Browser::new(&app), phone());
    browser.sign_in(&phone).await;
    app.advance(Duration::from_mins(1));
    let asked = browser.run(ASK, json!({ "input": { "purpose": "DELETE_ACCOUNT" } })).await;
    let input = json!({ "code": app.code(&phone), "challengeId": asked.data("requestCode")["challengeId"] });
    browser.run(DELETE, json!({ "input": input })).await.data("deleteAccount");
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn a_server_without_cookie_mode_says_so() {
    let app = TestApp::start(Stores::Embedded).await;
    let answer = Browser::new(&app).send(&OWN, "{ __typename }", json!({})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "BAD_INPUT"));
}

#[tokio::test]
async fn listed_pages_may_send_cookies_but_not_all_pages() {
    for (cookies, origins, credentials) in
        [("true", "https://app.example", true), ("true", "*", false), ("false", "https://app.example", false)]
    {
        let app = TestApp::on(Stores::Shared).set("COOKIES", cookies).set("CORS_ORIGINS", origins).start().await;
        let request = Request::options("/graphql")
            .header(header::ORIGIN, "https://app.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type,x-sms-login-cookies");
        let answer = app.anonymous().send(request.body(Body::empty()).expect("a request")).await;
        let headers = answer.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("text").to_owned();
        assert_eq!(answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), credentials, "{origins}");
        assert_eq!(headers.contains("x-sms-login-cookies"), credentials, "{headers}");
    }
}
