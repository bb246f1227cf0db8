//! `config`: prints the effective settings, each with its source.

use std::process::ExitCode;

use crate::config::{self, Config, Settings};

/// Prints one line a setting. Secrets are masked.
///
/// # Errors
/// If the settings do not fit together.
pub(super) fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let lines: Vec<String> = settings.origins.settings.iter().map(|setting| format!("{setting}\n")).collect();
    Config::try_from(settings)?;
    super::print(&lines.concat())
}

/// Prints the reference of all settings, `docs/settings.md`.
pub(super) fn reference() -> anyhow::Result<ExitCode> {
    super::print(&config::markdown::<super::Cli>())
}
