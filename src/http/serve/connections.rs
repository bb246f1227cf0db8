//! The table of open connections, with limits on their number in total and for each client address.
//!
//! A connection is counted until its socket is closed, so there are never more sockets than the limit. When a limit is
//! reached, the connection that has been idle for the longest time is closed to make room for the new one: among those
//! of the same address if that address is at its limit, otherwise among all. If no connection is idle, the new one is
//! refused.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::unread::Unread;
use crate::client::ClientAddress;

/// The shortest time between two warnings that connections are refused.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// How many connections may be open at once.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    /// From all clients together.
    pub(crate) total: usize,
    /// From one IPv4 address or one IPv6 /64. `None` means no limit.
    pub(crate) per_address: Option<usize>,
    /// Proxies. The limit per address does not apply to them, because they forward requests of many clients.
    pub(crate) exempt: Vec<IpNet>,
}

/// Counts of connections, now and since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConnectionCounts {
    /// Open connections.
    pub(crate) open: usize,
    /// Open connections without a request in flight.
    pub(crate) idle: usize,
    /// Connections refused since the start because a limit was reached.
    pub(crate) refused: u64,
    /// Connections closed since the start to make room for another.
    pub(crate) evicted: u64,
}

/// The open connections of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: ConnectionLimits,
    table: Mutex<Table>,
    pub(super) unread: Unread,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<u64, Entry>,
    /// Ids of idle connections; the keys are in the order in which they became idle.
    idle: BTreeMap<u64, u64>,
    addresses: HashMap<ClientAddress, Address>,
    /// The last number that was used as a connection id or as a key in `idle`.
    next: u64,
    refused: u64,
    evicted: u64,
    warned_at: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    /// `None` if the limit per address does not apply.
    address: Option<ClientAddress>,
    /// Its key in `idle`, if it is idle.
    idle: Option<u64>,
    is_evicted: bool,
    evict: CancellationToken,
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct Address {
    open: usize,
    idle: BTreeMap<u64, u64>,
}

/// The decision about a new connection.
enum Admission {
    Admitted(Slot),
    /// Another connection is being closed to make room. The token is cancelled when that socket is closed.
    MakingRoom(CancellationToken),
    Refused,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default(), unread: Unread::default() })
    }

    /// Admits a connection from `peer`, after waiting for room if another connection has to be closed first. Returns
    /// `None` if the connection is refused.
    pub(super) async fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Slot> {
        loop {
            match self.try_admit(peer) {
                Admission::Admitted(slot) => return Some(slot),
                // This does not take long: an evicted connection is idle, so its task closes it at once.
                Admission::MakingRoom(closed) => closed.cancelled().await,
                Admission::Refused => return None,
            }
        }
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        self.table().counts()
    }

    fn try_admit(self: &Arc<Self>, peer: IpAddr) -> Admission {
        let address = self.counted(peer);
        let mut table = self.table();

        let of_address = address.and_then(|address| table.addresses.get(&address));
        let victim = match (of_address, self.limits.per_address) {
            (Some(of_address), Some(limit)) if of_address.open >= limit => Some(of_address.idle.values().next()),
            (Some(_) | None, Some(_) | None) if table.open.len() >= self.limits.total => {
                Some(table.idle.values().next())
            }
            (Some(_) | None, Some(_) | None) => None,
        };

        match victim.map(Option::<&u64>::copied) {
            None => Admission::Admitted(self.insert(&mut table, address)),
            Some(Some(id)) => table.evict(id).map_or(Admission::Refused, Admission::MakingRoom),
            Some(None) => {
                table.refuse();
                Admission::Refused
            }
        }
    }

    fn insert(self: &Arc<Self>, table: &mut Table, address: Option<ClientAddress>) -> Slot {
        let (id, evict) = (table.next(), CancellationToken::new());
        let entry =
            Entry { address, idle: None, is_evicted: false, evict: evict.clone(), closed: CancellationToken::new() };
        table.open.insert(id, entry);
        if let Some(address) = address {
            table.addresses.entry(address).or_default().open += 1;
        }
        table.set_idle(id);
        Slot { id, evict, connections: Arc::clone(self) }
    }

    fn counted(&self, peer: IpAddr) -> Option<ClientAddress> {
        let peer = peer.to_canonical();
        let is_exempt = self.limits.exempt.iter().any(|range| range.contains(&peer));
        (self.limits.per_address.is_some() && !is_exempt).then(|| ClientAddress::from(peer))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn counts(&self) -> ConnectionCounts {
        ConnectionCounts { open: self.open.len(), idle: self.idle.len(), refused: self.refused, evicted: self.evicted }
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn set_idle(&mut self, id: u64) {
        let place = self.next();
        let Some(entry) = self.open.get_mut(&id).filter(|entry| !entry.is_evicted) else {
            return;
        };
        entry.idle = Some(place);
        self.idle.insert(place, id);
        if let Some(address) = entry.address.and_then(|address| self.addresses.get_mut(&address)) {
            address.idle.insert(place, id);
        }
    }

    fn set_busy(&mut self, id: u64) {
        let Some(entry) = self.open.get_mut(&id) else {
            return;
        };
        let Some(place) = entry.idle.take() else {
            return;
        };
        self.idle.remove(&place);
        if let Some(address) = entry.address.and_then(|address| self.addresses.get_mut(&address)) {
            address.idle.remove(&place);
        }
    }

    fn evict(&mut self, id: u64) -> Option<CancellationToken> {
        self.set_busy(id);
        let entry = self.open.get_mut(&id)?;
        entry.is_evicted = true;
        entry.evict.cancel();
        self.evicted += 1;
        Some(entry.closed.clone())
    }

    fn remove(&mut self, id: u64) {
        self.set_busy(id);
        let Some(entry) = self.open.remove(&id) else {
            return;
        };
        if let Some(address) = entry.address
            && let Some(of_address) = self.addresses.get_mut(&address)
        {
            of_address.open -= 1;
            if of_address.open == 0 {
                self.addresses.remove(&address);
            }
        }
        entry.closed.cancel();
    }

    fn refuse(&mut self) {
        self.refused += 1;
        if self.warned_at.is_some_and(|at| at.elapsed() < WARNING_INTERVAL) {
            return;
        }
        self.warned_at = Some(Instant::now());
        let ConnectionCounts { open, idle, refused, evicted } = self.counts();
        tracing::warn!(
            connections.open = open,
            connections.idle = idle,
            connections.refused = refused,
            connections.evicted = evicted,
            "a connection was refused: MAX_CONNECTIONS or MAX_CONNECTIONS_PER_ADDRESS is reached"
        );
    }
}

/// A connection's entry in the table. Dropping it removes the entry. A new connection is idle.
#[derive(Debug)]
pub(super) struct Slot {
    id: u64,
    evict: CancellationToken,
    connections: Arc<Connections>,
}

impl Slot {
    /// Waits until the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.evict.cancelled().await;
    }

    pub(super) fn set_busy(&self) {
        self.connections.table().set_busy(self.id);
    }

    pub(super) fn set_idle(&self) {
        self.connections.table().set_idle(self.id);
    }

    pub(super) fn unread(&self) -> &Unread {
        &self.connections.unread
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.table().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(total: usize, per_address: Option<usize>) -> Arc<Connections> {
        let exempt = vec!["10.0.0.0/8".parse().expect("a range")];
        Connections::new(ConnectionLimits { total, per_address, exempt })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn admitted(connections: &Arc<Connections>, peer: &str) -> Slot {
        match connections.try_admit(address(peer)) {
            Admission::Admitted(slot) => slot,
            Admission::MakingRoom(_) => panic!("another connection makes room for {peer}"),
            Admission::Refused => panic!("{peer} is refused"),
        }
    }

    fn busy(connections: &Arc<Connections>, peer: &str) -> Slot {
        let slot = admitted(connections, peer);
        slot.set_busy();
        slot
    }

    fn is_refused(connections: &Arc<Connections>, peer: &str) -> bool {
        matches!(connections.try_admit(address(peer)), Admission::Refused)
    }

    /// Returns the index of the slot that is closed to make room for a connection from `peer`.
    fn evicted_for(connections: &Arc<Connections>, peer: &str, slots: &[&Slot]) -> usize {
        let Admission::MakingRoom(_) = connections.try_admit(address(peer)) else {
            panic!("no connection makes room for {peer}");
        };
        let evicted: Vec<usize> = (0..slots.len()).filter(|index| slots[*index].evict.is_cancelled()).collect();
        assert_eq!(evicted.len(), 1, "{evicted:?}");
        evicted[0]
    }

    #[test]
    fn the_connection_idle_for_the_longest_time_makes_room() {
        let all = connections(3, None);
        let (one, two, three) = (busy(&all, "192.0.2.1"), admitted(&all, "192.0.2.2"), admitted(&all, "192.0.2.3"));
        // The second connection was used after the third became idle.
        two.set_busy();
        two.set_idle();
        assert_eq!(evicted_for(&all, "192.0.2.4", &[&one, &two, &three]), 2);
        drop(three);
        let four = busy(&all, "192.0.2.4");
        assert_eq!(evicted_for(&all, "192.0.2.5", &[&one, &two, &four]), 1);
        // An evicted connection that finishes a request does not become idle again.
        two.set_idle();
        assert!(is_refused(&all, "192.0.2.5"));
        assert_eq!(all.counts(), ConnectionCounts { open: 3, idle: 0, refused: 1, evicted: 2 });
    }

    #[test]
    fn an_address_at_its_limit_only_evicts_its_own_connections() {
        let all = connections(10, Some(2));
        let other = admitted(&all, "192.0.2.1");
        let (one, two) = (busy(&all, "2001:db8::1"), admitted(&all, "2001:db8::2"));
        assert_eq!(evicted_for(&all, "2001:db8::3", &[&other, &one, &two]), 2, "not the oldest connection of all");
        drop(two);
        let _three = busy(&all, "2001:db8::3");
        assert!(is_refused(&all, "2001:db8::4"));
        let _neighbour = admitted(&all, "2001:db8:0:1::1");
        drop(one);
        let _four = admitted(&all, "2001:db8::4");
    }

    #[test]
    fn the_limit_per_address_does_not_apply_to_proxies() {
        let all = connections(4, Some(1));
        let _proxy = [(); 3].map(|()| busy(&all, "10.0.0.1"));
        let _same = busy(&all, "::ffff:192.0.2.1");
        assert!(is_refused(&all, "192.0.2.1") && is_refused(&all, "10.0.0.1"));
    }

    #[test]
    fn closed_connections_leave_nothing_in_the_table() {
        let all = connections(5, Some(5));
        let slots: Vec<Slot> = (0..5).map(|_| admitted(&all, "192.0.2.1")).collect();
        drop(slots);
        let table = all.table();
        assert!(table.open.is_empty() && table.idle.is_empty() && table.addresses.is_empty());
    }

    #[tokio::test]
    async fn a_new_connection_waits_until_the_evicted_socket_is_closed() {
        let all = connections(1, None);
        let old = admitted(&all, "192.0.2.1");
        let (new, ()) = tokio::join!(all.admit(address("192.0.2.2")), async {
            old.evicted().await;
            assert_eq!(all.counts().open, 1);
            drop(old);
        });
        assert!(new.is_some());
        assert_eq!(all.counts(), ConnectionCounts { open: 1, idle: 1, refused: 0, evicted: 1 });
    }
}
