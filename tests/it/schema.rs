//! `schema.graphql` is identical to the server's schema, and everything in it has a description.

use std::collections::BTreeSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use crate::app::{Stores, TestApp};

#[test]
fn the_committed_schema_is_the_printed_schema() {
    let committed = include_str!("../../schema.graphql");
    assert_eq!(committed, sms_login::graphql::sdl(), "run `cargo run -- schema > schema.graphql`");
}

#[test]
fn every_declaration_in_the_file_has_a_description() {
    let sdl = sms_login::graphql::sdl();
    let lines: Vec<&str> = sdl.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let declares = ["type ", "input ", "enum ", "scalar "].iter().any(|keyword| line.starts_with(keyword));
        let member = line.starts_with('\t') && !line.starts_with("\t\t") && text.starts_with(char::is_alphabetic);
        let in_schema = ["\tquery: Query", "\tmutation: Mutation", "\tsubscription: Subscription"].contains(line);
        let inside_description = lines[..number].iter().filter(|line| line.trim() == "\"\"\"").count() % 2 == 1;
        if (declares || member) && !inside_description && !in_schema {
            let described = number > 0 && lines[number - 1].trim() == "\"\"\"";
            assert!(described, "no description: {text}");
        }
    }
}

const INTROSPECTION: &str = "{ __schema { types { kind name description
    fields(includeDeprecated: true) { name description args { ...Input } type { ...Type } }
    inputFields { ...Input } enumValues(includeDeprecated: true) { name description } } } }
  fragment Input on __InputValue { name description defaultValue type { ...Type } }
  fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// Returns the SDL notation of a type from introspection.
fn written(ty: &Value) -> String {
    match ty["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&ty["ofType"])),
        Some("LIST") => format!("[{}]", written(&ty["ofType"])),
        _ => ty["name"].as_str().expect("a name").to_owned(),
    }
}

/// Returns one line for each member of an introspected schema, such as `Type.field(argument: Type): Type`.
fn introspected(types: &Value) -> BTreeSet<String> {
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let mut lines = BTreeSet::new();
    for ty in all(types).iter().filter(|ty| !name(ty).starts_with("__")) {
        let of = name(ty);
        lines.insert(of.clone());
        for field in all(&ty["fields"]) {
            let arguments: Vec<_> =
                all(&field["args"]).iter().map(|a| format!("{}: {}", name(a), written(&a["type"]))).collect();
            lines.insert(format!("{of}.{}({}): {}", name(&field), arguments.join(", "), written(&field["type"])));
        }
        for field in all(&ty["inputFields"]) {
            lines.insert(format!("{of}.{}: {}", name(&field), written(&field["type"])));
        }
        for value in all(&ty["enumValues"]) {
            lines.insert(format!("{of}.{}", name(&value)));
        }
    }
    lines
}

/// Returns the same lines for a schema in SDL.
fn declared(sdl: &str) -> BTreeSet<String> {
    let mut lines = BTreeSet::from(["Boolean", "Int", "Float", "ID", "String"].map(str::to_owned));
    let document = parse_schema(sdl).expect("a schema");
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let of = definition.node.name.node.to_string();
        lines.insert(of.clone());
        match definition.node.kind {
            TypeKind::Object(object) => {
                for field in object.fields.into_iter().map(|field| field.node) {
                    let arguments: Vec<_> =
                        field.arguments.iter().map(|a| format!("{}: {}", a.node.name.node, a.node.ty.node)).collect();
                    lines.insert(format!("{of}.{}({}): {}", field.name.node, arguments.join(", "), field.ty.node));
                }
            }
            TypeKind::InputObject(object) => {
                for field in object.fields.into_iter().map(|field| field.node) {
                    lines.insert(format!("{of}.{}: {}", field.name.node, field.ty.node));
                }
            }
            TypeKind::Enum(values) => {
                lines.extend(values.values.into_iter().map(|value| format!("{of}.{}", value.node.value.node)));
            }
            TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) => {}
        }
    }
    lines
}

#[tokio::test]
async fn introspection_returns_the_committed_schema() {
    let app = TestApp::start(Stores::Embedded).await;
    let answer = app.anonymous().run(INTROSPECTION, json!({})).await;
    let introspected = introspected(&answer.data("__schema")["types"]);
    let declared = declared(include_str!("../../schema.graphql"));
    assert!(introspected.contains("ErrorCode.RATE_LIMITED"));
    // The library decides which of the built-in scalars it lists.
    let own = |lines: &BTreeSet<String>| {
        let built_in = ["Boolean", "Int", "Float", "ID", "String"];
        lines.iter().filter(|line| !built_in.contains(&line.as_str())).cloned().collect::<Vec<_>>()
    };
    assert_eq!(own(&introspected), own(&declared));
}

/// GraphiQL shows the descriptions as the product's documentation.
#[tokio::test]
async fn every_member_has_a_description() {
    let app = TestApp::start(Stores::Embedded).await;
    let answer = app.anonymous().run(INTROSPECTION, json!({})).await;
    let (mut checked, mut missing) = (0, Vec::new());
    let mut check = |path: String, member: &Value| {
        checked += 1;
        if member["description"].as_str().unwrap_or_default().trim().is_empty() {
            missing.push(path);
        }
    };
    for ty in answer.data("__schema")["types"].as_array().expect("types") {
        let of = ty["name"].as_str().expect("a name").to_owned();
        // The library's own `ID` has no description.
        if of.starts_with("__") || of == "ID" {
            continue;
        }
        check(of.clone(), ty);
        for kind in ["fields", "inputFields", "enumValues"] {
            for member in ty[kind].as_array().into_iter().flatten() {
                let path = format!("{of}.{}", member["name"]);
                check(path.clone(), member);
                for argument in member["args"].as_array().into_iter().flatten() {
                    check(format!("{path}({})", argument["name"]), argument);
                }
            }
        }
    }
    assert!(checked > 100 && missing.is_empty(), "{checked} members, without a description: {missing:?}");
}
