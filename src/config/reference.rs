//! The reference of all settings, `docs/settings.md`.

use clap::{Command, CommandFactory};

use super::arguments::{Default, Setting, complete, settings};

const INTRODUCTION: &str = "\
# Settings

<!-- Generated: cargo run -- config --markdown > docs/settings.md -->

Every setting is a flag, an environment variable and a key of the settings file:

| place | example |
| --- | --- |
| flag | `--listen-addr=0.0.0.0:8000` |
| environment | `LISTEN_ADDR=0.0.0.0:8000` |
| file | `listen_addr = \"0.0.0.0:8000\"` |

A flag overrides the environment, and the environment overrides the file. `sms-login config` prints the effective value of
every setting and where it comes from.

- The settings file is TOML. `--config` or `CONFIG` names it; without either, there is no file. Numbers, booleans, dates and
  lists can be TOML values: `send_daily_limit = 10`, `allowed_regions = [\"CN\", \"HK\"]`. An unknown key is an error.
- Relative paths start at the working directory of the server.
- An empty environment variable or an empty string in the file does not set anything.
- A secret can be in a file: `CODE_SECRET_FILE=/run/secrets/code-secret` reads `CODE_SECRET` from there. The same works as
  a flag, `--code-secret-file`, and in the settings file, `code_secret_file`.
- A duration has numbers and units, down to milliseconds: `250ms`, `30s`, `5m`, `1h30m`, `30d`.
- `0` has the meaning that the setting describes.
- A boolean is `true` or `false`; `--playground` alone is `--playground=true`.
- A list is separated by commas.
";

/// Returns the reference of all settings as Markdown.
#[must_use]
pub fn markdown<T: CommandFactory>() -> String {
    table(&complete(T::command()))
}

fn table(command: &Command) -> String {
    let mut parts = vec![INTRODUCTION.to_owned()];
    let mut heading = "";
    for setting in settings(command) {
        if setting.heading() != heading {
            heading = setting.heading();
            parts.push(format!("\n## {heading}\n\n{COLUMNS}"));
        }
        parts.push(row(setting));
    }
    parts.concat()
}

const COLUMNS: &str = "\
| name | flag | default | secret | meaning |
| --- | --- | --- | --- | --- |
";

fn row(setting: Setting<'_>) -> String {
    let default = match setting.default() {
        Some(Default::Value(value)) => format!("`{value}`"),
        Some(Default::Description(description)) => description,
        None => String::new(),
    };
    let secret = if setting.is_secret() { "yes" } else { "" };
    // `true` and `false` have no help text.
    let values = setting.possible_values().into_iter().filter(|(_, about)| !about.is_empty());
    let values = values.map(|(value, about)| format!("<br>`{value}`: {about}"));
    let meaning: String = std::iter::once(setting.meaning().replace('*', "\\*")).chain(values).collect();

    let (name, flag) = (format!("`{}`", setting.name()), format!("`--{}`", setting.flag()));
    let cells = [name, flag, default, secret.to_owned(), meaning].map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}
