//! The WebSocket of `/graphql`: subscriptions by the protocol `graphql-transport-ws`, on HTTP/1.
//!
//! A socket needs no sign-in, so everything that it can use is bounded: the number of sockets, the time, and the size and the
//! number of its messages. Each document passes the same checks as one that is sent by POST.
//!
//! Why the protocol is our own code: `async_graphql::http::WebSocket` 7.2.1 and `async-graphql-axum` parse variables without
//! our bounds, replace a subscription whose id is used twice (the protocol closes with 4409), do not send `error` messages,
//! and do not limit the number of subscriptions or any time.

use std::sync::Arc;

use async_graphql::{Response as Outcome, ServerError};
use axum::extract::{FromRequestParts, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tracing::Instrument;

use self::places::Times;
use self::session::Session;
use super::request::Parameters;
use crate::client::ClientAddress;
use crate::graphql::{Authorization, RequestContext, Transport, server_busy};
use crate::http::client_ip::client_address;
use crate::http::serve::Hold;
use crate::http::{HttpState, RequestId, plain};
use crate::metrics;

mod messages;
mod origin;
mod places;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use places::Sockets;

/// The subprotocol (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
const PROTOCOL: &str = "graphql-transport-ws";
/// The maximum size of a message, and of a frame.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// The maximum size of messages that wait for a client that does not read.
const MAX_UNSENT_BYTES: usize = 256 * 1024;
/// When a client can try again if there are too many sockets, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");

/// Returns whether a GET asks for a WebSocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens a socket, or answers why not.
pub(super) async fn open(state: Arc<HttpState>, parts: &mut Parts) -> Response {
    if !origin::is_allowed(&parts.headers, &state.cors) {
        return plain(StatusCode::FORBIDDEN, "CORS_ORIGINS does not contain the origin of this page\n");
    }
    let upgrade = match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => bounded(upgrade),
        Err(rejection) => return rejection.into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return plain(StatusCode::BAD_REQUEST, "the subprotocol must be graphql-transport-ws\n");
    }

    let client = client_address(&state, parts);
    let Some(place) = state.sockets.take(client) else {
        metrics::request_shed("sockets");
        let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many WebSockets are open\n");
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS);
        return response;
    };

    // The connection stays in the table of connections as long as its socket is open.
    let hold = parts.extensions.get::<Hold>().cloned();
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    upgrade.on_upgrade(move |socket| {
        let subscribe = move |parameters| subscribe(&state, client, &request_id, parameters);
        let run = async move {
            Session::new(socket, subscribe, Times::default()).run(place.closing()).await;
            drop((place, hold));
        };
        run.in_current_span()
    })
}

/// Chooses the protocol, and bounds the size of messages.
fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_UNSENT_BYTES)
}

/// Starts a subscription, if its document is within all bounds. It needs a place for an operation only until it has started,
/// because a subscription that waits costs next to nothing.
fn subscribe(
    state: &HttpState,
    client: ClientAddress,
    request_id: &str,
    parameters: Parameters,
) -> Result<BoxStream<'static, Outcome>, Box<ServerError>> {
    let _place = super::place(state).ok_or_else(|| Box::new(server_busy()))?;
    let operation = state.executor.prepare(parameters.0, Transport::WebSocket)?;
    let services = Arc::clone(&state.services);
    let context = RequestContext::new(Authorization::Anonymous, client, None, request_id.to_owned(), services);
    Ok(state.executor.subscribe(operation, context).boxed())
}
