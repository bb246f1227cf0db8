//! The bounds of documents, through the router. A rejected request gets one error that names the bound, and nothing runs.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, Stores, TestApp, phone};
use crate::problems::with_fragment;

/// Returns an introspection query like GraphiQL's, with every option of graphql-js on and wrapped types nine deep. The
/// HTTP audits send graphql-js's own query.
fn introspection() -> String {
    let of_type = nested("ofType { kind name ", "", "}", 9);
    format!(
        "{{ __schema {{ queryType {{ name }} mutationType {{ name }} directives {{ name locations args {{ ...In }} }} types {{
           kind name description inputFields {{ ...In }} interfaces {{ ...Type }} possibleTypes {{ ...Type }}
           fields(includeDeprecated: true) {{ name isDeprecated args {{ ...In }} type {{ ...Type }} }}
           enumValues(includeDeprecated: true) {{ name description }} }} }} }}
         fragment In on __InputValue {{ name defaultValue type {{ ...Type }} }}
         fragment Type on __Type {{ kind name {of_type} }}"
    )
}

async fn run(app: &TestApp, query: &str) -> Answer {
    app.anonymous().run(query, json!({})).await
}

#[track_caller]
fn assert_refused(answer: &Answer, message: &str) {
    assert_eq!(answer.error()["message"], message);
    assert_eq!(answer.extensions(), &json!({ "code": "QUERY_TOO_COMPLEX", "errorCode": -1401 }));
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
    assert_eq!(answer.status, StatusCode::OK, "the status that the media type requires");
}

const TOKENS: &str = "The document has more than 1000 tokens.";
const NESTING: &str = "The document nests brackets more than 50 deep.";
const CREDENTIALS: &str = "An operation may contain only one of requestCode, login, refreshSession, reauthenticate, changePhone, deleteAccount and verifyCode.";
const DEPTH: &str = "The document nests fields more than 8 deep.";
const COMPLEXITY: &str =
    "The document selects more than 200 fields; the fields of a list count ten times, and codeDelivery counts twenty.";
const INTROSPECTS: &str = "The introspection query exceeds 500 fields, a depth of 20, or two nested lists.";

fn many(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

#[tokio::test]
async fn every_bound_has_its_own_message() {
    let app = TestApp::start(Stores::Embedded).await;
    let aliases = |field: &str, count: usize| many(count, |n| format!("a{n}: {field} "));
    let fan_out = many(40, |n| format!("fragment F{n} on Query {{ ...F{next} ...F{next} }} ", next = n + 1));
    let fan_out = format!("{fan_out} fragment F40 on Query {{ __typename }}");
    let types = |count: usize| format!("fragment T on __Schema {{ types {{ {} }} }}", aliases("name", count));
    for (query, message) in [
        (format!("{{ me {{ {} }} }}", "id ".repeat(1000)), TOKENS),
        (introspection().repeat(10), TOKENS),
        (nested("{ me ", "{ id }", "}", 60), NESTING),
        (format!("{{ user(id: {}) {{ id }} }}", nested("[", "", "]", 60)), NESTING),
        (nested("{ me ", "{ id }", "}", 8), DEPTH),
        (format!("{{ ...A }} fragment A on Query {}", nested("{ me ", "{ id }", "}", 8)), DEPTH),
        (format!("{{ {} }}", aliases("__typename", 201)), COMPLEXITY),
        (format!("{{ ...F0 }} {fan_out}"), COMPLEXITY),
        (format!("query A {{ __typename }} query B {{ ...F0 }} {fan_out}"), COMPLEXITY),
        (format!("{{ me {{ sessions {{ {} }} }} }}", aliases("id", 20)), COMPLEXITY),
        (format!("{{ me {{ sessions {{ {0} }} b: sessions {{ {0} }} }} }}", aliases("id", 10)), COMPLEXITY),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(), INTROSPECTS),
        (format!("{{ __type(name: \"User\") {} }}", nested("{ ofType ", "{ name }", "}", 20)), INTROSPECTS),
        (format!("{{ a: __schema {{ ...T }} b: __schema {{ ...T }} }} {}", types(250)), INTROSPECTS),
    ] {
        let begun = Instant::now();
        assert_refused(&run(&app, &query).await, message);
        assert!(begun.elapsed() < Duration::from_secs(2), "{query:.80}");
    }
    for query in [format!("{{ {} }}", aliases("__typename", 200)), format!("{{ __schema {{ ...T }} }} {}", types(150))]
    {
        assert!(run(&app, &query).await.body["errors"].is_null(), "{query:.80}");
    }
}

#[tokio::test]
async fn the_queries_of_usual_clients_are_within_bounds() {
    let app = TestApp::start(Stores::Embedded).await;
    let answer = run(&app, &introspection()).await;
    assert!(answer.data("__schema")["types"].as_array().is_some_and(|types| types.len() > 20));
    let user = app.signed_in().await;
    let whole = "{ me { id name avatar phone createdAt lastLoginAt
        sessions { id deviceName createdAt lastUsedAt expiresAt current } } }";
    assert_eq!(user.run(whole, json!({})).await.data("me")["id"], user.id);
    let ids = many(20, |n| format!("u{n}: user(id: \"{}\") {{ id name avatar phone }} ", user.id));
    user.run(&format!("{{ {ids} }}"), json!({})).await.data("u19");
    let eight = nested("{ me ", "{ id }", "}", 7);
    assert_eq!(
        run(&app, &eight).await.code(),
        "GRAPHQL_VALIDATION_FAILED",
        "eight levels are allowed, but this field does not exist"
    );
}

#[tokio::test]
async fn if_all_fields_are_skipped_the_data_is_an_empty_object() {
    let app = TestApp::start(Stores::Embedded).await;
    for query in ["{ me @skip(if: true) { id } }", "mutation A { __typename @include(if: false) }"] {
        assert_eq!(run(&app, query).await.body, json!({ "data": {} }), "{query}");
    }
}

#[tokio::test]
async fn an_operation_has_at_most_one_credential_field() {
    let app = TestApp::start(Stores::Embedded).await;
    let ask = |alias: &str| {
        format!(
            "{alias}: requestCode(input: {{ phone: \"{}\" }}) {{ ... on RequestCodePayload {{ challengeId }} ...P }} ",
            phone()
        )
    };
    let refresh =
        "refreshSession(input: { refreshToken: \"x\" }) { ... on RefreshSessionPayload { accessToken } ...P }";
    let (a, b) = (ask("a"), ask("b"));
    for query in [
        format!("mutation {{ {a} {b} }}"),
        format!("mutation {{ {a} {refresh} }}"),
        format!("mutation {{ {a} ... on Mutation {{ {b} }} }}"),
        format!("mutation {{ ...F {b} }} fragment F on Mutation {{ {a} }}"),
        format!("mutation {{ {a} {} }}", b.replace(") {", ") @skip(if: true) {")),
        format!("mutation {{ ...F @include(if: false) {b} }} fragment F on Mutation {{ {a} }}"),
        format!("mutation {{ ...F ...F }} fragment F on Mutation {{ {a} }}"),
        format!("mutation Only {{ {a} {b} }}"),
    ] {
        assert_refused(&run(&app, &query).await, CREDENTIALS);
    }
    assert!(app.sms.messages().is_empty(), "no operation ran");
    let other = format!("mutation A {{ {a} }} mutation B {{ {b} }}");
    let request = json!({ "query": with_fragment(&other), "operationName": "B" });
    let answer = app.anonymous().send(post(&request)).await;
    answer.data("b");
    assert_eq!(app.sms.messages().len(), 1, "fields of the other operation do not count");
    run(&app, &format!("mutation {{ {} __typename }}", ask("c"))).await.data("c");
}

fn post(body: &Value) -> axum::http::Request<axum::body::Body> {
    let request = axum::http::Request::post("/graphql").header("content-type", "application/json");
    request.body(body.to_string().into()).expect("a request")
}

#[tokio::test]
async fn extreme_documents_are_answered() {
    let app = TestApp::start(Stores::Embedded).await;
    let deep = 100_000;
    for query in [
        "{ me ".repeat(40_000),
        "{".repeat(deep),
        format!("{{ a(b: {} }}", "[".repeat(deep)),
        format!("{{ a(b: {} }}", "{ c: ".repeat(40_000)),
        format!("query($a: {}Int{}) {{ me }}", "[".repeat(deep), "]".repeat(deep)),
        format!("{{ a {} }}", "... { ".repeat(40_000)),
        format!("{{ a {} }}", "@x(y: ".repeat(40_000)),
        "\"".repeat(deep),
        format!("{{ me {{ id }} }} {}", "#".repeat(deep)),
        format!("{{ a(b: \"\"\"x\" {}) }}", "0".repeat(deep)),
    ] {
        let begun = Instant::now();
        let answer = run(&app, &query).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{query:.40}");
        assert!(query.contains("##") || answer.body["errors"][0]["message"].is_string(), "{query:.40}");
    }
    // The deepest allowed nesting of every kind must not overflow the parser's stack.
    for query in [
        nested("{ me ", "{ id }", "}", 49),
        format!("{{ user(id: {}) {{ id }} }}", nested("[", "1", "]", 48)),
        format!("{{ user(id: {}) {{ id }} }}", nested("{ a: ", "1", "}", 48)),
        format!("query($a: {}) {{ me {{ id }} }}", nested("[", "Int", "]", 49)),
        format!("{{ {} }}", nested("... { ", "id", "}", 49)),
    ] {
        let answer = run(&app, &query).await;
        assert!(answer.body["errors"][0]["message"].is_string(), "{query:.40}");
    }
    let cycles = [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { me { id } ...B ...B } fragment B on Query { ...A ...A }",
        "{ ...A } fragment A on Query { __schema { ...S } } fragment S on __Schema { ...S }",
        "{ me { id } } fragment A on Query { ...B } fragment B on Query { ...A }",
    ];
    for query in cycles {
        let answer = run(&app, query).await;
        assert_eq!(answer.body["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert!(answer.body.get("data").is_none(), "{query}");
    }
    let long = format!("{{ user(id: \"{}\") {{ id }} }}", "x".repeat(200_000));
    assert_eq!(run(&app, &long).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn without_introspection_errors_do_not_reveal_the_schema() {
    let app = TestApp::on(Stores::Embedded).set("INTROSPECTION", "false").start().await;
    for query in ["{ __schema { types { name } } }", "{ __type(name: \"User\") { name } }", &introspection()] {
        let text = run(&app, query).await.body.to_string();
        assert!(!text.contains("LoginInput") && !text.contains("deviceName"), "{text}");
    }
    for (query, secret) in [
        ("{ me { createdAtt } }", "\"createdAt\""),
        ("{ user(id: 1, idd: 1) { id } }", "\"id\""),
        ("mutation { logout(inputt: {}) { ... on LogoutPayload { endedSessions } ...P } }", "\"input\""),
        (
            "mutation { requestCode(input: { phone: \"1\", purpose: LOGINN }) { ... on RequestCodePayload { challengeId } ...P } }",
            "\"LOGIN\"",
        ),
        (
            "mutation { updateProfile(input: { namee: \"1\" }) { ... on UpdateProfilePayload { user { id } } ...P } }",
            "\"name\"",
        ),
        ("query($a: LoginInputt) { me { id } }", "\"LoginInput\""),
        ("{ me { ...on Userr { id } } }", "\"User\""),
    ] {
        let answer = run(&app, query).await;
        let text = answer.body["errors"].to_string().replace("\\\"", "\"");
        assert!(!text.contains("Did you mean") && !text.contains(secret), "{query}: {text}");
    }
    let app = TestApp::start(Stores::Embedded).await;
    let text = run(&app, "{ me { createdAtt } }").await.body.to_string();
    assert!(text.contains("Did you mean"), "with introspection, errors have suggestions: {text}");
}
