//! Settings of phone numbers: how they are read, and to which regions codes are sent.

use std::str::FromStr;

use clap::Args;

use crate::phone::{PhoneRegions, Region};

/// Settings of phone numbers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Phone numbers")]
pub struct PhoneSettings {
    /// Region of a phone number without a country code
    #[arg(long, value_name = "REGION", default_value = "CN")]
    pub default_region: Region,
    /// Regions to which codes are sent, comma-separated, or * for every region
    #[arg(long, value_name = "REGION,…", default_value = "CN")]
    pub allowed_regions: Regions,
}

impl PhoneSettings {
    pub(super) fn regions(&self) -> PhoneRegions {
        PhoneRegions { default: self.default_region, allowed: self.allowed_regions.0.clone() }
    }
}

/// The regions to which codes are sent; `None` for every region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions(pub(super) Option<Vec<Region>>);

impl Regions {
    /// Returns whether codes are sent to the region.
    pub(super) fn has(&self, code: &str) -> bool {
        self.0.as_ref().is_none_or(|regions| regions.iter().any(|region| region.to_string() == code))
    }
}

impl FromStr for Regions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "*" {
            return Ok(Self(None));
        }
        let regions: Result<Vec<Region>, _> = text.split(',').map(|region| region.trim().parse()).collect();
        regions.map(|regions| Self(Some(regions))).map_err(|_| "not region codes such as CN,HK, or *".to_owned())
    }
}
