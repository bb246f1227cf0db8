//! The access tokens that were verified lately. Clients send the same token with every request for minutes, and to verify its
//! signature takes longer than the rest of a query.
//!
//! A token is known by its SHA-256, so another text is never taken for it. What is remembered does not change: keys, issuer and
//! audience are fixed for the life of the process, and `verify_access` compares the expiry with the clock each time.

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use super::AccessClaims;

/// The maximum number of tokens. Each entry has a hash of 32 bytes and claims of 40.
const MAX_TOKENS: usize = 10_000;

/// What a token says, with its expiry in seconds since 1970.
pub(super) type Claims = (AccessClaims, i64);

/// The tokens that were verified lately.
pub(super) struct Verified(Cache<[u8; 32], Claims>);

impl Verified {
    pub(super) fn new() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }

    /// Returns the claims of a token, which `verify` verifies unless it is known. Only genuine tokens are remembered.
    pub(super) fn get_or_verify<E>(
        &self,
        token: &str,
        verify: impl FnOnce() -> Result<Claims, E>,
    ) -> Result<Claims, E> {
        let hash: [u8; 32] = digest(&SHA256, token.as_bytes()).as_ref().try_into().unwrap_or_default();
        if let Some(claims) = self.0.get(&hash) {
            return Ok(claims);
        }
        let claims = verify()?;
        self.0.insert(hash, claims);
        Ok(claims)
    }
}
