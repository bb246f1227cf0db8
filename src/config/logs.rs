//! Settings of the log.

use clap::{Args, ValueEnum};

/// Settings of the log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct LogSettings {
    /// Least important level to log: error, warn, info, debug or trace; or a filter such as sms_login=debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// Format of log lines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object a line
    Json,
}
