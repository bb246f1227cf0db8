//! Signatures of the Standard Webhooks specification: <https://github.com/standard-webhooks/standard-webhooks>.
//!
//! A request has an id, a time and a signature of both with its body. This module is a leaf: it knows no HTTP.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

/// The header with the id of a request.
pub const ID: &str = "webhook-id";
/// The header with the time of a request, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures of a request.
pub const SIGNATURE: &str = "webhook-signature";

/// The lengths of a secret in bytes that the specification recommends.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How far the time of a request may be from the current time. An older request may be a replay.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The most signatures of a request that are verified. A sender that rotates its secret sends two.
const MAX_SIGNATURES: usize = 8;

/// The key of signatures. `Debug` does not show it.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    /// Parses a secret of the form `whsec_` and base64 of 24 to 64 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        SECRET_BYTES.contains(&key.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// Returns the headers of a request that is sent now.
    #[must_use]
    pub fn headers(&self, id: &str, body: &[u8], now: Timestamp) -> [(&'static str, String); 3] {
        let timestamp = now.as_second().to_string();
        let signature = hmac::sign(&self.0, &signed(id, &timestamp, body));
        let signature = format!("v1,{}", STANDARD.encode(signature));
        [(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)]
    }

    /// Returns whether a request with these headers is genuine and recent.
    #[must_use]
    pub fn verify(&self, headers: &SignedHeaders<'_>, body: &[u8], now: Timestamp) -> bool {
        let SignedHeaders { id, timestamp, signatures } = *headers;
        let sent_at = timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let is_recent = sent_at.is_some_and(|sent_at| now.duration_since(sent_at).abs() <= TOLERANCE);
        let message = signed(id, timestamp, body);
        let is_right = |signature: &str| {
            let signature = signature.strip_prefix("v1,").and_then(|signature| STANDARD.decode(signature).ok());
            // `hmac::verify` compares in constant time.
            signature.is_some_and(|signature| hmac::verify(&self.0, &message, &signature).is_ok())
        };
        is_recent && signatures.split(' ').take(MAX_SIGNATURES).any(is_right)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// The values of the three headers.
#[derive(Debug, Clone, Copy)]
pub struct SignedHeaders<'a> {
    /// The id of the request.
    pub id: &'a str,
    /// The time of the request.
    pub timestamp: &'a str,
    /// The signatures, separated by spaces.
    pub signatures: &'a str,
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_of_the_specification_is_verified() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let at = |seconds: i64| Timestamp::from_second(1_614_265_330 + seconds).expect("a time");
        let verify = |signatures: &str, now| secret.verify(&SignedHeaders { id, timestamp, signatures }, body, now);

        let headers = secret.headers(id, body, at(0));
        assert_eq!(headers, [(ID, id.to_owned()), (TIMESTAMP, timestamp.to_owned()), (SIGNATURE, right.to_owned())]);
        for seconds in [-300, 0, 300] {
            assert!(verify(right, at(seconds)));
        }
        assert!(verify(&format!("v1,AAAA v2,x {right}"), at(0)), "one of several");
        for seconds in [-301, 301] {
            assert!(!verify(right, at(seconds)), "a replay");
        }
        for wrong in ["", "v1,", "v1,AAAA", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", &right.replace("v1", "v2")]
        {
            assert!(!verify(wrong, at(0)), "{wrong}");
        }
        assert!(!secret.verify(&SignedHeaders { id, timestamp, signatures: right }, b"{}", at(0)), "another body");
        assert!(!secret.verify(&SignedHeaders { id: "x", timestamp, signatures: right }, body, at(0)), "another id");
    }
}
