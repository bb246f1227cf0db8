//! Running one operation: the document is read once, and the answer is made whole.
//!
//! The library leaves a failed field out of its answer. Here it is null, as GraphQL 16.2 (6.4.4 "Handling Execution
//! Errors") has it, and a failed field that cannot be null takes its parent with it: of this schema, the mutations.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Name, PathSegment, Request, Response, ServerError, Value};

use super::ApiSchema;
use super::error::{PARSE_FAILED, VALIDATION_FAILED, mark_document_error, name_request};

/// The type of the operation that a request would run; `None` where it is for the execution to say what is wrong.
///
/// # Errors
/// Where the document does not parse.
pub(crate) fn operation_type(request: &mut Request) -> Result<Option<OperationType>, ServerError> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|mut error| {
        mark_document_error(&mut error, PARSE_FAILED);
        error
    })?;
    Ok(chosen_type(document, name.as_deref()))
}

/// Runs a request.
pub(crate) async fn execute(schema: &ApiSchema, mut request: Request, request_id: &str) -> Response {
    let operation_type = match operation_type(&mut request) {
        Ok(operation_type) => operation_type,
        Err(error) => return Response::from_errors(vec![error]),
    };
    let mut response = schema.execute(request).await;
    for error in &mut response.errors {
        if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
            mark_document_error(error, VALIDATION_FAILED);
        }
        name_request(error, request_id);
        match error.path.as_slice() {
            [] => {}
            [_] if operation_type != Some(OperationType::Query) => response.data = Value::Null,
            path => set_null(&mut response.data, path),
        }
    }
    response
}

/// Puts null where a field failed, unless its parent is null already.
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
        // Where every field of an object failed, the library leaves null in its place.
        (value @ Value::Null, [PathSegment::Field(_), ..]) => {
            *value = Value::Object(async_graphql::indexmap::IndexMap::new());
            set_null(value, path);
        }
        _ => {}
    }
}

fn chosen_type(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation.node.ty),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(&Name::new(name)).map(|operation| operation.node.ty)
        }
        (DocumentOperations::Multiple(_), None) => None,
    }
}
