//! Where values come from: flags, then the environment, then the settings file.
//!
//! Each value from the environment or the file becomes a flag before clap parses all of them, so that every source has the
//! same parsers and errors. A library for layers, such as figment or config, would need a second set of parsers for serde,
//! and repeats refused values in its errors.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use url::Url;

use super::arguments::{CONFIG, Default as SettingDefault, Setting, complete, name, settings};
use super::file::FileContents;
use super::table::Table;
use super::values::masked_query;
use super::{ConfigError, file, routes};

/// A file that contains the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The setting that names the file, such as `CODE_SECRET_FILE` or `CONFIG`.
    pub setting: String,
    /// The path of the file.
    pub path: PathBuf,
}

/// The kind of place that a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A flag of the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The settings file.
    File,
    /// The default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// A setting with its effective value. `Display` is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// The name, such as `LISTEN_ADDR`.
    pub name: String,
    /// The value. `(set)` stands for a secret, and a description in parentheses for a default that is not a value.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
}

impl fmt::Display for EffectiveSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<11}  {}={}", self.source, self.name, self.value)
    }
}

/// Where the values of all settings come from.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// The settings in the order of the help.
    pub settings: Vec<EffectiveSetting>,
    /// The settings file, if one is used.
    pub file: Option<PathBuf>,
    /// The files that contain the values of secrets.
    pub secret_files: Vec<SecretFile>,
    /// The message routes of the settings file, in their order.
    pub routes: Vec<Table>,
}

impl Origins {
    /// Returns a line for each value of the message routes, with secrets masked.
    #[must_use]
    pub fn printed_routes(&self) -> Vec<String> {
        let lines = routes::printed(&self.routes).into_iter();
        lines.map(|line| format!("{:<11}  {line}", Source::File)).collect()
    }

    /// Makes an error name the settings file if the refused value comes from it.
    pub(super) fn located(&self, error: ConfigError) -> ConfigError {
        let is_from_file = |setting: &EffectiveSetting| setting.name == error.setting && setting.source == Source::File;
        match &self.file {
            Some(path) if self.settings.iter().any(is_from_file) => {
                ConfigError { setting: file::label(&error.setting.to_lowercase(), path), ..error }
            }
            Some(_) | None => error,
        }
    }
}

/// The outcome of reading the arguments, the environment and the settings file.
pub enum ParseOutcome<T> {
    /// The arguments, and where the values of the settings come from.
    Parsed(T, Origins),
    /// The user asked for help or the version, or the arguments are not a command. The error prints the answer.
    Said(clap::Error),
}

/// Parses `T`, which contains [`Settings`](super::Settings), from `args`, then `env`, then the settings file that they name.
///
/// An empty environment variable does not set anything.
///
/// # Errors
/// If a value is refused, or a file cannot be read.
pub fn parse<T: CommandFactory + FromArgMatches>(
    args: &[OsString],
    env: &BTreeMap<String, OsString>,
) -> Result<ParseOutcome<T>, ConfigError> {
    let command = complete(T::command());
    let (program, given) = args.split_first().map_or((OsString::from("sms-login"), args), |(p, g)| (p.clone(), g));

    // The flags alone say which settings they override, and where the settings file is.
    let flags = [std::slice::from_ref(&program), given].concat();
    let flags = match command.clone().try_get_matches_from(flags) {
        Ok(flags) => flags,
        Err(error) => return said_or_refused(error, |name| name),
    };
    let layers = layers(&command, &flags, env)?;
    let found = resolve(&command, &layers)?;

    let mut all = vec![program];
    all.extend(found.iter().filter_map(Found::as_flag));
    all.extend(given.iter().cloned());
    let parsed = command.clone().try_get_matches_from(all).and_then(|all| Ok((T::from_arg_matches(&all)?, all)));
    match parsed {
        Ok((parsed, all)) => Ok(ParseOutcome::Parsed(parsed, origins(&command, &all, &found, &layers))),
        Err(error) => said_or_refused(error, |name| {
            let found = found.iter().find(|found| found.setting.name() == name);
            found.map_or(name.clone(), |found| found.layer.label(&name))
        }),
    }
}

/// The values of one source.
struct Layer {
    source: Source,
    /// By the names of the settings.
    values: BTreeMap<String, OsString>,
    /// The settings file, if this is its layer.
    file: Option<PathBuf>,
    /// The message routes, if this is the layer of the settings file.
    routes: Vec<Table>,
}

/// A value, and the layer that it comes from.
struct Found<'a> {
    setting: Setting<'a>,
    value: OsString,
    layer: &'a Layer,
    /// The file that `NAME_FILE` named.
    secret_file: Option<SecretFile>,
}

/// Returns the layers; one overrides those after it.
fn layers(command: &Command, flags: &ArgMatches, env: &BTreeMap<String, OsString>) -> Result<Vec<Layer>, ConfigError> {
    let given = command.get_arguments().filter(|arg| {
        let id = arg.get_id().as_str();
        flags.value_source(id) == Some(ValueSource::CommandLine)
    });
    let given = given.filter_map(|arg| Some((name(arg.get_long()?), raw(flags, arg.get_id().as_str())?)));
    let given = Layer { source: Source::Flag, values: given.collect(), file: None, routes: Vec::new() };
    let env = env.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.clone(), value.clone()));
    let env = Layer { source: Source::Environment, values: env.collect(), file: None, routes: Vec::new() };

    let config = name(CONFIG);
    let path = given.values.get(&config).or_else(|| env.values.get(&config)).map(PathBuf::from);
    let mut layers = vec![given, env];
    if let Some(path) = path {
        let FileContents { values, routes } = file::read(&path, command)?;
        layers.push(Layer { source: Source::File, values, file: Some(path), routes });
    }
    Ok(layers)
}

fn resolve<'a>(command: &'a Command, layers: &'a [Layer]) -> Result<Vec<Found<'a>>, ConfigError> {
    let mut all = Vec::new();
    for setting in settings(command) {
        for layer in layers {
            if let Some(found) = layer.find(setting)? {
                all.push(found);
                break;
            }
        }
    }
    Ok(all)
}

impl Layer {
    fn find<'a>(&'a self, setting: Setting<'a>) -> Result<Option<Found<'a>>, ConfigError> {
        let name = setting.name();
        let file_name = format!("{name}_FILE");
        let path = self.values.get(&file_name).filter(|_| setting.is_secret());
        match (self.values.get(&name), path) {
            (Some(_), Some(_)) => {
                let reason = format!("set {name} or {file_name}, not both");
                Err(ConfigError::new(self.label(&file_name), reason))
            }
            (Some(value), None) => Ok(Some(Found { setting, value: value.clone(), layer: self, secret_file: None })),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| ConfigError::new(self.label(&file_name), error))?;
                let value = text.trim_end_matches(['\r', '\n']).into();
                let secret_file = Some(SecretFile { setting: file_name, path: path.into() });
                Ok(Some(Found { setting, value, layer: self, secret_file }))
            }
            (None, None) => Ok(None),
        }
    }

    /// Returns how an error names a setting of this layer.
    fn label(&self, name: &str) -> String {
        match &self.file {
            Some(path) => file::label(&name.to_lowercase(), path),
            None => name.to_owned(),
        }
    }
}

impl Found<'_> {
    /// Returns the flag that has this value, unless the user gave it.
    fn as_flag(&self) -> Option<OsString> {
        if self.layer.source == Source::Flag && self.secret_file.is_none() {
            return None;
        }
        let mut flag = OsString::from(format!("--{}=", self.setting.flag()));
        flag.push(&self.value);
        Some(flag)
    }

    /// Returns the settings file if it contains this value and the value is a secret.
    fn exposed_by(&self) -> Option<&Path> {
        self.layer.file.as_deref().filter(|_| self.setting.is_secret() && self.secret_file.is_none())
    }
}

fn origins(command: &Command, all: &ArgMatches, found: &[Found<'_>], layers: &[Layer]) -> Origins {
    let source_of = |setting: Setting<'_>| {
        let found = found.iter().find(|found| found.setting.id() == setting.id());
        found.map_or(Source::Default, |found| found.layer.source)
    };
    let effective = |setting: Setting<'_>| EffectiveSetting {
        name: setting.name(),
        value: shown(setting, raw(all, setting.id()).as_deref()),
        source: source_of(setting),
    };

    let mut secret_files: Vec<_> = found.iter().filter_map(|found| found.secret_file.clone()).collect();
    let exposed_by = found.iter().find_map(Found::exposed_by);
    secret_files.extend(exposed_by.map(|path| SecretFile { setting: name(CONFIG), path: path.to_owned() }));
    let file = layers.iter().find_map(|layer| layer.file.clone());
    let routes: Vec<Table> = layers.iter().flat_map(|layer| layer.routes.clone()).collect();
    secret_files.extend(routes::secret_files(&routes, file.as_ref()));
    Origins { settings: settings(command).map(effective).collect(), file, secret_files, routes }
}

/// Returns a value in one line, without its secrets.
fn shown(setting: Setting<'_>, value: Option<&OsStr>) -> String {
    let Some(value) = value else {
        return match setting.default() {
            Some(SettingDefault::Description(description)) => format!("({description})"),
            Some(SettingDefault::Value(_)) | None => "(not set)".to_owned(),
        };
    };

    let value = masked_query(value.to_string_lossy().into_owned());
    // A URL that is not meant to have a password is refused only when it is used.
    let has_password = Url::parse(&value).is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
    if setting.is_secret() || has_password {
        return "(set)".to_owned();
    }
    value.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Returns an argument's value as text; the values of a list are separated by commas.
fn raw(matches: &ArgMatches, id: &str) -> Option<OsString> {
    let values: Vec<_> = matches.get_raw(id)?.collect();
    Some(values.join(OsStr::new(",")))
}

/// Returns a refused value as our error, whose setting `label` names. Every other error is for clap to print.
fn said_or_refused<T>(
    error: clap::Error,
    label: impl FnOnce(String) -> String,
) -> Result<ParseOutcome<T>, ConfigError> {
    match refusal(&error) {
        Some((name, reason)) => Err(ConfigError::new(label(name), reason)),
        None => Ok(ParseOutcome::Said(error)),
    }
}

/// Returns the name of the refused setting and the reason. The `Display` of clap's error would repeat the value.
fn refusal(error: &clap::Error) -> Option<(String, String)> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = argument.split([' ', '=', '[']).next()?.strip_prefix("--")?;
    let reason = match (error.source(), error.get(ContextKind::ValidValue)) {
        // "invalid digit found in string" does not say what is expected.
        (Some(source), _) if source.is::<ParseIntError>() => "not a whole number".to_owned(),
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => format!("not one of {}", valid.join(", ")),
        (None, _) => "needs a value".to_owned(),
    };
    Some((name(flag), reason))
}
