//! The queries.

use async_graphql::{Context, ID, Object};

use super::context::RequestContext;
use super::error::{ApiError, ApiResult};
use super::field_errors;
use super::raises::raises;
use super::types::UserNode;

/// What can be asked.
pub struct Query;

/// What can be asked.
#[Object]
impl Query {
    /// Who is signed in: null without an access token, an error with a bad one.
    #[graphql(directive = raises::apply(field_errors::me()))]
    async fn me(&self, ctx: &Context<'_>) -> ApiResult<Option<UserNode>> {
        let viewer = ctx.data_unchecked::<RequestContext>().viewer().await?;
        Ok(viewer.map(|viewer| UserNode::own(viewer.user.clone(), viewer.session_id)))
    }

    /// Any user, by id; null where there is none. Needs sign-in.
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
}
