//! `Destination`: the part of a phone number that SMS traffic is counted by.

use super::{PhoneNumber, Region};

/// What CLDR calls an unknown region.
const UNKNOWN_REGION: &str = "ZZ";

/// The region and the number block of a phone. It says where an SMS goes, but not to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The region's code, such as `CN`, or `ZZ` if the number belongs to no known region.
    pub region: String,
    /// The country code and the three digits after it, such as `+86137`.
    pub prefix: String,
}

impl From<&PhoneNumber> for Destination {
    fn from(phone: &PhoneNumber) -> Self {
        let region = phone.region().map_or_else(|| UNKNOWN_REGION.to_owned(), |region: Region| region.to_string());
        Self { region, prefix: phone.prefix().to_owned() }
    }
}
