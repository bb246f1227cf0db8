//! The names of operations in logs and metrics: a small fixed set of words, whatever clients send.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::parser::types::{OperationDefinition, Selection};

use super::bounds::root_fields;

/// The label of a request without an operation to run.
pub(super) const NONE: &str = "none";

/// The label of an operation with several fields, or with fragments at its root.
const SEVERAL: &str = "several";

/// The label of an operation with an unknown field.
const UNKNOWN: &str = "unknown";

static FIELDS: LazyLock<HashSet<String>> = LazyLock::new(root_fields);

/// Returns whether the label is that of an operation that reads nothing but the schema.
pub(crate) fn is_introspection(label: &str) -> bool {
    matches!(label, "__schema" | "__type")
}

/// Returns the name of the operation's only field, or a fixed word.
pub(super) fn of(operation: &OperationDefinition) -> &'static str {
    match operation.selection_set.node.items.as_slice() {
        [only] => match &only.node {
            Selection::Field(field) => FIELDS.get(field.node.name.node.as_str()).map_or(UNKNOWN, String::as_str),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => SEVERAL,
        },
        _ => SEVERAL,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::bounds::chosen;

    #[test]
    fn the_label_is_the_only_field_or_a_fixed_word() {
        for (query, label) in [
            ("{ me { id } }", "me"),
            ("mutation { a: login(input: {}) { __typename } }", "login"),
            ("{ me { id } user(id: 1) { id } }", "several"),
            ("{ ... { me { id } } }", "several"),
            ("{ whatever_a_client_sends }", "unknown"),
            ("{ __schema { types { name } } }", "__schema"),
            ("{ __typename }", "__typename"),
        ] {
            let document = parse_query(query).expect("a document");
            assert_eq!(of(chosen(&document, None).expect("an operation")), label, "{query}");
        }
    }
}
