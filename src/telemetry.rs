//! Logs: where they go and how they look. They go to standard error; standard output is for what was asked for.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{ConfigError, LogFormat};

/// Starts logging.
///
/// # Errors
/// If `filter` is not a filter.
pub fn init(filter: &str, format: LogFormat) -> Result<(), ConfigError> {
    let filter = env_filter(filter)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A bare level is the server's own; libraries, which may log what they carry, stay at `warn` unless they are named.
fn env_filter(filter: &str) -> Result<EnvFilter, ConfigError> {
    let filter = match filter.parse::<LevelFilter>() {
        Ok(level) => format!("{},sms_login={level}", level.min(LevelFilter::WARN)),
        Err(_) => filter.to_owned(),
    };
    let reason = "not a level such as info, nor a filter such as sms_login=debug";
    EnvFilter::try_new(filter).map_err(|_| ConfigError::new("LOG", reason))
}
