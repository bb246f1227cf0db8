//! `PhoneRegions`: the region that national numbers are read in, and the regions that codes are sent to.

use super::{PhoneError, PhoneNumber, Region};

/// The regions that a server works with.
#[derive(Debug, Clone)]
pub struct PhoneRegions {
    /// The region in which a number without a country code is read.
    pub default: Region,
    /// The regions that codes are sent to, or `None` for all.
    pub allowed: Option<Vec<Region>>,
}

impl PhoneRegions {
    /// Parses a phone number as a user writes it. A number without a country code is read in the default region.
    ///
    /// # Errors
    /// If it is not a possible mobile number.
    pub fn parse(&self, input: &str) -> Result<PhoneNumber, PhoneError> {
        PhoneNumber::parse(input, self.default)
    }

    /// Returns whether codes are sent to the phone's region.
    #[must_use]
    pub fn allow(&self, phone: &PhoneNumber) -> bool {
        let Some(allowed) = &self.allowed else {
            return true;
        };
        phone.region().is_some_and(|region| allowed.contains(&region))
    }
}
