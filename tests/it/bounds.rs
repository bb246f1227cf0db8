//! Properties of the bounds of documents and variables: the weight of a document is never less than the work that it
//! causes, and every text is answered. `PROPTEST_CASES` sets the number of cases.

use std::fmt;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::{ConstValue, Value};
use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use serde_json::json;
use sms_login::graphql::bounds::{Refusal, check_document, check_text, weigh};

use crate::fuzz::{APP, LONG, RUNTIME, cases};

/// One selection of a generated document.
#[derive(Debug, Clone)]
enum Node {
    Field { name: &'static str, alias: bool, arguments: Vec<Literal>, directives: Vec<Condition>, inner: Vec<Node> },
    Inline { directives: Vec<Condition>, inner: Vec<Node> },
    Spread { fragment: usize, directives: Vec<Condition> },
}

/// An argument value of a generated document.
#[derive(Debug, Clone)]
enum Literal {
    Number,
    Text(usize),
    Variable(usize),
    List(Vec<Literal>),
    Object(Vec<Literal>),
}

/// A directive: `@skip(if: …)` or `@include(if: …)`.
#[derive(Debug, Clone)]
struct Condition {
    skip: bool,
    on: Literal,
}

/// A document with operations and the fragments `F0`, `F1` and so on. Spreads may name a fragment that does not exist.
#[derive(Debug, Clone)]
struct Generated {
    operations: Vec<Vec<Node>>,
    fragments: Vec<Vec<Node>>,
}

fn literals() -> impl Strategy<Value = Literal> {
    let leaf = prop_oneof![
        2 => Just(Literal::Number),
        1 => (0..200_usize).prop_map(Literal::Text),
        2 => (0..4_usize).prop_map(Literal::Variable),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let some = prop::collection::vec(inner, 0..4);
        prop_oneof![some.clone().prop_map(Literal::List), some.prop_map(Literal::Object)]
    })
}

fn conditions() -> BoxedStrategy<Vec<Condition>> {
    let condition = (any::<bool>(), literals()).prop_map(|(skip, on)| Condition { skip, on });
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(condition, 1..3)].boxed()
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let name = prop::sample::select(vec!["me", "id", "user", "sessions", "__schema", "login"]);
    let arguments = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(literals(), 1..3)];
    let field = (name, any::<bool>(), arguments, conditions());
    let leaf = prop_oneof![
        3 => field.clone().prop_map(|(name, alias, arguments, directives)| {
            Node::Field { name, alias, arguments, directives, inner: Vec::new() }
        }),
        2 => (0..5_usize, conditions()).prop_map(|(fragment, directives)| Node::Spread { fragment, directives }),
    ];
    let node = leaf.prop_recursive(5, 20, 4, move |inner| {
        let some = prop::collection::vec(inner, 1..4);
        prop_oneof![
            2 => (field.clone(), some.clone()).prop_map(|((name, alias, arguments, directives), inner)| {
                Node::Field { name, alias, arguments, directives, inner }
            }),
            1 => (conditions(), some).prop_map(|(directives, inner)| Node::Inline { directives, inner }),
        ]
    });
    prop::collection::vec(node, 1..4)
}

fn documents() -> impl Strategy<Value = Generated> {
    (prop::collection::vec(nodes(), 1..4), prop::collection::vec(nodes(), 0..5), any::<bool>()).prop_map(
        |(mut operations, mut fragments, is_acyclic)| {
            // With random spreads, nearly every document would have a cycle or an unknown fragment.
            if is_acyclic {
                let count = fragments.len();
                for nodes in &mut operations {
                    point_onward(nodes, 0, count);
                }
                for (number, nodes) in fragments.iter_mut().enumerate() {
                    point_onward(nodes, number + 1, count);
                }
            }
            Generated { operations, fragments }
        },
    )
}

/// Makes each spread name a fragment with a number of at least `first`. If there is no such fragment, the spread becomes
/// a field.
fn point_onward(nodes: &mut [Node], first: usize, count: usize) {
    for node in nodes {
        match node {
            Node::Field { inner, .. } | Node::Inline { inner, .. } => point_onward(inner, first, count),
            Node::Spread { fragment, .. } if first < count => *fragment = first + *fragment % (count - first),
            Node::Spread { directives, .. } => {
                let directives = std::mem::take(directives);
                *node = Node::Field { name: "id", alias: false, arguments: Vec::new(), directives, inner: Vec::new() };
            }
        }
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, operation) in self.operations.iter().enumerate() {
            write!(f, "query O{number}($v0: Int, $v1: [Int] = [1, 2, 3], $v2: T = {{ a: [1] }}) ")?;
            write_all(operation, "{ ", "} ", f)?;
        }
        for (number, fragment) in self.fragments.iter().enumerate() {
            write!(f, "fragment F{number} on Query ")?;
            write_all(fragment, "{ ", "} ", f)?;
        }
        Ok(())
    }
}

fn write_all<T: fmt::Display>(all: &[T], open: &str, close: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(open)?;
    for one in all {
        write!(f, "{one} ")?;
    }
    f.write_str(close)
}

fn write_named(values: &[Literal], open: &str, close: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(open)?;
    for (number, value) in values.iter().enumerate() {
        write!(f, "k{number}: {value} ")?;
    }
    f.write_str(close)
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { name, alias, arguments, directives, inner } => {
                write!(f, "{}{name}", if *alias { "alias: " } else { "" })?;
                if !arguments.is_empty() {
                    write_named(arguments, "(", ")", f)?;
                }
                write_all(directives, " ", "", f)?;
                if inner.is_empty() { Ok(()) } else { write_all(inner, "{ ", "} ", f) }
            }
            Self::Inline { directives, inner } => {
                write_all(directives, "... ", "", f)?;
                write_all(inner, "{ ", "} ", f)
            }
            Self::Spread { fragment, directives } => {
                write!(f, "...F{fragment} ")?;
                write_all(directives, "", "", f)
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}(if: {})", if self.skip { "skip" } else { "include" }, self.on)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("7"),
            Self::Text(length) => write!(f, "\"{}\"", "x".repeat(*length)),
            Self::Variable(number) => write!(f, "$v{number}"),
            Self::List(values) => write_all(values, "[", "]", f),
            Self::Object(values) => write_named(values, "{", "}", f),
        }
    }
}

/// A visitor that expands every fragment and copies every variable at every use, as the library does, and counts its steps.
struct Visitor<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    open: Vec<&'a str>,
}

impl<'a> Visitor<'a> {
    /// `None` if a fragment is unknown or uses itself.
    fn set(&mut self, set: &'a SelectionSet) -> Option<u64> {
        let mut visited = 0;
        for selection in &set.items {
            visited += 1 + self.directives(selection.node.directives());
            visited += match &selection.node {
                Selection::Field(field) => {
                    let arguments = field.node.arguments.iter().map(|(_, value)| self.value(&value.node)).sum::<u64>();
                    arguments + self.set(&field.node.selection_set.node)?
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if self.open.contains(&name.as_str()) {
                        return None;
                    }
                    self.open.push(name);
                    let inner = self.set(&self.document.fragments.get(name)?.node.selection_set.node)?;
                    self.open.pop();
                    inner
                }
            };
        }
        Some(visited)
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> u64 {
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        directives.len() as u64 + arguments.map(|(_, value)| self.value(&value.node)).sum::<u64>()
    }

    fn value(&self, value: &Value) -> u64 {
        match value {
            Value::Variable(name) => self.variable(name),
            Value::List(values) => 1 + values.iter().map(|value| self.value(value)).sum::<u64>(),
            Value::Object(fields) => 1 + fields.values().map(|value| self.value(value)).sum::<u64>(),
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => 1,
        }
    }

    fn variable(&self, name: &Name) -> u64 {
        fn count(value: &ConstValue) -> u64 {
            match value {
                ConstValue::List(values) => 1 + values.iter().map(count).sum::<u64>(),
                ConstValue::Object(fields) => 1 + fields.values().map(count).sum::<u64>(),
                ConstValue::Null
                | ConstValue::Number(_)
                | ConstValue::String(_)
                | ConstValue::Boolean(_)
                | ConstValue::Binary(_)
                | ConstValue::Enum(_) => 1,
            }
        }
        let definitions =
            self.document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions);
        let defaults = definitions.filter(|definition| definition.node.name.node == *name);
        let defaults = defaults.filter_map(|definition| definition.node.default_value.as_ref());
        let default = defaults.map(|value| count(&value.node)).max().unwrap_or(1);
        self.variables.get(name).map_or(default, count)
    }
}

/// Generates bytes that resemble the body of a request.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        ".{0,20}".prop_map(|value| json!(value)),
        Just(json!("{ me { id } }")),
        Just(json!("query($v: ID!) { user(id: $v) { id } }")),
    ];
    let value = leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|values| json!(values)),
            prop::collection::hash_map("[a-z_]{0,6}", inner, 0..5).prop_map(|fields| json!(fields)),
        ]
    });
    let key = prop::sample::select(vec!["query", "variables", "operationName", "extensions", "x"]);
    let object = prop::collection::vec((key, value), 0..6).prop_map(|entries| {
        let entries: Vec<_> = entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{ {} }}", entries.join(", ")).into_bytes()
    });
    let cut = (object, 0..400_usize, prop::collection::vec(any::<u8>(), 0..3), any::<bool>());
    cut.prop_map(|(mut bytes, at, noise, is_cut)| {
        if is_cut {
            let at = at.min(bytes.len());
            bytes.splice(at.., noise);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_weight_is_never_less_than_the_number_of_visited_nodes(
        document in documents(),
        sizes in prop::collection::vec(0..20_usize, 0..4),
    ) {
        let text = document.to_string();
        let parsed = parse_query(&text).expect("a document");
        let mut variables = Variables::default();
        for (number, size) in sizes.into_iter().enumerate() {
            variables.insert(Name::new(format!("v{number}")), ConstValue::List(vec![ConstValue::Null; size]));
        }
        let mut visited = Some(0);
        for (_, operation) in parsed.operations.iter() {
            let mut visitor = Visitor { document: &parsed, variables: &variables, open: Vec::new() };
            let inner = visitor.set(&operation.node.selection_set.node);
            visited = visited.and_then(|sum: u64| Some(sum + inner?));
        }

        match (weigh(&parsed, &variables), visited) {
            (Ok(weight), Some(visited)) => {
                prop_assert!(u64::from(weight.selections) + u64::from(weight.input_size) >= visited, "{weight:?} {visited} {text}");
            }
            (Err(Refusal::Cycle | Refusal::UnknownFragment), None) => {}
            (weight, visited) => prop_assert!(false, "{weight:?} {visited:?} {text}"),
        }
    }

    #[test]
    fn checked_documents_are_answered(document in documents()) {
        let text = document.to_string();
        let begun = std::time::Instant::now();
        prop_assert!(check_text(&text).is_ok() || text.len() > 1000);
        let parsed = parse_query(&text).expect("a document");
        let _ = check_document(&parsed, Some("O0"), &Variables::default(), true);
        let answer = RUNTIME.block_on(APP.anonymous().run(&text, json!({ "v0": 1 })));
        prop_assert!(begun.elapsed() < LONG);
        prop_assert!(answer.body["data"].is_object() || answer.body["errors"].is_array(), "{}", answer.body);
    }

    #[test]
    fn any_body_is_answered(body in bodies()) {
        let request = Request::post("/graphql").header("content-type", "application/json").body(Body::from(body));
        let answer = RUNTIME.block_on(APP.anonymous().send(request.expect("a request")));
        prop_assert!([200, 400].contains(&answer.status.as_u16()), "{:?}", answer);
        prop_assert!(answer.body["data"].is_object() || answer.body["errors"].is_array(), "{}", answer.body);
    }
}
