//! TC3-HMAC-SHA256, the signature method of Tencent Cloud's API 3.0.
//!
//! Owns the credentials; the secret key must not leave this module. It signs the same headers of a POST to `/` as the
//! official SDKs, `content-type` and `host`, so that the SDKs' signatures can be its test vectors. It does not read the
//! clock or send requests.
//! Source: Tencent Cloud, "Signature v3" (API 3.0).

use std::fmt;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;

/// The content type in the signature. The request must have exactly this one.
pub const CONTENT_TYPE: &str = "application/json";

const ALGORITHM: &str = "TC3-HMAC-SHA256";
const SIGNED_HEADERS: &str = "content-type;host";
const TERMINATOR: &str = "tc3_request";

/// An API key of Tencent Cloud. `Debug` omits the secret key.
#[derive(Clone)]
pub struct Credentials {
    secret_id: String,
    secret_key: String,
}

/// The data that a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct SigningInput<'a> {
    /// The product's name in the credential scope: `sms`, `captcha`.
    pub service: &'a str,
    /// The `Host` header as it is sent, with the port unless it is the scheme's default.
    pub host: &'a str,
    /// The body, byte for byte.
    pub payload: &'a [u8],
    /// The current time. `X-TC-Timestamp` must have the same, in whole seconds. Tencent Cloud accepts a difference of at
    /// most five minutes.
    pub timestamp: Timestamp,
}

impl Credentials {
    /// Creates credentials from a secret id and its secret key.
    #[must_use]
    pub fn new(secret_id: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { secret_id: secret_id.into(), secret_key: secret_key.into() }
    }

    /// Returns the secret id. It is not secret: every request contains it.
    #[must_use]
    pub fn secret_id(&self) -> &str {
        &self.secret_id
    }

    /// Signs a request, and returns the value of its `Authorization` header.
    #[must_use]
    pub fn authorization(&self, input: &SigningInput<'_>) -> String {
        let date = input.timestamp.strftime("%Y-%m-%d").to_string();
        let scope = format!("{date}/{}/{TERMINATOR}", input.service);
        let string_to_sign = format!(
            "{ALGORITHM}\n{}\n{scope}\n{}",
            input.timestamp.as_second(),
            hex_sha256(canonical_request(input).as_bytes()),
        );

        let signing_key = self.signing_key(&date, input.service);
        let signature = hex(hmac::sign(&signing_key, string_to_sign.as_bytes()).as_ref());
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}",
            self.secret_id
        )
    }

    fn signing_key(&self, date: &str, service: &str) -> hmac::Key {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, format!("TC3{}", self.secret_key).as_bytes());
        [date, service, TERMINATOR]
            .iter()
            .fold(secret, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

/// Returns the canonical form of a JSON request: method, path, empty query, signed headers and the hash of the body.
fn canonical_request(input: &SigningInput<'_>) -> String {
    format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{}\n\n{SIGNED_HEADERS}\n{}",
        input.host,
        hex_sha256(input.payload),
    )
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)]).collect()
}
