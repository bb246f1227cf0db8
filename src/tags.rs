//! Tags: keyed hashes that stand for phones, client addresses, devices and captcha tickets in stores.
//!
//! A store can compare tags and count by them, but cannot read a phone number, an address or a ticket from one. The kinds are
//! different types, so one cannot be passed as another.

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
/// The keyed hash of a captcha's ticket, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CaptchaTag(String);

/// The tags of the networks for which a send of an address is counted, the narrowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkTags {
    /// The tag of an IPv4 address.
    One(AddressTag),
    /// The tags of the /64, the /56 and the /48 of an IPv6 address.
    Three([AddressTag; 3]),
}

impl NetworkTags {
    /// Returns the tag of the narrowest network, which stands for the address.
    #[must_use]
    pub const fn narrowest(&self) -> &AddressTag {
        match self {
            Self::One(tag) | Self::Three([tag, ..]) => tag,
        }
    }

    /// Returns the tag that stands for a recognized device in place of its address. It differs from the tags of all addresses.
    #[must_use]
    pub fn of_device(device: &DeviceTag) -> Self {
        Self::One(AddressTag(format!("device-{device}")))
    }

    /// Returns all tags, the narrowest network first.
    #[must_use]
    pub const fn all(&self) -> &[AddressTag] {
        match self {
            Self::One(tag) => std::slice::from_ref(tag),
            Self::Three(tags) => tags,
        }
    }
}

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

impl CaptchaTag {
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

impl fmt::Display for CaptchaTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DeviceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
