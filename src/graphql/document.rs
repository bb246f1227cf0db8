//! Codes for documents that do not parse or validate.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextValidation};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{ServerError, ServerResult, ValidationResult, Variables};

use super::error::{PARSE_FAILED, VALIDATION_FAILED, mark_document_error};

/// Gives `GRAPHQL_PARSE_FAILED` and `GRAPHQL_VALIDATION_FAILED` to what fails before anything runs.
pub(super) struct DocumentErrors;

impl ExtensionFactory for DocumentErrors {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for DocumentErrors {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        next.run(ctx, query, variables).await.map_err(|mut error| {
            mark_document_error(&mut error, PARSE_FAILED);
            error
        })
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await.map_err(|mut errors| {
            for error in &mut errors {
                mark_document_error(error, VALIDATION_FAILED);
            }
            errors
        })
    }
}
