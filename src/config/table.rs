//! A table of the settings file, in types that do not belong to the TOML library.
//!
//! A table may contain a secret, so `Debug` shows no value.

use std::fmt;

/// The keys and values of a table, in the order of the file.
#[derive(Clone, Default, PartialEq)]
pub struct Table(pub(super) Vec<(String, Value)>);

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table(..)")
    }
}

/// A value of a table.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// A whole number or one with a fraction.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A list of strings.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// A value that no setting accepts.
    Other,
}

impl Table {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find_map(|(found, value)| (found == key).then_some(value))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", text.escape_debug()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(texts) => write!(f, "{}", texts.join(",").escape_debug()),
            Self::Table(table) => {
                let pairs: Vec<_> =
                    table.0.iter().map(|(key, value)| format!("{}={value}", key.escape_debug())).collect();
                write!(f, "{{{}}}", pairs.join(" "))
            }
            Self::Other => f.write_str("(malformed)"),
        }
    }
}
