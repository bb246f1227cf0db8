//! The signing keys and the secret of stored codes, from the settings or from the data folder.

use std::io::Write;
use std::path::Path;

use super::{StartError, io_error, make_parent};
use crate::config::{Config, ConfigError, SigningConfig};
use crate::files;
use crate::tokens::keys::{self, KeyError, Keys, SigningAlgorithm};

/// Returns the signing keys of the settings. If they name none, reads the key in the data folder, or creates it.
///
/// # Errors
/// If a key is malformed, or its file cannot be read or created.
pub fn signing_keys(config: &Config) -> Result<Keys, StartError> {
    let refuse = |setting| move |error: KeyError| ConfigError::new(setting, error);
    let keys = match &config.signing {
        SigningConfig::Pem(pem, algorithm) => {
            Keys::from_private_pem(pem.expose(), *algorithm).map_err(refuse("JWT_SIGNING_KEY"))?
        }
        SigningConfig::Hs256(secret) => Keys::hs256(secret.expose().as_bytes()).map_err(refuse("JWT_SECRET"))?,
        SigningConfig::File(path, algorithm) => {
            let pem = read_or_make_key(path, *algorithm)?;
            let refuse = |error| ConfigError::new(format!("DATA_DIR ({})", path.display()), error);
            Keys::from_private_pem(&pem, *algorithm).map_err(refuse)?
        }
    };
    match &config.verifying_keys {
        Some(older) => Ok(keys.with_older(older).map_err(refuse("JWT_VERIFYING_KEYS"))?),
        None => Ok(keys),
    }
}

pub(super) fn code_secret(config: &Config, keys: &Keys) -> Result<Vec<u8>, StartError> {
    if let Some(secret) = &config.code_secret {
        return Ok(secret.expose().as_bytes().to_vec());
    }
    let derived = keys.derive("code secret").map_err(|error| ConfigError::new("CODE_SECRET", error))?;
    Ok(derived.to_vec())
}

/// Reads a signing key, or creates it with mode 0600. If several servers start at the same time, all of them use the key
/// that was stored first.
fn read_or_make_key(path: &Path, algorithm: SigningAlgorithm) -> Result<String, StartError> {
    make_parent(path)?;
    if !path.exists() {
        // Written to another file first, so that no server reads half a key.
        let made = keys::generate(algorithm).map_err(|error| ConfigError::new("DATA_DIR", error))?;
        let parent = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(io_error(path))?;
        files::make_private(file.as_file()).map_err(io_error(path))?;
        file.write_all(made.private_pem.as_bytes()).map_err(io_error(path))?;
        file.as_file().sync_all().map_err(io_error(path))?;
        // If another server was first, its file stays. The key is read from the file below.
        drop(file.persist_noclobber(path));
    }
    std::fs::read_to_string(path).map_err(io_error(path))
}
