//! Attacks on a socket, through a real listener and with short times.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Extension;
use axum::{Router, routing};
use futures_util::{SinkExt, StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use super::session::{MAX_MESSAGES, MAX_SUBSCRIPTIONS};
use super::*;
use crate::graphql::SentDocument;
use crate::http::{ConnectionLimits, Connections, Patience, serve};

const SOON: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_hours(1);
const PATIENT: Times = Times { init: NEVER, idle: NEVER, write: NEVER, life: NEVER, goodbye: Duration::from_secs(1) };

/// Sockets whose subscriptions never respond, except for the query `flood`, and do not start for `wrong`.
struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    closing: CancellationToken,
    _running: tokio_util::sync::DropGuard,
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

fn subscribed(parameters: Parameters) -> Result<BoxStream<'static, Outcome>, Box<ServerError>> {
    let SentDocument::Text(text) = parameters.0.document else { panic!("a text") };
    let large = || Outcome::new(async_graphql::Value::String("x".repeat(64 * 1024)));
    match text.as_str() {
        "flood" => Ok(stream::repeat_with(large).boxed()),
        "wrong" => Err(Box::new(ServerError::new("wrong", None))),
        _ => Ok(stream::pending().boxed()),
    }
}

impl Server {
    async fn start(times: Times) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let connections = Connections::new(ConnectionLimits { total: 10, per_address: None, exempt: Vec::new() });
        let (shutdown, closing) = (CancellationToken::new(), CancellationToken::new());
        let token = closing.clone();
        let open = move |Extension(hold): Extension<Hold>, upgrade: WebSocketUpgrade| async move {
            bounded(upgrade).on_upgrade(async move |socket| {
                Session::new(socket, subscribed, times).run(&token).await;
                drop(hold);
            })
        };
        let router = Router::new().route("/", routing::get(open));
        let patience = Patience { idle: Duration::from_millis(50), ..Patience::default() };
        tokio::spawn(serve(listener, router, Arc::clone(&connections), patience, shutdown.clone()));
        Self { address, connections, closing, _running: shutdown.drop_guard() }
    }

    async fn connect(&self) -> Client {
        let mut request = format!("ws://{}/", self.address).into_client_request().expect("a request");
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        Client(connect_async(request).await.expect("a socket").0)
    }

    async fn initialized(&self) -> Client {
        let mut client = self.connect().await;
        client.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
        client
    }

    /// Waits until the table of connections is empty.
    async fn is_empty(&self) -> bool {
        let emptied = async {
            while self.connections.counts().open > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, emptied).await.is_ok()
    }
}

impl Client {
    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(&json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    async fn hear(&mut self) -> Value {
        let message = timeout(SOON, self.0.next()).await.expect("in time").expect("a message").expect("a sound socket");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    /// Returns the code with which the server closes the socket.
    async fn closed(mut self) -> u16 {
        loop {
            match timeout(SOON, self.0.next()).await.expect("in time") {
                Some(Ok(Message::Close(frame))) => return frame.expect("a code").code.into(),
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
                None => panic!("the socket ends without a code"),
            }
        }
    }
}

/// The attacker opens sockets, and sends nothing that uses them.
#[tokio::test]
async fn a_socket_without_a_use_is_closed() {
    let short = Duration::from_millis(100);
    let server = Server::start(Times { init: short, ..PATIENT }).await;
    let mut silent = server.connect().await;
    silent.say(&json!({ "type": "ping" })).await;
    assert_eq!(silent.closed().await, 4408);

    let server = Server::start(Times { idle: short, ..PATIENT }).await;
    let mut idle = server.initialized().await;
    idle.subscribe("1", "").await;
    assert!(timeout(short * 3, idle.0.next()).await.is_err(), "a socket with a subscription stays open");
    idle.say(&json!({ "type": "complete", "id": "1" })).await;
    assert_eq!(idle.closed().await, 1000);
    assert!(server.is_empty().await);
}

/// A socket counts as a busy connection, and not for ever.
#[tokio::test]
async fn a_socket_keeps_its_place_among_the_connections_for_its_whole_life() {
    let life = Duration::from_millis(300);
    let server = Server::start(Times { life, ..PATIENT }).await;
    let mut client = server.initialized().await;
    client.subscribe("1", "").await;
    sleep(life / 2).await;
    let counts = server.connections.counts();
    assert_eq!((counts.open, counts.idle), (1, 0));
    client.say(&json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }));
    assert_eq!(client.closed().await, 1001);
    assert!(server.is_empty().await);
}

/// The attacker subscribes to a lot, and does not read it.
#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let server = Server::start(Times { write: Duration::from_millis(200), ..PATIENT }).await;
    let mut unread = server.initialized().await;
    unread.subscribe("1", "flood").await;
    assert!(server.is_empty().await);
}

#[tokio::test]
async fn an_eleventh_subscription_is_an_error_of_its_id_only() {
    let server = Server::start(PATIENT).await;
    let mut client = server.initialized().await;
    for number in 0..=MAX_SUBSCRIPTIONS {
        client.subscribe(&number.to_string(), "").await;
    }
    let error = client.hear().await;
    assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("10")), "{error}");
    assert_eq!(error["payload"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX");

    client.say(&json!({ "type": "complete", "id": "0" })).await;
    client.subscribe("10", "wrong").await;
    assert_eq!(client.hear().await["payload"][0]["message"], "wrong", "an id whose subscription did not start is free");
    client.subscribe("10", "").await;
    client.say(&json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }), "the others still run, and there is room again");
}

#[tokio::test]
async fn messages_that_break_the_protocol_close_the_socket_with_its_codes() {
    let server = Server::start(PATIENT).await;
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": "" } }).to_string();
    let init = json!({ "type": "connection_init" }).to_string();
    let long_id = json!({ "type": "subscribe", "id": "x".repeat(129), "payload": { "query": "" } }).to_string();
    for (messages, code) in [
        (vec![Message::text(subscribe.clone())], 4401),
        (vec![Message::text(init.clone()), Message::text(init.clone())], 4429),
        (vec![Message::text(init.clone()), Message::text(subscribe.clone()), Message::text(subscribe)], 4409),
        (vec![Message::text(init), Message::text(long_id)], 4400),
        (vec![Message::text("nonsense")], 4400),
        (vec![Message::text("[".repeat(10_000))], 4400),
        (vec![Message::text(json!({ "type": "next", "id": "1" }).to_string())], 4400),
        (vec![Message::binary(vec![0; 9])], 4400),
        (vec![Message::text("x".repeat(MAX_MESSAGE_BYTES + 1))], 1009),
    ] {
        let mut client = server.connect().await;
        let shown = format!("{messages:.80?}");
        for message in messages {
            client.0.send(message).await.expect("it is sent");
        }
        assert_eq!(client.closed().await, code, "{shown}");
    }
    assert!(server.is_empty().await);
}

/// The attacker keeps the server busy with messages that need no subscription.
#[tokio::test]
async fn a_flood_of_pings_closes_the_socket() {
    let server = Server::start(PATIENT).await;
    for ping in [Message::Ping(vec![7].into()), Message::Pong(vec![7].into()), Message::text(r#"{ "type": "ping" }"#)] {
        let mut client = server.connect().await;
        for _ in 0..=MAX_MESSAGES {
            client.0.feed(ping.clone()).await.expect("it is sent");
        }
        client.0.flush().await.expect("it is sent");
        assert_eq!(client.closed().await, 1008);
    }
}

#[tokio::test]
async fn a_shutdown_closes_all_sockets_at_once() {
    let server = Server::start(PATIENT).await;
    let (mut busy, new) = (server.initialized().await, server.connect().await);
    busy.subscribe("1", "").await;
    server.closing.cancel();
    assert_eq!((busy.closed().await, new.closed().await), (1001, 1001));
    assert!(server.is_empty().await);
}
