//! Settings of the guard against SMS pumping.

use clap::{Args, ValueEnum};

use super::values::{ratio, share};
use crate::limits::{GuardMode, GuardPolicy, SprayPolicy};
use crate::phone::PhonePrefixes;

/// Settings of the guard against SMS pumping.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pumping guard")]
pub struct GuardSettings {
    /// What the guard does with a suspect send: one that the verified traffic does not explain
    #[arg(long, value_name = "MODE", default_value = "record")]
    pub guard_mode: GuardModeSetting,
    /// Unverified sends a day for each verified one before further sends are suspect
    #[arg(long, default_value = "0.3", value_parser = ratio)]
    pub guard_daily_ratio: f64,
    /// Unverified sends an hour for each verified one before further sends are suspect
    #[arg(long, default_value = "0.2", value_parser = ratio)]
    pub guard_hourly_ratio: f64,
    /// The least daily budget of unverified sends to a region or a number prefix; with 0, verified traffic alone decides
    #[arg(long, default_value = "20")]
    pub guard_daily_floor: u32,
    /// The least hourly budget of unverified sends to a region or a number prefix; with 0, verified traffic alone decides
    #[arg(long, default_value = "5")]
    pub guard_hourly_floor: u32,
    /// Distinct regions a day to which one client address may send before it is suspect; 0 for no limit
    #[arg(long, default_value = "3")]
    pub guard_regions_per_address: u32,
    /// First digits of phone numbers whose traffic is never suspect, such as +86,+85251
    #[arg(long, value_name = "PREFIX,…")]
    pub guard_allowed_prefixes: Option<PhonePrefixes>,
    /// Share of wrong codes in the attempts of an hour, over all phones, above which GUARD_MODE=challenge asks every client
    /// for a captcha
    #[arg(long, default_value = "0.5", value_parser = share)]
    pub guard_wrong_codes_ratio: f64,
    /// Attempts in an hour, over all phones, below which GUARD_WRONG_CODES_RATIO does not apply; 0 to turn it off
    #[arg(long, default_value = "200")]
    pub guard_wrong_codes_min: u32,
}

/// What the guard does with a suspect send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuardModeSetting {
    /// Nothing
    Off,
    /// Log and count it
    Record,
    /// Ask for a captcha
    Challenge,
    /// Refuse it, even with a captcha
    Deny,
}

impl From<GuardModeSetting> for GuardMode {
    fn from(setting: GuardModeSetting) -> Self {
        match setting {
            GuardModeSetting::Off => Self::Off,
            GuardModeSetting::Record => Self::Record,
            GuardModeSetting::Challenge => Self::Challenge,
            GuardModeSetting::Deny => Self::Deny,
        }
    }
}

impl GuardSettings {
    pub(super) fn policy(&self) -> GuardPolicy {
        GuardPolicy {
            mode: self.guard_mode.into(),
            daily_ratio: self.guard_daily_ratio,
            hourly_ratio: self.guard_hourly_ratio,
            daily_floor: self.guard_daily_floor,
            hourly_floor: self.guard_hourly_floor,
            regions_per_address: self.guard_regions_per_address,
            spraying: SprayPolicy { min_attempts: self.guard_wrong_codes_min, ratio: self.guard_wrong_codes_ratio },
        }
    }
}
