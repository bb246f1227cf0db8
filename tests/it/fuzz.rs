//! Properties that hold for every input: documents from clients, and answers from the provider. `PROPTEST_CASES` sets the
//! number of cases.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use axum::http::StatusCode;
use proptest::prelude::*;
use serde_json::{Value, json};
use sms_login::graphql::bounds::{Refusal, check_document};
use sms_login::sms::{SendOutcome, tencent::TencentSms};
use tokio::runtime::Runtime;

use crate::app::{Stores, TestApp};
use crate::tencent;
use crate::tencent_stub::{Behaviour, TencentStub};

/// Returns a configuration with `default` cases, or with as many as `PROPTEST_CASES` says.
pub(crate) fn cases(default: u32) -> ProptestConfig {
    let set = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok());
    ProptestConfig { cases: set.unwrap_or(default), failure_persistence: None, ..ProptestConfig::default() }
}

/// The time in which every document must be answered, even on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(5);
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
pub(crate) static APP: LazyLock<TestApp> = LazyLock::new(|| RUNTIME.block_on(TestApp::start(Stores::Embedded)));
static PROVIDER: LazyLock<(TencentStub, TencentSms)> = LazyLock::new(|| RUNTIME.block_on(tencent::start()));

const CREDENTIALS: [&str; 3] = ["login", "requestCode", "refreshSession"];
const INTROSPECTION: [&str; 2] = ["__schema", "__type"];
const LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
const NAMES: [&str; 14] = [
    "id",
    "me",
    "me",
    "user",
    "sessions",
    "login",
    "requestCode",
    "refreshSession",
    "__typename",
    "__schema",
    "__type",
    "fields",
    "inputFields",
    "ofType",
];

#[derive(Debug, Clone)]
enum Pick {
    Field {
        name: &'static str,
        alias: bool,
        skipped: bool,
        inner: Vec<Pick>,
    },
    Inline(Vec<Pick>),
    /// A spread of a fragment. In an acyclic document its number counts from the fragment that uses it.
    Spread(usize),
}

impl Pick {
    /// Returns whether `__typename` has a selection set.
    fn misuses_typename(&self) -> bool {
        match self {
            Self::Field { name, inner, .. } => {
                (*name == "__typename" && !inner.is_empty()) || inner.iter().any(Self::misuses_typename)
            }
            Self::Inline(inner) => inner.iter().any(Self::misuses_typename),
            Self::Spread(_) => false,
        }
    }
}

/// A document with operations and the fragments `F0`, `F1` and so on.
#[derive(Debug, Clone)]
struct Document {
    operations: Vec<Vec<Pick>>,
    fragments: Vec<Vec<Pick>>,
}

fn picks() -> impl Strategy<Value = Vec<Pick>> {
    let leaf = prop_oneof![
        4 => (prop::sample::select(&NAMES[..]), any::<bool>(), any::<bool>())
            .prop_map(|(name, alias, skipped)| Pick::Field { name, alias, skipped, inner: Vec::new() }),
        1 => (0..4_usize).prop_map(Pick::Spread),
    ];
    let pick = leaf.prop_recursive(9, 24, 4, |inner| {
        let some = prop::collection::vec(inner, 1..4);
        prop_oneof![
            4 => (prop::sample::select(&NAMES[..]), any::<bool>(), any::<bool>(), some.clone())
                .prop_map(|(name, alias, skipped, inner)| Pick::Field { name, alias, skipped, inner }),
            1 => some.prop_map(Pick::Inline),
        ]
    });
    prop::collection::vec(pick, 1..4)
}

fn documents() -> impl Strategy<Value = Document> {
    (prop::collection::vec(picks(), 1..3), prop::collection::vec(picks(), 0..4))
        .prop_map(|(operations, fragments)| Document { operations, fragments })
}

/// Returns the fragment that a spread in fragment `user` (or in an operation) names in a document without cycles.
fn acyclic(document: &Document, user: Option<usize>, spread: usize) -> Option<usize> {
    let target = user.map_or(0, |user| user + 1) + spread;
    (target < document.fragments.len()).then_some(target)
}

/// Returns any fragment: also `user` itself, or a fragment that does not exist.
fn cyclic(document: &Document, _: Option<usize>, spread: usize) -> Option<usize> {
    (!document.fragments.is_empty()).then_some(spread)
}

type Target = fn(&Document, Option<usize>, usize) -> Option<usize>;

impl Document {
    fn text(&self, target: Target) -> String {
        let mut text = String::new();
        for (number, operation) in self.operations.iter().enumerate() {
            text.extend(["mutation O", &number.to_string(), " "]);
            self.write(operation, None, target, &mut text);
        }
        for (number, fragment) in self.fragments.iter().enumerate() {
            text.extend(["fragment F", &number.to_string(), " on Mutation "]);
            self.write(fragment, Some(number), target, &mut text);
        }
        text
    }

    fn write(&self, picks: &[Pick], user: Option<usize>, target: Target, text: &mut String) {
        text.push_str("{ ");
        for pick in picks {
            match pick {
                Pick::Field { name, alias, skipped, inner } => {
                    text.push_str(if *alias { "alias: " } else { "" });
                    text.push_str(name);
                    text.push_str(if *skipped { " @skip(if: true) " } else { " " });
                    if !inner.is_empty() {
                        self.write(inner, user, target, text);
                    }
                }
                Pick::Inline(inner) => {
                    text.push_str("... ");
                    self.write(inner, user, target, text);
                }
                Pick::Spread(spread) => match target(self, user, *spread) {
                    Some(fragment) => text.extend(["...F", &fragment.to_string(), " "]),
                    None => text.push_str("__typename "),
                },
            }
        }
        text.push_str("} ");
    }

    /// Collects the path of every field of the expanded document.
    fn ways(&self, picks: &[Pick], user: Option<usize>, before: &[&'static str], ways: &mut Vec<Vec<&'static str>>) {
        for pick in picks {
            match pick {
                Pick::Field { name, inner, .. } => {
                    let way = [before, &[*name]].concat();
                    self.ways(inner, user, &way, ways);
                    ways.push(way);
                }
                Pick::Inline(inner) => self.ways(inner, user, before, ways),
                Pick::Spread(spread) => match acyclic(self, user, *spread) {
                    Some(fragment) => self.ways(&self.fragments[fragment], Some(fragment), before, ways),
                    None => ways.push([before, &["__typename"]].concat()),
                },
            }
        }
    }

    /// Returns the expected result for a document without cycles, counted field by field.
    fn verdict(&self) -> Result<(), Refusal> {
        let mut refusals = Vec::new();
        let sets = self.operations.iter().chain(&self.fragments);
        refusals.extend(sets.flatten().any(Pick::misuses_typename).then_some(Refusal::TypenameMisuse));
        for (number, operation) in self.operations.iter().enumerate() {
            let mut ways = Vec::new();
            self.ways(operation, None, &[], &mut ways);
            // Split the path at the start of introspection. That field belongs to both parts.
            let split = |way: &[&'static str]| way.iter().position(|name| INTROSPECTION.contains(name));
            let outside = |way: &&Vec<&'static str>| split(way).is_none_or(|at| at + 1 == way.len());
            let plain: Vec<_> = ways.iter().filter(outside).collect();
            let inside: Vec<_> = ways.iter().filter_map(|way| split(way).map(|at| &way[at..])).collect();
            let deep = plain.iter().map(|way| way.len()).max().unwrap_or_default();
            let cost = plain.iter().map(|way| 10_usize.pow(count(&way[..way.len() - 1], &["sessions"]))).sum::<usize>();
            let credentials = plain.iter().filter(|way| CREDENTIALS.contains(&way[way.len() - 1])).count();
            refusals.extend((number == 0 && credentials > 1).then_some(Refusal::Credentials));
            refusals.extend((deep > 8).then_some(Refusal::Depth));
            refusals.extend((cost > 200).then_some(Refusal::Complexity));
            let over = inside.len() > 500 || inside.iter().any(|way| way.len() > 20 || count(way, &LISTS) > 2);
            refusals.extend(over.then_some(Refusal::Introspection));
        }
        refusals.into_iter().min().map_or(Ok(()), Err)
    }
}

fn count(way: &[&str], of: &[&str]) -> u32 {
    way.iter().map(|name| u32::from(of.contains(name))).sum()
}

/// Generates random sequences of parts of documents.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            ":",
            "$",
            "@",
            "!",
            "...",
            "=",
            "\"",
            "\"\"\"",
            "\\",
            "#",
            "\n",
            ",",
            "-",
            ".",
            "0",
            "12",
            "query",
            "mutation",
            "fragment",
            "on",
            "Query",
            "me",
            "id",
            "user",
            "__schema",
            "types",
            "true",
            "null",
            "@skip(if: true)",
            "{ me { id } }",
            "(id: \"x\")",
            "\u{feff}",
            "é",
            "\u{0}",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.join(" "))
}

fn run(query: &str) -> Result<(), TestCaseError> {
    let begun = Instant::now();
    let answer = RUNTIME.block_on(APP.anonymous().run(query, json!({})));
    prop_assert!(begun.elapsed() < LONG);
    prop_assert_eq!(answer.status, StatusCode::OK);
    prop_assert!(answer.body["data"].is_object() || answer.body["errors"].is_array(), "{}", answer.body);
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_weight_of_a_document_is_the_count_of_its_fields(document in documents()) {
        let text = document.text(acyclic);
        let parsed = async_graphql::parser::parse_query(&text).expect("a document");
        prop_assert_eq!(check_document(&parsed, Some("O0"), &Variables::default(), true), document.verdict(), "{}", text);
    }

    #[test]
    fn documents_with_cycles_are_answered(document in documents()) {
        let text = document.text(cyclic);
        let begun = Instant::now();
        if let Ok(parsed) = async_graphql::parser::parse_query(&text) {
            let _ = check_document(&parsed, Some("O0"), &Variables::default(), true);
        }
        prop_assert!(begun.elapsed() < LONG);
        run(&text)?;
        // One operation alone, so that the library sees the documents that are within the bounds.
        let alone = Document { operations: document.operations[..1].to_vec(), ..document };
        run(&alone.text(cyclic))?;
    }

    #[test]
    fn every_text_is_answered(text in soup()) {
        run(&text)?;
    }
}

/// Generates answers that resemble the provider's.
fn replies() -> impl Strategy<Value = Value> {
    let code = prop::sample::select(vec![
        json!("Ok"),
        json!("ok"),
        json!("OK "),
        json!(""),
        json!("FailedOperation.PhoneNumberInBlacklist"),
        json!("LimitExceeded.PhoneNumberDailyLimit"),
        json!("InternalError.Timeout"),
        json!(null),
        json!(0),
        json!(true),
        json!(["Ok"]),
        json!({ "Code": "Ok" }),
    ]);
    let status = prop_oneof![
        4 => (code.clone(), any::<bool>()).prop_map(|(code, whole)| {
            if whole { json!({ "Code": code, "Message": "m", "Fee": 1 }) } else { json!({ "Code": code }) }
        }),
        1 => prop::sample::select(vec![json!(null), json!("Ok"), json!({}), json!([])]),
    ];
    let set = prop_oneof![
        4 => prop::collection::vec(status.clone(), 0..3).prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!("Ok"), json!({ "Code": "Ok" })]),
    ];
    let error = prop_oneof![2 => Just(json!(null)), 1 => status];
    let id = prop::sample::select(vec![json!("id"), json!(""), json!(null), json!(7), json!("x".repeat(10_000))]);
    (set, error, id, 0..8_u8, any::<bool>()).prop_map(|(set, error, id, parts, wrapped)| {
        let mut reply = json!({});
        for (part, name, value) in [(1, "SendStatusSet", set), (2, "Error", error), (4, "RequestId", id)] {
            if parts & part != 0 {
                reply[name] = value;
            }
        }
        if wrapped { json!({ "Response": reply }) } else { reply }
    })
}

/// Sends an SMS that the provider answers with `text`, and returns whether the server treats it as accepted.
fn is_accepted(text: &str) -> bool {
    let (stub, sender) = &*PROVIDER;
    stub.set(Behaviour::Json(text.to_owned()));
    matches!(RUNTIME.block_on(tencent::send(sender)), Ok(SendOutcome::Accepted(_)))
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn an_sms_is_accepted_only_if_its_status_says_so(
        reply in replies(),
        noise in prop_oneof![9 => Just(String::new()), 1 => any::<String>()],
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        cut in 0..10_usize,
    ) {
        let status = &reply["Response"]["SendStatusSet"];
        let ok = status.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| one["Code"] == "Ok"))
            && reply["Response"]["Error"].is_null();
        let text = reply.to_string();
        prop_assert!(ok || !is_accepted(&text), "{text}");
        let cut = text.floor_char_boundary(text.len().saturating_sub(cut));
        let noisy = format!("{noise}{}", &text[..cut]);
        prop_assert!((ok && noisy.trim() == text) || !is_accepted(&noisy), "{noisy}");
        prop_assert!(!is_accepted(&String::from_utf8_lossy(&bytes)));
    }
}
