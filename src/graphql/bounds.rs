//! Bounds on what a request may ask for, checked before the GraphQL library sees the document or the variables.
//!
//! The library expands fragments at every use, clones a variable at every use, and validates operations that will not
//! run. Its own limits look only after that work is done. So everything here is measured on the **expanded** document:
//! each fragment stands in place of each of its uses, in every operation, whatever `@skip` and `@include` say. A
//! fragment is weighed once and its weight is reused, so the check itself takes time in proportion to the text.

use async_graphql::Variables;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};

mod refusal;
mod schema;
mod text;
mod values;
mod variables;
mod weight;

pub use refusal::Refusal;
pub use text::{MAX_NAME_BYTES, MAX_NESTING, MAX_TOKENS, check_text};
pub(crate) use values::BoundedVariables;
pub(super) use variables::complete;
pub use weight::Weight;

use weight::Scale;

/// Operations in one document.
pub const MAX_OPERATIONS: usize = 16;
/// Selections (fields, spreads and inline fragments) and directives in the expanded document, over all operations and
/// unused fragments. GraphiQL's introspection query has about 300.
pub const MAX_SELECTIONS: u32 = 1000;
/// Fields that the library compares with each other when it looks for conflicts, over all selection sets.
pub const MAX_COMPARISONS: u32 = 5000;
/// The depth of fields in one operation. The deepest path of the schema has 4.
pub const MAX_DEPTH: u32 = 8;
/// Fields in one operation; the fields of a list count `LIST_SIZE` times.
pub const MAX_COMPLEXITY: u32 = 200;
/// The number of entries that a list is assumed to have.
pub const LIST_SIZE: u32 = 10;
/// The size of all argument values in the expanded document. A value counts 1, and 1 more for each 64 bytes of text;
/// a variable counts its whole value at each use.
pub const MAX_INPUT_SIZE: u32 = 10_000;
/// JSON values in `variables`, nested ones included.
pub const MAX_VARIABLE_VALUES: u32 = 1000;
/// The depth of `__schema` and `__type`, themselves included. GraphiQL's introspection query has 14.
pub const MAX_INTROSPECTION_DEPTH: u32 = 20;
/// Fields of introspection in one operation. GraphiQL's introspection query has about 260.
pub const MAX_INTROSPECTION_COMPLEXITY: u32 = 500;
/// Introspection lists that lead back to types, nested in each other. Each multiplies the answer by the schema's size.
/// graphql-js sets the same limit (`MaxIntrospectionDepthRule`).
pub const MAX_INTROSPECTION_LISTS: u32 = 2;

/// Returns the operation that a request runs, or `None` if the library has to report why there is none.
pub(super) fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        // The parser keeps an operation without a name, if it is alone, apart from those with names.
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| operations.len() == 1).map(|operation| &operation.node)
        }
    }
}

/// Checks a parsed document, of which the operation `name` is to run with `variables`, on a server with or without
/// `introspection`.
///
/// # Errors
/// The first bound that the document exceeds, or the rule of the specification that it breaks. The order of `Refusal`
/// decides between several, because operations and fragments have no order of their own.
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
    // The library validates unused fragments too.
    let unused: Vec<_> = document.fragments.keys().filter(|name| !scale.is_used(name)).collect();
    for name in unused {
        match scale.fragment(name, false) {
            Ok(weight) => total = total.and(weight),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(total.over_all());

    if let Some(Ok(weight)) = chosen(document, name).map(|operation| scale.operation(operation)) {
        refusals.extend((weight.credentials > 1).then_some(Refusal::Credentials));
    }
    refusals.into_iter().min().map_or(Ok(()), Err)
}

/// Returns the weight of the whole document, for the test that compares it with a count of the visited nodes.
///
/// # Errors
/// `Refusal` if the document has no finite weight.
pub fn weigh(document: &ExecutableDocument, variables: &Variables) -> Result<Weight, Refusal> {
    let mut scale = Scale::new(document, variables);
    let mut total = Weight::default();
    for (_, operation) in document.operations.iter() {
        total = total.and(scale.operation(&operation.node)?);
    }
    Ok(total)
}
