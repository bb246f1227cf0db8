//! `Device`: a device that once signed in with a phone.

use jiff::Timestamp;

/// A device that once signed in with a phone, as its device token says. It gets quota for that phone, never access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The random id of the device, in base64url.
    pub id: String,
    /// When the device's token was issued.
    pub issued_at: Timestamp,
}
