//! The load harness. It starts private MariaDB and Redis servers, a stand-in for Tencent Cloud SMS, the server and the
//! floor, drives both over HTTP, and prints what each operation costs.
//!
//! One core runs the program that is measured; the other one runs the harness and the stores.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

mod client;
mod compare;
mod growth;
mod hold;
mod load;
mod machine;
mod report;
mod scenario;
mod stub;
mod target;
mod world;

use scenario::Scenario;
use target::Kind;

/// Measures sms-login
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare the server with the floor, round by round
    Compare {
        #[command(flatten)]
        options: Options,
        /// Number of rounds
        #[arg(long, default_value_t = 7)]
        rounds: usize,
        /// Three short rounds, for a first look
        #[arg(long)]
        quick: bool,
        /// Number of connections
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// Number of users in the database
        #[arg(long, default_value_t = 10_000)]
        users: u64,
    },
    /// Measure how cost grows with users and with connections
    Growth {
        #[command(flatten)]
        options: Options,
        /// Numbers of users
        #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
        users: Vec<u64>,
        /// Numbers of connections
        #[arg(long, value_delimiter = ',', default_value = "1,32,256,1024")]
        connections: Vec<usize>,
        /// Operations of one scenario in one round
        #[arg(long, default_value_t = 3000)]
        operations: u64,
    },
    /// Keep the server under the load of one scenario, for a profiler
    Hold {
        #[command(flatten)]
        options: Options,
        /// Seconds
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Put the floor under load instead of the server
        #[arg(long)]
        floor: bool,
        /// Number of connections
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// A program with its arguments that runs the program under load, such as valgrind
        #[arg(long, value_delimiter = ' ', allow_hyphen_values = true)]
        under: Vec<String>,
    },
}

/// What every command has.
#[derive(Args)]
struct Options {
    /// The server's program
    #[arg(long, default_value = "target/release/sms-login")]
    server: PathBuf,
    /// Scenarios; all if absent
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// File that gets the figures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    fn scenarios(&self) -> Vec<Scenario> {
        if self.scenarios.is_empty() { Scenario::ALL.to_vec() } else { self.scenarios.clone() }
    }
}

/// One thread is enough: the harness has one core, which it shares with the stores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    machine::stay_on_the_stores_core()?;
    let work = async {
        match cli.command {
            Command::Compare { options, rounds, quick, connections, users } => {
                let plan = compare::Plan::new(rounds, quick, connections, users);
                compare::run(&options, &plan).await
            }
            Command::Growth { options, users, connections, operations } => {
                growth::run(&options, &growth::Plan { users, connections, operations }).await
            }
            Command::Hold { options, seconds, floor, connections, under } => {
                let kind = if floor { Kind::Floor } else { Kind::Server };
                hold::run(&options, &hold::Plan { kind, connections, seconds, under }).await
            }
        }
    };
    // At Ctrl-C, dropping the work ends the servers and removes their folders.
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
