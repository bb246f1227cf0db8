//! The queue of events, which one task writes to the store.
//!
//! The task writes everything that has arrived while it wrote the batch before. So a quiet server writes at once, and a busy
//! one needs few calls. The queue is bounded: if the store cannot keep up, events are dropped and counted in the log.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::store::{Counted, DeliveryStore, Event};

/// The most events that wait. With 300 bytes each they need three megabytes.
const QUEUE: usize = 10_000;

/// The most events that are written at once.
const BATCH: usize = 100;

/// Adds events to the queue.
pub(super) struct EventLog {
    queue: Mutex<Option<mpsc::Sender<Event>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl EventLog {
    /// Starts the task that writes to the store, and passes on which messages are counted because of it.
    pub(super) fn start(store: Arc<dyn DeliveryStore>, report: impl Fn(&[Counted]) + Send + Sync + 'static) -> Self {
        let (queue, events) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write(events, store, report));
        Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)) }
    }

    /// Adds an event. It never waits.
    pub(super) fn add(&self, event: Event) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |queue: &mpsc::Sender<Event>| queue.try_send(event).is_err();
        if queue.as_ref().is_none_or(is_full) {
            tracing::warn!("the delivery of a message is not recorded: too many wait to be written");
        }
    }

    /// Writes what is in the queue, and ends the task.
    pub(super) async fn finish(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "deliveries could not be written");
        }
    }
}

async fn write(mut events: mpsc::Receiver<Event>, store: Arc<dyn DeliveryStore>, report: impl Fn(&[Counted])) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH).await > 0 {
        match store.record(&batch).await {
            Ok(counted) => report(&counted),
            Err(error) => {
                let lost = batch.len();
                tracing::warn!(error = &error as &dyn std::error::Error, lost, "deliveries could not be written");
            }
        }
        batch.clear();
    }
}
