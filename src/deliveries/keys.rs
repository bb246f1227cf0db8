//! The keyed hashes that stand for challenge ids, and for serial numbers with their phones, in stores.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ReceiptSource;
use super::store::{ChallengeTag, MessageTag};
use crate::mac::MacKey;
use crate::phone::PhoneNumber;

/// The number of bytes of a challenge id: a nonce and a MAC, and between them the root of a chain of resends.
const CHALLENGE_ID_BYTES: [usize; 2] = [32, 48];

/// Returns whether a text has the form of a challenge id. It need not be the id of a challenge.
pub(super) fn is_challenge_id(text: &str) -> bool {
    let mut bytes = [0; CHALLENGE_ID_BYTES[1]];
    URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).is_ok_and(|length| CHALLENGE_ID_BYTES.contains(&length))
}

/// Computes keyed hashes for the delivery store.
pub(super) struct DeliveryKeys {
    challenges: MacKey,
    messages: MacKey,
}

impl DeliveryKeys {
    /// Derives the keys from the server's secret.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self {
            challenges: MacKey::derive(secret, "delivery of a challenge"),
            messages: MacKey::derive(secret, "delivery of a message"),
        }
    }

    /// Returns the tag that stands for a challenge id.
    pub(super) fn challenge(&self, id: &str) -> ChallengeTag {
        ChallengeTag::new(encode(&self.challenges.mac(&[id.as_bytes()])))
    }

    /// Returns the tag that stands for a provider's serial number and the phone of its message.
    pub(super) fn message(&self, source: &ReceiptSource, serial: &str, phone: &PhoneNumber) -> MessageTag {
        let (kind, route) = match source {
            ReceiptSource::Tencent => ("tencent", ""),
            ReceiptSource::Webhook(route) => ("webhook", route.as_str()),
        };
        let parts = [kind, route, serial, phone.e164()];
        MessageTag::new(encode(&self.messages.mac(&parts.map(str::as_bytes))))
    }
}

fn encode(mac: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&mac[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_id_has_32_or_48_bytes_in_base64url() {
        for (bytes, expected) in
            [(0, false), (31, false), (32, true), (33, false), (48, true), (49, false), (9000, false)]
        {
            assert_eq!(is_challenge_id(&URL_SAFE_NO_PAD.encode(vec![255; bytes])), expected, "{bytes}");
        }
        for wrong in ["é".repeat(43), "+".repeat(43), format!("{}=", "A".repeat(43)), " ".repeat(43)] {
            assert!(!is_challenge_id(&wrong), "{wrong}");
        }
    }
}
