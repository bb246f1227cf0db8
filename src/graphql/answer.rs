//! Corrections and bounds of the library's response, so that it conforms to the GraphQL specification.
//!
//! async-graphql 7.2.1 resolves fields concurrently, writes them in the order in which they finish, and leaves failed
//! fields out. This module puts keys into the order of the selections (GraphQL 7.2.2) and sets a failed field to null.
//! A failed field that is not nullable sets its parent to null (6.4.4); in this schema, only the mutations are such
//! fields.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, PathSegment, Positioned, ServerError, Value, Variables};

/// The maximum number of errors in one response. More tell a client nothing new.
pub(super) const MAX_ERRORS: usize = 10;
/// The maximum number of characters in an error's message. The library's messages repeat names and values of the
/// request.
const MAX_MESSAGE_CHARS: usize = 300;

/// The type of a problem. The results of mutations are the only unions, each of a payload and of this type.
const PROBLEM: &str = "Problem";
/// How the names of the payloads end.
const PAYLOAD: &str = "Payload";

/// The shape of an operation's response, for each outcome of its mutations.
#[derive(Debug, Default)]
pub(super) struct Shape {
    payload: Keys,
    problem: Keys,
}

/// The response keys of a selection set in the order of the selections, each with the keys of the field's selection
/// set.
#[derive(Debug, Default)]
struct Keys(IndexMap<Name, Keys>);

impl Shape {
    /// Returns the shape of an operation's response. `check_document` has bounded the number of selections.
    pub(super) fn of(document: &ExecutableDocument, operation: &OperationDefinition, variables: &Variables) -> Self {
        let keys = |is_problem| {
            let collector = Collector { document, variables, is_problem };
            collector.keys(&[&operation.selection_set.node])
        };
        Self { payload: keys(false), problem: keys(true) }
    }

    /// Returns how many mutations the operation has. Unlike `__typename`, each of them has a selection set.
    pub(super) fn mutations(&self) -> usize {
        let has_keys = |keys: Option<&Keys>| keys.is_some_and(|keys| !keys.0.is_empty());
        let root = self.payload.0.iter();
        root.filter(|(key, payload)| has_keys(Some(payload)) || has_keys(self.problem.0.get(*key))).count()
    }

    /// Puts the keys of `data` into the order of the selections. `problems` has the keys of the mutations that ended in a
    /// problem.
    pub(super) fn order<T>(&self, data: &mut Value, problems: &HashMap<Name, T>) {
        if let Value::Object(fields) = data {
            let mut ordered = IndexMap::with_capacity(fields.len());
            for (key, payload) in &self.payload.0 {
                let keys = if problems.contains_key(key) { self.problem.0.get(key) } else { Some(payload) };
                if let (Some(keys), Some((key, mut value))) = (keys, fields.swap_remove_entry(key)) {
                    keys.order(&mut value);
                    ordered.insert(key, value);
                }
            }
            *fields = ordered;
        }
    }
}

impl Keys {
    /// Puts the keys of a value into this order.
    fn order(&self, value: &mut Value) {
        if let Value::List(values) = value {
            for value in values {
                self.order(value);
            }
        }

        // A field without a selection set has no keys, and its value is a scalar.
        if let Value::Object(fields) = value
            && !self.0.is_empty()
        {
            let mut ordered = IndexMap::with_capacity(fields.len());
            for (key, keys) in &self.0 {
                if let Some((key, mut value)) = fields.swap_remove_entry(key) {
                    keys.order(&mut value);
                    ordered.insert(key, value);
                }
            }

            *fields = ordered;
        }
    }
}

/// Collects fields as the specification says (GraphQL 6.3.2, "Collecting Fields").
struct Collector<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    /// Whether the mutations ended in a problem.
    is_problem: bool,
}

impl<'a> Collector<'a> {
    fn keys(&self, sets: &[&'a SelectionSet]) -> Keys {
        let mut fields = IndexMap::new();
        for set in sets {
            self.collect(set, &mut fields);
        }
        Keys(fields.into_iter().map(|(key, sets)| (key.clone(), self.keys(&sets))).collect())
    }

    fn collect(&self, set: &'a SelectionSet, fields: &mut IndexMap<&'a Name, Vec<&'a SelectionSet>>) {
        for selection in set.items.iter().map(|selection| &selection.node) {
            if self.is_skipped(selection.directives()) {
                continue;
            }

            match selection {
                Selection::Field(field) => {
                    let sets: &mut Vec<_> = fields.entry(&field.node.response_key().node).or_default();
                    sets.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    if inline.type_condition.as_ref().is_none_or(|condition| self.applies(&condition.node)) {
                        self.collect(&inline.selection_set.node, fields);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node)
                        && self.applies(&fragment.node.type_condition.node)
                    {
                        self.collect(&fragment.node.selection_set.node, fields);
                    }
                }
            }
        }
    }

    /// Returns whether a fragment applies. Outside of a mutation's result every fragment that passed validation does.
    fn applies(&self, condition: &TypeCondition) -> bool {
        let on = condition.on.node.as_str();
        if self.is_problem { on == PROBLEM || !on.ends_with(PAYLOAD) } else { on != PROBLEM }
    }

    fn is_skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().map(|directive| &directive.node).any(|directive| {
            let condition = match directive.get_argument("if").map(|value| &value.node) {
                Some(async_graphql_value::Value::Boolean(condition)) => *condition,
                Some(async_graphql_value::Value::Variable(name)) => {
                    self.variables.get(name) == Some(&Value::Boolean(true))
                }
                _ => false,
            };

            match directive.name.node.as_str() {
                "skip" => condition,
                "include" => !condition,
                _ => false,
            }
        })
    }
}

/// Sets every failed field to null. If a field of `Mutation` failed, the whole `data` is null, because it is not
/// nullable.
pub(super) fn set_failed_to_null(data: &mut Value, errors: &[ServerError], is_query: bool) {
    for error in errors {
        match error.path.as_slice() {
            [] => {}
            [_] if !is_query => *data = Value::Null,
            path => set_null(data, path),
        }
    }
}

/// Sets the field at `path` to null, unless its parent is null already.
fn set_null(value: &mut Value, path: &[PathSegment]) {
    match (value, path) {
        (Value::Object(object), [PathSegment::Field(name)]) => {
            object.insert(Name::new(name), Value::Null);
        }
        (Value::Object(object), [PathSegment::Field(name), rest @ ..]) => {
            if let Some(child) = object.get_mut(name.as_str()) {
                set_null(child, rest);
            }
        }
        (Value::List(list), [PathSegment::Index(index), rest @ ..]) => {
            if let Some(child) = list.get_mut(*index) {
                set_null(child, rest);
            }
        }
        // The library leaves null in place of an object if all its fields failed. The object itself did not fail.
        (value @ Value::Null, [PathSegment::Field(_), ..]) => {
            *value = Value::Object(IndexMap::new());
            set_null(value, path);
        }
        _ => {}
    }
}

/// Shortens the messages of errors to the maximum length.
pub(super) fn bound(errors: &mut [ServerError]) {
    for error in errors {
        if error.message.chars().count() > MAX_MESSAGE_CHARS {
            let kept = error.message.chars().take(MAX_MESSAGE_CHARS - 1);
            error.message = kept.chain(['…']).collect();
        }
    }
}
