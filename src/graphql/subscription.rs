//! The subscriptions. A resolver calls one service and maps its stream.

use async_graphql::{Context, ID, Subscription};
use futures_util::{Stream, StreamExt};

use super::context::RequestContext;
use super::delivery::CodeDelivery;
use super::error::{ApiError, ApiResult};
use crate::deliveries::WatchTimes;

/// Operations that follow changes.
pub struct Subscription;

/// Operations that follow changes.
#[Subscription]
impl Subscription {
    /// How far the message of a challenge has got: the status now, then each change. It completes after a final status or if
    /// the id stays unknown for a minute. Needs no sign-in: the challenge id is the proof.
    async fn code_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `challengeId` of `requestCode`.")] challenge_id: ID,
    ) -> impl Stream<Item = ApiResult<CodeDelivery>> + use<> {
        let services = &ctx.data_unchecked::<RequestContext>().services;
        let changes = services.deliveries.watch(&challenge_id, WatchTimes::default());
        changes.map(|delivery| delivery.map(CodeDelivery::from).map_err(ApiError::from))
    }
}
