//! `events`: the events whose delivery was given up, and retrying them.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use uuid::Uuid;

use crate::app;
use crate::clock::SystemClock;
use crate::config::{Config, Settings};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum EventsCommand {
    /// Print the events whose delivery was given up, one a line: id, kind, user id, time, last failure
    Dead,
    /// Deliver events again whose delivery was given up. With --all, prints their number
    Retry {
        /// Id of the event
        #[arg(required_unless_present = "all")]
        id: Option<Uuid>,
        /// Deliver all such events again
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

pub(super) async fn run(command: EventsCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    app::require_database(&config.database)?;
    let events = app::event_log(&config, Arc::new(SystemClock)).await?;
    match command {
        EventsCommand::Dead => {
            let mut lines = String::new();
            for event in events.dead().await? {
                let user = event.user_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
                let failure = event.failure.unwrap_or_default();
                writeln!(lines, "{}\t{}\t{user}\t{}\t{failure}", event.id, event.kind, event.created_at)?;
            }
            super::print(&lines)
        }
        EventsCommand::Retry { id: Some(id), .. } => {
            if !events.retry(id).await? {
                bail!("there is no such event whose delivery was given up");
            }
            Ok(ExitCode::SUCCESS)
        }
        EventsCommand::Retry { id: None, .. } => super::print(&format!("{}\n", events.retry_all().await?)),
    }
}
