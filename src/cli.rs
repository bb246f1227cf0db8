//! The commands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::clock::SystemClock;
use crate::config::{self, Config, ConfigError, ParseOutcome, PlaygroundConfig, Settings};
use crate::tokens::keys;
use crate::{graphql, telemetry};

mod check;
mod healthcheck;

/// A GraphQL server that signs people in with a code sent by SMS.
#[derive(Parser)]
#[command(name = "sms-login", version, about, after_help = AFTER_HELP, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

const AFTER_HELP: &str = "Every setting is an environment variable too: --listen-addr is LISTEN_ADDR. \
A secret can come from a file: CODE_SECRET_FILE, DATABASE_URL_FILE, JWT_SECRET_FILE, JWT_SIGNING_KEY_FILE, \
JWT_VERIFYING_KEYS_FILE, REDIS_URL_FILE, TENCENTCLOUD_SECRET_ID_FILE, TENCENTCLOUD_SECRET_KEY_FILE, \
TENCENT_CAPTCHA_APP_SECRET_KEY_FILE.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve,
    /// Bring the database's tables up to date
    Migrate,
    /// Print the GraphQL schema
    Schema,
    /// Print a new signing key, Ed25519 in PEM, and its id
    Keygen,
    /// Try every configured part, say what was found, and exit with 1 where one fails
    Check,
    /// Ask the running server whether it is alive, and exit with 1 where it is not
    Healthcheck,
}

/// Runs the command that `args` name, with the settings of `args` and `env`.
///
/// # Errors
/// What stopped the command, in one line.
pub async fn run(args: Vec<OsString>, env: BTreeMap<String, OsString>) -> anyhow::Result<ExitCode> {
    let cli = match config::parse::<Cli>(&args, &env)? {
        ParseOutcome::Parsed(mut cli, files) => {
            cli.settings.secret_files = files;
            cli
        }
        ParseOutcome::Said(said) => {
            said.print()?;
            return Ok(ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2)));
        }
    };
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(cli.settings).await,
        Command::Migrate => migrate(cli.settings).await,
        Command::Schema => print(&graphql::sdl()),
        Command::Keygen => keygen(),
        Command::Check => check::run(cli.settings).await,
        Command::Healthcheck => healthcheck::run(cli.settings.listen_addr).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    telemetry::init(&settings.log, settings.log_format)?;
    let config = Config::try_from(settings)?;
    let (addr, metrics_addr, playground) = (config.listen_addr, config.metrics_addr, config.playground);
    let stop = stop_on_signal()?;
    let app = App::build(config, Arc::new(SystemClock)).await?;
    let listener = TcpListener::bind(addr).await.map_err(|error| ConfigError::new("LISTEN_ADDR", error))?;
    let addr = listener.local_addr()?;
    tracing::info!("listening on http://{addr}/graphql");
    if playground != PlaygroundConfig::Off {
        tracing::info!("open http://{addr}/ in a browser to sign in and try queries");
    }
    if let Some(metrics_addr) = metrics_addr {
        app::serve_metrics(metrics_addr).await?;
    }
    app.serve(listener, stop).await;
    Ok(ExitCode::SUCCESS)
}

/// A token that SIGTERM and SIGINT cancel.
fn stop_on_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        cancel.cancel();
    });
    Ok(stop)
}

async fn migrate(settings: Settings) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    let database = app::open_database(&config.database).await?;
    database.migrate().await.map_err(app::StartError::Database)?;
    print("The database is up to date.\n")
}

fn keygen() -> anyhow::Result<ExitCode> {
    let key = keys::generate()?;
    let about = format!("kid: {}\npublic key, for JWT_VERIFYING_KEYS once this key is old:\n", key.kid);
    io::stderr().write_all([about, key.public_pem].concat().as_bytes())?;
    print(&key.private_pem)
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
