//! The `@raises` directive, which documents the error codes that a field can answer with.
//!
//! It is for readers and code generators. It also makes `ErrorCode` reachable from the schema's roots, because the
//! library leaves types that nothing refers to out of introspection.

use async_graphql::TypeDirective;

use super::error::ErrorCode;

/// The codes that clients of this field should handle, of problems and of GraphQL errors. Any field can also fail with
/// `UNAVAILABLE` or `INTERNAL`, and any request with `QUERY_TOO_COMPLEX`.
#[TypeDirective(location = "FieldDefinition")]
pub(super) fn raises(#[graphql(desc = "The error codes.")] codes: Vec<ErrorCode>) {}
