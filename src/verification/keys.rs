//! The keyed hashes under `CODE_SECRET`: challenge ids, codes at rest, idempotency keys at rest, and the tags of phones,
//! addresses, devices and captcha tickets.
//!
//! Every hashed message begins with a label and has the length of each part, so two different messages never have the same
//! bytes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::store::{CodeDigest, KnownDevice, RequestKey};
use crate::client::ClientAddress;
use crate::code::Code;
use crate::device::Device;
use crate::phone::PhoneNumber;
use crate::purpose::Purpose;
use crate::random;
use crate::tags::{AddressTag, CaptchaTag, DeviceTag, NetworkTags, PhoneTag};

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

/// The parts of a challenge's name. The id goes to the client. It is base64url of the nonce (16 random bytes), of the root if
/// there is one (16 bytes), and of a MAC (16 bytes).
///
/// The root is the nonce of the first challenge in a chain of resends. All challenges of the chain hash their codes with it, so
/// one hash of the submitted code can be compared with the code of each of them.
#[derive(Debug, Clone)]
pub(super) struct ChallengeName {
    pub(super) id: String,
    pub(super) nonce: String,
    root: Option<String>,
}

impl ChallengeName {
    /// Returns the nonce that the codes of the chain are hashed with.
    fn root(&self) -> &str {
        self.root.as_deref().unwrap_or(&self.nonce)
    }
}

/// Computes keyed hashes under `CODE_SECRET`.
pub struct CodeKeys(hmac::Key);

impl CodeKeys {
    /// Creates the keys from a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Creates the name of a new challenge. A resend continues the chain of the challenge that it replaces.
    pub(super) fn new_challenge(&self, scope: Scope<'_>, resend_of: Option<&ChallengeName>) -> ChallengeName {
        let root = resend_of.map(|old| old.root().to_owned());
        self.name(URL_SAFE_NO_PAD.encode(random::bytes::<NONCE_BYTES>()), root, scope)
    }

    /// Returns the name of another challenge of the chain.
    pub(super) fn sibling(&self, name: &ChallengeName, nonce: String, scope: Scope<'_>) -> ChallengeName {
        self.name(nonce, name.root.clone(), scope)
    }

    fn name(&self, nonce: String, root: Option<String>, scope: Scope<'_>) -> ChallengeName {
        let parts = [Some(&nonce), root.as_ref()].into_iter().flatten();
        let mut bytes: Vec<u8> = parts.flat_map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).collect();
        let mac = self.challenge_mac(&bytes, scope);
        bytes.extend(mac);
        ChallengeName { id: URL_SAFE_NO_PAD.encode(bytes), nonce, root }
    }

    /// Returns the name of the challenge with this id if the id was issued for this scope. Needs no store.
    pub(super) fn challenge(&self, id: &str, scope: Scope<'_>) -> Option<ChallengeName> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        let (nonces, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        verify_slices_are_equal(mac, &self.challenge_mac(nonces, scope)).ok()?;

        let (nonce, root) = nonces.split_at_checked(NONCE_BYTES)?;
        let root = (!root.is_empty()).then(|| URL_SAFE_NO_PAD.encode(root));
        Some(ChallengeName { id: id.to_owned(), nonce: URL_SAFE_NO_PAD.encode(nonce), root })
    }

    /// Returns the hash that a store keeps of a code.
    pub(super) fn digest(&self, scope: Scope<'_>, challenge: &ChallengeName, code: &Code) -> CodeDigest {
        let parts = [scope.purpose.name(), scope.phone.e164(), challenge.root(), code.expose_digits()];
        CodeDigest::new(self.mac("code", &parts.map(str::as_bytes)))
    }

    /// Returns what a store keeps of an idempotency key and of the arguments of its request. The key belongs to the phone.
    pub(super) fn request_key(&self, key: &str, scope: Scope<'_>, arguments: [Option<&str>; 5]) -> RequestKey {
        let tag = self.mac("request key", &[scope.phone.e164().as_bytes(), key.as_bytes()]);
        let user = scope.user.map(Uuid::into_bytes).unwrap_or_default();
        let mut parts = vec![scope.purpose.name().as_bytes(), &user];
        // A first part tells an absent argument from an empty one.
        for argument in arguments {
            parts.push(if argument.is_some() { b"some" } else { b"none" });
            parts.push(argument.unwrap_or_default().as_bytes());
        }
        let arguments = self.mac("request arguments", &parts);
        RequestKey { tag: URL_SAFE_NO_PAD.encode(&tag[..16]), arguments: URL_SAFE_NO_PAD.encode(&arguments[..16]) }
    }

    /// Returns the device of a phone as stores know it.
    pub(super) fn known_device(&self, phone: &PhoneNumber, device: &Device) -> KnownDevice {
        let hash = self.mac("device", &[phone.e164().as_bytes(), device.id.as_bytes()]);
        KnownDevice { tag: DeviceTag::new(URL_SAFE_NO_PAD.encode(&hash[..16])), issued_at: device.issued_at }
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

    fn challenge_mac(&self, nonces: &[u8], scope: Scope<'_>) -> [u8; MAC_BYTES] {
        let user = scope.user.map(Uuid::into_bytes).unwrap_or_default();
        let parts = [nonces, scope.phone.e164().as_bytes(), scope.purpose.name().as_bytes(), &user];
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

/// Returns a random token for a claim: 128 bits, in base64url.
pub(super) fn claim_token() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<16>())
}
