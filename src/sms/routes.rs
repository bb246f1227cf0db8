//! Message routes: an ordered list of senders, each for some regions and purposes.
//!
//! The first route that serves a message sends it. Routes know nothing of providers: each has an `SmsSender`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{CodeMessage, SendError, SendOutcome, SmsSender};
use crate::metrics;
use crate::phone::Region;
use crate::purpose::Purpose;

/// The messages that a route serves.
#[derive(Debug, Clone, Default)]
pub struct RouteScope {
    /// The regions of phones; `None` for every region.
    pub regions: Option<Vec<Region>>,
    /// The purposes of codes; `None` for every purpose.
    pub purposes: Option<Vec<Purpose>>,
}

impl RouteScope {
    /// Returns whether the route serves phones of this region. `None` is a region that the metadata does not know.
    #[must_use]
    pub fn has_region(&self, region: Option<Region>) -> bool {
        self.regions.as_ref().is_none_or(|regions| region.is_some_and(|region| regions.contains(&region)))
    }

    fn serves(&self, region: Option<Region>, purpose: Purpose) -> bool {
        self.has_region(region) && self.purposes.as_ref().is_none_or(|purposes| purposes.contains(&purpose))
    }
}

/// A way for messages: a sender, and which messages it sends.
pub struct Route {
    name: String,
    scope: RouteScope,
    sender: Arc<dyn SmsSender>,
}

impl Route {
    /// Creates a route. Its name appears in logs and metrics.
    #[must_use]
    pub fn new(name: impl Into<String>, scope: RouteScope, sender: Arc<dyn SmsSender>) -> Self {
        Self { name: name.into(), scope, sender }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the sender.
    #[must_use]
    pub fn sender(&self) -> &dyn SmsSender {
        self.sender.as_ref()
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let started = Instant::now();
        let outcome = self.sender.send(message).await;
        metrics::sent(self.sender.name(), started);
        outcome
    }
}

/// Sends each message by the first route that serves it.
pub struct Routes(Vec<Route>);

impl Routes {
    /// Creates the sender from its routes, in the order of preference.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self(routes)
    }

    /// Returns the routes in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }
}

#[async_trait]
impl SmsSender for Routes {
    /// Returns the name of the provider if there is only one route.
    fn name(&self) -> &'static str {
        match self.0.as_slice() {
            [only] => only.sender.name(),
            _ => "routes",
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        for route in &self.0 {
            route.sender.check().await?;
        }
        Ok(())
    }

    async fn send(&self, message: &CodeMessage<'_>) -> Result<SendOutcome, SendError> {
        let region = message.phone.region();
        match self.0.iter().find(|route| route.scope.serves(region, message.purpose)) {
            Some(route) => route.send(message).await,
            None => Ok(SendOutcome::RegionNotAllowed),
        }
    }
}
