//! Settings of the proxies between clients and the server.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use ipnet::{IpNet, Ipv4Net};

/// The length of the IPv6 prefix that contains IPv4 addresses.
const MAPPED_BITS: u8 = 96;

/// Settings of the proxies between clients and the server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Proxies")]
pub struct NetworkSettings {
    /// Proxies whose X-Forwarded-For is trusted: ranges such as 10.0.0.0/8, comma-separated [default: no proxies]
    #[arg(long, value_name = "CIDR,…", value_delimiter = ',', value_parser = range)]
    pub trusted_proxies: Vec<IpNet>,
    /// Header in which trusted proxies report the client's address
    #[arg(long, value_name = "NAME", default_value = "X-Forwarded-For", value_parser = header_name)]
    pub client_address_header: String,
}

/// Accepts the name of a header that consists of letters, digits and hyphens, as all headers of proxies do.
fn header_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_name.then(|| text.to_owned()).ok_or_else(|| "not the name of a header such as X-Forwarded-For".to_owned())
}

/// Parses a range of addresses, or one address. A range of IPv4 written as IPv6 becomes a range of IPv4.
fn range(text: &str) -> Result<IpNet, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_name() {
        assert_eq!(header_name("X-Scf-Remote-Addr"), Ok("X-Scf-Remote-Addr".to_owned()));
        for wrong in ["", "X Forwarded", "X-Forwarded-For:", "адрес"] {
            assert!(header_name(wrong).is_err(), "{wrong}");
        }
    }

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
}
