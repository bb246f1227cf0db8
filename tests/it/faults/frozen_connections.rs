//! Connections on which nothing is answered any more, although new connections work: the machine of the store is gone, and
//! another one has its address. A proxy between the server and its stores freezes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Stage;
use crate::app::{ASK, ME, phone};
use crate::process::Server;
use crate::processes::code_of;

/// A proxy that can stop to forward on the connections that it has.
struct Proxy {
    address: String,
    generation: Arc<AtomicU32>,
    tasks: JoinSet<()>,
}

impl Proxy {
    async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let generation = Arc::new(AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&generation);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let born = shared.load(Ordering::SeqCst);
                let (to_client, to_server) = (Arc::clone(&shared), Arc::clone(&shared));
                let server = TcpStream::connect(&upstream).await.expect("the store listens");
                let ((from_client, client), (from_server, server)) = (client.into_split(), server.into_split());
                connections.spawn(forward(from_client, server, to_server, born));
                connections.spawn(forward(from_server, client, to_client, born));
            }
        });
        Self { address, generation, tasks }
    }

    /// Freezes all connections. Later ones work.
    fn freeze(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

/// Forwards until the connection is frozen. Then it stays open, and nothing is read any more.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, generation: Arc<AtomicU32>, born: u32) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await
        && count > 0
    {
        if generation.load(Ordering::SeqCst) != born {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}

fn address_of(url: &str) -> String {
    let (_, rest) = url.rsplit_once('@').unwrap_or_else(|| url.split_once("//").expect("a URL"));
    rest.split('/').next().expect("an address").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_connections_to_the_stores_are_replaced() {
    let mut stage = Stage::new().await;
    let mut proxies = Vec::new();
    for setting in ["DATABASE_URL", "REDIS_URL"] {
        let url = &stage.env[setting];
        let upstream = address_of(url);
        let proxy = Proxy::start(upstream.clone()).await;
        let url = url.replace(&upstream, &proxy.address);
        stage.env.insert(setting.to_owned(), url);
        proxies.push(proxy);
    }
    let server = Arc::new(Server::start(&stage.env));
    let user = stage.sign_in(&server).await;
    let token = user["accessToken"].as_str().expect("a token").to_owned();

    // Fills the pool of the database, and then freezes its connections.
    let me = |count: usize| -> JoinSet<String> {
        let request = |_| {
            let (server, token) = (Arc::clone(&server), token.clone());
            async move { code_of(&server.run(Some(&token), ME, json!({})).await).to_owned() }
        };
        (0..count).map(request).collect()
    };
    assert!(me(64).join_all().await.iter().all(|code| code == "none"));
    for proxy in &proxies {
        proxy.freeze();
    }
    me(64).join_all().await;
    server.run(None, ASK, json!({ "input": { "phone": phone() } })).await;

    stage.recovers(&server).await;
    assert!(me(64).join_all().await.iter().all(|code| code == "none"), "no connection of the pool is lost");
    for mut proxy in proxies {
        proxy.tasks.abort_all();
        tokio::time::timeout(Duration::from_secs(1), proxy.tasks.join_next()).await.expect("it ends");
    }
}
