//! Addresses of Redis Sentinel: `redis+sentinel://user:password@host:26379,host:26379/service?db=0`.
//!
//! With the scheme `rediss+sentinel`, the connections to Redis and to the sentinels use TLS. User and password are those of
//! Redis; those of the sentinels, if they have any, are `sentinel_username` and `sentinel_password` in the query.

use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{ConnectionAddr, ErrorKind, RedisError, TlsMode};
use url::Url;

use super::node::tcp;

const PLAIN: &str = "redis+sentinel://";
const TLS: &str = "rediss+sentinel://";
const DEFAULT_PORT: u16 = 26379;

/// Returns whether this is an address of Sentinel.
#[must_use]
pub fn is_sentinel(url: &str) -> bool {
    url.starts_with(PLAIN) || url.starts_with(TLS)
}

/// An address of Sentinel.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    nodes: Vec<(String, u16)>,
    service: String,
    db: Option<i64>,
    user: Option<String>,
    password: Option<String>,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
    uses_tls: bool,
}

/// Returns a client that asks the sentinels of `url` for the master. `None` if the address is not one of Sentinel.
///
/// # Errors
/// If the address is malformed.
pub(super) fn client(url: &str) -> Result<Option<SentinelClient>, RedisError> {
    if !is_sentinel(url) {
        return Ok(None);
    }
    let malformed = || RedisError::from((ErrorKind::InvalidClientConfig, "the address of Sentinel is malformed"));
    let address = parse(url).ok_or_else(malformed)?;

    let node = |(host, port): (String, u16)| {
        if address.uses_tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    };
    let nodes = address.nodes.clone().into_iter().map(node);
    let mut builder = SentinelClientBuilder::new(nodes, &address.service, SentinelServerType::Master)?
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
    if address.uses_tls {
        builder =
            builder.set_client_to_redis_tls_mode(TlsMode::Secure).set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    if let Some(db) = address.db {
        builder = builder.set_client_to_redis_db(db);
    }
    if let Some(user) = address.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = address.password {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(user) = address.sentinel_user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = address.sentinel_password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    builder.build().map(Some)
}

/// Parses an address. `Url` knows one host, so the others are taken out of the text first.
fn parse(text: &str) -> Option<Address> {
    let (uses_tls, rest) = match text.strip_prefix(TLS) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(PLAIN)?),
    };
    let (authority, path) = rest.split_once('/')?;
    let (login, hosts) = authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));
    let nodes = hosts.split(',').map(node).collect::<Option<Vec<_>>>()?;

    let url = Url::parse(&format!("redis://{login}@sentinel/{path}")).ok()?;
    let parameter =
        |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let known = ["db", "sentinel_username", "sentinel_password"];
    let service = url.path().trim_start_matches('/');
    let db = parameter("db").map(|db| db.parse()).transpose().ok()?;
    if service.is_empty() || service.contains('/') || url.query_pairs().any(|(name, _)| !known.contains(&&*name)) {
        return None;
    }

    let decoded = |text: &str| Some(decode(text)).filter(|text| !text.is_empty());
    Some(Address {
        nodes,
        service: decode(service),
        db,
        user: decoded(url.username()),
        password: url.password().and_then(decoded),
        sentinel_user: parameter("sentinel_username"),
        sentinel_password: parameter("sentinel_password"),
        uses_tls,
    })
}

/// Parses `host`, `host:port` or `[address]:port`.
fn node(text: &str) -> Option<(String, u16)> {
    let url = Url::parse(&format!("redis://{text}")).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_only_host = url.username().is_empty() && url.path().is_empty() && url.query().is_none();
    is_only_host.then(|| (host.to_owned(), url.port().unwrap_or(DEFAULT_PORT)))
}

/// Decodes percent signs, as in `p%40ss`.
fn decode(text: &str) -> String {
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_several_sentinels_and_a_service() {
        let address = parse("rediss+sentinel://app:p%40s+s@one:26380,two,[::1]:1/main?db=2&sentinel_password=x");
        let expected = Address {
            nodes: vec![("one".to_owned(), 26380), ("two".to_owned(), DEFAULT_PORT), ("::1".to_owned(), 1)],
            service: "main".to_owned(),
            db: Some(2),
            user: Some("app".to_owned()),
            password: Some("p@s+s".to_owned()),
            sentinel_user: None,
            sentinel_password: Some("x".to_owned()),
            uses_tls: true,
        };
        assert_eq!(address, Some(expected));
        let address = parse("redis+sentinel://:secret@one/main").expect("an address");
        assert_eq!((address.user, address.password, address.db), (None, Some("secret".to_owned()), None));
    }

    #[test]
    fn malformed_addresses_are_rejected() {
        for wrong in
            ["redis+sentinel://one", "redis+sentinel://one/", "redis+sentinel://one,/main", "redis+sentinel:///m"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse("redis+sentinel://one/main?database=2"), None, "an unknown parameter");
        assert_eq!(parse("redis+sentinel://one/main?db=two"), None);
    }
}
