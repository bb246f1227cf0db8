//! The forms of what is said of the network: ranges of addresses, and origins of pages.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use url::Url;

/// How long the prefix is below which IPv6 holds IPv4.
const MAPPED_BITS: u8 = 96;

/// Reads a range of addresses, or one address. A range of IPv4 written as IPv6 is one of IPv4.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn range(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let range: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "not ranges of addresses such as 10.0.0.0/8,2001:db8::/32".to_owned())?;
    let IpNet::V6(v6) = range else {
        return Ok(range);
    };
    let mapped = v6.prefix_len().checked_sub(MAPPED_BITS).zip(v6.addr().to_ipv4_mapped());
    let v4 = mapped.and_then(|(prefix, address): (u8, Ipv4Addr)| Ipv4Net::new(address, prefix).ok());
    Ok(v4.map_or(range, IpNet::V4))
}

/// Reads an origin as browsers send it, such as `https://app.example.com`, or `*`.
///
/// # Errors
/// A sentence for the operator.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let text = text.trim();
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    if text == "*" || url.is_some_and(|url| url.origin().ascii_serialization() == text) {
        return Ok(text.to_owned());
    }
    Err("not origins such as https://app.example.com, in lower case and without a path, nor *".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_one_family() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            (" 10.0.0.1 ", "10.0.0.1/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(range(text).map(|range| range.to_string()), Ok(expected.to_owned()));
        }
        for wrong in ["", "10.0.0.0/33", "proxy", "10.0.0/8", "10.0.0.1:80"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins_are_spelled_as_browsers_do() {
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
