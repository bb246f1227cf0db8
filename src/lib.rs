//! Sign in with your phone: a GraphQL server that sends one-time codes by SMS and issues JWTs.
//!
//! | module | owns |
//! | --- | --- |
//! | [`cli`] | the commands |
//! | [`config`] | the settings, and the checks across them |
//! | [`app`] | building the server from its parts, and serving it |
//! | `http` | the router, the connections, and the handling of requests |
//! | [`graphql`] | the schema: parses arguments, calls one service, maps the answer |
//! | [`verification`] | one-time codes: issuing, checking and storing them |
//! | [`sessions`] | signing in, refreshing, signing out, and whether a session is live |
//! | [`accounts`] | changing the profile or the phone, and deleting the account |
//! | [`proofs`] | signed statements for other services that a user has a phone |
//! | [`users`] | the data of a user, and the checks of names and avatars |
//! | [`account_store`] | users and their sessions in SQL |
//! | [`events`] | security events: what happened to whom, without secrets |
//! | [`event_log`] | deleting old events, and delivering events as webhooks |
//! | [`operators`] | what support staff can do with users, and importing users |
//! | [`tokens`] | the claims of tokens, and how tokens are signed and verified |
//! | [`limits`] | rate limits across phones, and the pumping guard |
//! | [`captcha`] | when a captcha is needed, and how it is verified |
//! | [`sms`] | the senders that deliver a code to a phone |
//! | [`deliveries`] | sending messages, their delivery status, and what they cost |
//! | [`outbound`] | HTTP requests to providers: time limits and retries |
//! | [`tencent`] | signed calls to Tencent Cloud |
//! | [`database`] | SQL on MySQL and SQLite |
//! | [`redis`] | connections to Redis |
//! | [`code`], [`purpose`], [`channel`], [`price`], [`tags`], [`day`], [`device`], [`phone`], [`client`], [`text`], [`locale`] | vocabulary that every module may use |
//! | [`clock`], [`random`], [`mac`], [`standard_webhooks`], [`store`], [`files`] | time, randomness, keyed hashes, signatures of webhooks, store failures, private files |
//! | `cleanup` | deleting old rows in small batches |
//! | [`telemetry`], `metrics` | logs and metrics |
//!
//! A sign-in travels one way. `http` reads the request, verifies the bearer token once and hands the operation to
//! `graphql`, whose resolver calls [`sessions`]. This service asks [`verification::checking`] to redeem the code: one atomic
//! step in the code store claims the code, one transaction stores user and session, and another atomic step consumes the
//! code. Only then does [`tokens`] sign the tokens.

pub mod account_store;
pub mod accounts;
pub mod app;
pub mod captcha;
pub mod channel;
mod cleanup;
pub mod cli;
pub mod client;
pub mod clock;
pub mod code;
pub mod config;
pub mod database;
pub mod day;
pub mod deliveries;
pub mod device;
pub mod event_log;
pub mod events;
pub mod files;
pub mod graphql;
mod http;
pub mod limits;
pub mod locale;
pub mod mac;
mod metrics;
pub mod operators;
pub mod outbound;
pub mod phone;
pub mod price;
pub mod proofs;
pub mod purpose;
pub mod random;
pub mod redis;
pub mod sessions;
pub mod sms;
pub mod spend;
pub mod standard_webhooks;
pub mod store;
pub mod tags;
pub mod telemetry;
pub mod tencent;
pub mod text;
pub mod tokens;
pub mod users;
pub mod verification;
