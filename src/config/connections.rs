//! The settings of client connections.

use clap::Args;

/// How many client connections may be open.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ConnectionSettings {
    /// Client connections that may be open at once [default: what the descriptor limit leaves, up to 10000]
    #[arg(long, value_name = "N", value_parser = connections, global = true)]
    pub max_connections: Option<usize>,
    /// Client connections of one address that may be open at once; TRUSTED_PROXIES are exempt; 0 for no limit
    /// [default: 256, or a quarter of MAX_CONNECTIONS if that is less]
    #[arg(long, value_name = "N", global = true)]
    pub max_connections_per_address: Option<usize>,
}

/// Reads a number of connections.
///
/// # Errors
/// A sentence for the operator.
fn connections(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "not a number of at least 1".to_owned())
}
