//! Tokens: what they claim, how they are made and verified.
//!
//! Owns the forms of access and refresh tokens. An algorithm belongs to a key and is never taken from the token; time
//! is the clock's. It looks into no store: whether a session still lives is for `sessions` to say.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::phone::PhoneNumber;
use crate::random;
use crate::users::User;

pub mod keys;
mod refresh;

use self::keys::Keys;
pub use self::refresh::RefreshToken;

/// No access token is longer; it bounds what is decoded.
const MAX_ACCESS_TOKEN_BYTES: usize = 8192;
/// How long a proof is good.
const PROOF_TTL: Duration = Duration::from_mins(5);

/// How tokens are made out.
#[derive(Debug, Clone)]
pub struct TokenPolicy {
    /// `iss` of every JWT.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// `aud` of proofs.
    pub proof_audience: String,
    /// Whether access tokens carry phone, name and avatar.
    pub profile_claims: bool,
    /// How long an access token is good.
    pub access_ttl: Duration,
}

/// A token, and from when on it is refused.
#[derive(Clone)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why an access token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Bad, forged or for somebody else.
    #[error("the token is not valid")]
    Invalid,
    /// Was good once.
    #[error("the token has expired")]
    Expired,
}

/// Whom a verified access token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
}

/// The claims of an access token, under the names of JWT (RFC 7519 4.1) and OpenID Connect Core 5.1.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    profile: Option<Profile<'a>>,
}

#[derive(Serialize)]
struct Profile<'a> {
    phone_number: &'a str,
    name: &'a str,
    picture: &'a str,
}

/// The claims of a proof.
#[derive(Serialize)]
struct ProofClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    /// The phone, in E.164.
    sub: &'a str,
    /// What was being confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// What is read back of a token's claims; `iss` and `aud` are checked by the library.
#[derive(Deserialize)]
struct ReadClaims {
    sub: Uuid,
    sid: Uuid,
    exp: i64,
}

/// The public keys as a JWK set (RFC 7517 5).
#[derive(Serialize)]
pub struct Jwks<'a> {
    keys: Vec<&'a Jwk>,
}

/// Makes and verifies tokens.
pub struct Tokens {
    keys: Keys,
    policy: TokenPolicy,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    /// Tokens under these keys.
    #[must_use]
    pub fn new(keys: Keys, policy: TokenPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { keys, policy, clock }
    }

    /// Makes an access token for a user's session.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn issue_access(&self, user: &User, session_id: Uuid) -> Result<Issued, keys::KeyError> {
        let now = self.clock.now();
        let expires_at = whole_seconds(now + self.policy.access_ttl);
        let claims = Claims {
            iss: &self.policy.issuer,
            aud: &self.policy.audience,
            sub: user.id,
            sid: session_id,
            iat: now.as_second(),
            exp: expires_at.as_second(),
            profile: self.policy.profile_claims.then(|| Profile {
                phone_number: user.phone.e164(),
                name: &user.name,
                picture: &user.avatar,
            }),
        };
        Ok(Issued { token: self.sign(&claims)?, expires_at })
    }

    /// Makes a proof that a phone is held.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn issue_proof(&self, phone: &PhoneNumber, reference: Option<&str>) -> Result<Issued, keys::KeyError> {
        let now = self.clock.now();
        let expires_at = whole_seconds(now + PROOF_TTL);
        let claims = ProofClaims {
            iss: &self.policy.issuer,
            aud: &self.policy.proof_audience,
            sub: phone.e164(),
            reference,
            jti: uuid::Builder::from_random_bytes(random::bytes()).into_uuid(),
            iat: now.as_second(),
            exp: expires_at.as_second(),
        };
        Ok(Issued { token: self.sign(&claims)?, expires_at })
    }

    /// Whether this server made a refresh token for a session with this salt.
    #[must_use]
    pub fn is_genuine(&self, token: &RefreshToken, salt: &[u8]) -> bool {
        token.is_genuine(&self.keys, salt)
    }

    /// Verifies an access token's signature, issuer, audience and time.
    ///
    /// # Errors
    /// `Expired` for one that is genuine but too old, `Invalid` for any other.
    pub fn verify_access(&self, token: &str) -> Result<AccessClaims, TokenError> {
        if token.len() > MAX_ACCESS_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = header.kid.and_then(|kid| self.keys.verifying(&kid));
        let key = key.ok_or(TokenError::Invalid)?;
        let mut validation = Validation::new(key.algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        validation.set_issuer(&[&self.policy.issuer]);
        validation.set_audience(&[&self.policy.audience]);
        validation.validate_exp = false; // by our clock, below
        let claims = jsonwebtoken::decode::<ReadClaims>(token, &key.decoding, &validation);
        let claims = claims.map_err(|_| TokenError::Invalid)?.claims;
        if claims.exp <= self.clock.now().as_second() {
            return Err(TokenError::Expired);
        }
        Ok(AccessClaims { user_id: claims.sub, session_id: claims.sid })
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, keys::KeyError> {
        let (kid, algorithm, key) = self.keys.signing();
        let mut header = Header::new(algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, key).map_err(|_| keys::KeyError::Library)
    }

    /// Makes the refresh token of a session's generation.
    #[must_use]
    pub fn refresh_token(&self, session_id: Uuid, generation: u32, salt: &[u8]) -> String {
        RefreshToken::encode(&self.keys, session_id, generation, salt)
    }

    /// The public keys.
    #[must_use]
    pub fn jwks(&self) -> Jwks<'_> {
        Jwks { keys: self.keys.public_keys() }
    }
}

/// A JWT's times are whole seconds; what the API says is what the token says.
fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}
