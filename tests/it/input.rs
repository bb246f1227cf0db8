//! Hostile and broken input: each error names its field, and nothing is stored or sent.

use serde_json::{Value, json};

use crate::app::{ASK, LOGIN, SignedIn, Stores, TestApp, phone};

#[tokio::test]
async fn ill_typed_inputs_do_not_validate() {
    let app = TestApp::start(Stores::Embedded).await;
    let inputs = [
        json!(null),
        json!([]),
        json!("+8613711112222"),
        json!({ "phone": 13_711_112_222_u64 }),
        json!({ "phone": ["+8613711112222"] }),
        json!({ "phone": { "e164": "+8613711112222" } }),
        json!({ "phone": "+8613711112222", "purpose": "SPAM" }),
        json!({ "phone": "+8613711112222", "purpose": null }),
        json!({ "phone": "+8613711112222", "extra": 1 }),
        json!({ "phone": "+8613711112222", "reference": 1 }),
        json!({ "phone": "+8613711112222", "captcha": { "randstr": "r" } }),
    ];
    for input in inputs {
        let answer = app.anonymous().run(ASK, json!({ "input": input })).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{input}");
        assert_eq!(answer.extensions()["errorCode"], -1001);
    }
    for input in [json!({}), json!({ "phone": null, "purpose": "VERIFY" })] {
        let answer = app.anonymous().run(ASK, json!({ "input": input })).await;
        assert_eq!((answer.code(), &answer.extensions()["field"]), ("BAD_INPUT", &json!("input.phone")));
    }
    assert!(app.sms.messages().is_empty());
}

#[tokio::test]
async fn hostile_phones_are_refused_by_name() {
    let app = TestApp::start(Stores::Embedded).await;
    let long = "1".repeat(64);
    let phones = [
        "",
        " ",
        "0",
        "+",
        "+86",
        "+8610",
        "+86137111122223333",
        "+0013711112222",
        "110",
        "+8613711112222;ext=5",
        "+86137\u{0}11112222",
        "+86137\u{202e}11112222",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "<script>",
        "NaN",
        "1e10",
        "+12025550123x5",
        "tel:+8613711112222",
        "1-800-FLOWERS",
        &long,
    ];
    for phone in phones {
        let answer = app.anonymous().try_ask(phone).await;
        assert_eq!(
            (answer.code(), &answer.extensions()["field"]),
            ("INVALID_PHONE", &json!("input.phone")),
            "{phone:.40}"
        );
        let answer = app.anonymous().login(phone, "123456", "x").await;
        assert_eq!(answer.code(), "INVALID_PHONE", "{phone:.40}");
    }
    assert!(app.sms.messages().is_empty());
}

#[tokio::test]
async fn a_phone_has_at_most_64_characters() {
    let app = TestApp::start(Stores::Embedded).await;
    let literal = |phone: &str| format!("mutation {{ requestCode(input: {{ phone: \"{phone}\" }}) {{ ...P }} }}");
    for (length, code) in
        [(64, "INVALID_PHONE"), (65, "GRAPHQL_VALIDATION_FAILED"), (50_000, "GRAPHQL_VALIDATION_FAILED")]
    {
        let phone = "é".repeat(length);
        for answer in [app.anonymous().try_ask(&phone).await, app.anonymous().run(&literal(&phone), json!({})).await] {
            assert_eq!(answer.code(), code, "{length}");
            assert!(!answer.text.contains('é'), "the answer does not repeat the input");
        }
    }
}

#[tokio::test]
async fn references_and_device_names_are_bounded() {
    let app = TestApp::start(Stores::Embedded).await;
    let someone = app.anonymous();
    let refused =
        |purpose: &str, reference: String| json!({ "phone": phone(), "purpose": purpose, "reference": reference });
    for input in [
        refused("VERIFY", "x".repeat(129)),
        refused("VERIFY", String::new()),
        refused("VERIFY", "a\nb".to_owned()),
        refused("LOGIN", "transfer:9981".to_owned()),
    ] {
        let answer = someone.run(ASK, json!({ "input": input })).await;
        assert_eq!((answer.code(), &answer.extensions()["field"]), ("BAD_INPUT", &json!("input.reference")), "{input}");
    }
    assert!(app.sms.messages().is_empty());
    let input = refused("VERIFY", "é".repeat(128));
    someone.run(ASK, json!({ "input": input })).await.data("requestCode");

    let phone = phone();
    let challenge_id = someone.ask(&phone).await;
    let login = |name: Value| json!({ "input": { "phone": phone, "code": app.code(&phone), "challengeId": challenge_id, "deviceName": name } });
    let hostile = [
        "a\u{0}b",
        "a\u{1b}[2Jb",
        "a\nb",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{2028}b",
        "a\u{2029}b",
        "\u{200b}\u{200b}",
        "\u{3164}",
        &"x".repeat(65),
        &"👍🏽".repeat(65),
        &format!("a{}", "\u{301}".repeat(300)),
        &"x".repeat(100_000),
    ];
    for name in hostile {
        let answer = someone.run(LOGIN, login(json!(name))).await;
        assert_eq!(
            (answer.code(), &answer.extensions()["field"]),
            ("BAD_INPUT", &json!("input.deviceName")),
            "{name:.40?}"
        );
    }
    someone.run(LOGIN, login(json!("é".repeat(64)))).await.data("login");
}

#[tokio::test]
async fn device_names_are_stored_in_their_normal_form() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let someone = app.anonymous();
        for (given, stored) in [
            (json!("  王伟 的 iPhone "), json!("王伟 的 iPhone")),
            (json!("e\u{301}".repeat(64)), json!("é".repeat(64))),
            // 64 characters, each of which has several code points.
            (json!("👍🏽".repeat(64)), json!("👍🏽".repeat(64))),
            (json!(" \t "), json!(null)),
            (json!(""), json!(null)),
        ] {
            let phone = phone();
            let challenge_id = someone.ask(&phone).await;
            let input =
                json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id, "deviceName": given });
            let answer = someone.run(LOGIN, json!({ "input": input })).await;
            let user = SignedIn::of(&app, &phone, answer.data("login"));
            let sessions = user.run("{ me { sessions { deviceName } } }", json!({})).await;
            assert_eq!(sessions.data("me")["sessions"][0]["deviceName"], stored);
        }
    }
}

#[tokio::test]
async fn literals_are_read_as_variables_are() {
    let app = TestApp::start(Stores::Embedded).await;
    let query = format!(
        "mutation {{ requestCode(input: {{ phone: \"{}\", purpose: LOGIN }}) {{ ... on RequestCodePayload {{ challengeId }} ...P }} }}",
        phone()
    );
    app.anonymous().run(&query, json!({})).await.data("requestCode");
    let wrong = app
        .anonymous()
        .run(
            "mutation { requestCode(input: { phone: 5 }) { ... on RequestCodePayload { challengeId } ...P } }",
            json!({}),
        )
        .await;
    assert_eq!(wrong.code(), "GRAPHQL_VALIDATION_FAILED");
}
