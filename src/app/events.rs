//! The background tasks of events: deleting old ones, and delivering them to the webhook of the settings.

use std::error::Error;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::StartError;
use crate::account_store::AccountStore;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::event_log::{EventLog, Outbox};

/// The services of the tasks.
pub(super) struct Events {
    log: Arc<EventLog>,
    outbox: Option<Arc<Outbox>>,
}

/// The running tasks.
pub(super) struct EventTasks {
    cleanup: JoinHandle<()>,
    /// The metrics of the events that wait for delivery, if there is a webhook.
    measurement: Option<JoinHandle<()>>,
    delivery: Option<(JoinHandle<()>, Arc<Outbox>)>,
}

impl Events {
    pub(super) fn build(
        config: &Config,
        users: &Arc<AccountStore>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let outbox = match &config.events.webhook {
            None => None,
            Some(webhook) => {
                let outbox = Outbox::new(webhook.clone(), Arc::clone(users), Arc::clone(clock));
                Some(Arc::new(outbox.map_err(|error| ConfigError::new("EVENTS_WEBHOOK_URL", error))?))
            }
        };
        let log = Arc::new(EventLog::new(Arc::clone(users), config.events.ttl, Arc::clone(clock)));
        Ok(Self { log, outbox })
    }

    pub(super) fn start(self) -> EventTasks {
        let cleaner = Arc::clone(&self.log);
        let cleanup = tokio::spawn(async move { cleaner.clean_up_forever().await });

        // Each server measures, also while another one delivers: a gauge that is not set any more would be wrong.
        let log = self.log;
        let measurement = self.outbox.is_some().then(|| tokio::spawn(async move { log.measure_forever().await }));

        let delivery = self.outbox.map(|outbox| {
            let deliverer = Arc::clone(&outbox);
            (tokio::spawn(async move { deliverer.deliver_forever().await }), outbox)
        });
        EventTasks { cleanup, measurement, delivery }
    }
}

impl EventTasks {
    /// Stops the tasks. Events that were not delivered stay due, and another server can deliver them at once.
    pub(super) async fn stop(self) {
        self.cleanup.abort();
        if let Some(measurement) = self.measurement {
            measurement.abort();
        }
        if let Some((delivery, outbox)) = self.delivery {
            delivery.abort();
            // Only a task that has ended cannot renew the lease.
            drop(delivery.await);
            if let Err(error) = outbox.release().await {
                tracing::warn!(error = &error as &dyn Error, "the lease of events could not be released");
            }
        }
    }
}
