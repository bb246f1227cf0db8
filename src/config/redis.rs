//! Settings of Redis, which several servers share for one-time codes and rate limits.

use clap::Args;

use super::{ConfigError, Secret};
use crate::redis::{KeyPrefix, is_sentinel};

const SCHEMES: [&str; 2] = ["redis://", "rediss://"];
/// The error for an address of another form.
pub(crate) const FORMS: &str =
    "not of the form redis://host:6379, rediss://host:6379 or redis+sentinel://host:26379/service";

/// Settings of Redis.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// URL of Redis, redis://host:6379 or rediss://host:6379; several, comma-separated, are the nodes of a cluster; for
    /// Sentinel redis+sentinel://host:26379,host:26379/service?db=0 [default: no Redis, codes and limits in memory]
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    pub redis_url: Vec<Secret>,
    /// Prefix of every key in Redis, so that several environments can share one Redis
    #[arg(long, value_name = "PREFIX", default_value_t)]
    pub redis_key_prefix: KeyPrefix,
}

impl RedisSettings {
    /// Returns the URLs of the nodes. An address of Sentinel is one URL, whose hosts are comma-separated.
    pub(super) fn urls(&self) -> Result<Vec<Secret>, ConfigError> {
        if self.redis_url.first().is_some_and(|url| is_sentinel(url.expose())) {
            let parts: Vec<&str> = self.redis_url.iter().map(Secret::expose).collect();
            return Ok(vec![parts.join(",").into()]);
        }
        let is_redis = |url: &Secret| SCHEMES.iter().any(|scheme| url.expose().starts_with(scheme));
        if self.redis_url.iter().all(is_redis) {
            return Ok(self.redis_url.clone());
        }
        Err(ConfigError::new("REDIS_URL", FORMS))
    }
}
