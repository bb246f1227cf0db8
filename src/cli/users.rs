//! `users`: what support staff can do with users, over the database of the settings.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;

use self::output::Output;
use super::operator;
use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings};
use crate::operators::{Format, Imported, Operators, Rejected, Revealed, Source};
use crate::phone::PhoneNumber;
use crate::store::StoreError;
use crate::users::{PhoneChangeOutcome, User};

mod output;

/// How many users one statement reads.
const PAGE: u32 = 500;
/// How many users an import stores between two lines of progress.
const PROGRESS: usize = 10_000;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum UsersCommand {
    /// Print a user: phone, id, time of sign-up, name
    Find {
        /// Phone number, such as +8613711112222, or user id
        user: String,
        #[command(flatten)]
        output: Output,
    },
    /// Add a user, so that the phone can sign in while sign-up is closed
    Add {
        /// Phone number, such as +8613711112222
        phone: String,
    },
    /// Print all users, one a line
    List {
        #[command(flatten)]
        output: Output,
    },
    /// End all sessions of a user
    EndSessions {
        /// Phone number, such as +8613711112222, or user id
        user: String,
    },
    /// Give a user another phone, and end their sessions. Make sure that the phone belongs to the user: no code is sent
    ChangePhone {
        /// Present phone number, such as +8613711112222, or user id
        user: String,
        /// New phone number
        phone: String,
    },
    /// End all sessions of a user, and refuse new ones
    Ban {
        /// Phone number, such as +8613711112222, or user id
        user: String,
    },
    /// Let a banned user sign in again
    Unban {
        /// Phone number, such as +8613711112222, or user id
        user: String,
    },
    /// Delete a user and all their data, end their sessions, and revoke their device tokens if Redis is configured
    #[command(alias = "remove")]
    Delete {
        /// Phone number, such as +8613711112222, or user id
        user: String,
    },
    /// Revoke the device tokens of a phone, after another command could not reach Redis
    RevokeDevices {
        /// Phone number, such as +8613711112222
        phone: String,
    },
    /// Print everything that the database has about a user, as JSON
    Export {
        /// Phone number, such as +8613711112222, or user id
        user: String,
        /// Print the whole phone number
        #[arg(long)]
        reveal: bool,
    },
    /// Add the users in a file. Users whose phone has an account already are skipped, so the command can be repeated
    Import {
        /// File with a JSON object a line: phone, and optionally name, avatar, created_at
        file: PathBuf,
        /// The file is the table `info` of Tencent's smsLogin demo, as CSV with a first line of column names, or as JSON lines
        #[arg(long)]
        smslogin_demo: bool,
    },
}

pub(super) async fn run(command: UsersCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    // The first users can be added before the server has ever run.
    if !matches!(command, UsersCommand::Add { .. } | UsersCommand::Import { .. } | UsersCommand::RevokeDevices { .. }) {
        app::require_database(&config.database)?;
    }
    let operators = app::operators(&config, operator::actor(), Arc::new(SystemClock)).await?;
    let desk = Desk { config, operators };
    match command {
        UsersCommand::Find { user, output } => desk.find(&user, output).await,
        UsersCommand::Add { phone } => desk.add(&phone).await,
        UsersCommand::List { output } => desk.list(output).await,
        UsersCommand::EndSessions { user } => desk.end_sessions(&user).await,
        UsersCommand::ChangePhone { user, phone } => desk.change_phone(&user, &phone).await,
        UsersCommand::Ban { user } => desk.ban(&user).await,
        UsersCommand::Unban { user } => desk.unban(&user).await,
        UsersCommand::Delete { user } => desk.delete(&user).await,
        UsersCommand::RevokeDevices { phone } => desk.revoke_devices(&phone).await,
        UsersCommand::Export { user, reveal } => desk.export(&user, reveal).await,
        UsersCommand::Import { file, smslogin_demo } => {
            desk.import(&file, if smslogin_demo { Format::SmsLoginDemo } else { Format::JsonLines }).await
        }
    }
}

/// Runs the commands of one operator.
struct Desk {
    config: Config,
    operators: Operators,
}

impl Desk {
    async fn find(&self, user: &str, output: Output) -> anyhow::Result<ExitCode> {
        let user = self.get(user).await?;
        if output.reveal {
            self.operators.reveal(Some(&user), Revealed::Phone).await?;
        }
        super::print(&output.line(&user))
    }

    async fn add(&self, phone: &str) -> anyhow::Result<ExitCode> {
        let user = self.config.sessions.new_user(self.phone(phone)?, SystemClock.now());
        let id = user.id;
        if !self.operators.add(user).await? {
            bail!("a user has this phone already");
        }
        super::print(&format!("{id}\n"))
    }

    async fn list(&self, output: Output) -> anyhow::Result<ExitCode> {
        if output.reveal {
            self.operators.reveal(None, Revealed::Phone).await?;
        }
        let mut last = None;
        loop {
            let page = self.operators.list(last, PAGE).await?;
            let Some(user) = page.last() else {
                return Ok(ExitCode::SUCCESS);
            };
            last = Some(user.id);
            let lines: String = page.iter().map(|user| output.line(user)).collect();
            super::print(&lines)?;
        }
    }

    async fn end_sessions(&self, user: &str) -> anyhow::Result<ExitCode> {
        let ended = self.operators.end_sessions(&self.get(user).await?).await?;
        super::print(&format!("{}\n", ended.outcome))?;
        finish(ended.revoked, "the sessions are ended", "the user's phone")
    }

    async fn change_phone(&self, user: &str, phone: &str) -> anyhow::Result<ExitCode> {
        let phone = self.phone(phone).context("the new phone")?;
        let user = self.get(user).await?;
        let changed = self.operators.change_phone(&user, phone).await?;
        match changed.outcome {
            PhoneChangeOutcome::Changed => finish(changed.revoked, "the phone is changed", "the old phone"),
            PhoneChangeOutcome::Taken => bail!("the new phone: a user has this phone already"),
            PhoneChangeOutcome::Gone => bail!("the user does not exist any more"),
        }
    }

    async fn ban(&self, user: &str) -> anyhow::Result<ExitCode> {
        let banned = self.operators.ban(&self.get(user).await?).await?;
        if !banned.outcome {
            bail!("the user is banned already");
        }
        finish(banned.revoked, "the ban is stored", "the user's phone")
    }

    async fn unban(&self, user: &str) -> anyhow::Result<ExitCode> {
        if !self.operators.unban(&self.get(user).await?).await? {
            bail!("the user is not banned");
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn delete(&self, user: &str) -> anyhow::Result<ExitCode> {
        let deleted = self.operators.delete(&self.get(user).await?).await?;
        if !deleted.outcome {
            bail!("the user does not exist any more");
        }
        finish(deleted.revoked, "the user is deleted", "the user's phone")
    }

    async fn revoke_devices(&self, phone: &str) -> anyhow::Result<ExitCode> {
        let revoked = self.operators.revoke_devices(&self.phone(phone)?).await;
        revoked.context("Redis failed: no device token was revoked")?;
        Ok(ExitCode::SUCCESS)
    }

    async fn export(&self, user: &str, reveal: bool) -> anyhow::Result<ExitCode> {
        let export = self.operators.export(self.get(user).await?).await?;
        super::print(&output::export(&export, reveal))
    }

    async fn import(&self, path: &Path, format: Format) -> anyhow::Result<ExitCode> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let sessions = &self.config.sessions;
        let default_region = self.config.phone_regions.default;
        let source = Source { format, default_region, avatar: &|| sessions.avatars.pick() };
        let mut said = 0;
        let progress = |done: Imported| {
            let total = done.added + done.skipped;
            if total >= said + PROGRESS {
                said = total;
                say(&summary(done));
            }
        };
        let report = |number: usize, why: Rejected| say(&format!("user {number} of the file: {why}"));

        let done = self.operators.import(BufReader::new(file), &source, report, progress).await?;
        super::print(&format!("{}\n", summary(done)))?;
        Ok(if done.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Returns the user with this phone or id.
    async fn get(&self, user: &str) -> anyhow::Result<User> {
        if let Ok(id) = user.parse() {
            return self.operators.find(id).await?.ok_or_else(|| anyhow!("no user has this id"));
        }
        let phone = self.phone(user).context("USER is no id, and no phone either")?;
        let found = self.operators.find_by_phone(&phone).await?;
        found.ok_or_else(|| anyhow!("no user has this phone"))
    }

    fn phone(&self, phone: &str) -> anyhow::Result<PhoneNumber> {
        Ok(self.config.phone_regions.parse(phone)?)
    }
}

/// Ends a command whose change is stored. If Redis failed, the error says what is done and what is left to do. `phone` says whose
/// device tokens are still valid; the operator knows the number.
fn finish(revoked: Result<(), StoreError>, done: &str, phone: &str) -> anyhow::Result<ExitCode> {
    revoked.with_context(|| {
        format!(
            "{done}, but Redis failed: the device tokens are not revoked. When Redis is back, run \
             `sms-login users revoke-devices` with {phone}"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn summary(done: Imported) -> String {
    format!("{} added, {} skipped, {} rejected", done.added, done.skipped, done.rejected)
}

/// Prints a line to standard error. An operator who has closed it does not read the line.
fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
