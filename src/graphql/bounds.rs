//! Bounds of a request, checked before the GraphQL library sees the document or the variables.
//!
//! async-graphql 7.2.1 expands fragments at every use, clones a variable at every use, and validates operations that
//! will not run. It checks its own limits only after this work. So this module measures the **expanded** document:
//! every use of a fragment is replaced by the fragment's selections, in every operation, whatever `@skip` and
//! `@include` say. The weight of a fragment is computed once and reused, so the check takes time in proportion to the
//! text.

use async_graphql::Variables;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection};

mod refusal;
mod schema;
mod text;
mod values;
mod variables;
mod weight;

pub use refusal::Refusal;
pub(super) use schema::root_fields;
pub use text::{MAX_NAME_BYTES, MAX_NESTING, MAX_TOKENS, check_text};
pub(crate) use values::BoundedVariables;
pub(super) use variables::complete;
pub use weight::Weight;

use weight::{Scale, TYPENAME};

/// The maximum number of operations in one document.
pub const MAX_OPERATIONS: usize = 16;
/// The maximum number of selections (fields, spreads and inline fragments) and directives in the expanded document. All
/// operations and unused fragments count. GraphiQL's introspection query has about 300.
pub const MAX_SELECTIONS: u32 = 1000;
/// The maximum number of fields, over all selection sets, that the library compares with each other to find conflicts.
pub const MAX_COMPARISONS: u32 = 5000;
/// The maximum depth of fields in one operation. The deepest path of the schema has 4.
pub const MAX_DEPTH: u32 = 8;
/// The maximum number of fields in one operation. The fields of a list count `LIST_SIZE` times, and
/// `codeDelivery` counts at least `LOOKUP_COMPLEXITY`.
pub const MAX_COMPLEXITY: u32 = 200;
/// The complexity of a field that reads the delivery store, at least. Ten of them fit into one operation.
pub const LOOKUP_COMPLEXITY: u32 = MAX_COMPLEXITY / 10;
/// The number of entries that a list is assumed to have.
pub const LIST_SIZE: u32 = 10;
/// The maximum size of all argument values in the expanded document. A value counts 1, and 1 more for each 64 bytes of
/// text. A variable counts with its whole value at every use.
pub const MAX_INPUT_SIZE: u32 = 10_000;
/// The maximum number of JSON values in `variables`, including nested ones.
pub const MAX_VARIABLE_VALUES: u32 = 1000;
/// The maximum depth of `__schema` and `__type`, including themselves. GraphiQL's introspection query has 14.
pub const MAX_INTROSPECTION_DEPTH: u32 = 20;
/// The maximum number of introspection fields in one operation. GraphiQL's introspection query has about 260.
pub const MAX_INTROSPECTION_COMPLEXITY: u32 = 500;
/// The maximum number of nested introspection lists that lead back to types. Each multiplies the response by the
/// schema's size. graphql-js has the same limit (`MaxIntrospectionDepthRule`).
pub const MAX_INTROSPECTION_LISTS: u32 = 2;

/// Returns the operation that a request runs. `None` if the request does not choose exactly one; the library reports
/// this.
pub(super) fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        // The parser has this variant for a document with one operation that has no name.
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| operations.len() == 1).map(|operation| &operation.node)
        }
    }
}

/// Checks a parsed document before its operation `name` runs with `variables`. `introspection` says whether the server
/// allows introspection.
///
/// # Errors
/// If the document exceeds a bound or breaks a rule of the specification. If it does several of these, the result is
/// the first in the order of `Refusal`, because the parser keeps operations and fragments in no fixed order.
pub fn check_document(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
    introspection: bool,
) -> Result<(), Refusal> {
    if document.operations.iter().count() > MAX_OPERATIONS {
        return Err(Refusal::Operations);
    }

    let mut scale = Scale::new(document, variables);
    let mut total = Weight::default();
    let mut refusals = Vec::new();

    for (_, operation) in document.operations.iter() {
        match scale.operation(&operation.node) {
            Ok(weight) => {
                refusals.extend(weight.per_operation());
                refusals.extend((!introspection && weight.introspects()).then_some(Refusal::IntrospectionOff));
                total = total.and(weight);
            }
            Err(refusal) => refusals.push(refusal),
        }
    }

    // The library validates unused fragments, too.
    let unused: Vec<_> = document.fragments.keys().filter(|name| !scale.is_used(name)).collect();
    for name in unused {
        match scale.fragment(name, false) {
            Ok(weight) => total = total.and(weight),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(total.over_all());

    // Only the operation that runs can try a credential.
    if let Some(Ok(weight)) = chosen(document, name).map(|operation| scale.operation(operation)) {
        refusals.extend((weight.credentials > 1).then_some(Refusal::Credentials));
    }
    refusals.into_iter().min().map_or(Ok(()), Err)
}

/// Checks the root of a subscription. async-graphql 7.2.1 starts a stream for each root field, ignores fragments and
/// directives there, and does not check the number of fields.
///
/// # Errors
/// If the subscription does not select exactly one field, or if there is a fragment or a directive.
pub(super) fn check_subscription(operation: &OperationDefinition) -> Result<(), Refusal> {
    let is_plain = |selection: &Selection| match selection {
        Selection::Field(field) => field.node.directives.is_empty() && field.node.name.node != TYPENAME,
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    };
    match operation.selection_set.node.items.as_slice() {
        [only] if is_plain(&only.node) => Ok(()),
        _ => Err(Refusal::SubscriptionRoot),
    }
}

/// Returns the weight of all operations of a document. A test compares it with a count of the visited nodes.
///
/// # Errors
/// If a fragment uses itself or is not defined, or the document breaks another rule that has a `Refusal`.
pub fn weigh(document: &ExecutableDocument, variables: &Variables) -> Result<Weight, Refusal> {
    let mut scale = Scale::new(document, variables);
    let mut total = Weight::default();
    for (_, operation) in document.operations.iter() {
        total = total.and(scale.operation(&operation.node)?);
    }
    Ok(total)
}
