//! Settings as arguments of the command line: what they have in common, and which of them are secrets.
//!
//! This is the only place that knows which settings are secrets. `NAME_FILE`, the help, the reference and the masking of
//! values follow from it.

use std::any::TypeId;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Arg, Command};

use super::Secret;
use super::test_numbers::NumbersWithCodes;

/// The id of the argument that names the settings file.
pub(super) const CONFIG: &str = "config";

/// One setting.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    arg: &'a Arg,
    flag: &'a str,
}

/// Returns the settings in the order of the help.
pub(super) fn settings(command: &Command) -> impl Iterator<Item = Setting<'_>> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.filter_map(|arg| arg.get_long().map(|flag| Setting { arg, flag }))
}

impl<'a> Setting<'a> {
    /// Returns the id of the argument.
    pub(super) fn id(self) -> &'a str {
        self.arg.get_id().as_str()
    }

    /// Returns the flag without its hyphens, such as `listen-addr`.
    pub(super) fn flag(self) -> &'a str {
        self.flag
    }

    /// Returns the name, which is the environment variable's, such as `LISTEN_ADDR`.
    pub(super) fn name(self) -> String {
        name(self.flag)
    }

    /// Returns the key in the settings file, such as `listen_addr`.
    pub(super) fn key(self) -> String {
        self.flag.replace('-', "_")
    }

    /// Returns whether the value is a secret, which may come from a file and is never shown.
    pub(super) fn is_secret(self) -> bool {
        self.is::<Secret>() || self.is::<NumbersWithCodes>()
    }

    /// Returns whether a value, or each value of a list, is parsed as a `T`.
    pub(super) fn is<T: 'static>(self) -> bool {
        self.arg.get_value_parser().type_id() == TypeId::of::<T>()
    }

    /// Returns whether the value is a list. The help marks a list with an ellipsis.
    pub(super) fn is_list(self) -> bool {
        self.arg.get_value_names().unwrap_or_default().iter().any(|name| name.ends_with('…'))
    }

    /// Returns the heading in the help.
    pub(super) fn heading(self) -> &'a str {
        self.arg.get_help_heading().unwrap_or_default()
    }

    /// Returns the help without the default.
    pub(super) fn meaning(self) -> String {
        let help = self.help();
        help.split_once(DEFAULT).map_or(help.as_str(), |(meaning, _)| meaning).trim_end().to_owned()
    }

    /// Returns the default: a value, or a description in words.
    pub(super) fn default(self) -> Option<Default> {
        let values: Vec<_> = self.arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !values.is_empty() {
            return Some(Default::Value(values.join(",")));
        }
        let help = self.help();
        let described = help.split_once(DEFAULT)?.1.strip_suffix(']')?;
        Some(Default::Description(described.to_owned()))
    }

    /// Returns the values that are possible, if there are few, each with its meaning.
    pub(super) fn possible_values(self) -> Vec<(String, String)> {
        let shown = self.arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
        let described = |value: clap::builder::PossibleValue| {
            (value.get_name().to_owned(), value.get_help().map(ToString::to_string).unwrap_or_default())
        };
        shown.map(described).collect()
    }

    fn help(self) -> String {
        self.arg.get_help().map(ToString::to_string).unwrap_or_default()
    }
}

/// The start of the default in the help of a setting, if clap itself does not know the default.
const DEFAULT: &str = "[default: ";

/// The default of a setting.
pub(super) enum Default {
    /// This value.
    Value(String),
    /// What the server does or uses, in words.
    Description(String),
}

/// Returns the setting's name for a flag: `--listen-addr` is `LISTEN_ADDR`.
pub(super) fn name(flag: &str) -> String {
    flag.replace('-', "_").to_uppercase()
}

/// Adds to a command what all settings have in common, and for each secret the flag that names a file.
pub(super) fn complete(command: Command) -> Command {
    let secrets: Vec<Setting<'_>> = settings(&command).filter(|setting| setting.is_secret()).collect();
    let help = after_help(&secrets);
    let file_flags: Vec<Arg> = secrets.into_iter().map(file_flag).collect();
    command.mut_args(with_common_attributes).args(file_flags).after_help(help)
}

fn with_common_attributes(arg: Arg) -> Arg {
    // A setting can stand before and after the name of the subcommand.
    let arg = arg.global(true);
    let kind = arg.get_value_parser().type_id();
    if kind == TypeId::of::<bool>() {
        // `--playground` is `--playground=true`. Without the equals sign, the next argument would be its value.
        let arg = arg.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true");
        return arg.value_parser(BoolishValueParser::new());
    }

    let value_names = [
        (TypeId::of::<u32>(), "N"),
        (TypeId::of::<usize>(), "N"),
        (TypeId::of::<f64>(), "RATIO"),
        (TypeId::of::<Duration>(), "DURATION"),
    ];
    match value_names.into_iter().find(|(of, _)| kind == *of) {
        Some((_, value_name)) => arg.value_name(value_name),
        None => arg,
    }
}

fn file_flag(secret: Setting<'_>) -> Arg {
    let flag = format!("{}-file", secret.flag());
    // The list of settings stays readable; the text below it explains these flags.
    Arg::new(flag.replace('-', "_")).long(flag).value_name("FILE").hide(true).global(true)
}

fn after_help(secrets: &[Setting<'_>]) -> String {
    let files: Vec<_> = secrets.iter().map(|secret| format!("{}_FILE", secret.name())).collect();
    format!(
        "Every setting is a flag, an environment variable and a key of the TOML file that --config names: \
        --listen-addr, LISTEN_ADDR and listen_addr are the same setting. A flag overrides the environment, and the \
        environment overrides the file. The value of a secret can be in a separate file: {}.",
        files.join(", ")
    )
}
