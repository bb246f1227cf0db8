//! Settings of client connections, and of the operations that run for them.

use clap::Args;

/// How many client connections may be open, and how many operations may run.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionSettings {
    /// Client connections that may be open at once
    /// [default: as many as the limit of open files allows, at most 10000]
    #[arg(long, value_parser = at_least_one)]
    pub max_connections: Option<usize>,
    /// Client connections that one address may have open at once; 0 for no limit. It does not apply to TRUSTED_PROXIES
    /// [default: 256, or a quarter of MAX_CONNECTIONS if that is less]
    #[arg(long)]
    pub max_connections_per_address: Option<usize>,
    /// GraphQL operations that may run at once; a request beyond is rejected with status 503 and Retry-After
    #[arg(long, value_parser = at_least_one, default_value = "1000")]
    pub max_operations: usize,
}

/// Parses a number of at least 1. The error of clap's own parser would name the largest number that the machine can count.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "not a number of at least 1".to_owned())
}
