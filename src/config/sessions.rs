//! Settings of sessions and their refresh tokens.

use std::time::Duration;

use clap::Args;

use super::values::{duration, lifetime};
use crate::accounts::AccountPolicy;
use crate::sessions::SessionPolicy;
use crate::users::{Avatars, SignUpPolicy};
use crate::verification::test_numbers::TestNumbers;

/// Settings of sessions and their refresh tokens.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct SessionSettings {
    /// How long a refresh token is valid
    #[arg(long, default_value = "30d", value_parser = lifetime)]
    pub refresh_token_ttl: Duration,
    /// How long after a refresh the previous token still returns the same new token; 0 for never
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub refresh_grace: Duration,
    /// Maximum age of a session, however often it is refreshed; 0 for no limit
    #[arg(long, default_value = "90d", value_parser = duration)]
    pub session_max_age: Duration,
    /// How long after a sign-in or `reauthenticate` a session may change the phone; 0 for no limit
    #[arg(long, default_value = "15m", value_parser = duration)]
    pub reauthentication_max_age: Duration,
}

impl SessionSettings {
    pub(super) fn account_policy(&self, test_numbers: TestNumbers, avatars: Avatars) -> AccountPolicy {
        AccountPolicy { reauthentication_max_age: self.reauthentication_max_age, test_numbers, avatars }
    }

    pub(super) fn policy(&self, avatars: Avatars, sign_up: SignUpPolicy) -> SessionPolicy {
        SessionPolicy {
            refresh_ttl: self.refresh_token_ttl,
            refresh_grace: self.refresh_grace,
            max_age: self.session_max_age,
            sign_up,
            avatars,
        }
    }
}
