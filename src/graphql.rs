//! The GraphQL schema and the execution of operations.
//!
//! A resolver parses its arguments, calls one service and maps the result; rules belong in services, not here. `error`
//! is the only place that maps failures to clients' errors. `bounds` checks a request before the library sees it;
//! `execute` runs an operation and corrects the library's response.

use std::sync::Arc;

use async_graphql::{SDLExportOptions, Schema, SchemaBuilder, ValidationMode};

mod answer;
pub mod bounds;
mod context;
mod cookies;
mod delivery;
mod document;
mod documents;
mod error;
mod execute;
mod field_errors;
mod inputs;
mod label;
mod mutation;
mod payloads;
mod problem;
mod problems;
mod query;
mod raises;
mod results;
mod scalars;
mod subscription;
mod types;

pub(crate) use context::{Authorization, RequestContext};
pub(crate) use cookies::{CookieChange, CookieChanges, TokenCookies};
pub(crate) use documents::{SentDocument, TrustedDocuments};
pub(crate) use execute::{Executed, Executor, OperationRequest, Prepared, Transport, error_code, too_large};
pub(crate) use label::is_introspection;

pub(crate) use self::error::{ErrorCode, asks_for_document, server_busy, too_many_subscriptions};
use self::mutation::Mutation;
use self::query::Query;
use self::subscription::Subscription;
use crate::account_store::AccountStore;
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::phone::PhoneRegions;
use crate::proofs::Proofs;
use crate::sessions::Sessions;
use crate::tokens::Tokens;
use crate::verification::Issuing;

/// The schema, ready to execute.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The services that resolvers call.
pub struct Services {
    /// Parses phone numbers.
    pub phones: PhoneRegions,
    /// Sends codes.
    pub issuing: Issuing,
    /// Follows messages.
    pub deliveries: Arc<Deliveries>,
    /// Recognizes device tokens.
    pub tokens: Arc<Tokens>,
    /// Signs users in, refreshes sessions and ends them.
    pub sessions: Arc<Sessions>,
    /// Changes and deletes accounts.
    pub accounts: Accounts,
    /// Issues proofs of a verified phone for other services.
    pub proofs: Proofs,
    /// Loads users, for the `UserLoader` of each request.
    pub users: Arc<AccountStore>,
    /// Dates the retries of problems.
    pub clock: Arc<dyn Clock>,
}

/// Returns the schema in the schema definition language (SDL), identical to the file `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by();
    let mut sdl = builder().finish().sdl_with_options(options);
    sdl.truncate(sdl.trim_end().len());
    sdl.push('\n');
    sdl
}

/// Creates the schema. Resolvers get their services from the `RequestContext` of each request.
fn schema(introspection: bool, validation: ValidationMode) -> ApiSchema {
    let builder = builder().validation_mode(validation);
    let builder = if introspection { builder } else { builder.disable_introspection().disable_suggestions() };
    builder.finish()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation, Subscription)
}
