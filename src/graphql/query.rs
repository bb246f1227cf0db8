//! The queries. A resolver parses its arguments, calls one service or loader, and maps the result.

use async_graphql::{Context, ID, Object};

use super::context::RequestContext;
use super::delivery::CodeDelivery;
use super::error::{ApiError, ApiResult};
use super::field_errors;
use super::raises::raises;
use super::types::UserNode;

/// Operations that read.
pub struct Query;

/// Operations that read.
#[Object]
impl Query {
    /// The user who is signed in. Null if the request has no access token; an error if its token is invalid or expired.
    #[graphql(directive = raises::apply(field_errors::me()))]
    async fn me(&self, ctx: &Context<'_>) -> ApiResult<Option<UserNode>> {
        let viewer = ctx.data_unchecked::<RequestContext>().viewer().await?;
        Ok(viewer.map(|viewer| UserNode::own(viewer.user.clone(), viewer.session_id)))
    }

    /// Any user, by id. Null if there is no such user. Needs sign-in.
    #[graphql(directive = raises::apply(field_errors::user()))]
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's id, a UUID.")] id: ID,
    ) -> ApiResult<Option<UserNode>> {
        let request = ctx.data_unchecked::<RequestContext>();
        let viewer = request.require_viewer().await?;
        let id = id.parse().map_err(|_| ApiError::bad_input("id", "The id is not a UUID."))?;
        let user = request.users.find(id).await?;
        Ok(user.map(|user| UserNode::seen_by(viewer, user)))
    }

    /// How far the message of a challenge has got. Null if the id is unknown, and for a moment after `requestCode`. Needs no
    /// sign-in: the challenge id is the proof. A document can select at most ten of these fields.
    async fn code_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `challengeId` of `requestCode`.")] challenge_id: ID,
    ) -> ApiResult<Option<CodeDelivery>> {
        let services = &ctx.data_unchecked::<RequestContext>().services;
        let delivery = services.deliveries.find(&challenge_id).await?;
        Ok(delivery.map(CodeDelivery::from))
    }
}
