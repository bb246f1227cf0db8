//! Settings that are allowed but risky: the server logs them at start, and `check` prints them.

use std::fmt;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::config::{Config, DatabaseConfig, SigningConfig};
use crate::database;
use crate::files;

mod risks;
mod transport;

pub use self::risks::Risk;
pub use self::transport::unencrypted_stores;

/// A risk in the settings.
#[derive(Debug)]
pub enum Warning {
    /// Test numbers sign in without an SMS.
    TestNumbers {
        /// The number of test numbers.
        count: usize,
        /// When they stop. `None` if they do not.
        end: Option<Timestamp>,
    },
    /// A range of trusted proxies covers every address.
    TrustedProxies {
        /// The range.
        range: IpNet,
        /// The header in which proxies report the client's address.
        header: String,
    },
    /// Other users of the machine can read or write a file that contains secrets or users' data.
    ExposedFile {
        /// The setting that names the file.
        setting: String,
        /// The file.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
    },
    /// Default avatars begin with this address, which clients may not reach.
    PublicUrl(String),
    /// A value that is meant for development, or that leaves out a protection.
    Risk(Risk),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TestNumbers { count, end } => {
                let (who, they) = match count {
                    1 => ("1 test number signs in with a fixed code".to_owned(), "it is"),
                    count => (format!("{count} test numbers sign in with fixed codes"), "they are"),
                };
                let until = end.map_or_else(|| format!("{they} removed from the settings"), |end| end.to_string());
                write!(f, "{who} until {until}")
            }
            Self::TrustedProxies { header, .. } => {
                write!(f, "every address is a trusted proxy, so any client can invent its own address in {header}")
            }
            Self::ExposedFile { .. } => f.write_str(
                "users other than its owner can read or write this file: mode 0600 is enough for the server",
            ),
            Self::PublicUrl(own) => write!(
                f,
                "PUBLIC_URL is not set: the avatars of new users begin with {own}, which clients may not reach"
            ),
            Self::Risk(risk) => risk.fmt(f),
        }
    }
}

impl Warning {
    /// Returns what the warning is about: a setting, and its part.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::TestNumbers { .. } => "TEST_NUMBERS".to_owned(),
            Self::TrustedProxies { range, .. } => format!("TRUSTED_PROXIES ({range})"),
            Self::ExposedFile { setting, path, mode } => format!("{setting} ({}, mode {mode:04o})", path.display()),
            Self::PublicUrl(_) => "PUBLIC_URL".to_owned(),
            Self::Risk(risk) => risk.setting().to_owned(),
        }
    }

    pub(super) fn log(&self) {
        match self {
            Self::TestNumbers { .. } | Self::PublicUrl(_) => tracing::warn!("{self}"),
            Self::Risk(risk) => tracing::warn!(setting = risk.setting(), "{self}"),
            Self::TrustedProxies { range, .. } => {
                tracing::warn!(setting = "TRUSTED_PROXIES", proxies.range = %range, "{self}");
            }
            Self::ExposedFile { setting, path, mode } => tracing::warn!(
                setting,
                file.path = %path.display(),
                file.mode = format!("{mode:04o}"),
                "{self}"
            ),
        }
    }
}

/// Returns a warning for each risk in the settings.
#[must_use]
pub fn warnings(config: &Config, now: Timestamp) -> Vec<Warning> {
    let mut all = Vec::new();
    let numbers = config.issuing.test_numbers.active(now);
    all.extend(numbers.map(|(count, end)| Warning::TestNumbers { count, end }));
    let header = &config.client_address_header;
    all.extend(
        whole_ranges(&config.trusted_proxies).map(|range| Warning::TrustedProxies { range, header: header.clone() }),
    );
    all.extend(exposed_files(config));
    all.extend(local_avatars(config).map(Warning::PublicUrl));
    all.extend(risks::found(config).into_iter().map(Warning::Risk));
    all
}

/// Returns the trusted ranges that cover every address: then the server believes any address that a client writes in
/// the header, so the limits of client addresses have no effect.
fn whole_ranges(ranges: &[IpNet]) -> impl Iterator<Item = IpNet> {
    // Two ranges, each with half of all addresses, also cover every address.
    IpNet::aggregate(&ranges.to_vec()).into_iter().filter(|range| range.prefix_len() == 0)
}

fn exposed_files(config: &Config) -> impl Iterator<Item = Warning> {
    secret_files(config).into_iter().filter_map(|(setting, path)| {
        let mode = files::exposed_mode(&path)?;
        Some(Warning::ExposedFile { setting: setting.to_owned(), path, mode })
    })
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

/// Returns the address of default avatars if it is not `PUBLIC_URL` but the address that the server listens on.
fn local_avatars(config: &Config) -> Option<String> {
    let own = format!("http://{}/", config.listen_addr);
    let is_local = config.listen_addr.ip().is_loopback();
    (!is_local && config.sessions.avatars.0.iter().any(|avatar| avatar.starts_with(&own))).then_some(own)
}
