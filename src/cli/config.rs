//! `config`: prints the effective settings, each with its source.

use std::process::ExitCode;

use crate::config::{self, Config, Settings};

/// Prints one line for each setting, and for each value of a message route. Secrets are masked.
///
/// # Errors
/// If the settings do not fit together.
pub(super) fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let origins = &settings.origins;
    let mut lines: Vec<String> = origins.settings.iter().map(|setting| format!("{setting}\n")).collect();
    lines.extend(origins.printed_routes().into_iter().map(|line| format!("{line}\n")));
    Config::try_from(settings)?;
    super::print(&lines.concat())
}

/// Prints the reference of all settings, `docs/settings.md`.
pub(super) fn reference() -> anyhow::Result<ExitCode> {
    super::print(&config::markdown::<super::Cli>())
}
