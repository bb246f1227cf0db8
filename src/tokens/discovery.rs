//! The document with which other services find the keys, algorithms and claims of tokens (OpenID Connect Discovery 1.0).
//!
//! The server is not an OpenID provider: it has no authorization endpoint and does not claim to have one. Gateways and
//! libraries only use the document to verify tokens. Kubernetes publishes such a document for its service accounts, too.

use jsonwebtoken::Algorithm;
use serde::Serialize;

use super::TokenPolicy;

/// The path of the public keys.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

const CLAIMS: [&str; 8] = ["iss", "aud", "sub", "sid", "iat", "exp", "auth_time", "amr"];
const PROFILE_CLAIMS: [&str; 3] = ["phone_number", "name", "picture"];

/// What other services need to verify tokens (OpenID Connect Discovery 1.0, 3).
#[derive(Serialize)]
pub struct Discovery<'a> {
    issuer: &'a str,
    jwks_uri: String,
    /// Required, and must not be empty. `id_token` promises least: it names a kind of token, but no endpoint.
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<Algorithm>,
    claims_supported: Vec<&'static str>,
}

impl<'a> Discovery<'a> {
    /// Describes the tokens of a policy, whose public keys have these algorithms.
    pub(super) fn of(policy: &'a TokenPolicy, algorithms: &[Algorithm]) -> Option<Self> {
        let base_url = policy.base_url.as_deref().filter(|_| !algorithms.is_empty())?;
        let profile = if policy.profile_claims { &PROFILE_CLAIMS[..] } else { &[] };
        Some(Self {
            issuer: &policy.issuer,
            jwks_uri: format!("{base_url}{JWKS_PATH}"),
            response_types_supported: ["id_token"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: algorithms.to_vec(),
            claims_supported: [&CLAIMS[..], profile].concat(),
        })
    }
}
