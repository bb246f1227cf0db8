//! The facts about the schema that the bounds need: its credential fields and its lists.
//!
//! They are read from the schema itself, so a new field cannot be forgotten.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};

/// The names of input fields that carry a phone or a secret. A mutation with such an input is a credential field.
const CREDENTIAL_INPUTS: [&str; 3] = ["phone", "code", "refreshToken"];
const MUTATION: &str = "Mutation";
const ROOTS: [&str; 3] = ["Query", MUTATION, "Subscription"];
/// The fields that every server has.
const META_FIELDS: [&str; 3] = ["__schema", "__type", "__typename"];

static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::read(&crate::graphql::sdl()));

/// The fields of the schema that the bounds treat differently.
#[derive(Debug, Default)]
struct Fields {
    credentials: HashSet<String>,
    lists: HashSet<String>,
    roots: HashSet<String>,
}

/// Returns whether the field accepts a phone, a code or a refresh token.
pub(super) fn is_credential(field: &str) -> bool {
    FIELDS.credentials.contains(field)
}

/// Returns the names of all fields of operations.
pub(in crate::graphql) fn root_fields() -> HashSet<String> {
    FIELDS.roots.clone()
}

/// Returns whether any type has a field of this name that returns a list.
pub(super) fn is_list(field: &str) -> bool {
    FIELDS.lists.contains(field)
}

impl Fields {
    fn read(sdl: &str) -> Self {
        let Ok(document) = parse_schema(sdl) else {
            // Cannot happen: the library printed this text, and a test finds the expected fields in it.
            return Self::default();
        };
        let roots = META_FIELDS.map(str::to_owned).into();
        let mut fields = Self { roots, ..Self::default() };
        let types = document.definitions.iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(&definition.node),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });

        let mut credential_inputs = HashSet::new();
        let mut mutations = Vec::new();
        for definition in types {
            match &definition.kind {
                TypeKind::InputObject(input) => {
                    let mut names = input.fields.iter().map(|field| field.node.name.node.as_str());
                    if names.any(|name| CREDENTIAL_INPUTS.contains(&name)) {
                        credential_inputs.insert(definition.name.node.as_str());
                    }
                }
                TypeKind::Object(object) => {
                    for field in object.fields.iter().map(|field| &field.node) {
                        if matches!(field.ty.node.base, BaseType::List(_)) {
                            fields.lists.insert(field.name.node.to_string());
                        }
                        if ROOTS.contains(&definition.name.node.as_str()) {
                            fields.roots.insert(field.name.node.to_string());
                        }
                        if definition.name.node == MUTATION {
                            mutations.push(field);
                        }
                    }
                }
                TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) | TypeKind::Enum(_) => {}
            }
        }

        for mutation in mutations {
            let mut inputs = mutation.arguments.iter().map(|argument| named(&argument.node.ty.node));
            if inputs.any(|input| credential_inputs.contains(input)) {
                fields.credentials.insert(mutation.name.node.to_string());
            }
        }
        fields
    }
}

/// Returns the name of a type without its list wrappers.
fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_from_the_schema() {
        let sorted = |names: &HashSet<String>| {
            let mut names: Vec<_> = names.iter().cloned().collect();
            names.sort_unstable();
            names
        };
        let credentials =
            ["changePhone", "deleteAccount", "login", "reauthenticate", "refreshSession", "requestCode", "verifyCode"];
        assert_eq!(sorted(&FIELDS.credentials), credentials);
        assert_eq!(sorted(&FIELDS.lists), ["sessions"]);
    }

    #[test]
    fn a_new_mutation_that_accepts_a_code_is_a_credential_field() {
        let sdl = "input NewInput { code: String! } input Other { name: String }
            type Mutation { new(input: NewInput!): Boolean, many(inputs: [NewInput!]!): Boolean, other(input: Other): [Int] }";
        let fields = Fields::read(sdl);
        assert_eq!(fields.credentials, HashSet::from(["new".to_owned(), "many".to_owned()]));
        assert_eq!(fields.lists, HashSet::from(["other".to_owned()]));
    }
}
