//! The random token that lets a phone in the local network read the inbox.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random;

const HEADER: &str = "x-inbox-token";
const PARAMETER: &str = "inbox=";

/// A token of 128 random bits, new for each start of the server.
pub(crate) struct InboxKey(String);

impl InboxKey {
    pub(crate) fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::bytes::<16>()))
    }

    pub(crate) fn token(&self) -> &str {
        &self.0
    }

    /// Returns whether the request has the token, in a header or in its URL. The comparison takes constant time.
    pub(super) fn opens(&self, request: &Request) -> bool {
        let header = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let parameters = request.uri().query().into_iter().flat_map(|query| query.split('&'));
        let mut given = header.into_iter().chain(parameters.filter_map(|pair| pair.strip_prefix(PARAMETER)));
        given.any(|given| verify_slices_are_equal(given.as_bytes(), self.0.as_bytes()).is_ok())
    }
}
