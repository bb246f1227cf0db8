//! Values of settings that are meant for development, or that leave out a protection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::transport::is_internal;
use crate::config::{Config, PlaygroundConfig};
use crate::limits::GuardMode;
use crate::price::Price;

/// A risky value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Risk {
    /// Codes are printed, but clients of other machines can request them.
    ConsoleSms,
    /// Metrics have no access control, and this address may be public.
    PublicMetrics(SocketAddr),
    /// Pages of every origin may call the server.
    EveryOrigin,
    /// Clients send codes and tokens without encryption.
    PlainHttp,
    /// Nothing looks for SMS pumping.
    NoGuard,
    /// Nothing limits the bill, and messages to expensive regions are allowed.
    NoCeiling,
    /// The connection to a store may be read and changed on its way to this host.
    PlainStore {
        /// The setting with the URL.
        setting: &'static str,
        /// The host.
        host: String,
        /// How the URL asks for encryption.
        remedy: &'static str,
    },
    /// Redis may delete keys to free memory.
    Eviction(String),
}

impl Risk {
    /// Returns the setting that the operator should change, or that names the server to change.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::ConsoleSms => "ALLOW_CONSOLE_SMS",
            Self::PublicMetrics(_) => "METRICS_ADDR",
            Self::EveryOrigin => "CORS_ORIGINS",
            Self::PlainHttp => "PUBLIC_URL",
            Self::NoGuard => "GUARD_MODE",
            Self::NoCeiling => "ALLOWED_REGIONS",
            Self::PlainStore { setting, .. } => setting,
            Self::Eviction(_) => "REDIS_URL",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsoleSms => f.write_str(
                "codes are printed to the terminal, but clients on other machines can request them: set up an SMS provider",
            ),
            Self::PublicMetrics(addr) => {
                write!(f, "metrics are served on {addr} to everybody who can reach it: use a private address, or a firewall")
            }
            Self::EveryOrigin => f.write_str("pages of every origin may call the server: name the origins of your pages"),
            Self::PlainHttp => f.write_str("clients send codes and tokens without encryption: use https"),
            Self::NoGuard => f.write_str("off, so nothing looks for SMS pumping: record only logs and counts it"),
            Self::NoCeiling => f.write_str(
                "codes are sent to every region, and nothing limits the bill: set SEND_TOTAL_DAILY_LIMIT or SPEND_DAILY",
            ),
            Self::PlainStore { host, remedy, .. } => {
                write!(f, "the connection to {host}, which is not a private address, may be unencrypted: use {remedy}")
            }
            Self::Eviction(policy) => write!(
                f,
                "maxmemory-policy of Redis is {policy}: when its memory is full, it deletes codes and counts of limits; set noeviction"
            ),
        }
    }
}

/// Returns the risks that the settings alone show.
pub(super) fn found(config: &Config) -> Vec<Risk> {
    let is_open = !config.listen_addr.ip().is_loopback();
    let is_shared_inbox = config.playground == PlaygroundConfig::PageWithLanInbox;
    let sends = config.sms.sends_to_phones();
    let limits = &config.limits;
    let has_ceiling = limits.total_daily > 0 || limits.spend_daily > Price::ZERO;
    let public_metrics = config.metrics_addr.filter(|addr| !is_internal(addr.ip()));

    let risks = [
        (is_open && !is_shared_inbox && config.sms.prints()).then_some(Risk::ConsoleSms),
        public_metrics.map(Risk::PublicMetrics),
        config.cors.origins.iter().any(|origin| origin == "*").then_some(Risk::EveryOrigin),
        config.public_url.as_deref().is_some_and(is_plain_http).then_some(Risk::PlainHttp),
        (sends && limits.guard.mode == GuardMode::Off).then_some(Risk::NoGuard),
        (sends && config.phone_regions.allowed.is_none() && !has_ceiling).then_some(Risk::NoCeiling),
    ];
    risks.into_iter().flatten().collect()
}

/// Returns whether a URL has the scheme `http` and a host that is not this machine.
fn is_plain_http(url: &str) -> bool {
    let Some(url) = Url::parse(url).ok().filter(|url| url.scheme() == "http") else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name != "localhost" && !name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => !IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => !IpAddr::from(ip).is_loopback(),
        None => false,
    }
}
