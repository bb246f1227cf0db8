//! A provider that misbehaves: each request fails in time, sends at most one SMS, and affects no other part of the server.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Stage;
use crate::app::{ASK, ME, phone};
use crate::process::Server;
use crate::processes::code_of;
use crate::servers;
use crate::tencent_stub::Behaviour;

/// The provider's own time-out is five seconds.
const PATIENCE: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_stalls_resets_or_answers_garbage_fails_only_its_own_requests() {
    let stage = Stage::new().await;
    let server = Server::start(&stage.env);
    let user = stage.sign_in(&server).await;
    let token = user["accessToken"].as_str().expect("a token");

    for behaviour in [Behaviour::Stall, Behaviour::BreakOff, Behaviour::Nonsense, Behaviour::Http(500), Behaviour::Huge]
    {
        let (name, phone) = (format!("{behaviour:?}"), phone());
        stage.sms.set(behaviour);
        let (requests, begun) = (stage.sms.requests(), Instant::now());
        let (answer, me) = tokio::join!(
            server.run(None, ASK, json!({ "input": { "phone": phone } })),
            server.run(Some(token), ME, json!({})),
        );
        assert!(me["errors"].is_null(), "{name}: {me}");
        assert_eq!(code_of(&answer), "SMS_SEND_FAILED", "{name}: {answer}");
        assert!(begun.elapsed() < PATIENCE, "{name} took {:?}", begun.elapsed());
        assert_eq!(stage.sms.requests() - requests, 1, "{name}: a send whose outcome is unclear is not repeated");
        assert_eq!(server.get("/readyz").await.0, 200, "{name}");

        stage.sms.set(Behaviour::Accept);
        stage.recovers(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_refuses_connections_fails_at_once() {
    let mut stage = Stage::new().await;
    let port = servers::unused_port();
    stage.env.insert("TENCENT_SMS_ENDPOINT".to_owned(), format!("http://127.0.0.1:{port}"));
    let server = Server::start(&stage.env);
    let begun = Instant::now();
    let answer = server.run(None, ASK, json!({ "input": { "phone": phone() } })).await;
    assert_eq!(code_of(&answer), "SMS_SEND_FAILED", "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
