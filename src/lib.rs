//! Sign in with your phone: a GraphQL server that sends codes by SMS and hands out JWTs.
//!
//! | module | owns |
//! | --- | --- |
//! | [`cli`] | the commands |
//! | [`config`] | settings, checked across fields |
//! | [`app`] | putting the parts together, and serving them |
//! | `http` | the router, and what lies around every request |
//! | [`graphql`] | the schema: arguments in, services called, answers and errors out |
//! | [`verification`] | codes: asking for one, showing one, and where they are kept |
//! | [`sessions`] | signing in, refreshing, signing out, and whether a session lives |
//! | [`accounts`] | the account's own affairs: profile, another phone, deletion |
//! | [`proofs`] | what another service is told of a phone that is held |
//! | [`users`] | people, and where they are kept |
//! | [`tokens`] | what tokens claim, how they are made and verified |
//! | [`captcha`] | whether a person asks |
//! | [`sms`] | taking a code to a phone |
//! | [`outbound`] | HTTP requests to providers: time limits and retries |
//! | [`tencent`] | signed calls to Tencent Cloud |
//! | [`limits`] | which limits there are, and what is said when one refuses |
//! | [`phone`], [`text`], [`client`], [`clock`], [`random`], [`store`] | phone numbers, names, addresses, time, chance, and how stores fail |
//! | [`database`], [`redis`] | connections |
//! | [`files`] | files that only their owner can use |
//! | [`telemetry`], `metrics` | logs, and what is counted |
//!
//! A sign-in travels one way. `http` reads the request, verifies the bearer token once and hands the operation to
//! `graphql`, whose resolver calls `sessions`. It has `verification` claim the code (one atomic step in the code store),
//! stores user and session in one transaction, has the code consumed, and only then are `tokens` made.

pub mod accounts;
pub mod app;
pub mod captcha;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod database;
pub mod files;
pub mod graphql;
mod http;
pub mod limits;
mod metrics;
pub mod outbound;
pub mod phone;
pub mod proofs;
pub mod random;
pub mod redis;
pub mod sessions;
pub mod sms;
pub mod store;
pub mod telemetry;
pub mod tencent;
pub mod text;
pub mod tokens;
pub mod users;
pub mod verification;
