//! `codeDelivery`: the status of a code's message, for everyone who knows the challenge id.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{Stores, TestApp, phone};

mod watching;

const QUERY: &str = "query($id: ID!) { codeDelivery(challengeId: $id) { status updatedAt reason } }";

/// Returns the delivery as soon as the server has recorded it.
async fn recorded(app: &TestApp, challenge_id: &str) -> Value {
    for _ in 0..1000 {
        let answer = app.anonymous().run(QUERY, json!({ "id": challenge_id })).await;
        let delivery = answer.data("codeDelivery");
        if !delivery.is_null() {
            return delivery.clone();
        }
        tokio::task::yield_now().await;
    }
    panic!("the delivery is not recorded");
}

#[tokio::test]
async fn a_message_is_accepted_until_its_code_expires() {
    for stores in Stores::BOTH {
        let app = TestApp::start(stores).await;
        let challenge_id = app.anonymous().ask(&phone()).await;
        let accepted = json!({ "status": "ACCEPTED", "updatedAt": crate::app::START, "reason": null });
        assert_eq!(recorded(&app, &challenge_id).await, accepted);

        app.advance(Duration::from_mins(5));
        let unknown = json!({ "status": "UNKNOWN", "updatedAt": "2026-03-01T04:05:00Z", "reason": null });
        assert_eq!(recorded(&app, &challenge_id).await, unknown);
    }
}

#[tokio::test]
async fn unknown_and_malformed_ids_look_the_same() {
    let app = TestApp::start(Stores::Embedded).await;
    for id in ["A".repeat(43), "A".repeat(64), String::new(), "A".repeat(42), "é".repeat(43), "A".repeat(5000)] {
        let answer = app.anonymous().run(QUERY, json!({ "id": id })).await;
        assert_eq!(answer.body, json!({ "data": { "codeDelivery": null } }), "{id}");
    }
}

/// The attacker tries many ids with one request.
#[tokio::test]
async fn a_request_looks_up_at_most_ten_ids() {
    let app = TestApp::start(Stores::Embedded).await;
    let lookups = |count: usize| {
        let field = |number| format!("f{number}: codeDelivery(challengeId: \"x\") {{ status }} ");
        format!("{{ {} }}", (0..count).map(field).collect::<String>())
    };
    assert!(app.anonymous().run(&lookups(10), json!({})).await.body["errors"].is_null());
    assert_eq!(app.anonymous().run(&lookups(11), json!({})).await.code(), "QUERY_TOO_COMPLEX");
}
