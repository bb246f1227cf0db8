//! The GraphQL schema: what clients see of the services.
//!
//! A resolver reads its arguments, calls one service and maps the answer; rules live in services. Errors become
//! clients' errors in one place, `error`; `execute` runs an operation and makes its answer whole.

use std::sync::Arc;

use async_graphql::{EmptySubscription, Schema, SchemaBuilder};

mod answer;
pub mod bounds;
mod context;
mod error;
mod execute;
mod inputs;
mod mutation;
mod payloads;
mod query;
mod raises;
mod scalars;
mod types;

pub(crate) use context::{Authorization, RequestContext};
pub(crate) use execute::{Executor, Prepared, too_large};

pub(crate) use self::error::ErrorCode;
use self::mutation::Mutation;
use self::query::Query;
use crate::account_store::AccountStore;
use crate::accounts::Accounts;
use crate::proofs::Proofs;
use crate::sessions::Sessions;
use crate::verification::Verification;

/// The schema, ready to execute.
pub type ApiSchema = Schema<Query, Mutation, EmptySubscription>;

/// What resolvers call.
pub struct Services {
    /// Codes.
    pub verification: Arc<Verification>,
    /// Sessions.
    pub sessions: Arc<Sessions>,
    /// People's own affairs.
    pub accounts: Accounts,
    /// Proofs for other services.
    pub proofs: Proofs,
    /// People.
    pub users: Arc<AccountStore>,
}

/// The schema in the schema definition language, as `schema.graphql` has it.
#[must_use]
pub fn sdl() -> String {
    let mut sdl = builder().finish().sdl();
    sdl.truncate(sdl.trim_end().len());
    sdl.push('\n');
    sdl
}

/// The schema, which takes its services from the `RequestContext` of each request.
fn schema(introspection: bool) -> ApiSchema {
    let builder = builder();
    let builder = if introspection { builder } else { builder.disable_introspection().disable_suggestions() };
    builder.finish()
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription)
}
