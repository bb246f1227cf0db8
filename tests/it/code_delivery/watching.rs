//! The stream of a delivery's changes, on a store that the test controls.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use sms_login::clock::{Clock, ManualClock};
use sms_login::deliveries::store::{ChallengeTag, Counted, DeliveryStore, Event, Receipt, State, StoredDelivery};
use sms_login::deliveries::{Changes, Deliveries, DeliveryStatus, FailureReason, WatchTimes};
use sms_login::sms::routes::{RouteMinute, Routes};
use sms_login::spend::SpendRow;
use sms_login::store::StoreError;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_hours(1);
const PATIENT: WatchTimes = WatchTimes { reread: NEVER, unknown: NEVER };

/// A store with one delivery for every id. `Err` if it fails.
struct OneDelivery {
    found: Mutex<Result<Option<StoredDelivery>, ()>>,
    reads: AtomicUsize,
    changes: Arc<Changes>,
    clock: Arc<ManualClock>,
}

impl OneDelivery {
    fn start() -> (Arc<Self>, Arc<Deliveries>) {
        let clock = Arc::new(ManualClock::new(crate::app::START.parse().expect("a time")));
        let (found, reads) = (Mutex::new(Ok(None)), AtomicUsize::new(0));
        let store = Arc::new(Self { found, reads, changes: Arc::default(), clock: Arc::clone(&clock) });
        let routes = Routes::new(Vec::new(), Arc::clone(&clock) as Arc<dyn Clock>);
        let deliveries = Deliveries::new(routes, Arc::clone(&store) as _, b"secret", SignedDuration::ZERO, clock);
        (store, Arc::new(deliveries))
    }

    /// Changes the delivery, without a wake-up.
    fn set(&self, state: State) {
        let (updated_at, expires_at) = (self.clock.now(), Self::expires_at());
        *self.found.lock().expect("a lock") = Ok(Some(StoredDelivery { state, updated_at, expires_at }));
    }

    /// Changes the delivery and wakes those who wait.
    fn receive(&self, state: State) {
        self.set(state);
        self.changes.wake_all();
    }

    fn expires_at() -> Timestamp {
        "2026-03-01T04:05:00Z".parse().expect("a time")
    }
}

#[async_trait]
impl DeliveryStore for OneDelivery {
    async fn record(&self, _: &[Event]) -> Result<Vec<Counted>, StoreError> {
        Ok(Vec::new())
    }

    async fn receive(&self, _: &[Receipt]) -> Result<Vec<Counted>, StoreError> {
        Ok(Vec::new())
    }

    async fn spend(&self, _: i64, _: i64) -> Result<Vec<SpendRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn conversions(&self, _: Timestamp) -> Result<Vec<RouteMinute>, StoreError> {
        Ok(Vec::new())
    }

    async fn find(&self, _: &ChallengeTag) -> Result<Option<StoredDelivery>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.found.lock().expect("a lock").map_err(|()| StoreError::Unavailable("the test says so".into()))
    }

    fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }
}

fn id() -> String {
    "A".repeat(43)
}

#[tokio::test]
async fn a_watch_sends_each_change_until_the_status_is_final() {
    for last in [State::Delivered, State::Failed(FailureReason::Blocked)] {
        let (store, deliveries) = OneDelivery::start();
        let mut statuses = pin!(deliveries.watch(&id(), PATIENT).map(|next| next.expect("a status").status));
        assert!(statuses.next().now_or_never().is_none(), "the id is unknown");
        store.receive(State::Queued);
        assert_eq!(timeout(SOON, statuses.next()).await, Ok(Some(DeliveryStatus::Queued)));
        assert!(statuses.next().now_or_never().is_none(), "there is no change");
        // Between two polls of the stream.
        store.receive(State::Accepted);
        assert_eq!(timeout(SOON, statuses.next()).await, Ok(Some(DeliveryStatus::Accepted)));
        store.changes.wake_all();
        assert!(statuses.next().now_or_never().is_none(), "a wake-up without a change is no change");
        store.receive(last);
        assert!(timeout(SOON, statuses.next()).await.expect("in time").is_some());
        assert_eq!(timeout(SOON, statuses.next()).await, Ok(None));
    }
}

#[tokio::test]
async fn a_watch_ends_when_the_code_expires_even_if_the_store_has_forgotten_it() {
    for forgets in [false, true] {
        let (store, deliveries) = OneDelivery::start();
        store.set(State::Accepted);
        let mut watch = pin!(deliveries.watch(&id(), PATIENT).map(|next| next.expect("a status")));
        assert_eq!(watch.next().await.map(|delivery| delivery.status), Some(DeliveryStatus::Accepted));
        store.clock.advance(SignedDuration::from_mins(5));
        if forgets {
            *store.found.lock().expect("a lock") = Ok(None);
        }
        store.changes.wake_all();
        let end = timeout(SOON, watch.next()).await.expect("in time").expect("a status");
        assert_eq!((end.status, end.updated_at), (DeliveryStatus::Unknown, OneDelivery::expires_at()));
        assert_eq!(timeout(SOON, watch.next()).await, Ok(None));
    }
}

#[tokio::test]
async fn a_lost_wake_up_delays_a_change_but_does_not_lose_it() {
    let (store, deliveries) = OneDelivery::start();
    store.set(State::Accepted);
    let times = WatchTimes { reread: Duration::from_millis(20), ..PATIENT };
    let mut watch = pin!(deliveries.watch(&id(), times).map(|next| next.expect("a status").status));
    assert_eq!(watch.next().await, Some(DeliveryStatus::Accepted));
    assert!(watch.next().now_or_never().is_none(), "it waits for a wake-up");
    store.set(State::Delivered);
    assert_eq!(timeout(SOON, watch.next()).await, Ok(Some(DeliveryStatus::Delivered)));
}

#[tokio::test]
async fn an_id_that_stays_unknown_is_given_up_and_a_malformed_one_is_not_read() {
    for (id, is_read) in [(id(), true), ("x".to_owned(), false)] {
        let (store, deliveries) = OneDelivery::start();
        let times = WatchTimes { unknown: Duration::from_millis(30), ..PATIENT };
        let mut watch = pin!(deliveries.watch(&id, times));
        assert!(timeout(SOON, watch.next()).await.expect("in time").is_none());
        assert_eq!(store.reads.load(Ordering::SeqCst) > 0, is_read);
    }
}

#[tokio::test]
async fn a_failure_of_the_store_ends_the_watch_and_nothing_stays_behind() {
    let (store, deliveries) = OneDelivery::start();
    store.set(State::Accepted);
    let mut watch = Box::pin(deliveries.watch(&id(), PATIENT));
    assert!(watch.next().await.expect("a status").is_ok());
    *store.found.lock().expect("a lock") = Err(());
    store.changes.wake_all();
    assert!(timeout(SOON, watch.next()).await.expect("in time").expect("an error").is_err());
    assert!(timeout(SOON, watch.next()).await.expect("in time").is_none());
    drop(watch);
    sleep(Duration::ZERO).await;
    assert!(store.changes.is_empty());
}
