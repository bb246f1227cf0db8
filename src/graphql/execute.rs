//! Running one operation: it is checked, completed, run and answered.

use std::time::Duration;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError, Value};
use tokio::time::timeout;

use super::ApiSchema;
use super::answer::{MAX_ERRORS, Shape, bound, set_failed_to_null};
use super::bounds::{self, BoundedVariables};
use super::context::RequestContext;
use super::error::{
    PARSE_FAILED, VALIDATION_FAILED, answer_too_large, log_faults, mark_document_error, missing_variable, name_request,
    query_timed_out,
};

/// A query changes nothing, so it can be given up. A mutation runs to its end.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs operations on the schema.
#[derive(Clone)]
pub(crate) struct Executor {
    schema: ApiSchema,
    introspection: bool,
}

/// An operation that keeps all bounds and may run.
pub(crate) struct Prepared {
    request: Request,
    /// `None` if the library has to report why no operation can run.
    operation_type: Option<OperationType>,
    shape: Shape,
}

impl Prepared {
    /// Returns whether the operation changes something.
    pub(crate) fn is_mutation(&self) -> bool {
        self.operation_type == Some(OperationType::Mutation)
    }
}

impl Executor {
    /// Creates an executor; without `introspection`, clients cannot ask for the schema.
    pub(crate) fn new(introspection: bool) -> Self {
        Self { schema: super::schema(introspection), introspection }
    }

    /// Checks a request before any of it runs.
    ///
    /// # Errors
    /// The error that answers the request if it does not parse, exceeds a bound, or lacks a variable.
    pub(crate) fn prepare(
        &self,
        mut request: Request,
        variables: BoundedVariables,
    ) -> Result<Prepared, Box<ServerError>> {
        request.variables = variables.0.map_err(ServerError::from)?;
        bounds::check_text(&request.query).map_err(ServerError::from)?;
        let document = parse_query(&request.query).map_err(|error| {
            let mut error = ServerError::from(error);
            mark_document_error(&mut error, PARSE_FAILED);
            bound(std::slice::from_mut(&mut error));
            error
        })?;
        let name = request.operation_name.as_deref();
        bounds::check_document(&document, name, &request.variables, self.introspection).map_err(ServerError::from)?;

        let mut operation_type = None;
        let mut shape = Shape::default();
        if let Some(operation) = bounds::chosen(&document, name) {
            operation_type = Some(operation.ty);
            bounds::complete(operation, &mut request.variables).map_err(|name| missing_variable(&name))?;
            shape = Shape::of(&document, operation, &request.variables);
        }
        request.set_parsed_query(document);
        Ok(Prepared { request, operation_type, shape })
    }

    /// Runs a prepared operation.
    pub(crate) async fn run(&self, prepared: Prepared, context: RequestContext, request_id: &str) -> Response {
        let Prepared { request, operation_type, shape } = prepared;
        let request = request.data(context);
        let is_query = operation_type == Some(OperationType::Query);
        let mut response = if is_query {
            within(QUERY_TIMEOUT, self.schema.execute(request)).await
        } else {
            self.schema.execute(request).await
        };
        log_faults(&response.errors);

        // If every field is skipped, the library leaves null; without an error that is an empty object.
        if response.errors.is_empty() && response.data == Value::Null {
            response.data = Value::Object(async_graphql::indexmap::IndexMap::new());
        }
        set_failed_to_null(&mut response.data, &response.errors, is_query);
        shape.order(&mut response.data);

        response.errors.truncate(MAX_ERRORS);
        bound(&mut response.errors);
        for error in &mut response.errors {
            if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
                mark_document_error(error, VALIDATION_FAILED);
            }
            name_request(error, request_id);
        }
        response
    }
}

/// Returns the answer to a request whose own answer is too large to be sent.
pub(crate) fn too_large() -> Response {
    Response::from_errors(vec![answer_too_large()])
}

/// Returns the answer of a query if it is done in time.
async fn within(limit: Duration, execution: impl Future<Output = Response>) -> Response {
    timeout(limit, execution).await.unwrap_or_else(|_| {
        tracing::error!("a query took too long and was given up");
        Response::from_errors(vec![query_timed_out()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_query_that_takes_too_long_is_given_up() {
        let answer = within(Duration::from_millis(1), std::future::pending()).await;
        let errors = serde_json::to_value(&answer.errors).expect("JSON");
        assert_eq!(errors[0]["extensions"]["code"], "UNAVAILABLE");
        assert_eq!(errors[0]["extensions"]["retryAfterSeconds"], 2);
        let answer = within(QUERY_TIMEOUT, std::future::ready(Response::new(Value::Null))).await;
        assert!(answer.errors.is_empty());
    }
}
