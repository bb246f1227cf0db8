//! The keys under `CODE_SECRET`, and what they sign: challenge ids, codes at rest, tags of phones and addresses.
//!
//! Every message begins with a label of its own and gives each part its length, so that no two mean the same bytes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::code::{Code, Purpose};
use super::store::{CodeDigest, Tag};
use crate::client::ClientAddress;
use crate::phone::PhoneNumber;
use crate::random;

const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 16;

/// What a challenge is given out for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) phone: &'a PhoneNumber,
    pub(super) purpose: Purpose,
    /// The user, for a purpose that only a signed-in user may ask for.
    pub(super) user: Option<Uuid>,
}

/// Signs and hashes under `CODE_SECRET`.
pub struct CodeKeys(hmac::Key);

impl CodeKeys {
    /// Keys under this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A new challenge's nonce, and the id that goes to whoever asked: 16 random bytes and a MAC of 16, in base64url.
    pub(super) fn new_challenge_id(&self, scope: Scope<'_>) -> (String, String) {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let mac = self.challenge_mac(&nonce, scope);
        (URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode([nonce, mac].concat()))
    }

    /// The nonce in a challenge id, where the id was given out for this scope. Looks into no store.
    pub(super) fn nonce_of(&self, challenge_id: &str, scope: Scope<'_>) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(challenge_id).ok()?;
        let (nonce, mac) = bytes.split_at_checked(NONCE_BYTES)?;
        verify_slices_are_equal(mac, &self.challenge_mac(nonce, scope)).ok()?;
        Some(URL_SAFE_NO_PAD.encode(nonce))
    }

    /// What is kept of a code.
    pub(super) fn digest(&self, purpose: Purpose, phone: &PhoneNumber, nonce: &str, code: &Code) -> CodeDigest {
        let parts = [purpose.name(), phone.e164(), nonce, code.expose_digits()];
        CodeDigest::new(self.mac("code", &parts.map(str::as_bytes)))
    }

    /// What stands for a phone in a store.
    pub(super) fn phone_tag(&self, phone: &PhoneNumber) -> Tag {
        self.tag("phone", phone.e164())
    }

    /// What stands for an address in a store.
    pub(super) fn address_tag(&self, address: ClientAddress) -> Tag {
        self.tag("address", &address.to_string())
    }

    fn tag(&self, label: &str, value: &str) -> Tag {
        Tag::new(URL_SAFE_NO_PAD.encode(&self.mac(label, &[value.as_bytes()])[..16]))
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

/// A claim's token: 128 random bits, in base64url.
pub(super) fn claim_token() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<16>())
}
