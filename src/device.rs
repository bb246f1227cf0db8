//! `Device`: a device that has proved with its device token that it once signed in with a phone.

use jiff::Timestamp;

/// A device whose token is genuine for the phone of a request. The code store decides whether the token was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The random id of the device.
    pub id: String,
    /// When the token was issued.
    pub issued_at: Timestamp,
}
