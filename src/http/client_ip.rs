//! Determines the client's address: the socket's peer, or the address that trusted proxies report.
//!
//! Each proxy appends its own peer to `X-Forwarded-For`, at the right. Any client can send such a header, so entries to
//! the left of an address that is not a trusted proxy can be forged. The list is read from the right, and never beyond
//! that address. Some platforms have a header of another name, with one address; it is read in the same way.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use ipnet::IpNet;

use super::HttpState;
use crate::client::ClientAddress;

/// More proxies than any real request passes through.
const MAX_ENTRIES: usize = 32;

/// Returns the client's address.
pub(super) fn client_address(state: &HttpState, parts: &Parts) -> ClientAddress {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let values = parts.headers.get_all(&state.client_address_header);
    ClientAddress::from(read(peer, values.iter(), &state.trusted_proxies))
}

/// Returns the first address from the right, starting with the peer, that is not a trusted proxy. If an entry is not an
/// address, returns the proxy that appended it; if every address is a trusted proxy, returns the leftmost.
fn read<'a>(peer: IpAddr, values: impl DoubleEndedIterator<Item = &'a HeaderValue>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|range| range.contains(address));
    let mut client = peer.to_canonical();
    let mut entries = values.rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).take(MAX_ENTRIES);

    while is_trusted(&client)
        && let Some(address) = entries.next().and_then(parse)
    {
        client = address;
    }
    client
}

/// Parses an address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";
    const CLIENT: &str = "203.0.113.7";

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn trusted() -> Vec<IpNet> {
        ["10.0.0.0/8", "2001:db8:1::/48"].map(|range| range.parse().expect("a range")).to_vec()
    }

    /// Reads the client's address from the values of the header.
    fn read<T: AsRef<[u8]>>(peer: &str, values: &[T], trusted: &[IpNet]) -> IpAddr {
        let values: Vec<_> =
            values.iter().map(|value| HeaderValue::from_bytes(value.as_ref()).expect("a value")).collect();
        super::read(address(peer), values.iter(), trusted)
    }

    #[test]
    fn the_header_counts_from_trusted_proxies() {
        for (peer, values, client) in [
            (CLIENT, &["198.51.100.1"][..], CLIENT),
            (PROXY, &[], PROXY),
            (PROXY, &["198.51.100.1"], "198.51.100.1"),
            (PROXY, &["192.0.2.9, 198.51.100.1"], "198.51.100.1"),
            (PROXY, &["192.0.2.9", "198.51.100.1"], "198.51.100.1"),
            (PROXY, &["192.0.2.9, 198.51.100.1,10.9.9.9 , 10.1.1.1"], "198.51.100.1"),
            (PROXY, &["192.0.2.9, 198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            (PROXY, &["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            (PROXY, &["198.51.100.1:5678"], "198.51.100.1"),
            (PROXY, &["[2001:db8::5]:5"], "2001:db8::5"),
            (PROXY, &["[2001:db8::5]"], "2001:db8::5"),
            (PROXY, &["2001:db8::5"], "2001:db8::5"),
            (PROXY, &["198.51.100.1, 2001:db8:1::7"], "198.51.100.1"),
            (PROXY, &["::ffff:198.51.100.1, ::ffff:10.1.1.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:203.0.113.7", &["198.51.100.1"], CLIENT),
            ("2001:db8:1::1", &["198.51.100.1"], "198.51.100.1"),
            (PROXY, &["198.51.100.1, unknown"], PROXY),
            (PROXY, &["198.51.100.1, unknown, 10.2.2.2"], "10.2.2.2"),
            (PROXY, &["198.51.100.1,"], PROXY),
            (PROXY, &[""], PROXY),
            (PROXY, &["198.51.100.256"], PROXY),
            (PROXY, &["fe80::1%eth0"], PROXY),
            (PROXY, &["198.51.100.1:99999"], PROXY),
        ] {
            assert_eq!(read(peer, values, &trusted()), address(client), "{peer} {values:?}");
        }
        assert_eq!(read(PROXY, &["198.51.100.1"], &[]), address(PROXY), "no proxy is trusted");
    }

    #[test]
    fn only_the_last_entries_are_read() {
        let proxies = |count: usize| format!("198.51.100.1{}", ", 10.2.2.2".repeat(count));
        let read = |count| read(PROXY, &[proxies(count)], &trusted());
        assert_eq!(read(MAX_ENTRIES - 1), address("198.51.100.1"));
        assert_eq!(read(MAX_ENTRIES), address("10.2.2.2"));
    }

    /// The part of a header before the proxy's entry, which a client can forge: any bytes, or plausible entries.
    fn forged() -> impl Strategy<Value = Vec<u8>> {
        let bytes = proptest::collection::vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8, Just(b'\t')], 0..80);
        let entry = prop_oneof![
            any::<IpAddr>().prop_map(|address| address.to_string()),
            any::<SocketAddr>().prop_map(|address| address.to_string()),
            Just(PROXY.to_owned()),
            Just("2001:db8:1::7".to_owned()),
        ];
        let entries = proptest::collection::vec(entry, 0..40).prop_map(|entries| entries.join(", ").into_bytes());
        prop_oneof![bytes, entries]
    }

    proptest! {
        #[test]
        fn forged_entries_have_no_effect(
            forged in proptest::collection::vec(forged(), 0..4),
            same_value in any::<bool>(),
            client in any::<IpAddr>().prop_filter("not a proxy", |address| !trusted().iter().any(|range| range.contains(&address.to_canonical()))),
            inner in 0..5_usize,
        ) {
            let mut values = forged;
            let entry = format!("{client}{}", ", 10.2.2.2".repeat(inner)).into_bytes();
            match values.last_mut() {
                Some(last) if same_value => last.extend([b", ".to_vec(), entry].concat()),
                _ => values.push(entry),
            }
            prop_assert_eq!(read(PROXY, &values, &trusted()), client.to_canonical());
        }

        #[test]
        fn the_header_has_no_effect_from_other_peers(values in proptest::collection::vec(forged(), 0..4)) {
            prop_assert_eq!(read(CLIENT, &values, &trusted()), address(CLIENT));
        }
    }
}
