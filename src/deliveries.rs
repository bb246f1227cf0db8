//! Deliveries: sends messages by the routes, and keeps how far each message has got and what it cost.
//!
//! | module | owns |
//! | --- | --- |
//! | `keys` | the keyed hashes that stand for challenge ids and serial numbers in stores |
//! | `events` | the queue of what happened, which is written to the store in the background |
//! | [`receipts`] | the forms of receipts by provider |
//! | [`store`] | the stored deliveries and counts |
//! | `changes` | wakes those who wait for a change |
//! | `watch` | the stream of a delivery's changes |
//!
//! The status of a message is for the client that knows the challenge id, and for nobody else. A store that fails never fails
//! a send. This module must not know a code's life: `verification` decides what is sent.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::task::TaskTracker;
use tracing::Span;
use uuid::Uuid;

use self::events::EventLog;
use self::keys::DeliveryKeys;
use self::store::{Counted, DeliveryStore, Event, Parcel, Receipt, SentMessage, State};
use crate::channel::Channel;
use crate::clock::Clock;
use crate::day::Day;
use crate::metrics::{self, MessageLabels};
use crate::phone::{Destination, PhoneNumber};
use crate::price::Price;
use crate::purpose::Purpose;
use crate::sms::routes::{Route, Routed, Routes};
use crate::sms::{CodeMessage, Notice, NoticeKind, Progress, SendError, SendOutcome};
use crate::spend::Count;
use crate::store::StoreError;

mod changes;
mod events;
mod keys;
pub mod receipts;
pub mod store;
mod watch;

pub use self::changes::{Changes, Waiter};
pub use self::store::{Delivery, DeliveryStatus, FailureReason};
pub use self::watch::WatchTimes;

/// How often routes learn how many of their codes are used.
const CONVERSION_INTERVAL: Duration = Duration::from_secs(5);

/// A message to send, and what belongs to it.
#[derive(Debug)]
pub struct Dispatch<'a> {
    /// The message.
    pub message: CodeMessage<'a>,
    /// The id of its challenge.
    pub challenge_id: &'a str,
    /// Whether the client must not learn more than that the message was accepted.
    pub is_private: bool,
}

/// The result of a send.
#[derive(Debug)]
pub struct Dispatched {
    /// The provider's answer.
    pub outcome: Result<SendOutcome, SendError>,
    /// What the message costs, or may cost if the provider gave no clear answer.
    pub cost: Price,
}

/// Who reports on a message. One gateway must not report on the messages of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptSource {
    /// Tencent Cloud, for all its routes.
    Tencent,
    /// The gateway of the webhook route with this name.
    Webhook(String),
}

impl ReceiptSource {
    fn of(route: &Route) -> Self {
        match route.sender().name() {
            "webhook" => Self::Webhook(route.name().to_owned()),
            _ => Self::Tencent,
        }
    }
}

/// What a provider reports about a message.
#[derive(Debug)]
pub struct ProviderReceipt {
    /// Who reports it.
    pub source: ReceiptSource,
    /// The provider's id of the message.
    pub serial: String,
    /// The phone that it was sent to.
    pub phone: PhoneNumber,
    /// How far it has got.
    pub state: State,
}

/// The service that sends messages and follows them.
pub struct Deliveries {
    routes: Arc<Routes>,
    store: Arc<dyn DeliveryStore>,
    events: EventLog,
    keys: DeliveryKeys,
    day_offset: SignedDuration,
    clock: Arc<dyn Clock>,
    /// Messages and reports that no request waits for.
    background: TaskTracker,
}

impl Deliveries {
    /// Creates the service. It writes to the store in a separate task, which `finish` ends. A calendar day begins at
    /// `day_offset` from UTC.
    #[must_use]
    pub fn new(
        routes: Routes,
        store: Arc<dyn DeliveryStore>,
        secret: &[u8],
        day_offset: SignedDuration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (routes, background) = (Arc::new(routes), TaskTracker::new());
        let reports = Reports { routes: Arc::clone(&routes), background: background.clone() };
        let events = EventLog::start(Arc::clone(&store), move |counted| {
            count(counted);
            reports.send(counted);
        });
        Self { routes, store, events, keys: DeliveryKeys::new(secret), day_offset, clock, background }
    }

    /// Returns whether a route serves codes of this kind for the phone.
    #[must_use]
    pub fn serves(&self, phone: &PhoneNumber, purpose: Purpose, channel: Channel) -> bool {
        self.routes.serving(phone, purpose, channel).next().is_some()
    }

    /// Returns the highest price of a message of this kind.
    #[must_use]
    pub fn highest_price(&self, phone: &PhoneNumber, purpose: Purpose, channel: Channel) -> Price {
        self.routes.serving(phone, purpose, channel).map(Route::price).max().unwrap_or_default()
    }

    /// Sends a message by the first route that serves it and works.
    pub async fn send(&self, dispatch: Dispatch<'_>) -> Dispatched {
        let message = &dispatch.message;
        let Routed { route, outcome } = self.routes.send(message).await;
        let now = self.clock.now();
        let Some(route) = route else {
            return Dispatched { outcome, cost: Price::ZERO };
        };
        // A failure is logged at the end of the request, which does not know the route.
        Span::current().record("sms.route", route.name());

        let parcel = Parcel {
            route: route.name().to_owned(),
            region: Destination::from(message.phone).region,
            purpose: message.purpose,
            day: Day::of(now, self.day_offset).number,
        };
        let (event, cost) = match &outcome {
            Ok(SendOutcome::Accepted(accepted)) => {
                tracing::info!(
                    phone.masked = %message.phone,
                    phone.region = parcel.region,
                    purpose = message.purpose.name(),
                    sms.provider = route.sender().name(),
                    sms.route = route.name(),
                    sms.serial = accepted.serial,
                    "code sent"
                );
                let cost = route.price() * accepted.units;
                let (source, serial) = (ReceiptSource::of(route), accepted.serial.clone());
                let sent = SentMessage {
                    challenge: self.keys.challenge(dispatch.challenge_id),
                    message: serial.as_ref().map(|serial| self.keys.message(&source, serial, message.phone)),
                    serial,
                    parcel,
                    cost,
                    state: state(accepted.progress, dispatch.is_private),
                    at: now,
                    expires_at: message.expires_at,
                    is_private: dispatch.is_private,
                    follows_conversion: route.is_in_group(),
                };
                (Event::Sent(sent), cost)
            }
            Ok(
                SendOutcome::InvalidPhone
                | SendOutcome::NumberBlocked
                | SendOutcome::RegionNotAllowed
                | SendOutcome::RateLimited(_),
            )
            | Err(SendError::NeedsOperator { .. } | SendError::Failed { .. } | SendError::Unreachable(_)) => {
                (Event::Refunded(parcel), Price::ZERO)
            }
            Err(SendError::Ambiguous(_)) => (Event::Unconfirmed { parcel, cost: route.price() }, route.price()),
        };
        self.events.add(event);
        Dispatched { outcome, cost }
    }

    /// Makes a challenge whose message is not sent look like one whose message was accepted.
    pub fn imitate(&self, challenge_id: &str, expires_at: Timestamp) {
        let challenge = self.keys.challenge(challenge_id);
        self.events.add(Event::Imitated { challenge, at: self.clock.now(), expires_at });
    }

    /// Records that the code of a challenge was used.
    pub fn code_used(&self, challenge_id: &str) {
        self.events.add(Event::Used { challenge: self.keys.challenge(challenge_id), at: self.clock.now() });
    }

    /// Records receipts of providers. An unknown serial number has no effect.
    ///
    /// # Errors
    /// If the store fails. The provider should send the receipts again then.
    pub async fn receive(&self, receipts: &[ProviderReceipt]) -> Result<(), StoreError> {
        let at = self.clock.now();
        let receipt = |receipt: &ProviderReceipt| Receipt {
            message: self.keys.message(&receipt.source, &receipt.serial, &receipt.phone),
            state: receipt.state,
            at,
        };
        let receipts: Vec<Receipt> = receipts.iter().map(receipt).collect();
        // A provider that disconnects must not interrupt the store between two steps.
        let store = Arc::clone(&self.store);
        let received = self.background.spawn(async move { store.receive(&receipts).await }).await;
        count(&received.map_err(|error| StoreError::Unavailable(error.into()))??);
        Ok(())
    }

    /// Returns how far the message of a challenge has got, or `None` if the id is unknown. A malformed id costs no call to
    /// the store.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn find(&self, challenge_id: &str) -> Result<Option<Delivery>, StoreError> {
        if !keys::is_challenge_id(challenge_id) {
            return Ok(None);
        }
        let found = self.store.find(&self.keys.challenge(challenge_id)).await?;
        Ok(found.map(|delivery| delivery.at(self.clock.now())))
    }

    /// Waits for changes of the message of a challenge. Create the waiter before the first `find`, so that no change is
    /// missed between the two.
    #[must_use]
    pub fn wait_for(&self, challenge_id: &str) -> Waiter {
        self.store.changes().wait_for(&self.keys.challenge(challenge_id))
    }

    /// Keeps the routes informed of how many of their codes are used, without end. It returns at once if no routes are
    /// compared.
    pub async fn follow_conversion(&self) {
        while self.routes.has_groups() {
            match self.store.conversions(self.clock.now()).await {
                Ok(minutes) => self.routes.learn(&minutes),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the share of used codes could not be read: routes keep their shares");
                }
            }
            tokio::time::sleep(CONVERSION_INTERVAL).await;
        }
    }

    /// Sends a notice in the background. A failure is only logged: what the notice tells has happened.
    pub fn notify(&self, kind: NoticeKind, phone: &PhoneNumber) {
        let (routes, phone, id) = (Arc::clone(&self.routes), phone.clone(), Uuid::new_v4().to_string());
        self.background.spawn(async move {
            let notice = Notice { id: &id, phone: &phone, kind, locale: None };
            let Some(Routed { route, outcome }) = routes.notify(&notice).await else {
                return;
            };
            let (notice, route) = (kind.name(), route.map(Route::name));
            match outcome {
                Ok(SendOutcome::Accepted(_)) => {
                    tracing::info!(phone.masked = %phone, sms.notice = notice, sms.route = route, "notice sent");
                }
                Ok(outcome) => {
                    tracing::warn!(phone.masked = %phone, sms.notice = notice, sms.route = route, ?outcome, "a notice was rejected");
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, phone.masked = %phone, sms.notice = notice, sms.route = route, "a notice could not be sent");
                }
            }
        });
    }

    /// Writes what is still in the queue. Events after this call are lost.
    pub async fn finish(&self) {
        // The last events can lead to reports.
        self.events.finish().await;
        self.background.close();
        self.background.wait().await;
    }
}

/// Reports used codes to their providers, in the background.
struct Reports {
    routes: Arc<Routes>,
    background: TaskTracker,
}

impl Reports {
    fn send(&self, counted: &[Counted]) {
        for Counted { parcel, count, serial, at, .. } in counted {
            let (Count::Used, Some(serial), Some(at)) = (count, serial.clone(), *at) else {
                continue;
            };
            let (routes, route) = (Arc::clone(&self.routes), parcel.route.clone());
            self.background.spawn(async move {
                // A provider that does not admit the account refuses every report. That concerns nobody.
                if let Err(error) = routes.report_used(&route, &serial, at).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a used code could not be reported");
                }
            });
        }
    }
}

/// Counts messages in the metrics.
fn count(counted: &[Counted]) {
    for Counted { parcel, count, cost, .. } in counted {
        let labels = MessageLabels {
            route: &parcel.route,
            region: &parcel.region,
            purpose: parcel.purpose.name(),
            state: count.name(),
        };
        metrics::message(&labels, cost.units());
    }
}

/// Returns the first state of a message. A private one looks like a message that `imitate` made up.
const fn state(progress: Progress, is_private: bool) -> State {
    match progress {
        Progress::Queued if !is_private => State::Queued,
        Progress::Delivered if !is_private => State::Delivered,
        Progress::Queued | Progress::Accepted | Progress::Delivered => State::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_message_is_accepted_whatever_the_provider_says() {
        for (progress, public) in [
            (Progress::Queued, State::Queued),
            (Progress::Accepted, State::Accepted),
            (Progress::Delivered, State::Delivered),
        ] {
            assert_eq!((state(progress, false), state(progress, true)), (public, State::Accepted));
        }
    }
}
