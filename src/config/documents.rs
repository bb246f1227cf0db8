//! Settings of trusted documents: the manifest with the operations of the operator's own applications.
//!
//! Two forms are read: the manifest of Apollo's tools, `{ "operations": [{ "id": …, "body": … }] }`, and an object of texts by
//! their ids, as graphql-codegen and Relay write it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use serde::Deserialize;

use super::ConfigError;

const SETTING: &str = "TRUSTED_DOCUMENTS";

/// Settings of trusted documents.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Trusted documents")]
pub struct DocumentSettings {
    /// File with the operations of your applications, which clients can then name by their ids: the manifest of Apollo's
    /// tools, or an object of documents by their hashes, as graphql-codegen and Relay write it
    #[arg(long, value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
    /// Whether no other operations run
    #[arg(long, default_value = "false", action = ArgAction::Set)]
    pub trusted_documents_only: bool,
}

/// The operations that clients can name by their ids.
#[derive(Debug, Clone)]
pub struct TrustedDocumentsConfig {
    /// Their texts by their ids.
    pub texts: HashMap<String, String>,
    /// Whether no other operations run.
    pub only: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo { operations: Vec<Operation> },
    ById(HashMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

impl DocumentSettings {
    /// Returns the trusted documents, if there are any.
    pub(super) fn config(&self) -> Result<Option<TrustedDocumentsConfig>, ConfigError> {
        let Some(path) = &self.trusted_documents else {
            if self.trusted_documents_only {
                return Err(ConfigError::new("TRUSTED_DOCUMENTS_ONLY", "set TRUSTED_DOCUMENTS, or nothing runs"));
            }
            return Ok(None);
        };
        let texts = read(path).map_err(|reason| ConfigError::new(SETTING, format!("{}: {reason}", path.display())))?;
        Ok(Some(TrustedDocumentsConfig { texts, only: self.trusted_documents_only }))
    }
}

fn read(path: &Path) -> Result<HashMap<String, String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let manifest = serde_json::from_str(&text).map_err(|_| {
        "not a manifest: an object of documents by their ids, or `operations` with an `id` and a `body` each".to_owned()
    })?;
    let texts = match manifest {
        Manifest::ById(texts) => texts,
        Manifest::Apollo { operations } => {
            let mut texts = HashMap::new();
            for Operation { id, body } in operations {
                if texts.insert(id.clone(), body).is_some() {
                    return Err(format!("two operations have the id {id:?}"));
                }
            }
            texts
        }
    };
    if texts.is_empty() { Err("it has no documents".to_owned()) } else { Ok(texts) }
}
