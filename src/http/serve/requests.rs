//! The requests in flight on one connection, each with a deadline.
//!
//! A request is in flight until the last byte of its answer has been passed to the operating system. Nothing that a
//! client sends or reads in the meantime extends a deadline.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Patience;
use super::connections::Slot;

tokio::task_local! {
    /// Ends the HTTP/2 stream that runs in this task. Not set for HTTP/1, which has no task for each request.
    pub(super) static RESET_STREAM: CancellationToken;
}

/// The requests in flight on one connection.
#[derive(Debug)]
pub(super) struct Requests {
    patience: Patience,
    pub(super) slot: Slot,
    in_flight: Mutex<InFlight>,
    changed: Notify,
    /// Closes the whole connection.
    close: CancellationToken,
}

#[derive(Debug)]
struct InFlight {
    requests: HashMap<u64, Deadline>,
    deadlines: BTreeMap<Deadline, CancellationToken>,
    next: u64,
    idle_since: Instant,
}

/// The time when a request is given up. The id distinguishes requests with the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at: Instant,
    id: u64,
}

impl Requests {
    pub(super) fn new(slot: Slot, patience: Patience) -> Arc<Self> {
        let (requests, deadlines, idle_since) = (HashMap::new(), BTreeMap::new(), Instant::now());
        let in_flight = InFlight { requests, deadlines, next: 0, idle_since };
        let (changed, close) = (Notify::new(), CancellationToken::new());
        Arc::new(Self { patience, slot, in_flight: Mutex::new(in_flight), changed, close })
    }

    /// Counts a request until the last clone of the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<Request> {
        // HTTP/2 can end a single stream; HTTP/1 has to close the connection.
        let give_up = RESET_STREAM.try_with(Clone::clone).unwrap_or_else(|_| self.close.clone());

        let mut in_flight = self.in_flight();
        if in_flight.requests.is_empty() {
            self.slot.set_busy();
        }
        in_flight.next += 1;
        let id = in_flight.next;
        in_flight.set(id, Instant::now() + self.patience.request, give_up.clone());
        drop(in_flight);

        self.changed.notify_waiters();
        Arc::new(Request { id, give_up, unread: Mutex::default(), requests: Arc::clone(self) })
    }

    /// Waits until no request has been in flight for `patience`, counted from the call at the earliest.
    pub(super) async fn idle_for(&self, patience: Duration) {
        let begun = Instant::now();
        loop {
            let changed = self.changed.notified();
            let idle_since = {
                let in_flight = self.in_flight();
                in_flight.requests.is_empty().then_some(in_flight.idle_since)
            };
            let until = idle_since.map(|since| since.max(begun) + patience);
            tokio::select! {
                () = sleep_to(until) => return,
                () = changed => {}
            }
        }
    }

    /// Gives up overdue requests, until one of them requires that the connection is closed.
    pub(super) async fn overdue(&self) {
        loop {
            let changed = self.changed.notified();
            let next = self.give_up_until(Instant::now());
            tokio::select! {
                () = self.close.cancelled() => return,
                () = sleep_to(next) => {}
                () = changed => {}
            }
        }
    }

    /// Gives up overdue requests, and returns the next deadline.
    fn give_up_until(&self, now: Instant) -> Option<Instant> {
        let mut in_flight = self.in_flight();
        while let Some(entry) = in_flight.deadlines.first_entry()
            && entry.key().at <= now
        {
            let (deadline, give_up) = entry.remove_entry();
            give_up.cancel();
            // If the peer does not read from the socket, not even the reset can be sent: then close the connection.
            in_flight.set(deadline.id, now + self.patience.reset, self.close.clone());
        }
        in_flight.deadlines.first_key_value().map(|(deadline, _)| deadline.at)
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    fn set(&mut self, id: u64, at: Instant, give_up: CancellationToken) {
        let deadline = Deadline { at, id };
        if let Some(old) = self.requests.insert(id, deadline) {
            self.deadlines.remove(&old);
        }
        self.deadlines.insert(deadline, give_up);
    }

    fn remove(&mut self, id: u64) {
        if let Some(deadline) = self.requests.remove(&id) {
            self.deadlines.remove(&deadline);
        }
    }
}

async fn sleep_to(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Request {
    id: u64,
    give_up: CancellationToken,
    /// The id of its answer in `Unread`, if it has been answered.
    unread: Mutex<Option<u64>>,
    requests: Arc<Requests>,
}

impl Request {
    /// Starts the deadline for reading the answer, which has this many bytes.
    pub(super) fn answered(&self, bytes: u64) {
        let requests = &self.requests;
        requests.in_flight().set(self.id, Instant::now() + requests.patience.answer, self.give_up.clone());
        requests.changed.notify_waiters();

        let id = requests.slot.unread().add(bytes, self.give_up.clone());
        *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let unread = self.unread.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = unread.take() {
            self.requests.slot.unread().remove(id);
        }

        let mut in_flight = self.requests.in_flight();
        in_flight.remove(self.id);
        if in_flight.requests.is_empty() {
            in_flight.idle_since = Instant::now();
            self.requests.slot.set_idle();
        }
        drop(in_flight);
        self.requests.changed.notify_waiters();
    }
}
