//! The integration tests, a file a behaviour, in one binary.

mod accounts;
mod app;
mod cli;
mod code_at_rest;
mod code_life;
mod code_store;
mod errors;
mod http;
mod input;
mod modules;
mod phone;
mod process;
mod processes;
mod readme;
mod redaction;
mod round_trips;
mod schema;
mod servers;
mod sessions;
mod sign_in;
mod tc3;
mod tencent;
mod tencent_stub;
mod tokens;
mod user_store;
