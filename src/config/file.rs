//! The settings file: TOML whose keys are the names of settings in lower case.
//!
//! The file becomes text for the parsers that flags and environment variables have, so that a value means the same
//! everywhere. An error names the file and the key or the line, and never repeats a value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Command;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::arguments::{CONFIG, Setting, settings};
use super::table::{Table, Value};
use super::test_numbers::Until;
use crate::price::Price;

/// The key of the message routes, which are tables: `[[route]]`.
const ROUTE: &str = "route";

/// The contents of a settings file.
pub(super) struct FileContents {
    /// The values by the names of their settings.
    pub(super) values: BTreeMap<String, OsString>,
    /// The message routes, in their order.
    pub(super) routes: Vec<Table>,
}

/// Reads a settings file.
pub(super) fn read(path: &Path, command: &Command) -> Result<FileContents, ConfigError> {
    let text =
        fs::read_to_string(path).map_err(|error| ConfigError::new("CONFIG", format!("{}: {error}", path.display())))?;
    let table = DeTable::parse(&text).map_err(|error| syntax(path, &text, &error))?;

    let mut values = BTreeMap::new();
    let mut routes = Vec::new();
    for (key, value) in table.get_ref() {
        let key = key.get_ref().as_ref();
        let refused = |reason: String| ConfigError::new(label(key, path), reason);
        if key == ROUTE {
            let expected = "must be tables, each under a line [[route]]";
            routes = tables(value.get_ref()).ok_or_else(|| refused(expected.to_owned()))?;
            continue;
        }
        let value = match lookup(key, command).ok_or_else(|| refused(unknown(key, command)))? {
            Key::Setting(setting) => text_of(value.get_ref(), setting),
            Key::SecretFile => string(value.get_ref()).ok_or_else(|| STRING.to_owned()),
        };
        let value = value.map_err(refused)?;
        // Like an empty environment variable, an empty string does not set anything.
        if !value.is_empty() {
            values.insert(key.to_uppercase(), value.into());
        }
    }
    Ok(FileContents { values, routes })
}

/// Converts a list of tables.
fn tables(value: &DeValue<'_>) -> Option<Vec<Table>> {
    value.as_array()?.iter().map(|item| item.get_ref().as_table().map(table)).collect()
}

fn table(table: &DeTable<'_>) -> Table {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    Table(entries.into_iter().map(|(key, value)| (key.get_ref().to_string(), value_of(value.get_ref()))).collect())
}

fn value_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => decimal(number.as_str()),
        DeValue::Float(number) => decimal(number.as_str()),
        DeValue::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| string(item.get_ref())).collect();
            items.map_or(Value::Other, Value::List)
        }
        DeValue::Table(value) => Value::Table(table(value)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(_) | DeValue::Datetime(_) => Value::Other,
    }
}

fn decimal(number: &str) -> Value {
    number.parse().map_or(Value::Other, Value::Number)
}

/// Returns how an error names a key of the file. Keys may contain anything, and an error is one line.
pub(super) fn label(key: &str, path: &Path) -> String {
    format!("{} in {}", key.escape_debug(), path.display())
}

enum Key<'a> {
    Setting(Setting<'a>),
    SecretFile,
}

fn lookup<'a>(key: &str, command: &'a Command) -> Option<Key<'a>> {
    // A settings file that names another one would need an order between the two.
    let mut known = settings(command).filter(|setting| setting.id() != CONFIG);
    known.find_map(|setting| match key.strip_prefix(setting.key().as_str())? {
        "" => Some(Key::Setting(setting)),
        "_file" if setting.is_secret() => Some(Key::SecretFile),
        _ => None,
    })
}

fn unknown(key: &str, command: &Command) -> String {
    let lower = key.to_lowercase().replace('-', "_");
    match lookup(&lower, command) {
        Some(_) => format!("not a setting: write {lower}"),
        None => "not a setting".to_owned(),
    }
}

/// Returns the error of a file that is not TOML. The parser's message is a fixed text; its `Display` would repeat the line
/// with the value.
fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
    let message = error.message().lines().next().unwrap_or("not TOML");
    ConfigError::new(format!("line {line} of {}", path.display()), message)
}

const STRING: &str = "must be a string, in quotes";

/// Returns a value as a flag would be given.
fn text_of(value: &DeValue<'_>, setting: Setting<'_>) -> Result<String, String> {
    if let Some(text) = string(value) {
        return Ok(text);
    }

    let is_decimal = setting.is::<f64>() || setting.is::<Price>();
    let is_number = setting.is::<u32>() || setting.is::<u64>() || setting.is::<usize>() || is_decimal;
    match value {
        DeValue::Boolean(value) if setting.is::<bool>() => Ok(value.to_string()),
        // A duration can be the number 0; others need a unit, as its parser says.
        DeValue::Integer(value) if is_number || setting.is::<Duration>() => {
            let number = i64::from_str_radix(value.as_str(), value.radix());
            number.map(|number| number.to_string()).map_err(|_| "too large a number".to_owned())
        }
        DeValue::Float(value) if is_decimal => Ok(value.as_str().to_owned()),
        DeValue::Datetime(value) if setting.is::<Until>() => Ok(value.to_string()),
        DeValue::Array(items) if setting.is_list() => {
            let items: Option<Vec<_>> = items.iter().map(|item| string(item.get_ref())).collect();
            match items {
                // It could mean the default or nothing at all.
                Some(items) if items.is_empty() => Err("must not be empty: leave it out for the default".to_owned()),
                Some(items) => Ok(items.join(",")),
                None => Err(expected(setting)),
            }
        }
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(expected(setting)),
    }
}

fn string(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn expected(setting: Setting<'_>) -> String {
    let expected = if setting.is_list() {
        "must be a string or a list of strings"
    } else if setting.is::<bool>() {
        "must be true or false"
    } else if setting.is::<f64>() || setting.is::<Price>() {
        "must be a number"
    } else if setting.is::<u32>() || setting.is::<u64>() || setting.is::<usize>() {
        "must be a whole number"
    } else {
        STRING
    };
    expected.to_owned()
}
