//! Settings of logs and traces.

use clap::{Args, ValueEnum};
use url::Url;

/// Settings of logs and traces.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs and traces")]
pub struct LogSettings {
    /// Least important level to log: error, warn, info, debug or trace; or a filter such as sms_login=debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// Format of log lines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// URL of a collector that receives traces by OTLP over HTTP, such as http://127.0.0.1:4318 [default: no traces]
    #[arg(long, value_name = "URL")]
    pub otel_exporter_otlp_endpoint: Option<Url>,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object a line
    Json,
}
