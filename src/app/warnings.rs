//! Warnings at start about settings that are allowed but risky.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::config::{Config, DatabaseConfig, SigningConfig};
use crate::database;
use crate::files;

/// Logs a warning for each risk in the settings.
pub(super) fn log(config: &Config, now: Timestamp) {
    warn_of_test_numbers(config, now);
    warn_of_trusted_proxies(&config.trusted_proxies, &config.client_address_header);
    warn_of_exposed_files(config);
    warn_of_public_url(config);
}

/// Test numbers sign in without an SMS, so the operator should know that they are active.
fn warn_of_test_numbers(config: &Config, now: Timestamp) {
    if let Some((count, end)) = config.issuing.test_numbers.active(now) {
        let until = end.map_or_else(|| "they are removed from the settings".to_owned(), |end| end.to_string());
        tracing::warn!("{count} test numbers sign in with fixed codes until {until}");
    }
}

/// If every address is a trusted proxy, the server believes any address in the header, so the limits of client addresses
/// have no effect unless clients cannot set that header.
fn warn_of_trusted_proxies(ranges: &[IpNet], header: &str) {
    // Two ranges, each with half of all addresses, also cover every address.
    for range in IpNet::aggregate(&ranges.to_vec()) {
        if range.prefix_len() == 0 {
            tracing::warn!(
                setting = "TRUSTED_PROXIES",
                proxies.range = %range,
                "every address is a trusted proxy, so any client can invent its own address in {header}"
            );
        }
    }
}

fn warn_of_exposed_files(config: &Config) {
    for (setting, path) in secret_files(config) {
        if let Some(mode) = files::exposed_mode(&path) {
            tracing::warn!(
                setting,
                file.path = %path.display(),
                file.mode = format!("{mode:04o}"),
                "users other than its owner can read or write this file: mode 0600 is enough for the server"
            );
        }
    }
}

/// Returns the files that contain secrets or users' data, each with the setting that names it.
fn secret_files(config: &Config) -> Vec<(&str, PathBuf)> {
    let database = match &config.database {
        DatabaseConfig::File(path) => Some(("DATA_DIR", path.clone())),
        DatabaseConfig::Url(_) if config.database.is_mysql() => None,
        // If the address cannot be read, opening the database fails later with its own message.
        DatabaseConfig::Url(url) => {
            database::sqlite_file(url.expose()).ok().flatten().map(|path| ("DATABASE_URL", path))
        }
    };
    let signing_key = match &config.signing {
        SigningConfig::File(path, _) => Some(("DATA_DIR", path.clone())),
        SigningConfig::Pem(..) | SigningConfig::Hs256(_) => None,
    };
    let named = config.secret_files.iter().map(|file| (file.setting.as_str(), file.path.clone()));

    let database = database.map(|(setting, path)| (setting, exposed_part(&path)));
    database.into_iter().chain(signing_key).chain(named).collect()
}

/// Returns the database's file, or its write-ahead log or index if only one of those is exposed: they contain users' data,
/// too.
fn exposed_part(database: &Path) -> PathBuf {
    let parts = ["", "-wal", "-shm"].map(|ending| {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    });
    parts.into_iter().find(|path| files::exposed_mode(path).is_some()).unwrap_or_else(|| database.to_owned())
}

/// Default avatars are URLs of this server: without `PUBLIC_URL` they have the address that it listens on.
fn warn_of_public_url(config: &Config) {
    let own = format!("http://{}/", config.listen_addr);
    if !config.listen_addr.ip().is_loopback() && config.sessions.avatars.iter().any(|avatar| avatar.starts_with(&own)) {
        tracing::warn!("PUBLIC_URL is not set: the avatars of new users begin with {own}, which clients may not reach");
    }
}
