//! The keyed hashes that stand for challenge ids, and for serial numbers with their phones, in stores.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::store::{ChallengeTag, MessageTag};
use crate::mac::MacKey;
use crate::phone::PhoneNumber;

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
    pub(super) fn message(&self, serial: &str, phone: &PhoneNumber) -> MessageTag {
        MessageTag::new(encode(&self.messages.mac(&[serial.as_bytes(), phone.e164().as_bytes()])))
    }
}

fn encode(mac: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&mac[..16])
}
