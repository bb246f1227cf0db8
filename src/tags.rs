//! Tags: keyed hashes that stand for phones, client addresses and devices in stores.
//!
//! A store can compare tags and count by them, but cannot read a phone number or an address from one. The kinds are
//! different types, so one cannot be passed as the other.

use std::fmt;

/// The keyed hash of a phone number, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhoneTag(String);

/// The keyed hash of a client address, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddressTag(String);

/// The keyed hash of a phone number and the id of a device, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceTag(String);

impl PhoneTag {
    /// Wraps a hash.
    #[must_use]
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl AddressTag {
    /// Wraps a hash.
    #[must_use]
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl DeviceTag {
    /// Wraps a hash.
    #[must_use]
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl fmt::Display for PhoneTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AddressTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DeviceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
