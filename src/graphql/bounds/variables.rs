//! Completing the variables of an operation before it runs (GraphQL 6.1.2, "Coercing Variable Values").
//!
//! Only presence and defaults are handled here. The library checks the types of the values.

use async_graphql::parser::types::OperationDefinition;
use async_graphql::{Name, Value, Variables};

/// Sets every absent variable to its default, and checks that every required variable has a value.
///
/// async-graphql 7.2.1 does this only while it resolves fields: some fields would succeed and others fail, and a
/// default of `true` in `@skip(if: $x)` would be read as `false`.
///
/// # Errors
/// If a variable of a non-null type has no value; the error is the variable's name.
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
