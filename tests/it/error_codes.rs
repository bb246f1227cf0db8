//! Every `ErrorCode` is provoked once through GraphQL. `CODES` says its number and its form; the schema and the documents
//! must say the same.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;

use crate::app::{ASK, Answer, LOGIN, ME, REFRESH, Stores, TestApp, phone, wrong};
use crate::captcha::with_captcha;
use crate::tencent_stub::Behaviour;
use crate::tencent_stub::captcha::CaptchaBehaviour;

/// In which form a client gets a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Problem,
    Error,
}
use Form::{Error, Problem};

const CODES: [(&str, i64, &[Form]); 21] = [
    ("BAD_INPUT", -1001, &[Problem, Error]),
    ("INVALID_PHONE", -1002, &[Problem]),
    ("SMS_SEND_FAILED", -1003, &[Problem]),
    ("TOKEN_INVALID", -1005, &[Problem, Error]),
    ("TOKEN_EXPIRED", -1006, &[Problem, Error]),
    ("UNAUTHENTICATED", -1008, &[Error]),
    ("REAUTHENTICATION_REQUIRED", -1009, &[Problem]),
    ("CODE_EXPIRED", -1100, &[Problem]),
    ("CODE_INCORRECT", -1102, &[Problem]),
    ("CHALLENGE_MISMATCH", -1103, &[Problem]),
    ("SIGNUP_FAILED", -1201, &[Problem]),
    ("PHONE_TAKEN", -1203, &[Problem]),
    ("ACCOUNT_DISABLED", -1204, &[Problem]),
    ("RATE_LIMITED", -1301, &[Problem]),
    ("CAPTCHA_REQUIRED", -1302, &[Problem]),
    ("CAPTCHA_FAILED", -1303, &[Problem]),
    ("REGION_NOT_ALLOWED", -1304, &[Problem]),
    ("NUMBER_BLOCKED", -1305, &[Problem]),
    ("QUERY_TOO_COMPLEX", -1401, &[Error]),
    ("UNAVAILABLE", -1501, &[Error]),
    ("INTERNAL", -1599, &[Error]),
];

const USER: &str = "query($id: ID!) { user(id: $id) { id } }";
const CHANGE: &str = "mutation($input: ChangePhoneInput!) { changePhone(input: $input) { ...P } }";

/// The failures that a client has seen: the form and the number of each code.
#[derive(Default)]
struct Seen(BTreeMap<String, (i64, Vec<Form>)>);

impl Seen {
    /// Adds a failure. All fields that its code promises must be there.
    #[track_caller]
    fn add(&mut self, answer: &Answer) {
        let raw: Value = serde_json::from_str(&answer.text).expect("JSON");
        let form = if raw["errors"].is_null() { Problem } else { Error };
        let (code, found) = (answer.code().to_owned(), answer.extensions());

        let has = |field: &str| found.get(field).is_some();
        let promises = [
            ("field", matches!(code.as_str(), "BAD_INPUT" | "INVALID_PHONE")),
            ("attemptsRemaining", code == "CODE_INCORRECT"),
            ("limit", code == "RATE_LIMITED"),
            ("retryAt", matches!(code.as_str(), "RATE_LIMITED" | "SMS_SEND_FAILED" | "SIGNUP_FAILED")),
            (
                "retryAfterSeconds",
                matches!(code.as_str(), "RATE_LIMITED" | "SMS_SEND_FAILED" | "SIGNUP_FAILED" | "UNAVAILABLE"),
            ),
            ("captchaAppId", code.starts_with("CAPTCHA_")),
            ("requestId", matches!(code.as_str(), "SMS_SEND_FAILED" | "SIGNUP_FAILED" | "UNAVAILABLE" | "INTERNAL")),
        ];
        for (field, is_promised) in promises {
            assert_eq!(has(field), is_promised, "{field} of {}", answer.text);
        }

        let number = found["errorCode"].as_i64().expect("a number");
        let (_, forms) = self.0.entry(code).or_insert((number, Vec::new()));
        forms.push(form);
        forms.sort_unstable();
        forms.dedup();
    }
}

#[tokio::test]
async fn every_code_reaches_a_client_in_its_form() {
    let mut seen = Seen::default();
    arguments(&mut seen).await;
    tokens(&mut seen).await;
    codes(&mut seen).await;
    sends(&mut seen).await;
    stores(&mut seen).await;

    let expected = CODES.map(|(code, number, forms)| (code.to_owned(), (number, forms.to_vec())));
    assert_eq!(seen.0, BTreeMap::from(expected));
}

async fn arguments(seen: &mut Seen) {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    seen.add(&app.anonymous().try_ask("12345").await);
    seen.add(&app.anonymous().login(&phone(), "12345", "x").await);
    seen.add(&user.run(USER, json!({ "id": "1" })).await);
    let twice = "mutation { a: refreshSession(input: { refreshToken: \"a\" }) { ...P }
                            b: refreshSession(input: { refreshToken: \"b\" }) { ...P } }";
    seen.add(&app.anonymous().run(twice, json!({})).await);
}

async fn tokens(seen: &mut Seen) {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    seen.add(&app.anonymous().run(USER, json!({ "id": user.id })).await);
    seen.add(&app.anonymous().with_token("x").run(ME, json!({})).await);
    seen.add(&app.anonymous().run(REFRESH, json!({ "input": { "refreshToken": "x" } })).await);
    app.advance(Duration::from_hours(1));
    seen.add(&user.run(ME, json!({})).await);
    app.advance(Duration::from_hours(24 * 400));
    seen.add(&user.refresh().await);
}

async fn codes(seen: &mut Seen) {
    let app = TestApp::start(Stores::Embedded).await;
    let (user, other, someone) = (app.signed_in().await, app.signed_in().await, app.anonymous());
    app.advance(Duration::from_secs(30));
    let taken = user.ask_for("CHANGE_PHONE", &other.phone).await;

    let phone = phone();
    let challenge_id = someone.ask(&phone).await;
    let code = app.code(&phone);
    seen.add(&someone.login(&phone, &wrong(&code), &challenge_id).await);
    seen.add(&someone.login(&phone, &code, "x").await);
    someone.login(&phone, &code, &challenge_id).await.data("login");
    seen.add(&someone.login(&phone, &code, &challenge_id).await);

    seen.add(&crate::bans::login_of_a_banned_user(&app).await);

    let input = json!({ "phone": other.phone, "code": app.code(&other.phone), "challengeId": taken });
    seen.add(&user.run(CHANGE, json!({ "input": input })).await);
    app.advance(Duration::from_mins(15));
    seen.add(&user.run(CHANGE, json!({ "input": input })).await);
    seen.add(&user.run(ASK, json!({ "input": { "phone": phone, "purpose": "CHANGE_PHONE" } })).await);
}

async fn sends(seen: &mut Seen) {
    let app = TestApp::start(Stores::Embedded).await;
    let (phone, someone) = (phone(), app.anonymous());
    seen.add(&someone.try_ask("+85251234567").await);
    app.sms.set(Behaviour::Status("FailedOperation.PhoneNumberInBlacklist".to_owned()));
    seen.add(&someone.try_ask(&phone).await);
    app.sms.set(Behaviour::Error("InternalError.OtherError".to_owned()));
    seen.add(&someone.try_ask(&phone).await);
    app.sms.set(Behaviour::Accept);
    someone.ask(&phone).await;
    seen.add(&someone.try_ask(&phone).await);

    let app = with_captcha(Stores::Embedded, "always").start().await;
    seen.add(&app.anonymous().try_ask(&phone).await);
    app.sms.set_captcha(CaptchaBehaviour::Verdict(100, 0));
    let captcha = json!({ "ticket": "t03-failed*", "randstr": "@abc" });
    seen.add(&app.anonymous().run(ASK, json!({ "input": { "phone": phone, "captcha": captcha } })).await);
}

/// Breaks the database of an embedded server from outside.
async fn stores(seen: &mut Seen) {
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let (phone, someone) = (phone(), app.anonymous());
    let challenge_id = someone.ask(&phone).await;
    let input = json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id });

    let file = format!("sqlite://{}/sms-login.db", app.env["DATA_DIR"]);
    let mut outside = sqlx::SqliteConnection::connect(&file).await.expect("the database");
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut outside).await.expect("a lock");
    seen.add(&someone.run(LOGIN, json!({ "input": input })).await);
    sqlx::query("ALTER TABLE sessions RENAME TO elsewhere").execute(&mut outside).await.expect("a renamed table");
    sqlx::query("COMMIT").execute(&mut outside).await.expect("the end of the lock");
    seen.add(&someone.run(LOGIN, json!({ "input": input })).await);
    seen.add(&user.run(ME, json!({})).await);
}

#[test]
fn the_schema_and_the_documents_name_the_same_codes_numbers_and_forms() {
    let schema = include_str!("../../schema.graphql");
    let (_, body) = schema.split_once("\nenum ErrorCode {\n").expect("the enum");
    let (body, _) = body.split_once("\n}").expect("its end");
    let values: Vec<(String, String)> = body
        .split("\"\"\"")
        .skip(1)
        .collect::<Vec<_>>()
        .chunks(2)
        .map(|pair| (pair[1].trim().to_owned(), pair[0].trim().split(':').next().unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(values, CODES.map(|(code, number, _)| (code.to_owned(), number.to_string())));

    let rows: Vec<Vec<&str>> = include_str!("../../docs/errors.md")
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("| -1"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let documented: Vec<_> = rows.iter().map(|row| (row[1].trim_matches('`'), row[2], forms(row[3]))).collect();
    let numbers = CODES.map(|(_, number, _)| number.to_string());
    let expected: Vec<_> =
        CODES.iter().zip(&numbers).map(|((code, _, forms), number)| (*code, number.as_str(), forms.to_vec())).collect();
    assert_eq!(documented, expected);
}

/// Returns the forms that a cell of the table names, such as `error; problem of refreshSession`.
fn forms(cell: &str) -> Vec<Form> {
    [("problem", Problem), ("error", Error)]
        .into_iter()
        .filter(|(word, _)| cell.contains(word))
        .map(|(_, form)| form)
        .collect()
}
