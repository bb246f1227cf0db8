//! Settings of the database, and of the folder in which the embedded server keeps its files.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{ConfigError, Secret};

const DATABASE_FILE: &str = "sms-login.db";
const SCHEMES: [&str; 2] = ["mysql://", "sqlite:"];

/// Settings of the database.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseSettings {
    /// Folder of the embedded database and the signing key
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// URL of the database, mysql://user:password@host:3306/database or sqlite://path [default: SQLite in DATA_DIR]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<Secret>,
    /// URL of a read replica of the MySQL database; only `user(id)` reads it, or the primary if the replica fails
    #[arg(long, value_name = "URL")]
    pub database_read_url: Option<Secret>,
    /// Whether `serve` migrates a MySQL database at start
    #[arg(long, default_value = "false", action = ArgAction::Set)]
    pub auto_migrate: bool,
}

/// The database to use.
#[derive(Debug, Clone)]
pub enum DatabaseConfig {
    /// An SQLite file that the server creates.
    File(PathBuf),
    /// A database at a URL.
    Url(Secret),
}

impl DatabaseConfig {
    /// Returns whether this is MySQL, which several servers can share.
    #[must_use]
    pub fn is_mysql(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Url(url) => url.expose().starts_with("mysql:"),
        }
    }
}

impl DatabaseSettings {
    pub(super) fn config(&self) -> Result<DatabaseConfig, ConfigError> {
        let Some(url) = &self.database_url else {
            return Ok(DatabaseConfig::File(self.data_dir.join(DATABASE_FILE)));
        };
        if !SCHEMES.iter().any(|scheme| url.expose().starts_with(scheme)) {
            let reason = "not of the form mysql://user:password@host:3306/database or sqlite://path";
            return Err(ConfigError::new("DATABASE_URL", reason));
        }
        Ok(DatabaseConfig::Url(url.clone()))
    }

    /// Returns the URL of the read replica, if there is one.
    pub(super) fn read_url(&self, database: &DatabaseConfig) -> Result<Option<Secret>, ConfigError> {
        let refused = |reason| Err(ConfigError::new("DATABASE_READ_URL", reason));
        match &self.database_read_url {
            Some(_) if !database.is_mysql() => refused("needs a MySQL database in DATABASE_URL"),
            Some(url) if !url.expose().starts_with(SCHEMES[0]) => {
                refused("not of the form mysql://user:password@host:3306/database")
            }
            url => Ok(url.clone()),
        }
    }
}
