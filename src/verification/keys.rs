//! The keyed hashes under `CODE_SECRET`: challenge ids, codes at rest, and the tags of phones, addresses and
//! captcha tickets.
//!
//! Every hashed message begins with a label and has the length of each part, so two different messages never have the same
//! bytes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::store::CodeDigest;
use crate::client::ClientAddress;
use crate::code::Code;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::random;
use crate::tags::{AddressTag, CaptchaTag, NetworkTags, PhoneTag};

const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 16;

/// What a challenge is issued for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) phone: &'a PhoneNumber,
    pub(super) purpose: Purpose,
    /// The user, if the code is valid for one user alone.
    pub(super) user: Option<Uuid>,
}

/// Computes keyed hashes under `CODE_SECRET`.
pub struct CodeKeys(hmac::Key);

impl CodeKeys {
    /// Creates the keys from a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Creates the nonce and the id of a new challenge. The id goes to the client: 16 random bytes and a MAC of 16 bytes, in
    /// base64url.
    pub(super) fn new_challenge_id(&self, scope: Scope<'_>) -> (String, String) {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let mac = self.challenge_mac(&nonce, scope);
        (URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode([nonce, mac].concat()))
    }

    /// Returns the nonce of a challenge id if the id was issued for this scope. Needs no store.
    pub(super) fn nonce_of(&self, challenge_id: &str, scope: Scope<'_>) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(challenge_id).ok()?;
        let (nonce, mac) = bytes.split_at_checked(NONCE_BYTES)?;
        verify_slices_are_equal(mac, &self.challenge_mac(nonce, scope)).ok()?;
        Some(URL_SAFE_NO_PAD.encode(nonce))
    }

    /// Returns the hash that a store keeps of a code.
    pub(super) fn digest(&self, purpose: Purpose, phone: &PhoneNumber, nonce: &str, code: &Code) -> CodeDigest {
        let parts = [purpose.name(), phone.e164(), nonce, code.expose_digits()];
        CodeDigest::new(self.mac("code", &parts.map(str::as_bytes)))
    }

    /// Returns the tag that stands for a phone in stores.
    pub(super) fn phone_tag(&self, phone: &PhoneNumber) -> PhoneTag {
        PhoneTag::new(self.tag("phone", phone.e164()))
    }

    /// Returns the tag that stands for a client address in stores.
    pub(super) fn address_tag(&self, address: ClientAddress) -> AddressTag {
        AddressTag::new(self.tag("address", &address.to_string()))
    }

    /// Returns the tags that stand in stores for the networks of a client address. The narrowest is `address_tag`.
    pub(super) fn network_tags(&self, address: ClientAddress) -> NetworkTags {
        let narrowest = self.address_tag(address);
        match address.wider_networks() {
            None => NetworkTags::One(narrowest),
            Some(wider) => {
                let [wide, widest] = wider.map(|network| AddressTag::new(self.tag("address", &network)));
                NetworkTags::Three([narrowest, wide, widest])
            }
        }
    }

    /// Returns the tag that stands for a captcha's ticket in stores.
    pub(super) fn captcha_tag(&self, ticket: &str) -> CaptchaTag {
        CaptchaTag::new(self.tag("captcha", ticket))
    }

    fn tag(&self, label: &str, value: &str) -> String {
        URL_SAFE_NO_PAD.encode(&self.mac(label, &[value.as_bytes()])[..16])
    }

    fn challenge_mac(&self, nonce: &[u8], scope: Scope<'_>) -> [u8; MAC_BYTES] {
        let user = scope.user.map(Uuid::into_bytes).unwrap_or_default();
        let parts = [nonce, scope.phone.e164().as_bytes(), scope.purpose.name().as_bytes(), &user];
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&self.mac("challenge", &parts)[..MAC_BYTES]);
        mac
    }

    fn mac(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [label.as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }
}

/// Draws the token of a claim: 128 random bits, in base64url.
pub(super) fn claim_token() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<16>())
}
