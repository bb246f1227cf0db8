//! Where settings come from: flags, then the environment, then files that the environment names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::ConfigError;

/// The settings whose value a file may hold, named by `NAME_FILE`.
const FROM_FILE: [&str; 9] = [
    "CODE_SECRET",
    "DATABASE_URL",
    "JWT_SECRET",
    "JWT_SIGNING_KEY",
    "JWT_VERIFYING_KEYS",
    "REDIS_URL",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENT_CAPTCHA_APP_SECRET_KEY",
];

/// A file that a setting's value was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The setting that names the file, such as `CODE_SECRET_FILE`.
    pub setting: String,
    /// The file.
    pub path: PathBuf,
}

/// The outcome of reading the arguments and the environment.
pub enum ParseOutcome<T> {
    /// The settings, and the files that some of them were read from.
    Parsed(T, Vec<SecretFile>),
    /// Help or version was asked for, or the arguments are no command: clap says the rest.
    Said(clap::Error),
}

/// Reads `T`'s arguments from `args`, and those that are not among them from `env`. An empty variable counts as unset.
///
/// # Errors
/// If a setting's value is not of its form, or its file cannot be read.
pub fn parse<T: CommandFactory + FromArgMatches>(
    args: &[OsString],
    env: &BTreeMap<String, OsString>,
) -> Result<ParseOutcome<T>, ConfigError> {
    let command = T::command();
    let (program, given) = args.split_first().map_or((OsString::from("sms-login"), args), |(p, g)| (p.clone(), g));
    let (mut all, mut files) = (vec![program], Vec::new());
    for flag in command.get_arguments().filter_map(Arg::get_long) {
        if let Some((value, file)) = from_env(flag, given, env)? {
            let mut argument = OsString::from(format!("--{flag}="));
            argument.push(value);
            all.push(argument);
            files.extend(file);
        }
    }
    all.extend(given.iter().cloned());
    match matches(command, all) {
        Ok(parsed) => Ok(ParseOutcome::Parsed(parsed, files)),
        Err(error) => match refused_setting(&error) {
            Some(refusal) => Err(refusal),
            None => Ok(ParseOutcome::Said(error)),
        },
    }
}

fn matches<T: FromArgMatches>(command: Command, args: Vec<OsString>) -> Result<T, clap::Error> {
    T::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// The value that the environment has for a flag that is not given, and the file that the value was read from.
fn from_env(
    flag: &str,
    given: &[OsString],
    env: &BTreeMap<String, OsString>,
) -> Result<Option<(OsString, Option<SecretFile>)>, ConfigError> {
    let is_this = |argument: &OsString| {
        let name = argument.to_str().and_then(|argument| argument.strip_prefix("--"));
        name.is_some_and(|name| name.split('=').next() == Some(flag))
    };
    if given.iter().any(is_this) {
        return Ok(None);
    }
    let name = setting_name(flag);
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
    let file_name = format!("{name}_FILE");
    let file = set(&file_name).filter(|_| FROM_FILE.contains(&name.as_str()));
    match (set(&name), file) {
        (Some(_), Some(_)) => Err(ConfigError::new(file_name, format!("set {name} or {name}_FILE, not both"))),
        (Some(value), None) => Ok(Some((value.clone(), None))),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::new(file_name.clone(), error))?;
            let value = text.trim_end_matches(['\r', '\n']).into();
            Ok(Some((value, Some(SecretFile { setting: file_name, path: path.into() }))))
        }
        (None, None) => Ok(None),
    }
}

/// `--listen-addr` is `LISTEN_ADDR`.
fn setting_name(flag: &str) -> String {
    flag.replace('-', "_").to_uppercase()
}

/// The refusal of one setting's value, in our words. The value is left out: it may be a secret.
fn refused_setting(error: &clap::Error) -> Option<ConfigError> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = argument.split([' ', '=', '[']).next()?.strip_prefix("--")?;
    let reason = match (std::error::Error::source(error), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => format!("not one of {}", valid.join(", ")),
        (None, _) => "needs a value".to_owned(),
    };
    Some(ConfigError::new(setting_name(flag), reason))
}
