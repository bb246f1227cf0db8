//! Signatures: compared with those of Tencent Cloud's SDK for Node.js.

use jiff::Timestamp;
use serde::Deserialize;
use sms_login::tencent::tc3::{Credentials, SigningInput};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fixture {
    secret_id: String,
    secret_key: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    service: String,
    host: String,
    timestamp: i64,
    payload: String,
    authorization: String,
}

#[test]
fn signatures_equal_those_of_the_official_sdk() {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../fixtures/tc3/vectors.json")).expect("the fixture is JSON");
    let credentials = Credentials::new(&fixture.secret_id, &fixture.secret_key);
    assert!(fixture.vectors.len() >= 5);

    for vector in &fixture.vectors {
        let authorization = credentials.authorization(&SigningInput {
            service: &vector.service,
            host: &vector.host,
            payload: vector.payload.as_bytes(),
            timestamp: Timestamp::from_second(vector.timestamp).expect("an instant"),
        });
        assert_eq!(authorization, vector.authorization, "{}", vector.name);
    }
}

#[test]
fn debug_output_does_not_have_the_secret_key() {
    let credentials = Credentials::new("an-id", "the-key");
    let shown = format!("{credentials:?} {credentials:#?}");
    assert!(shown.contains("an-id"));
    assert!(!shown.contains("the-key"));
}
