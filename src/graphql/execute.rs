//! The execution of one operation: checking the request, running it, and correcting the response.
//!
//! The library sees only requests that are within all bounds. Only queries have a time-out: a mutation that was started
//! runs to its end, so that it does not stop halfway.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Name, Request, Response, ServerError, ValidationMode, Value, Variables};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::ApiSchema;
use super::answer::{MAX_ERRORS, Shape, bound, set_failed_to_null};
use super::bounds::{self, BoundedVariables};
use super::context::RequestContext;
use super::cookies::CookieChanges;
use super::document::{Document, Kinds};
use super::documents::{Documents, SentDocument, TrustedDocuments};
use super::error::{
    VALIDATION_FAILED, answer_too_large, log_faults, mark_document_error, missing_variable, name_request,
    query_timed_out, wrong_transport,
};
use super::label;
use super::problems::Summary;

/// The time-out of a query. A query changes nothing, so it can be cancelled at any point.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The outcome of an operation without an error or a problem.
const OK: &str = "ok";

/// The way in which a client sent an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A request with one response: for queries and mutations.
    Http,
    /// A socket with a response for each change: for subscriptions.
    WebSocket,
}

impl Transport {
    const fn carries(self, operation_type: OperationType) -> bool {
        match operation_type {
            OperationType::Query | OperationType::Mutation => matches!(self, Self::Http),
            OperationType::Subscription => matches!(self, Self::WebSocket),
        }
    }
}

/// Runs operations on the schema.
#[derive(Clone)]
pub(crate) struct Executor {
    schema: ApiSchema,
    /// The same schema, for documents that it has found valid before: it does not validate them again.
    trusting: ApiSchema,
    documents: Arc<Documents>,
    introspection: bool,
}

/// An operation as a client asks for it.
pub(crate) struct OperationRequest {
    pub(crate) document: SentDocument,
    /// The operation of the document that is to run, if it has several.
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: BoundedVariables,
}

/// An operation that is within all bounds.
pub(crate) struct Prepared {
    request: Request,
    document: Arc<Document>,
    /// What decides whether the document is valid with its variables.
    kinds: Option<Kinds>,
    /// `None` if there is no operation to run. The library reports the reason.
    operation_type: Option<OperationType>,
    /// The name of the operation in logs and metrics.
    label: &'static str,
    shape: Arc<Shape>,
}

/// The outcome of an operation that ran.
pub(crate) struct Executed {
    pub(crate) response: Response,
    /// After how many seconds to retry, if the only field of the operation is a mutation that ended in such a problem.
    pub(crate) retry_after_seconds: Option<i32>,
    /// `ok`, or the code of the first error or problem.
    pub(crate) outcome: String,
    /// The changes to the cookies of a client in cookie mode.
    pub(crate) cookies: CookieChanges,
}

impl Prepared {
    /// Returns the name of the operation in logs and metrics: its only field, or a fixed word.
    pub(crate) const fn label(&self) -> &'static str {
        self.label
    }

    /// Returns whether the operation changes something.
    pub(crate) fn is_mutation(&self) -> bool {
        self.operation_type == Some(OperationType::Mutation)
    }
}

impl Executor {
    /// Creates an executor. Without `introspection`, clients cannot query the schema.
    ///
    /// # Errors
    /// If a trusted document is not valid. The error names it.
    pub(crate) async fn new(introspection: bool, trusted: Option<&TrustedDocuments>) -> Result<Self, String> {
        let reason = |id: &str, error: &ServerError| format!("the document {id:?}: {}", error.message);
        let documents = Documents::new(trusted).map_err(|(id, error)| reason(&id, &error))?;
        let schema = |validation| super::schema(introspection, validation);
        let (schema, trusting) = (schema(ValidationMode::Strict), schema(ValidationMode::Fast));
        let executor = Self { schema, trusting, documents: Arc::new(documents), introspection };

        for id in trusted.into_iter().flat_map(|trusted| trusted.texts.keys()) {
            executor.validate(id).await.map_err(|error| reason(id, &error))?;
        }
        Ok(executor)
    }

    /// Checks a trusted document against the schema and all bounds that do not depend on variables. Nothing of it runs.
    async fn validate(&self, id: &str) -> Result<(), Box<ServerError>> {
        let document = self.documents.find(&SentDocument::Id(id.to_owned()))?;
        bounds::check_document(&document.parsed, None, &Variables::default(), self.introspection)
            .map_err(ServerError::from)?;
        for (name, operation) in document.parsed.operations.iter() {
            let mut request = Request::new("").only_introspection();
            request.operation_name = name.map(ToString::to_string);
            request.set_parsed_query(document.parsed.clone());
            let response = if operation.node.ty == OperationType::Subscription {
                Box::pin(self.schema.execute_stream(request)).next().await
            } else {
                Some(self.schema.execute(request).await)
            };
            let mut errors = response.into_iter().flat_map(|response| response.errors);
            // Errors of the validation have a location, and no path. Others tell that the resolvers were left out.
            if let Some(error) = errors.find(|error| error.path.is_empty() && !error.locations.is_empty()) {
                return Err(Box::new(error));
            }
        }
        Ok(())
    }

    /// Checks a request and completes its variables, before any of it runs.
    ///
    /// # Errors
    /// If the document does not parse, exceeds a bound, requires a variable that the request lacks, or has an operation that
    /// the transport does not carry.
    pub(crate) fn prepare(&self, asked: OperationRequest, transport: Transport) -> Result<Prepared, Box<ServerError>> {
        let mut request = Request::new("");
        request.operation_name = asked.operation_name.filter(|name| !name.is_empty());
        request.variables = asked.variables.0.map_err(ServerError::from)?;
        let document = self.documents.find(&asked.document)?;

        let name = request.operation_name.as_deref();
        bounds::check_document(&document.parsed, name, &request.variables, self.introspection)
            .map_err(ServerError::from)?;

        let mut operation_type = None;
        let mut label = label::NONE;
        let mut shape = Arc::default();
        if let Some(operation) = bounds::chosen(&document.parsed, name) {
            if !transport.carries(operation.ty) {
                return Err(Box::new(wrong_transport(transport)));
            }
            if operation.ty == OperationType::Subscription {
                bounds::check_subscription(operation).map_err(ServerError::from)?;
            }
            operation_type = Some(operation.ty);
            label = label::of(operation);
            bounds::complete(operation, &mut request.variables).map_err(|name| missing_variable(&name))?;
            shape = document.shape(operation, &request.variables);
        }
        let kinds = Kinds::of(name, &request.variables);
        request.set_parsed_query(document.parsed.clone());
        Ok(Prepared { request, document, kinds, operation_type, label, shape })
    }

    /// Runs a prepared operation and returns a response that conforms to the specification.
    pub(crate) async fn run(&self, prepared: Prepared, context: RequestContext) -> Executed {
        let Prepared { request, document, kinds, operation_type, shape, label: _ } = prepared;
        let (problems, request_id) = (context.problems.clone(), context.request_id.clone());
        let cookies = context.cookies.clone();
        let request = request.data(context);
        let is_query = operation_type == Some(OperationType::Query);

        let is_known = kinds.as_ref().is_some_and(|kinds| document.is_valid_with(kinds));
        let schema = if is_known { &self.trusting } else { &self.schema };
        let mut response =
            if is_query { within(QUERY_TIMEOUT, schema.execute(request)).await } else { schema.execute(request).await };
        // Errors of the validation have no path.
        let is_valid = response.errors.iter().all(|error| !error.path.is_empty());
        if let Some(kinds) = kinds.filter(|_| is_valid && !is_known) {
            document.set_valid_with(kinds);
        }
        let problems = problems.take();
        log_faults(&problems.faults, &response.errors);
        conform(&mut response, &shape, &problems.keys, is_query, &request_id);

        let outcome =
            error_code(&response).or_else(|| problems.keys.values().next().map(|problem| problem.code.name()));
        let is_alone = shape.mutations() == 1;
        let mut problems = problems.keys.into_values();
        let retry_after_seconds = problems.find_map(|problem| problem.retry_after_seconds).filter(|_| is_alone);
        Executed {
            response,
            retry_after_seconds,
            outcome: outcome.unwrap_or_else(|| OK.to_owned()),
            cookies: cookies.take(),
        }
    }

    /// Runs a prepared subscription and returns its responses, which conform to the specification.
    pub(crate) fn subscribe(
        &self,
        prepared: Prepared,
        context: RequestContext,
    ) -> impl Stream<Item = Response> + Send + use<> {
        let Prepared { request, shape, .. } = prepared;
        let request_id = context.request_id.clone();
        self.schema.execute_stream(request.data(context)).map(move |mut response| {
            log_faults(&[], &response.errors);
            conform(&mut response, &shape, &HashMap::new(), false, &request_id);
            response
        })
    }
}

/// Returns the code of the first error of a response. Each error has one.
pub(crate) fn error_code(response: &Response) -> Option<String> {
    let error = response.errors.first()?;
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code.clone()),
        Value::Null
        | Value::Number(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_)
        | Value::List(_)
        | Value::Object(_) => None,
    }
}

/// Corrects and bounds a response of the library. `problems` has the keys of the mutations that ended in a problem.
fn conform(
    response: &mut Response,
    shape: &Shape,
    problems: &HashMap<Name, Summary>,
    is_query: bool,
    request_id: &str,
) {
    // The library returns null if `@skip` or `@include` removes every field. Without an error it must be an object.
    if response.errors.is_empty() && response.data == Value::Null {
        response.data = Value::Object(async_graphql::indexmap::IndexMap::new());
    }
    set_failed_to_null(&mut response.data, &response.errors, is_query);
    shape.order(&mut response.data, problems);

    // Errors without a code come from the library: its validation, or a value that does not fit its type.
    response.errors.truncate(MAX_ERRORS);
    bound(&mut response.errors);
    for error in &mut response.errors {
        if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
            mark_document_error(error, VALIDATION_FAILED);
        }
        name_request(error, request_id);
    }
}

/// Returns the response that replaces a response that is too large.
pub(crate) fn too_large() -> Response {
    Response::from_errors(vec![answer_too_large()])
}

/// Runs a query with a time-out.
async fn within(limit: Duration, execution: impl Future<Output = Response>) -> Response {
    timeout(limit, execution).await.unwrap_or_else(|_| {
        tracing::error!("a query exceeded its time-out");
        Response::from_errors(vec![query_timed_out()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trusted_document_must_be_valid() {
        for (text, reason) in [
            ("{ nobody }", "Unknown field \"nobody\""),
            ("mutation { login(input: {}) { __typename } }", "Invalid value"),
            ("subscription($id: ID!) { codeDelivery(challengeId: $id) { x } }", "Unknown field \"x\""),
            ("{ user(number: 1) { id } }", "argument"),
            ("query A { me { id } } query B { me { x } }", "Unknown field \"x\""),
            (&format!("{{ {} }}", "me { id } ".repeat(300)), "more than 1000"),
        ] {
            let texts = HashMap::from([("one".to_owned(), text.to_owned())]);
            let refused = Executor::new(true, Some(&TrustedDocuments { texts, only: false })).await.err();
            let refused = refused.unwrap_or_else(|| panic!("{text}"));
            assert!(refused.starts_with("the document \"one\": ") && refused.contains(reason), "{text}: {refused}");
        }
    }

    #[tokio::test]
    async fn a_query_is_cancelled_after_its_time_out() {
        let answer = within(Duration::from_millis(1), std::future::pending()).await;
        let errors = serde_json::to_value(&answer.errors).expect("JSON");
        assert_eq!(errors[0]["extensions"]["code"], "UNAVAILABLE");
        assert_eq!(errors[0]["extensions"]["retryAfterSeconds"], 2);

        let answer = within(QUERY_TIMEOUT, std::future::ready(Response::new(Value::Null))).await;
        assert!(answer.errors.is_empty());
    }
}
