//! Keyed hashes (HMAC-SHA-256) of messages that have several parts.
//!
//! Each use has its own key, derived from the server's secret, so that no hash of one use is valid for another. A message
//! contains the length of each part, so that two different messages never have the same bytes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// A keyed hash.
pub type Mac = [u8; 32];

/// The key of one use.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Derives the key of a use from the server's secret. `label` names the use.
    #[must_use]
    pub fn derive(secret: &[u8], label: &str) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), label.as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// Returns the keyed hash of a message with these parts.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> Mac {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    /// Compares a keyed hash with that of a message, in constant time.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        verify_slices_are_equal(&self.mac(parts), mac).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_different_uses_and_messages_of_different_parts_differ() {
        let (one, other) = (MacKey::derive(b"secret", "one"), MacKey::derive(b"secret", "other"));
        let mac = one.mac(&[b"ab", b"c"]);
        assert_eq!(mac, MacKey::derive(b"secret", "one").mac(&[b"ab", b"c"]));
        assert!(one.verify(&[b"ab", b"c"], &mac));

        assert!(!other.verify(&[b"ab", b"c"], &mac));
        assert!(!MacKey::derive(b"another", "one").verify(&[b"ab", b"c"], &mac));
        assert!(!one.verify(&[b"a", b"bc"], &mac) && !one.verify(&[b"abc"], &mac));
        assert!(!one.verify(&[b"ab", b"c"], &mac[..31]) && !one.verify(&[b"ab", b"c"], &[]));
    }
}
