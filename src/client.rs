//! The client's address, in the forms that rate limits count and as a whole.
//!
//! Limits must use equality and `Display` of `ClientAddress`, never the whole address: a client with IPv6 can choose
//! among 2^64 whole addresses.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

/// The IP address of a client.
///
/// Equality, hash and `Display` use the counted form: a whole IPv4 address, or the /64 network of an IPv6 address,
/// because one household or phone has a whole /64. An IPv4-mapped IPv6 address is an IPv4 address.
#[derive(Clone, Copy)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// Returns the whole address. It is for services that require it, such as a captcha, never for counting.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// Returns the /56 and the /48 of an IPv6 address, such as `2001:db8::/48`. Providers assign whole networks of these
    /// sizes to one customer, who can then choose among many /64 networks. An IPv4 address has no wider network.
    #[must_use]
    pub fn wider_networks(self) -> Option<[String; 2]> {
        match self.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => Some([56, 48].map(|bits| format!("{}/{bits}", network(v6, bits)))),
        }
    }

    fn counted(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(network(v6, 64)),
        }
    }
}

/// Returns the first address of the network with the first `bits` bits of the address, which are 1 to 128.
const fn network(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

impl PartialEq for ClientAddress {
    fn eq(&self, other: &Self) -> bool {
        self.counted() == other.counted()
    }
}

impl Eq for ClientAddress {}

impl Hash for ClientAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.counted().hash(state);
    }
}

impl fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientAddress({self})")
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.counted() {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    fn at(address: &str) -> ClientAddress {
        ClientAddress::from(address.parse::<IpAddr>().expect("an address"))
    }

    #[test]
    fn addresses_of_one_64_are_equal_and_keep_their_whole_address() {
        let (one, other, away) = (at("2001:db8:1:2::a"), at("2001:db8:1:2:ffff::b"), at("2001:db8:1:3::a"));
        let hasher = RandomState::new();
        assert_eq!((one, hasher.hash_one(one)), (other, hasher.hash_one(other)));
        assert_ne!(one, away);
        assert_eq!(one.to_string(), "2001:db8:1:2::/64");
        assert_eq!(format!("{other:?}"), "ClientAddress(2001:db8:1:2::/64)");
        assert_eq!(other.address().to_string(), "2001:db8:1:2:ffff::b");
        assert_eq!(at("::ffff:203.0.113.7"), at("203.0.113.7"));
        assert_eq!(at("::ffff:203.0.113.7").address().to_string(), "203.0.113.7");
        assert_ne!(at("203.0.113.7"), at("203.0.113.8"));
    }

    #[test]
    fn an_ipv6_address_has_two_wider_networks() {
        let networks = ["2001:db8:1:200::/56", "2001:db8:1::/48"].map(ToOwned::to_owned);
        assert_eq!(at("2001:db8:1:2ff::a").wider_networks(), Some(networks));
        assert_eq!(at("203.0.113.7").wider_networks(), None);
        assert_eq!(at("::ffff:203.0.113.7").wider_networks(), None);
    }
}
