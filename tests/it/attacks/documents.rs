//! Attacks with documents and variables: small requests that make the server work hard.
//!
//! Without its bound, each of them took seconds or hundreds of megabytes. The tests do not measure time: they check
//! that the request is rejected, which happens before the work.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use sms_login::graphql::bounds::{MAX_INPUT_SIZE, MAX_NAME_BYTES, MAX_OPERATIONS, MAX_SELECTIONS, MAX_VARIABLE_VALUES};

use crate::app::{ASK, Answer, LOGIN, Stores, TestApp, phone};
use crate::problems::with_fragment;
use crate::process::{self, Server, shared_env, stub};
use crate::servers::{self, own::OwnMariaDb};

/// Asserts that the request was rejected before anything ran.
#[track_caller]
fn assert_too_complex(answer: &Answer, message: &str) {
    assert_eq!((answer.code(), &answer.error()["message"]), ("QUERY_TOO_COMPLEX", &json!(message)), "{}", answer.body);
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
}

#[track_caller]
fn assert_invalid(answer: &Answer, message: &str) {
    assert_eq!(answer.error()["message"], message, "{}", answer.body);
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
}

fn repeat(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

const SELECTIONS: &str = "The document has more than 1000 selections after its fragments are expanded.";
const INPUTS: &str =
    "The arguments, with every variable replaced by its value, are larger than 10000 units of 64 bytes.";
const VALUES: &str = "The variables hold more than 1000 values.";

/// Fragments that each use the next one twice: 938 bytes that the library would expand to 2^25 selections.
#[tokio::test]
async fn doubling_fragments_are_not_expanded() {
    let app = TestApp::start(Stores::Embedded).await;
    let doubling = |last: &str| {
        let fragments = repeat(24, |n| format!("fragment A{n} on Query{{...A{m} ...A{m}}}", m = n + 1));
        format!("{{...A0}}{fragments}fragment A24 on Query{{{last}}}")
    };
    // An unknown fragment has no weight, but the library would expand all fragments that lead to it.
    let unknown = app.anonymous().run(&doubling("...Nowhere"), json!({})).await;
    assert_invalid(&unknown, "The document uses a fragment that it does not define.");
    let empty_objects = app.anonymous().run(&doubling("... @skip(if: true) { __typename }"), json!({})).await;
    assert_eq!(empty_objects.code(), "QUERY_TOO_COMPLEX");

    // There are few fields: the fragments contain only inline fragments around one deeply nested field.
    let inline = repeat(9, |n| format!("fragment B{n} on Query{{...{{...B{m}}} ...{{...B{m}}}}}", m = n + 1));
    let inline = format!("{{...B0}}{inline}fragment B9 on Query{{me @skip(if: true) {{id}}}}");
    assert_eq!(app.anonymous().run(&inline, json!({})).await.code(), "QUERY_TOO_COMPLEX");
}

/// The library also validates fragments that no operation uses.
#[tokio::test]
async fn unused_fragments_count() {
    let app = TestApp::start(Stores::Embedded).await;
    let fragments = repeat(20, |n| format!("fragment A{n} on Query{{...A{m} ...A{m}}}", m = n + 1));
    let document = format!("{{ __typename }} {fragments} fragment A20 on Query {{ __typename }}");
    assert_too_complex(&app.anonymous().run(&document, json!({})).await, SELECTIONS);
    let document = "{ __typename } fragment A on Query { ...Nowhere }";
    let answer = app.anonymous().run(document, json!({})).await;
    assert_invalid(&answer, "The document uses a fragment that it does not define.");
}

/// Nested inline fragments make the library compare the same fields once for each level.
#[tokio::test]
async fn conflicting_fields_under_many_levels_are_not_compared() {
    let app = TestApp::start(Stores::Embedded).await;
    let fields = repeat(200, |n| format!("a:x{n} "));
    let document = format!("{}{fields}{}", "{...".repeat(40) + "{", "}".repeat(41));
    assert_eq!(app.anonymous().run(&document, json!({})).await.code(), "QUERY_TOO_COMPLEX");
}

/// The library copies a large variable at each of its many uses.
#[tokio::test]
async fn a_variable_is_not_copied_without_bound() {
    let app = TestApp::start(Stores::Embedded).await;
    let uses = |count: usize| {
        let fields = repeat(count, |n| {
            format!("a{n}: logout(input: {{ sessionIds: $ids }}) {{ ... on LogoutPayload {{ endedSessions }} }} ")
        });
        format!("mutation($ids: [ID!]) {{ {fields} }}")
    };
    // 80,000 ids for 81 aliases: more values than any request needs.
    let many = app.anonymous().run(&uses(81), json!({ "ids": vec![1; 80_000] })).await;
    assert_too_complex(&many, VALUES);
    let many = app.anonymous().run(&uses(1), json!({ "ids": vec![1; MAX_VARIABLE_VALUES as usize] })).await;
    assert_too_complex(&many, VALUES);
    // As many ids as are allowed, but more uses than are allowed.
    let values = 500_usize;
    let allowed = MAX_INPUT_SIZE as usize / (values + 2);
    let few = json!({ "ids": vec!["x"; values] });
    assert_too_complex(&app.anonymous().run(&uses(allowed + 1), few.clone()).await, INPUTS);
    let answer = app.anonymous().run(&uses(allowed), few).await;
    assert_eq!(answer.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    // One long text: in the variables, in a default and in the document itself.
    let text = "x".repeat(100_000);
    let ids = |value: &str| repeat(20, |n| format!("a{n}: user(id: {value}) {{ id }} "));
    for (document, variables) in [
        (format!("query($x: ID!) {{ {} }}", ids("$x")), json!({ "x": text })),
        (format!("query($x: ID! = \"{text}\") {{ {} }}", ids("$x")), json!({})),
        (format!("{{ {} }} fragment F on Query {{ user(id: \"{text}\") {{ id }} }}", "...F ".repeat(20)), json!({})),
    ] {
        assert_too_complex(&app.anonymous().run(&document, variables).await, INPUTS);
    }
}

/// Every validation error repeats the names, once for each operation.
#[tokio::test]
async fn long_names_are_not_echoed() {
    let app = TestApp::start(Stores::Embedded).await;
    let named = |bytes: usize| "n".repeat(bytes);
    let operations = |count: usize| repeat(count, |n| format!("query Q{n} {{ ...F }} "));
    let document = format!("{} fragment F on Query {{ user(id: ${}) {{ id }} }}", operations(2), named(100_000));
    assert_too_complex(&app.anonymous().run(&document, json!({})).await, "A name is longer than 256 bytes.");
    let answer = app.anonymous().run("{ __typename }", json!({ (named(300)): 1 })).await;
    assert_too_complex(&answer, "A name is longer than 256 bytes.");

    let document = format!("{} fragment F on Query {{ __typename }}", operations(MAX_OPERATIONS + 1));
    assert_too_complex(&app.anonymous().run(&document, json!({})).await, "The document has more than 16 operations.");

    // These documents are within all bounds, and their responses are short.
    let variables = repeat(100, |n| format!("${}{n} ", named(MAX_NAME_BYTES - 3)));
    let document = format!("{} fragment F on Query {{ user(id: [{variables}]) {{ id }} }}", operations(MAX_OPERATIONS));
    let answer = app.anonymous().run(&document, json!({})).await;
    let errors = answer.body["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 10);
    for error in errors {
        let message = error["message"].as_str().expect("a message");
        assert!(message.chars().count() <= 300, "{}", message.len());
    }
    assert!(answer.body.to_string().len() < 16 * 1024);
    // The library's message repeats a text from a value, so it is shortened.
    let document = "query($p: CodePurpose!) { __typename me { id } user(id: 1) { id } } ";
    let enumeration = format!(
        "mutation {{ requestCode(input: {{ phone: \"1\", purpose: {} }}) {{ ... on RequestCodePayload {{ challengeId }} }} }}",
        "N".repeat(250)
    );
    for (query, variables) in [(document, json!({ "p": "x".repeat(10_000) })), (&enumeration, json!({}))] {
        let answer = app.anonymous().run(query, variables).await;
        assert!(answer.body.to_string().len() < 2000, "{}", answer.body);
    }
}

/// A document has as many selections as possible within the other bounds.
#[tokio::test]
async fn a_thousand_selections_are_the_limit() {
    let app = TestApp::start(Stores::Embedded).await;
    // Introspection also has its own bound, for which GraphiQL's query is small enough. All operations share this
    // bound.
    let operation = |n: usize| format!("query Q{n} {{ __schema {{ ...F }} }} ");
    let fragment =
        |fields: usize| format!("fragment F on __Schema {{ {} }}", repeat(fields, |n| format!("a{n}: __typename ")));
    let operations = |count: usize| repeat(count, operation);
    // Two selections for each operation, and the fields of the fragment.
    let fields = MAX_SELECTIONS as usize / 4 - 2;
    let request = |document: String| {
        Request::post("/graphql")
            .header("content-type", "application/json")
            .body(Body::from(json!({ "query": with_fragment(&document), "operationName": "Q0" }).to_string()))
            .expect("a request")
    };
    let answer = app.anonymous().send(request(operations(4) + &fragment(fields))).await;
    assert!(answer.body["errors"].is_null(), "{}", answer.body);
    let answer = app.anonymous().send(request(operations(4) + &fragment(fields + 1))).await;
    assert_too_complex(&answer, SELECTIONS);
}

/// Lists of sessions with many aliases make a response that is larger than any client needs.
#[tokio::test]
async fn a_response_has_at_most_256_kib() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let types = repeat(6, |n| format!("a{n}: __schema {{ types {{ ...T }} }} "));
    let fields = repeat(10, |n| format!("d{n}: description "));
    let document = format!("{{ {types} }} fragment T on __Type {{ {fields} fields {{ {fields} }} }}");
    let answer = user.run(&document, json!({})).await;
    assert_too_complex(&answer, "The response is larger than 256 KiB. Request fewer fields.");
    let one = "{ __schema { types { name fields { name description } } } }";
    assert!(user.run(one, json!({})).await.body["errors"].is_null(), "the whole schema is not too large");
}

/// Ninety aliases of a field that needs the database, while it is down, must not write ninety lines to the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_logged_once_for_each_request() {
    let (mariadb, sms) = (OwnMariaDb::start(), stub().await);
    let mut env = shared_env(&mariadb.create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("LOG_FORMAT".to_owned(), "json".to_owned());
    process::run(&["migrate"], &env);
    let server = Server::start(&env);
    let phone = phone();
    let asked = server.run(None, ASK, json!({ "input": { "phone": phone } })).await;
    let challenge_id = &asked["data"]["requestCode"]["challengeId"];
    let code = sms.last_code_for(&phone).expect("a code");
    let input = json!({ "input": { "phone": phone, "code": code, "challengeId": challenge_id } });
    let login = server.run(None, LOGIN, input).await;
    let token = login["data"]["login"]["accessToken"].as_str().expect("a token").to_owned();
    drop(mariadb);

    let aliases = repeat(90, |n| format!("a{n}: me {{ id }} "));
    let answer = server.run(Some(&token), &format!("{{ {aliases} }}"), json!({})).await;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(10), "{answer}");
    assert_eq!(answer["data"].as_object().map(serde_json::Map::len), Some(90), "each field is null");
    assert!(answer["data"]["a89"].is_null());

    server.terminate();
    let (_, log) = tokio::task::spawn_blocking(|| server.wait()).await.expect("an end");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("a store is unavailable") && lines[0].contains("\"failed_fields\":90"), "{lines:?}");
}

/// A request that the specification forbids is rejected before it runs: no code is sent, and no field is resolved.
#[tokio::test]
async fn invalid_requests_run_nothing() {
    let app = TestApp::start(Stores::Embedded).await;
    let twice = format!(
        "mutation {{ requestCode(input: {{ phone: \"12345\", phone: \"{}\" }}) {{ ... on RequestCodePayload {{ challengeId }} }} }}",
        phone()
    );
    assert_invalid(&app.anonymous().run(&twice, json!({})).await, "An input object sets the same field twice.");
    let body = format!(
        "{{\"query\": \"mutation($i: RequestCodeInput!) {{ requestCode(input: $i) {{ ... on RequestCodePayload {{ challengeId }} ...P }} }}\",
          \"variables\": {{ \"i\": {{ \"phone\": \"12345\", \"phone\": \"{}\" }} }} }}",
        phone()
    );
    let request =
        Request::post("/graphql").header("content-type", "application/json").body(Body::from(body.replace('\n', " ")));
    let answer = app.anonymous().send(request.expect("a request")).await;
    assert_invalid(&answer, "An input object sets the same field twice.");

    for document in [
        "{ __typename @foo }",
        "{ me @foo { id } }",
        "query @foo { __typename }",
        "{ ... @foo { __typename } }",
        "{ ...F } fragment F on Query @foo { __typename }",
        "{ ...F @foo } fragment F on Query { __typename }",
        "{ __typename @deprecated(reason: \"x\") }",
    ] {
        let answer = app.anonymous().run(document, json!({})).await;
        assert_invalid(&answer, "Only the directives @skip and @include are supported.");
    }
    for document in ["{ __typename(a: 1) }", "{ __typename { x } }", "mutation { __typename(a: 1) }"] {
        let answer = app.anonymous().run(document, json!({})).await;
        assert_invalid(&answer, "The field __typename accepts no arguments and no selections.");
    }

    let required = "query($id: ID!) { __typename user(id: $id) { id } }";
    for variables in [json!({}), json!({ "id": null }), json!({ "other": 1 })] {
        let answer = app.anonymous().run(required, variables).await;
        assert_invalid(&answer, "The variable $id requires a value.");
    }
    // Variables of an operation that does not run may be absent.
    let two = "query A { __typename } query B($id: ID!) { user(id: $id) { id } }";
    let request = Request::post("/graphql").header("content-type", "application/json");
    let body = json!({ "query": with_fragment(two), "operationName": "A" }).to_string();
    app.anonymous().send(request.body(Body::from(body)).expect("a request")).await.data("__typename");
    assert!(app.sms.messages().is_empty());
}

/// A default of `true` is used in `@skip`, and null is not `true`.
#[tokio::test]
async fn defaults_apply_in_directives() {
    let app = TestApp::start(Stores::Embedded).await;
    for (document, variables, expected) in [
        ("query($s: Boolean! = true) { a: me @skip(if: $s) { id } b: me { id } }", json!({}), json!({ "b": null })),
        (
            "query($s: Boolean! = true) { a: me @skip(if: $s) { id } b: me { id } }",
            json!({ "s": false }),
            json!({ "a": null, "b": null }),
        ),
        ("query($s: Boolean! = true) { a: me @include(if: $s) { id } }", json!({}), json!({ "a": null })),
    ] {
        let answer = app.anonymous().run(document, variables).await;
        assert_eq!(answer.body, json!({ "data": expected }), "{document}");
    }
}

/// If introspection is disabled, responses do not reveal the schema, and clients get an error instead of null.
#[tokio::test]
async fn disabled_introspection_is_an_error() {
    let app = TestApp::on(Stores::Embedded).set("INTROSPECTION", "false").start().await;
    for document in [
        "{ __schema { queryType { name } } }",
        "{ me { id } a: __type(name: \"User\") { name } }",
        "mutation { __schema { queryType { name } } }",
        "{ ...F } fragment F on Query { __schema { types { name } } }",
    ] {
        assert_invalid(&app.anonymous().run(document, json!({})).await, "Introspection is disabled on this server.");
    }
    app.anonymous().run("{ __typename }", json!({})).await.data("__typename");
}

/// Keys are in the order of the selections at every level, and failed fields are null in their places.
#[tokio::test]
async fn keys_keep_their_order() {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let document = "query($yes: Boolean! = true) {
        z: __typename
        slow: user(id: \"00000000-0000-0000-0000-000000000000\") { id }
        bad: user(id: \"x\") { id }
        me { sessions { current id } ...F id phone @skip(if: $yes) }
        ...G
        a: __typename
      }
      fragment F on User { name ... { createdAt } id }
      fragment G on Query { me { avatar } y: __typename }";
    let request = json!({ "query": with_fragment(document) });
    let answer = user.run(request["query"].as_str().expect("a text"), json!({})).await;
    let text = answer.text;
    let data = &text[text.find("\"data\"").expect("data")..];
    let place = |key: &str| data.find(&format!("\"{key}\"")).unwrap_or_else(|| panic!("{key}: {data}"));
    let places: Vec<usize> =
        ["z", "slow", "bad", "me", "sessions", "current", "name", "createdAt", "avatar", "y", "a"].map(place).to_vec();
    assert!(places.is_sorted(), "{data}");
    assert_eq!(answer.body["data"]["bad"], Value::Null);
    assert!(data.contains("\"bad\":null,\"me\""), "{data}");
    assert!(!data.contains("\"phone\""), "{data}");
    assert_eq!(answer.status, StatusCode::OK);
}
