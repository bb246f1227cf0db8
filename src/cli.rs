//! The command line: parses the arguments, reads the settings and runs one command.
//!
//! A command returns its exit code, or the error that stopped it, which `main` prints in one line. Standard output is for
//! what the user asked for; the log goes to standard error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError, JwtAlgorithmSetting, ParseOutcome, PlaygroundConfig, Settings};
use crate::tokens::keys::{self, SigningAlgorithm};
use crate::{graphql, telemetry};

mod check;
mod config;
mod events;
mod healthcheck;
mod lan;
mod operator;
mod running;
mod spend;
mod users;

/// A GraphQL server to sign in with a phone number and a one-time code sent by SMS.
#[derive(Parser)]
#[command(name = "sms-login", version, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve,
    /// Bring the tables of the database up to date
    Migrate,
    /// Print the GraphQL schema
    Schema,
    /// Print a new signing key in PEM, and its id
    Keygen {
        /// Value of JWT_ALGORITHM that the key is for
        #[arg(long, value_name = "ALGORITHM", default_value = "EdDSA")]
        algorithm: JwtAlgorithmSetting,
    },
    /// Test everything that the settings configure, and exit with 1 if something fails
    Check,
    /// Print the effective settings and where each comes from, secrets masked
    Config {
        /// Print the reference of all settings instead
        #[arg(long, hide = true)]
        markdown: bool,
    },
    /// Print how many messages were sent on the past days, what became of them, and what they cost
    Spend(spend::SpendArgs),
    /// Find, add, change, ban, delete, export and import users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// List and retry security events whose delivery was given up
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Ask the running server whether it is alive, and exit with 1 if it is not
    Healthcheck,
}

/// Runs the command in `args`, with the settings in `args`, `env` and the settings file.
///
/// # Errors
/// If a setting is refused or the command fails. The error is one line.
pub async fn run(args: Vec<OsString>, env: BTreeMap<String, OsString>) -> anyhow::Result<ExitCode> {
    let cli = match crate::config::parse::<Cli>(&args, &env)? {
        ParseOutcome::Parsed(mut cli, origins) => {
            cli.settings.origins = origins;
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
        Command::Keygen { algorithm } => keygen(algorithm.into()),
        Command::Check => check::run(cli.settings).await,
        Command::Config { markdown: true } => config::reference(),
        Command::Config { markdown: false } => config::run(cli.settings),
        Command::Spend(args) => spend::run(args, cli.settings).await,
        Command::Users(command) => users::run(command, cli.settings).await,
        Command::Events(command) => events::run(command, cli.settings).await,
        Command::Healthcheck => healthcheck::run(cli.settings.listen.listen_addr).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    let telemetry = telemetry::init(&settings.logs)?;
    let config = Config::try_from(settings)?;
    let (addr, metrics_addr, playground) = (config.listen_addr, config.metrics_addr, config.playground);

    // From here on, a signal stops the server in an orderly way, also while it starts.
    let stop = stop_on_signal()?;
    let app = Box::pin(App::build(config, Arc::new(SystemClock))).await?;
    let listener = TcpListener::bind(addr).await.map_err(|error| ConfigError::new("LISTEN_ADDR", error))?;

    // The port may have been 0: the log names the one that the system chose.
    let addr = listener.local_addr()?;
    tracing::info!("listening on http://{addr}/graphql");
    if playground != PlaygroundConfig::Off {
        // 0.0.0.0 is no address of a page.
        let host = if addr.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { addr.ip() };
        tracing::info!("open http://{}/ in a browser to sign in and try queries", SocketAddr::new(host, addr.port()));
    }
    if let Some(token) = app.inbox_token() {
        print(&lan::invitation(addr, token))?;
    }
    if let Some(metrics_addr) = metrics_addr {
        app.serve_metrics(metrics_addr).await?;
    }

    app.serve(listener, stop).await;
    // The exporter blocks.
    tokio::task::spawn_blocking(|| telemetry.finish()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a token that SIGTERM and SIGINT cancel.
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

fn keygen(algorithm: SigningAlgorithm) -> anyhow::Result<ExitCode> {
    let key = keys::generate(algorithm)?;
    // Standard output has only the private key, so that it can be redirected into a file.
    let about = format!("kid: {}\npublic key, for JWT_VERIFYING_KEYS after you replace this key:\n", key.kid);
    io::stderr().write_all([about, key.public_pem].concat().as_bytes())?;
    print(&key.private_pem)
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
