//! `subscription { codeDelivery }` over a WebSocket, on a server process: with the npm client `graphql-ws`, and attacks. Those
//! that would have to wait for the server's time-outs are tested next to the code, with shorter ones.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, header};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::app::{ASK, Stores, TestApp, phone};
use crate::process::{Server, env, shared_env, stub};
use crate::processes::ask;
use crate::servers;
use crate::tencent_stub::{Behaviour, SERIAL, TencentStub};

const SOON: Duration = Duration::from_secs(10);
const SUBSCRIPTION: &str = "subscription($id: ID!) { codeDelivery(challengeId: $id) { status reason } }";

struct Client(WebSocketStream<TcpStream>);

/// Starts an embedded server.
fn server(more: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let mut env = env([("LISTEN_ADDR", "127.0.0.1:0"), ("DATA_DIR", data.to_str().expect("a path"))]);
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    (Server::start(&env), folder)
}

/// Starts an embedded server whose messages go to a stand-in for the provider, which accepts them.
async fn with_provider(more: &[(&str, &str)]) -> (Server, TempDir, TencentStub) {
    let sms = stub().await;
    let mut settings = shared_env("", "", &sms);
    settings.retain(|name, _| name.starts_with("TENCENT"));
    let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<_> = settings.chain(more.iter().copied()).collect();
    let (server, folder) = server(&settings);
    (server, folder, sms)
}

/// Opens a socket from the loopback address with this last number. The error is the status of the answer.
async fn try_open(server: &Server, host: u8, headers: &[(header::HeaderName, &'static str)]) -> Result<Client, u16> {
    let address: SocketAddr = server.base.trim_start_matches("http://").parse().expect("an address");
    let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("graphql-transport-ws"));
    for (name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).expect("a loopback address");
    let stream = socket.connect(address).await.expect("a connection");
    match timeout(SOON, client_async(request, stream)).await.expect("in time") {
        Ok((socket, _)) => Ok(Client(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn open(server: &Server) -> Client {
    let mut client = try_open(server, 1, &[]).await.unwrap_or_else(|status| panic!("{status}"));
    client.say(json!({ "type": "connection_init", "payload": { "any": "thing" } })).await;
    assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
    client
}

impl Client {
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    async fn hear(&mut self) -> Value {
        let message = timeout(SOON, self.0.next()).await.expect("in time").expect("a message").expect("a sound socket");
        serde_json::from_str(message.to_text().expect("text")).unwrap_or_else(|_| panic!("{message:?}"))
    }

    /// Returns the error that the server answers a document with.
    async fn refusal(&mut self, query: &str, variables: Value) -> Value {
        self.subscribe("refused", query, variables).await;
        let answer = self.hear().await;
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!("refused")), "{answer}");
        answer["payload"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_graphql_ws_follows_a_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients = root.join("target/clients");
    assert!(clients.join("node_modules/graphql-ws").exists(), "graphql-ws is not installed: scripts/setup-tests");
    let script = clients.join("subscription.ts");
    std::fs::copy(root.join("tests/clients/subscription.ts"), &script).expect("a copy next to the modules");
    // The code expires soon, so the status becomes final soon.
    let (server, _folder, _sms) = with_provider(&[("CODE_TTL", "3s")]).await;
    let output = Command::new(clients.join("node_modules/.bin/tsx"))
        .arg(script)
        .arg(format!("{}/graphql", server.base))
        .arg(phone())
        .output()
        .expect("it runs");
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = printed.lines().collect();
    let result = |status: &str| json!({ "data": { "codeDelivery": { "status": status } } }).to_string();
    assert_eq!(lines, [result("ACCEPTED"), result("UNKNOWN"), "complete".to_owned()], "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_sent_at_once_and_unknown_ids_send_nothing() {
    let (server, _folder, _sms) = with_provider(&[]).await;
    let challenge_id = ask(&server, &phone()).await;
    let mut client = open(&server).await;
    client.subscribe("unknown", SUBSCRIPTION, json!({ "id": "A".repeat(43) })).await;
    client.subscribe("malformed", SUBSCRIPTION, json!({ "id": "x" })).await;
    client.subscribe("known", SUBSCRIPTION, json!({ "id": challenge_id })).await;
    let answer = client.hear().await;
    let data = json!({ "codeDelivery": { "status": "ACCEPTED", "reason": null } });
    assert_eq!(answer, json!({ "type": "next", "id": "known", "payload": { "data": data } }));
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }), "there is nothing else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_at_one_server_reaches_the_subscriber_of_another() {
    let sms = stub().await;
    let mut env = shared_env(&servers::mariadb().create_database(), &servers::redis().fresh_url(), &sms);
    env.insert("AUTO_MIGRATE".to_owned(), "true".to_owned());
    env.insert("CALLBACK_SECRET".to_owned(), "a-secret-in-a-path".to_owned());
    let (one, other) = (Server::start(&env), Server::start(&env));
    let phone = phone();
    let challenge_id = ask(&one, &phone).await;
    let mut client = open(&other).await;
    client.subscribe("1", SUBSCRIPTION, json!({ "id": challenge_id })).await;
    assert_eq!(client.hear().await["payload"]["data"]["codeDelivery"]["status"], "ACCEPTED");

    let receipt = json!([{ "nationcode": "86", "mobile": phone.trim_start_matches("+86"), "report_status": "FAIL",
        "errmsg": "UNDELIV", "sid": SERIAL, "user_receive_time": "2026-03-01 12:00:04", "description": "" }]);
    let poster = reqwest::Client::builder().build().expect("a client");
    let url = format!("{}/callbacks/tencent/a-secret-in-a-path", one.base);
    let answer = poster.post(url).body(receipt.to_string()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let delivery = client.hear().await["payload"]["data"]["codeDelivery"].clone();
    assert_eq!(delivery["status"], "FAILED");
    assert!(delivery["reason"].is_string(), "{delivery}");
    assert_eq!(client.hear().await, json!({ "type": "complete", "id": "1" }));
}

/// A subscription needs a place of `MAX_OPERATIONS` to start, and none while it waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_starts_no_subscription() {
    let more = [("MAX_OPERATIONS", "1"), ("CODE_TTL", "1m"), ("METRICS_ADDR", "127.0.0.1:0")];
    let (server, _folder, sms) = with_provider(&more).await;
    let challenge_id = ask(&server, &phone()).await;
    let mut client = open(&server).await;
    client.subscribe("waits", SUBSCRIPTION, json!({ "id": challenge_id })).await;
    assert_eq!(client.hear().await["payload"]["data"]["codeDelivery"]["status"], "ACCEPTED");

    sms.set(Behaviour::Stall);
    let asked = json!({ "input": { "phone": phone() } });
    let slow = server.run(None, ASK, asked);
    let meanwhile = async {
        while sms.requests() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        client.refusal(SUBSCRIPTION, json!({ "id": challenge_id })).await
    };
    let (_, refused) = tokio::join!(slow, meanwhile);
    assert_eq!(refused["extensions"]["code"], "UNAVAILABLE", "{refused}");
    assert_eq!(refused["extensions"]["retryAfterSeconds"], 2, "{refused}");
}

/// The console sender prints a message, and so has delivered it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_printed_message_is_delivered() {
    let (server, _folder) = server(&[]);
    let challenge_id = ask(&server, &phone()).await;
    let mut client = open(&server).await;
    client.subscribe("1", SUBSCRIPTION, json!({ "id": challenge_id })).await;
    assert_eq!(client.hear().await["payload"]["data"]["codeDelivery"]["status"], "DELIVERED");
    assert_eq!(client.hear().await, json!({ "type": "complete", "id": "1" }));
}

/// The attacker sends documents over the socket that are rejected over HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_over_a_socket_have_the_same_bounds_as_over_http() {
    let (server, _folder) = server(&[]);
    let mut client = open(&server).await;
    let id = json!({ "id": "A".repeat(43) });
    let many = "s: status ".repeat(400);
    let deep = format!("subscription {{ codeDelivery(challengeId: 1) {}}}", "{ status ".repeat(9) + &"}".repeat(9));
    for (query, code) in [
        ("subscription { codeDelivery".to_owned(), "GRAPHQL_PARSE_FAILED"),
        (deep, "QUERY_TOO_COMPLEX"),
        (format!("subscription {{ codeDelivery(challengeId: 1) {{ {many} }} }}"), "QUERY_TOO_COMPLEX"),
        ("subscription { codeDelivery(challengeId: 1) { nothing } }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { codeDelivery { status } }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { codeDelivery(challengeId: $id) { status } }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let refusal = client.refusal(&query, id.clone()).await;
        assert_eq!(refusal["extensions"]["code"], code, "{query:.90}: {refusal}");
    }
    let values: Vec<u32> = (0..1001).collect();
    let refusal = client.refusal(SUBSCRIPTION, json!({ "id": values })).await;
    assert_eq!(refusal["extensions"]["code"], "QUERY_TOO_COMPLEX");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_selects_one_field() {
    let (server, _folder) = server(&[]);
    let mut client = open(&server).await;
    let field = "codeDelivery(challengeId: 1) { status }";
    for selected in [
        format!("a: {field} b: {field}"),
        format!("{field} {field}"),
        "__typename".to_owned(),
        format!("... {{ {field} }}"),
        format!("{field} @skip(if: true)").replace(" { status }", ""),
    ] {
        let refusal = client.refusal(&format!("subscription {{ {selected} }}"), json!({})).await;
        let message = "A subscription selects exactly one field, without a fragment or a directive.";
        assert_eq!(refusal["message"], message, "{selected}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_and_mutations_over_a_socket_and_subscriptions_over_http_are_refused() {
    let (server, _folder) = server(&[]);
    let mut client = open(&server).await;
    for query in ["{ me { id } }", "{ __schema { types { name } } }", "mutation { logout { __typename } }"] {
        assert_eq!(client.refusal(query, json!({})).await["message"], "Send queries and mutations by POST.");
    }
    let two = "query A { me { id } } subscription B { codeDelivery(challengeId: 1) { status } }";
    let payload = json!({ "query": two, "operationName": "A" });
    client.say(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    assert_eq!(client.hear().await["payload"][0]["message"], "Send queries and mutations by POST.");
    client.refusal(two, json!({})).await;

    let app = TestApp::start(Stores::Embedded).await;
    let answer = app.anonymous().run(SUBSCRIPTION, json!({ "id": "x" })).await;
    let message = "Subscriptions need a WebSocket at this URL with the subprotocol graphql-transport-ws.";
    assert_eq!(answer.error()["message"], message);
    assert!(answer.body["data"].is_null());
}

/// A page of the attacker opens a socket in the user's browser.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_page_and_a_foreign_protocol_get_no_socket() {
    let (server, _folder) = server(&[("CORS_ORIGINS", "https://app.example.com")]);
    for (name, value, expected) in [
        (header::ORIGIN, "https://app.example.com", None),
        (header::ORIGIN, "https://evil.example", Some(403)),
        (header::ORIGIN, "null", Some(403)),
        (header::SEC_WEBSOCKET_PROTOCOL, "graphql-ws", Some(400)),
        (header::SEC_WEBSOCKET_PROTOCOL, "chat", Some(400)),
        (header::SEC_WEBSOCKET_VERSION, "12", Some(400)),
    ] {
        assert_eq!(try_open(&server, 1, &[(name, value)]).await.err(), expected, "{value}");
    }
}

/// The attacker opens as many sockets as the server accepts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_sockets_from_one_address_leaves_room_for_others() {
    let (server, _folder) = server(&[("MAX_CONNECTIONS", "160")]);
    let mut flood = Vec::new();
    for _ in 0..32 {
        flood.push(try_open(&server, 2, &[]).await.unwrap_or_else(|status| panic!("{status}")));
    }
    assert_eq!(try_open(&server, 2, &[]).await.err(), Some(503), "from the attacker's address");
    for _ in 0..8 {
        flood.push(try_open(&server, 3, &[]).await.unwrap_or_else(|status| panic!("{status}")));
    }
    assert_eq!(try_open(&server, 4, &[]).await.err(), Some(503), "a quarter of all connections are sockets");
    assert_eq!(server.get("/healthz").await.0, 200);

    drop(flood);
    let again = async { while try_open(&server, 2, &[]).await.is_err() {} };
    timeout(SOON, again).await.expect("closed sockets make room");
}

/// The server must not wait for sockets, which can live for minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_do_not_delay_the_end_of_the_server() {
    let (server, _folder) = server(&[]);
    let mut client = open(&server).await;
    client.subscribe("1", SUBSCRIPTION, json!({ "id": "A".repeat(43) })).await;
    let begun = Instant::now();
    server.terminate();
    let message = timeout(SOON, client.0.next()).await.expect("in time").expect("a message").expect("a sound socket");
    let Message::Close(Some(frame)) = message else { panic!("{message:?}") };
    assert_eq!(u16::from(frame.code), 1001);
    let (status, printed) = server.wait();
    assert!(status.success() && begun.elapsed() < Duration::from_secs(5), "{:?}: {printed}", begun.elapsed());
}
