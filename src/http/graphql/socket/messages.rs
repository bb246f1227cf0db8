//! The messages of `graphql-transport-ws`, and the codes with which a socket is closed.

use async_graphql::{Response as Outcome, ServerError};
use serde::{Deserialize, Serialize};

use crate::http::graphql::request::Parameters;

/// A message of the client. The payload of all but `subscribe` is ignored.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientMessage {
    ConnectionInit,
    Subscribe { id: String, payload: Parameters },
    Complete { id: String },
    Ping,
    Pong,
}

/// A message of the server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    ConnectionAck,
    Next {
        id: &'a str,
        payload: &'a Outcome,
    },
    /// The subscription did not start.
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
    Pong,
}

/// A code and a reason. The client `graphql-ws` connects again after 1001, but not after codes from 4400 or after 1008.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closing(pub(super) u16, pub(super) &'static str);

pub(super) const UNUSED: Closing = Closing(1000, "There is no subscription");
pub(super) const TOO_OLD: Closing = Closing(1001, "Connect again");
pub(super) const SHUTDOWN: Closing = Closing(1001, "The server stops");
pub(super) const TOO_MANY_MESSAGES: Closing = Closing(1008, "Too many messages");
pub(super) const TOO_LARGE: Closing = Closing(1009, "The message is larger than 16 KiB");
pub(super) const INVALID: Closing = Closing(4400, "Invalid message");
pub(super) const UNAUTHORIZED: Closing = Closing(4401, "Unauthorized");
pub(super) const INIT_TIMEOUT: Closing = Closing(4408, "Connection initialisation timeout");
pub(super) const DUPLICATE: Closing = Closing(4409, "Subscriber already exists");
pub(super) const TOO_MANY_INITS: Closing = Closing(4429, "Too many initialisation requests");
