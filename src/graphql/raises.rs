//! The directive that says which error codes a field can answer with.
//!
//! It documents the schema for readers and code generators. It also makes `ErrorCode` reachable from the schema's roots:
//! the library leaves types that nothing refers to out of introspection.

use async_graphql::TypeDirective;

use super::error::ErrorCode;

/// The codes in `extensions.code` that clients of this field should handle. Any field can also fail with `UNAVAILABLE`
/// and `INTERNAL`.
#[TypeDirective(location = "FieldDefinition")]
pub(super) fn raises(#[graphql(desc = "The codes.")] codes: Vec<ErrorCode>) {}
