//! The `@raises` directive, which documents the error codes that a field can answer with.
//!
//! It is for readers and code generators. It also makes `ErrorCode` reachable from the schema's roots, because the
//! library leaves types that nothing refers to out of introspection.

use async_graphql::TypeDirective;

use super::error::ErrorCode;

/// The codes in `extensions.code` that clients of this field should handle. Any field can also fail with `UNAVAILABLE`
/// or `INTERNAL`.
#[TypeDirective(location = "FieldDefinition")]
pub(super) fn raises(#[graphql(desc = "The error codes.")] codes: Vec<ErrorCode>) {}
