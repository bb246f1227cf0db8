//! The compression of answers to introspection, which are the only large ones.
//!
//! Other answers are not compressed: they can contain a token beside a text that an attacker chose, and the length of a compressed
//! answer would tell about both (BREACH).

use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

/// Marks a response that may be compressed.
#[derive(Debug, Clone, Copy)]
struct Compressible;

/// Chooses the responses that are marked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marked;

impl Predicate for Marked {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool
    where
        B: axum::body::HttpBody,
    {
        response.extensions().get::<Compressible>().is_some()
    }
}

/// Returns the layer that compresses the responses that `allow` has marked, if the client accepts gzip.
pub(super) fn layer() -> CompressionLayer<Marked> {
    CompressionLayer::new().compress_when(Marked)
}

/// Marks a response that contains nothing but the schema.
pub(super) fn allow(response: &mut Response) {
    response.extensions_mut().insert(Compressible);
}
