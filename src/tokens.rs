//! Tokens: issuing and verifying access tokens, refresh tokens, device tokens and proofs.
//!
//! This module owns the format of every token. The algorithm always comes from the key, never from the token, and the
//! current time always comes from the clock. It uses no store: `sessions` decides whether a session is still active.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::Validation;
use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::device::Device;
use crate::phone::PhoneNumber;
use crate::random;
use crate::users::User;

pub mod device;
mod discovery;
pub mod keys;
mod refresh;
mod verified;

use self::device::DeviceTokens;
pub use self::discovery::{Discovery, JWKS_PATH};
use self::keys::Keys;
pub use self::refresh::RefreshToken;
use self::verified::Verified;

/// The maximum length of an access token. Longer tokens are rejected before they are decoded.
const MAX_ACCESS_TOKEN_BYTES: usize = 8192;
/// How long a proof is valid.
const PROOF_TTL: Duration = Duration::from_mins(5);

/// The settings of tokens: issuer, audiences, claims and lifetime.
#[derive(Debug, Clone)]
pub struct TokenPolicy {
    /// The `iss` claim of every JWT.
    pub issuer: String,
    /// The URL at which other services reach the server, without a slash at its end. `None` if the issuer is not a URL:
    /// then the tokens cannot be discovered.
    pub base_url: Option<String>,
    /// The `aud` claim of access tokens.
    pub audience: String,
    /// The `aud` claim of proofs.
    pub proof_audience: String,
    /// Whether access tokens contain the user's phone, name and avatar.
    pub profile_claims: bool,
    /// How long an access token is valid.
    pub access_ttl: Duration,
    /// How long a device token is valid.
    pub device_ttl: Duration,
}

/// A token that was issued, with its expiry.
#[derive(Clone)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// The reason to reject a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is malformed, forged, revoked, or issued for another audience.
    #[error("the token is not valid")]
    Invalid,
    /// The token is genuine but has expired.
    #[error("the token has expired")]
    Expired,
}

/// The user and the session of a verified access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user's id, from `sub`.
    pub user_id: Uuid,
    /// The session's id, from `sid`.
    pub session_id: Uuid,
}

/// The claims of an access token, with the names of JWT (RFC 7519 4.1) and OpenID Connect Core 5.1.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    /// When the user last entered a code in the session.
    auth_time: i64,
    /// How the user authenticated (RFC 8176).
    amr: [&'static str; 1],
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
    /// The transaction that the user confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// The claims of an access token that the server reads. The library checks `iss` and `aud`.
#[derive(Deserialize)]
struct ReadClaims {
    sub: Uuid,
    sid: Uuid,
    exp: i64,
}

/// The public keys as a JWK Set (RFC 7517 5).
#[derive(Serialize)]
pub struct Jwks<'a> {
    keys: Vec<&'a Jwk>,
}

/// The service that issues and verifies tokens.
pub struct Tokens {
    keys: Keys,
    verified: Verified,
    devices: DeviceTokens,
    policy: TokenPolicy,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    /// Creates the service.
    #[must_use]
    pub fn new(keys: Keys, devices: DeviceTokens, policy: TokenPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { keys, verified: Verified::new(), devices, policy, clock }
    }

    /// Issues an access token for a user's session, in which the user last entered a code at `authenticated_at`.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn issue_access(
        &self,
        user: &User,
        session_id: Uuid,
        authenticated_at: Timestamp,
    ) -> Result<Issued, keys::KeyError> {
        let now = self.clock.now();
        let expires_at = whole_seconds(now + self.policy.access_ttl);

        let claims = Claims {
            iss: &self.policy.issuer,
            aud: &self.policy.audience,
            sub: user.id,
            sid: session_id,
            iat: now.as_second(),
            exp: expires_at.as_second(),
            auth_time: authenticated_at.as_second(),
            amr: ["sms"],
            profile: self.policy.profile_claims.then(|| Profile {
                phone_number: user.phone.e164(),
                name: &user.name,
                picture: &user.avatar,
            }),
        };

        Ok(Issued { token: self.keys.sign_jwt(&claims)?, expires_at })
    }

    /// Issues a proof that the user has the phone.
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

        Ok(Issued { token: self.keys.sign_jwt(&claims)?, expires_at })
    }

    /// Returns whether the server issued the refresh token for a session with this salt.
    #[must_use]
    pub fn is_genuine(&self, token: &RefreshToken, salt: &[u8]) -> bool {
        token.is_genuine(&self.keys, salt)
    }

    /// Verifies the signature, issuer, audience and expiry of an access token. It does not check the session.
    ///
    /// # Errors
    /// If the token is genuine but has expired (`Expired`), or is not acceptable for another reason (`Invalid`).
    pub fn verify_access(&self, token: &str) -> Result<AccessClaims, TokenError> {
        if token.len() > MAX_ACCESS_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }

        let (claims, expires_at) = self.verified.get_or_verify(token, || self.verify(token))?;
        if expires_at <= self.clock.now().as_second() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// Verifies everything of an access token but its expiry.
    fn verify(&self, token: &str) -> Result<verified::Claims, TokenError> {
        // The algorithm comes from the key that `kid` names: a token must not choose how it is verified (RFC 8725 3.1).
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = header.kid.and_then(|kid| self.keys.verifying(&kid));
        let key = key.ok_or(TokenError::Invalid)?;

        let mut validation = Validation::new(key.algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        validation.set_issuer(&[&self.policy.issuer]);
        validation.set_audience(&[&self.policy.audience]);
        // The library would read the machine's clock, and with a leeway of a minute. `verify_access` reads ours.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<ReadClaims>(token, &key.decoding, &validation);
        let claims = claims.map_err(|_| TokenError::Invalid)?.claims;
        Ok((AccessClaims { user_id: claims.sub, session_id: claims.sid }, claims.exp))
    }

    /// Returns a refresh token of a session's generation. All tokens of one generation are equivalent.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub fn refresh_token(&self, session_id: Uuid, generation: u32, salt: &[u8]) -> Result<String, keys::KeyError> {
        RefreshToken::encode(&self.keys, session_id, generation, salt)
    }

    /// Returns the service of device tokens.
    #[must_use]
    pub const fn devices(&self) -> &DeviceTokens {
        &self.devices
    }

    /// Returns the device of a device token that was issued for this phone and is valid now. `None` for every other text.
    #[must_use]
    pub fn recognize_device(&self, token: &str, phone: &PhoneNumber) -> Option<Device> {
        self.devices.recognize(token, phone, self.clock.now())
    }

    /// Returns what other services need to verify tokens by the issuer's URL alone. `None` if the issuer is not a URL, or if
    /// a shared secret signs the tokens.
    #[must_use]
    pub fn discovery(&self) -> Option<Discovery<'_>> {
        Discovery::of(&self.policy, &self.keys.public_algorithms())
    }

    /// Returns the public keys that verify tokens.
    #[must_use]
    pub fn jwks(&self) -> Jwks<'_> {
        Jwks { keys: self.keys.public_keys() }
    }
}

/// Rounds down to whole seconds, as in a JWT, so that the API returns exactly the expiry in the token.
fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}
