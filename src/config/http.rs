//! Settings of what browsers may do: pages of other origins, the playground and introspection.

use clap::{ArgAction, Args};
use url::Url;

/// Settings of what browsers may do.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Browsers")]
pub struct HttpSettings {
    /// Origins whose pages may call the server, such as `https://app.example.com`, comma-separated, or * for every origin
    /// [default: no other origin; with SQLite, without Redis and on loopback, http pages of this machine]
    #[arg(long, value_name = "ORIGIN,…", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,
    /// Whether browsers can ask for refresh and device tokens in cookies instead of answers
    #[arg(long, default_value = "false", action = ArgAction::Set)]
    pub cookies: bool,
    /// Whether / is a page to sign in and to try queries [default: true with SQLite and without Redis]
    #[arg(long)]
    pub playground: Option<bool>,
    /// Whether clients can query the schema [default: true with SQLite and without Redis]
    #[arg(long)]
    pub introspection: Option<bool>,
}

/// What `/` serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaygroundConfig {
    /// No page.
    Off,
    /// The playground.
    Page,
    /// The playground, which also shows the messages that the console sender prints.
    PageWithInbox,
    /// The same, also for a phone in the local network that knows a random token.
    PageWithLanInbox,
}

/// Which pages of other origins may call the server, and how.
#[derive(Debug, Clone)]
pub struct CorsConfig {
    /// The origins whose pages may call; `*` is every origin.
    pub origins: Vec<String>,
    /// Whether pages of other servers on this machine may call.
    pub loopback: bool,
    /// Whether browsers can have their refresh and device tokens in cookies.
    pub cookies: bool,
}

/// Parses an origin as browsers send it, such as `https://app.example.com`, or `*`.
fn origin(text: &str) -> Result<String, String> {
    let text = text.trim();
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    if text == "*" || url.is_some_and(|url| url.origin().ascii_serialization() == text) {
        return Ok(text.to_owned());
    }
    Err("not origins such as https://app.example.com, in lower case and without a path, or *".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_spelled_as_browsers_spell_them() {
        for right in ["*", "https://app.example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert_eq!(origin(right), Ok(right.to_owned()));
        }
        for wrong in [
            "",
            "app.example.com",
            "https://app.example.com/",
            "https://App.example.com",
            "https://a:443",
            "null",
            "data:x",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
