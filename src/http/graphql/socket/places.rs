//! How many WebSockets may be open, in total and for each client address, and how long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::client::ClientAddress;

/// Enough for the users of a small network behind one address. Clients whose socket is refused poll instead.
const MAX_PER_ADDRESS: usize = 32;

/// How long the server waits for the client of a socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// For `connection_init`.
    pub(super) init: Duration,
    /// For a subscription, while there is no subscription.
    pub(super) idle: Duration,
    /// For a message to be written.
    pub(super) write: Duration,
    /// From the start of a socket to its end. Clients then reconnect.
    pub(super) life: Duration,
    /// For the client's answer to the end of a socket.
    pub(super) goodbye: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            write: Duration::from_secs(10),
            life: Duration::from_mins(10),
            goodbye: Duration::from_secs(1),
        }
    }
}

/// The open sockets of a server.
#[derive(Debug)]
pub(crate) struct Sockets {
    limit: usize,
    open: Mutex<Open>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<ClientAddress, usize>,
}

/// The right to one socket. Dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Place {
    sockets: Arc<Sockets>,
    client: ClientAddress,
    _task: TaskTrackerToken,
}

impl Sockets {
    /// Allows this many sockets in total.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        Arc::new(Self { limit, open: Mutex::default(), closing, tasks })
    }

    /// Takes a place, if there is one for this client.
    pub(super) fn take(self: &Arc<Self>, client: ClientAddress) -> Option<Place> {
        let mut open = self.open();
        let of_client = open.by_address.get(&client).copied().unwrap_or_default();
        if open.total >= self.limit || of_client >= MAX_PER_ADDRESS {
            tracing::debug!(sockets.open = open.total, "a WebSocket was refused: too many are open");
            return None;
        }
        open.total += 1;
        open.by_address.insert(client, of_client + 1);
        Some(Place { sockets: Arc::clone(self), client, _task: self.tasks.token() })
    }

    /// Waits for `shutdown`, then closes all sockets and waits for their ends, which takes about a second at most.
    pub(crate) async fn close_at(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns the token that ends all sockets.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.sockets.closing
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.sockets.open();
        open.total -= 1;
        if let Some(of_client) = open.by_address.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                open.by_address.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> ClientAddress {
        ClientAddress::from(text.parse::<std::net::IpAddr>().expect("an address"))
    }

    #[test]
    fn places_are_limited_in_total_and_for_each_address() {
        let sockets = Sockets::new(MAX_PER_ADDRESS + 1);
        let mut of_one: Vec<Place> = (0..MAX_PER_ADDRESS).filter_map(|_| sockets.take(client("192.0.2.1"))).collect();
        assert_eq!(of_one.len(), MAX_PER_ADDRESS);
        assert!(sockets.take(client("192.0.2.1")).is_none(), "one address is at its limit");
        let other = sockets.take(client("2001:db8::1"));
        assert!(other.is_some() && sockets.take(client("192.0.2.3")).is_none(), "all are at the limit");

        of_one.pop();
        let again = sockets.take(client("192.0.2.1"));
        assert!(again.is_some());
        drop((of_one, other, again));
        let open = sockets.open();
        assert!(open.total == 0 && open.by_address.is_empty());
    }
}
