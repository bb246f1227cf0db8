//! One WebSocket from its start to its end.
//!
//! The deadlines of a session depend on its age and its subscriptions, never on what else the client sends. Each message of the
//! client causes one message of the server at most, which must be written in time.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;

use async_graphql::{Response as Outcome, ServerError, Value};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::BoxStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::messages::{
    ClientMessage, Closing, DUPLICATE, INIT_TIMEOUT, INVALID, SHUTDOWN, ServerMessage, TOO_LARGE, TOO_MANY_INITS,
    TOO_MANY_MESSAGES, TOO_OLD, UNAUTHORIZED, UNUSED,
};
use super::places::Times;
use crate::graphql::too_many_subscriptions;
use crate::http::graphql::request::Parameters;

/// The most subscriptions at once.
pub(super) const MAX_SUBSCRIPTIONS: usize = 10;
/// The most messages of a client, including pings. One in each second would fit into the life of a socket.
pub(super) const MAX_MESSAGES: u32 = 1000;
/// The most bytes of a subscription's id. Clients use a UUID or a number.
const MAX_ID_BYTES: usize = 128;

/// A WebSocket with its subscriptions. `S` starts a subscription.
pub(super) struct Session<S> {
    socket: WebSocket,
    subscribe: S,
    times: Times,
    subscriptions: Vec<Subscription>,
    is_acknowledged: bool,
    messages: u32,
    begun: Instant,
    /// When the last subscription ended.
    idle_since: Instant,
}

struct Subscription {
    id: String,
    responses: BoxStream<'static, Outcome>,
}

/// Why a session ends.
enum End {
    /// The server closes the socket.
    Close(Closing),
    /// The client closed the socket, or it is broken.
    Gone,
}

impl<S> Session<S>
where
    S: Fn(Parameters) -> Result<BoxStream<'static, Outcome>, Box<ServerError>>,
{
    pub(super) fn new(socket: WebSocket, subscribe: S, times: Times) -> Self {
        let now = Instant::now();
        let (subscriptions, is_acknowledged, messages) = (Vec::new(), false, 0);
        Self { socket, subscribe, times, subscriptions, is_acknowledged, messages, begun: now, idle_since: now }
    }

    /// Serves the socket until the client or the server closes it. The server does when `closing` is cancelled.
    pub(super) async fn run(mut self, closing: &CancellationToken) {
        let Err(end) = self.serve(closing).await;
        // Subscriptions must not wait for a client that says goodbye slowly.
        self.subscriptions.clear();
        let goodbye = async {
            if let End::Close(Closing(code, reason)) = end {
                let frame = CloseFrame { code, reason: reason.into() };
                self.socket.send(Message::Close(Some(frame))).await?;
            }
            // If unread messages were left, the operating system would discard the goodbye.
            while self.socket.recv().await.transpose()?.is_some() {}
            Ok::<(), axum::Error>(())
        };
        if let Ok(Err(error)) = timeout(self.times.goodbye, goodbye).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a WebSocket ended early");
        }
    }

    async fn serve(&mut self, closing: &CancellationToken) -> Result<Infallible, End> {
        loop {
            let (deadline, reason) = self.deadline();
            let message = tokio::select! {
                biased;
                () = closing.cancelled() => return Err(End::Close(SHUTDOWN)),
                () = sleep_until(deadline) => return Err(End::Close(reason)),
                message = self.socket.recv() => message,
                (index, response) = next(&mut self.subscriptions) => {
                    let reply = self.respond(index, response);
                    self.send(reply, closing).await?;
                    continue;
                }
            };
            match message {
                Some(Err(error)) if is_too_large(&error) => return Err(End::Close(TOO_LARGE)),
                Some(Err(_)) | None => return Err(End::Gone),
                Some(Ok(message)) => {
                    if let Some(reply) = self.receive(message)? {
                        self.send(reply, closing).await?;
                    }
                }
            }
        }
    }

    /// Returns when the session ends if nothing changes, and why.
    fn deadline(&self) -> (Instant, Closing) {
        let life = (self.begun + self.times.life, TOO_OLD);
        let patience = if !self.is_acknowledged {
            (self.begun + self.times.init, INIT_TIMEOUT)
        } else if self.subscriptions.is_empty() {
            (self.idle_since + self.times.idle, UNUSED)
        } else {
            life
        };
        if patience.0 < life.0 { patience } else { life }
    }

    /// Handles a message, and returns the reply.
    fn receive(&mut self, message: Message) -> Result<Option<String>, End> {
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(End::Close(TOO_MANY_MESSAGES));
        }
        let text = match message {
            Message::Text(text) => text,
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Binary(_) => return Err(End::Close(INVALID)),
            Message::Close(_) => return Err(End::Gone),
        };

        match serde_json::from_str(&text).map_err(|_| End::Close(INVALID))? {
            ClientMessage::ConnectionInit if self.is_acknowledged => Err(End::Close(TOO_MANY_INITS)),
            ClientMessage::ConnectionInit => {
                self.is_acknowledged = true;
                self.idle_since = Instant::now();
                Ok(Some(written(&ServerMessage::ConnectionAck)))
            }
            ClientMessage::Subscribe { id, payload } => self.start(id, payload),
            ClientMessage::Complete { id } => {
                let of_id = self.subscriptions.iter().position(|subscription| subscription.id == id);
                if let Some(index) = of_id {
                    self.remove(index);
                }
                Ok(None)
            }
            ClientMessage::Ping => Ok(Some(written(&ServerMessage::Pong))),
            ClientMessage::Pong => Ok(None),
        }
    }

    fn start(&mut self, id: String, parameters: Parameters) -> Result<Option<String>, End> {
        if !self.is_acknowledged {
            return Err(End::Close(UNAUTHORIZED));
        }
        if id.len() > MAX_ID_BYTES {
            return Err(End::Close(INVALID));
        }
        if self.subscriptions.iter().any(|subscription| subscription.id == id) {
            return Err(End::Close(DUPLICATE));
        }

        let started = if self.subscriptions.len() < MAX_SUBSCRIPTIONS {
            (self.subscribe)(parameters).map_err(|error| *error)
        } else {
            Err(too_many_subscriptions())
        };
        Ok(match started {
            Ok(responses) => {
                self.subscriptions.push(Subscription { id, responses });
                None
            }
            Err(error) => Some(written(&ServerMessage::Error { id: &id, payload: &[error] })),
        })
    }

    /// Returns the message for a response of a subscription, or for its end.
    fn respond(&mut self, index: usize, response: Option<Outcome>) -> String {
        let Some(response) = response else {
            return written(&ServerMessage::Complete { id: &self.remove(index).id });
        };
        // An error of a field has a path. Without one the operation did not start, and `error` also ends it.
        let did_not_start = response.data == Value::Null && response.errors.iter().any(|error| error.path.is_empty());
        if did_not_start {
            return written(&ServerMessage::Error { id: &self.remove(index).id, payload: &response.errors });
        }
        let text = written(&ServerMessage::Next { id: &self.subscriptions[index].id, payload: &response });
        // The others are first next time.
        self.subscriptions.rotate_left(index + 1);
        text
    }

    fn remove(&mut self, index: usize) -> Subscription {
        self.idle_since = Instant::now();
        self.subscriptions.remove(index)
    }

    async fn send(&mut self, text: String, closing: &CancellationToken) -> Result<(), End> {
        tokio::select! {
            biased;
            sent = timeout(self.times.write, self.socket.send(Message::Text(text.into()))) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(End::Gone),
            },
            () = closing.cancelled() => Err(End::Close(SHUTDOWN)),
        }
    }
}

/// Waits for the next response of any subscription, or for its end.
async fn next(subscriptions: &mut [Subscription]) -> (usize, Option<Outcome>) {
    poll_fn(|cx| {
        for (index, subscription) in subscriptions.iter_mut().enumerate() {
            if let Poll::Ready(response) = subscription.responses.as_mut().poll_next(cx) {
                return Poll::Ready((index, response));
            }
        }
        Poll::Pending
    })
    .await
}

fn written(message: &ServerMessage<'_>) -> String {
    // Serializing to a string only fails for maps whose keys are not strings, which no message has.
    serde_json::to_string(message).unwrap_or_default()
}

/// Returns whether a message or a frame exceeds its limit.
fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().contains("Space limit exceeded")
}
