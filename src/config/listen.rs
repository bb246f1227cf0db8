//! Settings of the server's own addresses and of its shutdown.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{ArgAction, Args};
use url::Url;

use super::values::duration;

/// Settings of the server's own addresses and of its shutdown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct ListenSettings {
    /// Address and port that the server listens on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub listen_addr: SocketAddr,
    /// Whether a phone in the same network can open the page and its inbox: listens on 0.0.0.0 with the port of LISTEN_ADDR, and
    /// prints a QR code. Only with SQLite, without Redis and with printed messages
    #[arg(long, default_value = "false", action = ArgAction::Set)]
    pub lan: bool,
    /// URL at which clients reach the server, for the pictures that it serves and for JWT_ISSUER
    /// [default: http://LISTEN_ADDR]
    #[arg(long, value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// Address and port that serve Prometheus metrics, at /metrics [default: no metrics]
    #[arg(long, value_name = "ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    /// How long open requests may take to finish at shutdown; 0 to cut them off
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub shutdown_grace: Duration,
}

/// The longest public URL. It leaves room for a path in the longest URL of an avatar.
const MAX_PUBLIC_URL: usize = 256;

impl ListenSettings {
    /// Returns the address to listen on.
    pub(super) fn address(&self) -> SocketAddr {
        if self.lan { (Ipv4Addr::UNSPECIFIED, self.listen_addr.port()).into() } else { self.listen_addr }
    }

    /// Returns the URL at which clients reach the server, without a slash at its end.
    pub(super) fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen_addr))
    }
}

/// Parses the URL of a server, such as `https://login.example.com`, and removes the slash at its end.
fn public_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text.trim()).ok().filter(is_plain);
    let url = url.map(|url| url.as_str().trim_end_matches('/').to_owned()).filter(|url| url.len() <= MAX_PUBLIC_URL);
    url.ok_or_else(|| "not a URL such as https://login.example.com, without a query".to_owned())
}

/// Returns whether a text can be the URL of a server.
pub(super) fn is_server_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| is_plain(&url))
}

/// Returns whether a URL has no user, password, query or fragment.
fn is_plain(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    ["http", "https"].contains(&url.scheme()) && !has_user && url.query().is_none() && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_no_slash_at_its_end() {
        for (text, url) in [
            ("https://login.example.com", "https://login.example.com"),
            ("https://EXAMPLE.com:443/login/", "https://example.com/login"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ] {
            assert_eq!(public_url(text).as_deref(), Ok(url));
        }
        let long = format!("https://example.com/{}", "x".repeat(250));
        for wrong in
            ["", "login.example.com", "ftp://a.b", "https://a:b@c.d", "https://a.b/?c", "https://a.b/#c", &long]
        {
            assert!(public_url(wrong).is_err(), "{wrong}");
        }
    }
}
