//! Settings of Redis, which several servers share for one-time codes and rate limits.

use clap::Args;

use super::{ConfigError, Secret};
use crate::redis::KeyPrefix;

const SCHEMES: [&str; 2] = ["redis://", "rediss://"];

/// Settings of Redis.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// URL of Redis, redis://host:6379 or rediss://host:6379; several, comma-separated, are the nodes of a cluster
    /// [default: no Redis, codes and limits in memory]
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    pub redis_url: Vec<Secret>,
    /// Prefix of every key in Redis, so that several environments can share one Redis
    #[arg(long, value_name = "PREFIX", default_value_t)]
    pub redis_key_prefix: KeyPrefix,
}

impl RedisSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_redis = |url: &Secret| SCHEMES.iter().any(|scheme| url.expose().starts_with(scheme));
        if self.redis_url.iter().all(is_redis) {
            return Ok(());
        }
        Err(ConfigError::new("REDIS_URL", "not of the form redis://host:6379 or rediss://host:6379"))
    }
}
