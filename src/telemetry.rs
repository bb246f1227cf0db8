//! The set-up of logging: destination, format and filter.
//!
//! Logs go to standard error, because standard output belongs to the results of commands. Libraries must not log below
//! `warn` by default, because they may log secrets and phone numbers.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{ConfigError, LogFormat};

/// Starts logging with the setting `LOG` and a format.
///
/// # Errors
/// If `filter` is not a level or a filter.
pub fn init(filter: &str, format: LogFormat) -> Result<(), ConfigError> {
    let filter = env_filter(filter)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Parses the setting. A bare level applies to the server only; libraries stay at `warn`, unless the setting names
/// them.
fn env_filter(filter: &str) -> Result<EnvFilter, ConfigError> {
    let filter = match filter.parse::<LevelFilter>() {
        Ok(level) => format!("{},sms_login={level}", level.min(LevelFilter::WARN)),
        Err(_) => filter.to_owned(),
    };
    let reason = "must be a level such as info or a filter such as sms_login=debug";
    EnvFilter::try_new(filter).map_err(|_| ConfigError::new("LOG", reason))
}
