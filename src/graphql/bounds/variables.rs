//! Completing the variables of an operation before it runs (GraphQL 6.1.2, "Coercing Variable Values").

use async_graphql::parser::types::OperationDefinition;
use async_graphql::{Name, Value, Variables};

/// Gives each variable that the request leaves out its default, and checks that none that is required is missing.
///
/// The library does neither before it runs the operation: it would answer some fields and fail others, and it would read
/// a default of `true` in `@skip(if: $x)` as `false`. It checks the types of values that are there.
///
/// # Errors
/// The name of a variable of a non-null type that has no value.
pub(in crate::graphql) fn complete(operation: &OperationDefinition, variables: &mut Variables) -> Result<(), Name> {
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let name = &definition.name.node;
        if !variables.contains_key(name)
            && let Some(default) = &definition.default_value
        {
            variables.insert(name.clone(), default.node.clone());
        }
        let is_missing = matches!(variables.get(name), None | Some(Value::Null));
        if is_missing && !definition.var_type.node.nullable {
            return Err(name.clone());
        }
    }
    Ok(())
}
