//! Message routes: an ordered list of senders, each for some regions and purposes.
//!
//! The first route that serves a message sends it. The next one is tried only if it is certain that no message was sent: a
//! message is never sent twice. A route that fails again and again is skipped for a while. Routes know nothing of
//! providers: each has an `MessageSender`. A failure is logged here only if another route makes up for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tracing::Instrument;

use self::breaker::{Breaker, State};
use self::conversion::Conversion;
use super::{CodeMessage, MessageSender, Notice, SendError, SendOutcome};
use crate::channel::Channel;
use crate::clock::Clock;
use crate::metrics;
use crate::phone::{Destination, PhoneNumber, Region};
use crate::price::Price;
use crate::purpose::Purpose;
use crate::random;

mod breaker;
mod conversion;

pub use self::conversion::RouteMinute;

/// The most routes that are tried for a message. Each can take 5 s, and the request ends after 30 s.
const MAX_TRIES: usize = 3;

/// The messages that a route serves.
#[derive(Debug, Clone, Default)]
pub struct RouteScope {
    /// The regions of phones; `None` for every region.
    pub regions: Option<Vec<Region>>,
    /// The purposes of codes; `None` for every purpose.
    pub purposes: Option<Vec<Purpose>>,
    /// The channel.
    pub channel: Channel,
}

impl RouteScope {
    /// Returns whether the route serves phones of this region. `None` is a region that the metadata does not know.
    #[must_use]
    pub fn has_region(&self, region: Option<Region>) -> bool {
        self.regions.as_ref().is_none_or(|regions| region.is_some_and(|region| regions.contains(&region)))
    }

    fn serves(&self, region: Option<Region>, purpose: Purpose, channel: Channel) -> bool {
        self.channel == channel
            && self.has_region(region)
            && self.purposes.as_ref().is_none_or(|purposes| purposes.contains(&purpose))
    }
}

/// A way for messages: a sender, and which messages it sends.
pub struct Route {
    name: String,
    scope: RouteScope,
    sender: Arc<dyn MessageSender>,
    price: Price,
    group: Option<String>,
    conversion: Mutex<Conversion>,
    breaker: Breaker,
}

impl Route {
    /// Creates a route whose messages cost nothing. Its name appears in logs and metrics.
    #[must_use]
    pub fn new(name: impl Into<String>, scope: RouteScope, sender: Arc<dyn MessageSender>) -> Self {
        let conversion = Mutex::default();
        Self {
            name: name.into(),
            scope,
            sender,
            price: Price::ZERO,
            group: None,
            conversion,
            breaker: Breaker::default(),
        }
    }

    /// Puts the route into a group. Neighbours of the same group have equal rank: those whose codes are used more often get
    /// more messages.
    #[must_use]
    pub fn in_group(self, group: Option<String>) -> Self {
        Self { group, ..self }
    }

    /// Sets the price of a message.
    #[must_use]
    pub fn with_price(self, price: Price) -> Self {
        Self { price, ..self }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the price of a message.
    #[must_use]
    pub fn price(&self) -> Price {
        self.price
    }

    /// Returns the sender.
    #[must_use]
    pub fn sender(&self) -> &dyn MessageSender {
        self.sender.as_ref()
    }

    /// Returns whether the route is in a group.
    #[must_use]
    pub fn is_in_group(&self) -> bool {
        self.group.is_some()
    }

    fn has_equal_rank(&self, next: &Self) -> bool {
        self.group.is_some() && self.group == next.group
    }

    fn conversion(&self) -> MutexGuard<'_, Conversion> {
        self.conversion.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the route may send a message now.
    fn admits(&self, clock: &dyn Clock) -> bool {
        let state = self.breaker.admit(clock.now());
        if let Some(state) = state {
            self.report(state);
        }
        state.is_some()
    }

    async fn send(&self, message: &CodeMessage<'_>, clock: &dyn Clock) -> Result<SendOutcome, SendError> {
        let started = Instant::now();
        let span = tracing::debug_span!("sms", sms.provider = self.sender.name(), sms.route = self.name);
        let outcome = self.sender.send(message).instrument(span).await;
        let region = Destination::from(message.phone).region;
        metrics::sent(&self.name, &region, self.sender.name(), outcome_code(&outcome), started);
        // An outcome that concerns the number shows that the provider works.
        self.report(self.breaker.record(outcome.is_err(), clock.now()));
        outcome
    }

    fn report(&self, state: State) {
        let value = match state {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        };
        metrics::route_state(&self.name, value);
    }
}

/// Sends each message by the first route that serves it and works.
pub struct Routes {
    routes: Vec<Route>,
    clock: Arc<dyn Clock>,
}

impl Routes {
    /// Creates the sender from its routes, in the order of preference.
    #[must_use]
    pub fn new(routes: Vec<Route>, clock: Arc<dyn Clock>) -> Self {
        Self { routes, clock }
    }

    /// Returns the routes in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }
}

/// What became of a message.
pub struct Routed<'a> {
    /// The last route that was tried, or `None` if no route serves the message.
    pub route: Option<&'a Route>,
    /// The provider's answer.
    pub outcome: Result<SendOutcome, SendError>,
}

impl Routes {
    /// Returns the routes that serve codes of this kind for the phone, in the order of preference.
    pub fn serving(&self, phone: &PhoneNumber, purpose: Purpose, channel: Channel) -> impl Iterator<Item = &Route> {
        let region = phone.region();
        self.routes.iter().filter(move |route| route.scope.serves(region, purpose, channel))
    }

    /// Returns whether a group has more than one route, so that `learn` makes a difference.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        self.routes.windows(2).any(|pair| pair[0].has_equal_rank(&pair[1]))
    }

    /// Learns how many codes of each route were used.
    pub fn learn(&self, minutes: &[RouteMinute]) {
        for route in &self.routes {
            *route.conversion() = Conversion::recent(minutes, &route.name, self.clock.now());
        }
    }

    /// Returns the routes that serve a message, in the order in which they are tried.
    fn order(&self, message: &CodeMessage<'_>) -> Vec<&Route> {
        let mut routes: Vec<&Route> = self.serving(message.phone, message.purpose, message.channel).collect();
        for group in routes.chunk_by_mut(|one, next| one.has_equal_rank(next)) {
            if group.len() > 1 {
                let conversions: Vec<Conversion> = group.iter().map(|route| *route.conversion()).collect();
                let chosen = conversion::choose(&conversion::shares(&conversions), random::fraction());
                // The others stay in their order, as fallbacks.
                group[..=chosen].rotate_right(1);
            }
        }
        routes
    }

    /// Sends a message by the first route that serves it and works.
    pub async fn send(&self, message: &CodeMessage<'_>) -> Routed<'_> {
        let serving = self.order(message);
        let clock = self.clock.as_ref();

        let mut failed: Option<(&Route, SendError)> = None;
        let mut tries = 0;
        for &route in &serving {
            if tries == MAX_TRIES || !route.admits(clock) {
                continue;
            }
            if let Some((earlier, error)) = failed.take() {
                log_failover(earlier, &error, route);
            }
            tries += 1;
            match route.send(message, clock).await {
                Err(error) if sent_nothing(&error) => failed = Some((route, error)),
                outcome => return Routed { route: Some(route), outcome },
            }
        }

        match (failed, serving.first()) {
            (Some((route, error)), _) => Routed { route: Some(route), outcome: Err(error) },
            // Every route is skipped at the moment. To try one is better than to reject all users.
            (None, Some(&first)) => Routed { route: Some(first), outcome: first.send(message, clock).await },
            (None, None) => Routed { route: None, outcome: Ok(SendOutcome::RegionNotAllowed) },
        }
    }
}

impl Routes {
    /// Sends a notice by the first route that serves the phone's region and has a template for the notice. The next one is
    /// tried only if it is certain that no message was sent. Returns `None` if there is no such route.
    pub async fn notify(&self, notice: &Notice<'_>) -> Option<Routed<'_>> {
        let region = notice.phone.region();
        let serves = |route: &&Route| {
            let is_sms = route.scope.channel == Channel::Sms && route.scope.has_region(region);
            is_sms && route.sender.sends_notices(notice.kind)
        };

        let mut last = None;
        for route in self.routes.iter().filter(serves).take(MAX_TRIES) {
            match route.sender.notify(notice).await {
                Err(error) if sent_nothing(&error) => {
                    last = Some(Routed { route: Some(route), outcome: Err(error) });
                }
                outcome => return Some(Routed { route: Some(route), outcome }),
            }
        }
        last
    }

    /// Reports to the provider of a route that the code of a message was used.
    ///
    /// # Errors
    /// If the provider refuses the report or fails.
    pub async fn report_used(&self, route: &str, serial: &str, at: Timestamp) -> Result<(), SendError> {
        match self.routes.iter().find(|known| known.name == route) {
            Some(route) => route.sender.report_used(serial, at).await,
            None => Ok(()),
        }
    }
}

/// Returns the provider's code of an outcome, or a fixed word.
fn outcome_code(outcome: &Result<SendOutcome, SendError>) -> &str {
    match outcome {
        Ok(SendOutcome::Accepted(_)) => "accepted",
        Ok(SendOutcome::InvalidPhone) => "invalid_phone",
        Ok(SendOutcome::NumberBlocked) => "number_blocked",
        Ok(SendOutcome::RegionNotAllowed) => "region_not_allowed",
        Ok(SendOutcome::RateLimited(_)) => "rate_limited",
        Err(SendError::NeedsOperator { code, .. } | SendError::Failed { code, .. }) => code,
        Err(SendError::Unreachable(_)) => "unreachable",
        Err(SendError::Ambiguous(_)) => "no_clear_answer",
    }
}

/// Returns whether it is certain that the route sent no message.
const fn sent_nothing(error: &SendError) -> bool {
    match error {
        SendError::Unreachable(_) | SendError::Failed { .. } | SendError::NeedsOperator { .. } => true,
        SendError::Ambiguous(_) => false,
    }
}

/// Logs the failure of a route, because the request does not fail if the next route sends the message.
fn log_failover(failed: &Route, error: &SendError, next: &Route) {
    let (route, next) = (&failed.name, &next.name);
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, sms.route = route, sms.next = next, "a message route failed, trying the next one");
}
