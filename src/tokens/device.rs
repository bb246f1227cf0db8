//! Device tokens: `sld_`, then in base64url a version, a random device id, the time of issue, and a keyed hash of these and
//! the phone.
//!
//! A device token proves that a device once signed in with the phone. The phone is part of the hash but not of the token, so
//! a token says nothing about its owner and is valid for one phone alone. A token that is not recognized has no effect:
//! every reason has the same result.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::device::Device;
use crate::mac::MacKey;
use crate::phone::PhoneNumber;
use crate::random;

const PREFIX: &str = "sld_";
const VERSION: u8 = 1;
const ID_BYTES: usize = 16;
/// The version, the device id and the time of issue in milliseconds.
const CLAIM_BYTES: usize = 1 + ID_BYTES + 8;
/// The length of the part after the prefix, of 25 bytes and a hash of 32. Other texts are rejected before they are decoded.
const ENCODED_CHARS: usize = 76;

/// Issues and recognizes device tokens.
pub struct DeviceTokens {
    key: MacKey,
    ttl: Duration,
}

impl DeviceTokens {
    /// Creates the tokens of a server with this secret. Each token is valid for `ttl`.
    #[must_use]
    pub fn new(secret: &[u8], ttl: Duration) -> Self {
        Self { key: MacKey::derive(secret, "device tokens"), ttl }
    }

    /// Returns how long a token is valid. A revocation must be remembered for as long.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Issues a token for a phone at `now`. A recognized device keeps its id.
    #[must_use]
    pub fn issue(&self, phone: &PhoneNumber, device: Option<&Device>, now: Timestamp) -> String {
        let id = device.and_then(|device| decode_id(&device.id)).unwrap_or_else(random::bytes);
        let mut claim = [VERSION; CLAIM_BYTES];
        claim[1..=ID_BYTES].copy_from_slice(&id);
        claim[1 + ID_BYTES..].copy_from_slice(&now.as_millisecond().to_be_bytes());

        let mac = self.key.mac(&[&claim, phone.e164().as_bytes()]);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&claim[..], &mac].concat()))
    }

    /// Returns the device of a token that was issued for this phone and has not expired at `now`. `None` for every other
    /// text.
    #[must_use]
    pub fn recognize(&self, token: &str, phone: &PhoneNumber, now: Timestamp) -> Option<Device> {
        let encoded = token.strip_prefix(PREFIX).filter(|encoded| encoded.len() == ENCODED_CHARS)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (claim, mac) = bytes.split_at_checked(CLAIM_BYTES)?;
        if !self.key.verify(&[claim, phone.e164().as_bytes()], mac) || claim[0] != VERSION {
            return None;
        }

        let (id, issued_at) = claim[1..].split_at_checked(ID_BYTES)?;
        let issued_at = Timestamp::from_millisecond(i64::from_be_bytes(issued_at.try_into().ok()?)).ok()?;
        (now < issued_at + self.ttl).then(|| Device { id: URL_SAFE_NO_PAD.encode(id), issued_at })
    }
}

fn decode_id(id: &str) -> Option<[u8; ID_BYTES]> {
    URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_hours(180 * 24);

    fn tokens() -> DeviceTokens {
        DeviceTokens::new(b"a secret of the server", TTL)
    }

    fn phone(last: char) -> PhoneNumber {
        PhoneNumber::from_e164(format!("+861371111222{last}")).expect("a phone")
    }

    fn now() -> Timestamp {
        "2026-03-01T04:00:00.123Z".parse().expect("a time")
    }

    #[test]
    fn a_device_is_recognized_until_its_token_expires() {
        let token = tokens().issue(&phone('1'), None, now());
        assert!(token.starts_with("sld_") && token.len() == 80, "{token}");

        let device = tokens().recognize(&token, &phone('1'), now()).expect("a device");
        assert_eq!(device.issued_at, now());
        let last = now() + TTL - Duration::from_millis(1);
        assert_eq!(tokens().recognize(&token, &phone('1'), last), Some(device));
        assert_eq!(tokens().recognize(&token, &phone('1'), now() + TTL), None, "expired");
    }

    #[test]
    fn a_recognized_device_keeps_its_id() {
        let recognize = |token: &str, at| tokens().recognize(token, &phone('1'), at).expect("a device");
        let first = recognize(&tokens().issue(&phone('1'), None, now()), now());
        let other = recognize(&tokens().issue(&phone('1'), None, now()), now());
        assert_ne!(first.id, other.id);

        let later = now() + Duration::from_hours(1);
        let renewed = recognize(&tokens().issue(&phone('1'), Some(&first), later), later);
        assert_eq!(renewed, Device { id: first.id, issued_at: later });
    }

    #[test]
    fn forged_and_foreign_tokens_are_not_recognized() {
        let token = tokens().issue(&phone('1'), None, now());
        let recognize = |token: &str| tokens().recognize(token, &phone('1'), now());
        assert_eq!(tokens().recognize(&token, &phone('2'), now()), None, "another phone's");

        let foreign = DeviceTokens::new(b"a secret of another server", TTL).issue(&phone('1'), None, now());
        let cut = &token[..token.len() - 4];
        let bare = &token["sld_".len()..];
        for forged in [&foreign, cut, bare, "", "sld_", &format!("{token}AAAA"), &token.replace("sld_", "slr_")] {
            assert_eq!(recognize(forged), None, "{forged}");
        }

        let bytes = URL_SAFE_NO_PAD.decode(bare).expect("base64url");
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            assert_eq!(recognize(&format!("sld_{}", URL_SAFE_NO_PAD.encode(forged))), None, "byte {place}");
        }
        assert!(recognize(&token).is_some());
    }
}
