//! Running one operation: the document is read once, and the answer is made whole.
//!
//! The library leaves a failed field out of its answer. Here it is null, as GraphQL's specification has it (6.4.4,
//! "Handling Execution Errors"), and a failed field that cannot be null takes its parent with it: of this schema, the mutations.

use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Name, PathSegment, Request, Response, ServerError, Value};
use tokio::time::timeout;

use super::ApiSchema;
use super::error::{PARSE_FAILED, VALIDATION_FAILED, mark_document_error, name_request, query_timed_out};
use super::limits;

/// A query changes nothing, so it can be given up. A mutation runs to its end.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The type of the operation that a request would run; `None` where it is for the execution to say what is wrong.
///
/// # Errors
/// Where the document does not parse, or asks for more than `limits` allows.
pub(crate) fn operation_type(request: &mut Request) -> Result<Option<OperationType>, ServerError> {
    limits::check_text(&request.query)?;
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|mut error| {
        mark_document_error(&mut error, PARSE_FAILED);
        error
    })?;
    limits::check_document(document, name.as_deref())?;
    Ok(limits::chosen(document, name.as_deref()).map(|operation| operation.ty))
}

/// Runs a request.
pub(crate) async fn execute(schema: &ApiSchema, mut request: Request, request_id: &str) -> Response {
    let operation_type = match operation_type(&mut request) {
        Ok(operation_type) => operation_type,
        Err(error) => return Response::from_errors(vec![error]),
    };
    let mut response = match operation_type {
        Some(OperationType::Query) => within(QUERY_TIMEOUT, schema.execute(request)).await,
        _ => schema.execute(request).await,
    };
    // Where every field is skipped, the library leaves null; without an error that is an empty object.
    if response.errors.is_empty() && response.data == Value::Null {
        response.data = Value::Object(async_graphql::indexmap::IndexMap::new());
    }
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

/// What a query comes to, where it is done in time.
async fn within(limit: Duration, execution: impl Future<Output = Response>) -> Response {
    timeout(limit, execution).await.unwrap_or_else(|_| Response::from_errors(vec![query_timed_out()]))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_query_that_takes_too_long_is_given_up() {
        let answer = within(Duration::from_millis(1), std::future::pending()).await;
        let told = serde_json::to_value(&answer.errors).expect("JSON");
        assert_eq!(told[0]["extensions"]["code"], "UNAVAILABLE");
        assert_eq!(told[0]["extensions"]["retryAfterSeconds"], 2);
        let answer = within(QUERY_TIMEOUT, std::future::ready(Response::new(Value::Null))).await;
        assert!(answer.errors.is_empty());
    }
}
