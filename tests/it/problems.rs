//! Problems: expected failures of mutations as data. Most tests only care why a mutation failed, so `folded` shows them
//! problems and GraphQL errors in one form; the tests here look at the real form.

use serde_json::{Map, Value, json};

use crate::app::{Stores, TestApp, phone, wrong};

/// The fragment that `...P` spreads.
const FRAGMENT: &str =
    " fragment P on Problem { code number message field attemptsRemaining limit retryAt retryAfterSeconds
  captchaAppId requestId }";

/// Adds the definition of the fragment `P` to a document that uses it.
pub(crate) fn with_fragment(document: &str) -> String {
    let definition = if document.contains("...P") { FRAGMENT } else { "" };
    format!("{document}{definition}")
}

/// Moves the problems of a response to its errors, each with its fields as extensions.
pub(crate) fn folded(mut body: Value) -> Value {
    let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) else {
        return body;
    };
    let mut errors = Vec::new();
    for (key, value) in data.iter_mut() {
        if value.get("number").is_some() && value.get("code").is_some() {
            errors.push(error(key, value));
            *value = Value::Null;
        }
    }
    if !errors.is_empty() {
        let found = body.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        body["errors"] = found.into_iter().chain(errors).collect();
    }
    body
}

fn error(key: &str, problem: &Value) -> Value {
    let mut extensions = Map::new();
    for (name, value) in problem.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "message" => {}
            "number" => drop(extensions.insert("errorCode".to_owned(), value.clone())),
            _ => drop(extensions.insert(name.clone(), value.clone())),
        }
    }
    json!({ "message": problem["message"], "path": [key], "extensions": extensions })
}

const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) {
  __typename ... on Problem { number code attemptsRemaining field limit } ... on LoginPayload { user { phone } } } }";

#[tokio::test]
async fn a_problem_is_data_and_has_the_fields_of_its_code() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let (client, phone) = (app.anonymous(), phone());
        let challenge_id = client.ask(&phone).await;
        let code = app.code(&phone);
        let login = async |code: &str| {
            let input = json!({ "phone": phone, "code": code, "challengeId": challenge_id });
            client.run(LOGIN, json!({ "input": input })).await
        };

        let answer = login(&wrong(&code)).await;
        assert_eq!(
            answer.text,
            r#"{"data":{"login":{"__typename":"Problem","number":-1102,"code":"CODE_INCORRECT","attemptsRemaining":2,"field":null,"limit":null}}}"#
        );
        assert_eq!(answer.status, 200);
        let answer = login("12345").await;
        assert!(
            answer.text.contains(r#""code":"BAD_INPUT","attemptsRemaining":null,"field":"input.code""#),
            "{}",
            answer.text
        );

        let answer = login(&code).await;
        let user = format!(r#"{{"data":{{"login":{{"__typename":"LoginPayload","user":{{"phone":"{phone}"}}}}}}}}"#);
        assert_eq!(answer.text, user);
    }
}

/// Both fragments use the same keys, in different orders. The order of the type that applies counts.
#[tokio::test]
async fn keys_keep_the_order_of_the_fragment_that_applies() {
    let app = TestApp::start(Stores::Embedded).await;
    let document = |phone: &str| {
        format!(
            "mutation {{ x: requestCode(input: {{ phone: \"{phone}\" }}) {{
               ... on Problem {{ b: message a: code }} ...Sent ... on RequestCodeResult {{ __typename }} }} }}
             fragment Sent on RequestCodePayload {{ a: expiresAt c: codeLength b: challengeId }}"
        )
    };
    let sent = app.anonymous().run(&document(&phone()), json!({})).await.text;
    assert!(sent.starts_with(r#"{"data":{"x":{"a":"2026-"#), "{sent}");
    assert!(sent.contains(r#"","c":6,"b":""#) && sent.ends_with(r#","__typename":"RequestCodePayload"}}}"#), "{sent}");

    let problem = app.anonymous().run(&document("12345"), json!({})).await.text;
    assert!(problem.starts_with(r#"{"data":{"x":{"b":"This is not"#), "{problem}");
    assert!(problem.ends_with(r#","a":"INVALID_PHONE","__typename":"Problem"}}}"#), "{problem}");
}

#[tokio::test]
async fn a_lone_problem_sets_the_retry_after_header() {
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    app.anonymous().ask(&phone).await;
    let limited = app.anonymous().try_ask(&phone).await;
    assert_eq!((limited.code(), limited.status.as_u16()), ("RATE_LIMITED", 200));
    assert_eq!(limited.headers["retry-after"], "30");

    let user = app.signed_in().await;
    let both =
        format!("mutation {{ requestCode(input: {{ phone: \"{phone}\" }}) {{ ...P }} logout {{ __typename }} }}");
    let limited = user.run(&both, json!({})).await;
    assert_eq!(limited.code(), "RATE_LIMITED");
    assert!(limited.headers.get("retry-after").is_none(), "the other mutation must not be repeated");
}
