//! Connections to stores that may be unencrypted, although they leave the private network.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use ipnet::Ipv4Net;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Risk;
use crate::config::{Config, DatabaseConfig, Secret};

/// How long a look-up of a name may take.
const LOOKUP: Duration = Duration::from_secs(2);

/// The addresses between a provider and its customers (RFC 6598), which cloud providers use for their services.
const SHARED: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(100, 64, 0, 0), 10);

/// Values of `ssl-mode` that leave no connection unencrypted. sqlx's default uses TLS only if the server offers it.
const ENCRYPTED_MODES: [&str; 3] = ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];

/// A connection that may be unencrypted.
struct Plain {
    setting: &'static str,
    host: String,
    remedy: &'static str,
}

/// Returns a risk for each store that is reached without certain encryption at an address that is not private. It looks up
/// names of hosts. A name that is unknown is no risk: the connection fails, too.
pub async fn unencrypted_stores(config: &Config) -> Vec<Risk> {
    let found = join_all(plain(config).into_iter().map(|plain| async move {
        let is_public = leaves_private_networks(&plain.host).await;
        let Plain { setting, host, remedy } = plain;
        is_public.then_some(Risk::PlainStore { setting, host, remedy })
    }));
    found.await.into_iter().flatten().collect()
}

fn plain(config: &Config) -> Vec<Plain> {
    let mut all = Vec::new();
    for url in config.redis_urls.iter().map(Secret::expose).filter(|url| !url.starts_with("rediss")) {
        let to_host = |host| Plain { setting: "REDIS_URL", host, remedy: "rediss://" };
        all.extend(hosts(url).into_iter().map(to_host));
    }

    let database = match &config.database {
        DatabaseConfig::Url(url) if config.database.is_mysql() => Some(("DATABASE_URL", url)),
        DatabaseConfig::Url(_) | DatabaseConfig::File(_) => None,
    };
    let replica = config.database_read_url.as_ref().map(|url| ("DATABASE_READ_URL", url));
    for (setting, url) in database.into_iter().chain(replica).filter(|(_, url)| !is_encrypted(url.expose())) {
        let to_host = |host| Plain { setting, host, remedy: "?ssl-mode=VERIFY_IDENTITY" };
        all.extend(hosts(url.expose()).into_iter().map(to_host));
    }
    all
}

/// Returns whether the URL of a MySQL database allows only encrypted connections.
fn is_encrypted(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut modes =
        query.split('&').filter_map(|pair| pair.strip_prefix("ssl-mode=").or_else(|| pair.strip_prefix("sslmode=")));
    modes.any(|mode| ENCRYPTED_MODES.iter().any(|encrypted| mode.eq_ignore_ascii_case(encrypted)))
}

/// Returns the hosts of a URL, which has several only if it is one of Sentinel.
fn hosts(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let nodes = authority.rsplit_once('@').map_or(authority, |(_, nodes)| nodes);
    let host = |node: &str| match node.strip_prefix('[').and_then(|node| node.split_once(']')) {
        Some((host, _)) => host.to_owned(),
        None => node.split(':').next().unwrap_or_default().to_owned(),
    };
    nodes.split(',').map(host).filter(|host| !host.is_empty()).collect()
}

async fn leaves_private_networks(host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return !is_internal(ip);
    }
    match timeout(LOOKUP, lookup_host((host, 0))).await {
        Ok(Ok(addresses)) => addresses.into_iter().any(|address| !is_internal(address.ip())),
        Ok(Err(_)) | Err(_) => false,
    }
}

/// Returns whether an address is loopback or belongs to a private network.
pub(super) fn is_internal(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || SHARED.contains(&ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_of_a_url_have_no_port_and_no_password() {
        for (url, expected) in [
            ("redis://10.0.0.1:6379", &["10.0.0.1"][..]),
            ("redis://:p@ss@cache.example.com/0", &["cache.example.com"]),
            ("redis://[2001:db8::1]:6379", &["2001:db8::1"]),
            ("redis+sentinel://u:p@a.example:26379,b.example/main?db=0", &["a.example", "b.example"]),
            ("mysql://root@db.example.com?ssl-mode=DISABLED", &["db.example.com"]),
        ] {
            assert_eq!(hosts(url), expected, "{url}");
        }
    }

    #[test]
    fn a_database_is_encrypted_only_if_its_url_insists() {
        for (query, encrypted) in [
            ("", false),
            ("?ssl-mode=PREFERRED", false),
            ("?charset=utf8mb4&sslmode=disabled", false),
            ("?ssl-mode=required", true),
            ("?charset=utf8mb4&ssl-mode=VERIFY_IDENTITY", true),
        ] {
            assert_eq!(is_encrypted(&format!("mysql://root@db.example.com/x{query}")), encrypted, "{query}");
        }
    }

    #[test]
    fn private_addresses_are_internal() {
        for (ip, internal) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("192.168.1.1", true),
            ("169.254.0.1", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("192.0.2.1", false),
            ("::1", true),
            ("::ffff:10.0.0.1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_internal(ip.parse().expect("an address")), internal, "{ip}");
        }
    }
}
