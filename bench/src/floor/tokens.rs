//! Access tokens signed by Ed25519, and refresh tokens with a keyed hash.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::users::User;

const ISSUER: &str = "sms-login";

pub(super) struct Tokens {
    pair: Ed25519KeyPair,
    header: String,
    secret: hmac::Key,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    phone_number: &'a str,
    name: &'a str,
    picture: &'a str,
}

#[derive(Deserialize)]
struct Read<'a> {
    iss: &'a str,
    aud: &'a str,
    sid: Uuid,
    exp: i64,
}

impl Tokens {
    pub(super) fn new(pem: &str) -> Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pem::parse(pem)?.contents()).context("an Ed25519 key")?;
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"EdDSA"}"#);
        Ok(Self { pair, header, secret: hmac::Key::new(hmac::HMAC_SHA256, b"another secret of the floor") })
    }

    pub(super) fn access(&self, user: &User, session: Uuid) -> Result<String> {
        let now = Timestamp::now().as_second();
        let claims = serde_json::to_vec(&Claims {
            iss: ISSUER,
            aud: ISSUER,
            sub: user.id,
            sid: session,
            iat: now,
            exp: now + 3600,
            phone_number: &user.phone,
            name: &user.name,
            picture: &user.avatar,
        })?;
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }

    /// Returns the session of a genuine token.
    pub(super) fn verify(&self, token: &str) -> Result<Uuid> {
        let (signed, signature) = token.rsplit_once('.').context("not a token")?;
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        let key = UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref());
        key.verify(signed.as_bytes(), &signature).context("the token is forged")?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').context("not a token")?.1)?;
        let claims: Read<'_> = serde_json::from_slice(&claims)?;
        let is_valid = claims.iss == ISSUER && claims.aud == ISSUER && claims.exp > Timestamp::now().as_second();
        ensure!(is_valid, "the token is not valid");
        Ok(claims.sid)
    }

    pub(super) fn refresh(&self, session: Uuid, generation: u32, salt: &[u8]) -> String {
        let mut bytes = session.as_bytes().to_vec();
        bytes.extend(generation.to_be_bytes());
        let mac = hmac::sign(&self.secret, &[&bytes[..], salt].concat());
        bytes.extend(mac.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn parse_refresh(token: &str) -> Result<(Uuid, u32)> {
        let bytes = URL_SAFE_NO_PAD.decode(token)?;
        ensure!(bytes.len() == 52, "not a refresh token");
        Ok((Uuid::from_slice(&bytes[..16])?, u32::from_be_bytes(bytes[16..20].try_into()?)))
    }
}
