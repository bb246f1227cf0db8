//! Settings of the server's own addresses and of its shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::values::duration;

/// Settings of the server's own addresses and of its shutdown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct ListenSettings {
    /// Address and port that the server listens on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub listen_addr: SocketAddr,
    /// Address and port that serve Prometheus metrics, at /metrics [default: no metrics]
    #[arg(long, value_name = "ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    /// How long open requests may take to finish at shutdown; 0 to cut them off
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub shutdown_grace: Duration,
}
