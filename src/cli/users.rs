//! `users`: adds, lists and removes users, for servers whose sign-up is closed.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use clap::Subcommand;

use crate::account_store::AccountStore;
use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings};
use crate::phone::PhoneNumber;

/// How many users one statement reads.
const PAGE: u32 = 500;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum UsersCommand {
    /// Add a user, so that the phone can sign in while sign-up is closed
    Add {
        /// Phone number, such as +8613711112222
        phone: String,
    },
    /// Print all users, one a line: phone, id, time of sign-up, name
    List,
    /// Remove a user and all their data, end their sessions, and revoke their device tokens if Redis is configured
    Remove {
        /// Phone number, such as +8613711112222
        phone: String,
    },
}

pub(super) async fn run(command: UsersCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    let users = app::account_store(&config).await?;
    match command {
        UsersCommand::Add { phone } => add(&config, &users, &phone).await,
        UsersCommand::List => list(&users).await,
        UsersCommand::Remove { phone } => remove(&config, &users, &phone).await,
    }
}

async fn add(config: &Config, users: &AccountStore, phone: &str) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let user = config.sessions.new_user(parse(config, phone)?, now);
    if users.add_users(&[user.clone()], &super::operator::actor(), now).await? == 0 {
        bail!("a user has this phone already");
    }
    super::print(&format!("{}\n", user.id))
}

async fn list(users: &AccountStore) -> anyhow::Result<ExitCode> {
    let mut last = None;
    loop {
        let page = users.list_users(last, PAGE).await?;
        let Some(user) = page.last() else {
            return Ok(ExitCode::SUCCESS);
        };
        last = Some(user.id);

        let mut lines = String::new();
        for user in &page {
            writeln!(lines, "{}\t{}\t{}\t{}", user.phone.e164(), user.id, user.created_at, user.name)?;
        }
        super::print(&lines)?;
    }
}

async fn remove(config: &Config, users: &AccountStore, phone: &str) -> anyhow::Result<ExitCode> {
    let phone = parse(config, phone)?;
    let user = users.find_user_by_phone(&phone).await?.ok_or_else(|| anyhow!("no user has this phone"))?;
    // First the tokens: if Redis fails, nothing is removed and the operator can repeat the command.
    if let Some(checking) = app::shared_checking(config, Arc::new(SystemClock))? {
        checking.try_revoke_devices(&phone, config.tokens.device_ttl).await?;
    }
    users.delete_user(&user, &super::operator::actor(), SystemClock.now()).await?;
    Ok(ExitCode::SUCCESS)
}

fn parse(config: &Config, phone: &str) -> anyhow::Result<PhoneNumber> {
    Ok(config.phone_regions.parse(phone)?)
}
