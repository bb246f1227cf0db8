//! The stand-in for Tencent Cloud SMS: accepts every message and remembers its code. It checks no signature, because its
//! time would be the harness's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use tokio::net::TcpListener;

const ACCEPTED: &str = r#"{"Response":{"SendStatusSet":[{"SerialNo":"5000:1045710669157053657849499619","PhoneNumber":"","Fee":1,"SessionContext":"","Code":"Ok","Message":"send success","IsoCode":"CN"}],"RequestId":"a0aabda6-cf91-4f3e-a81f-9198114a2279"}}"#;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendSms<'a> {
    #[serde(borrow)]
    phone_number_set: [&'a str; 1],
    #[serde(borrow)]
    template_param_set: Vec<&'a str>,
}

/// The codes that were sent, by phone.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<HashMap<String, String>>>);

impl Inbox {
    /// Takes the last code for a phone.
    pub(crate) fn take(&self, phone: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(phone)
    }

    fn put(&self, phone: &str, code: &str) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.insert(phone.to_owned(), code.to_owned());
    }
}

/// Starts the stand-in, and returns its address.
pub(crate) async fn start(inbox: Inbox) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/", post(answer)).with_state(inbox);
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(url)
}

async fn answer(State(inbox): State<Inbox>, body: Bytes) -> Response {
    let Ok(message) = serde_json::from_slice::<SendSms<'_>>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let ([phone], Some(code)) = (message.phone_number_set, message.template_param_set.first()) {
        inbox.put(phone, code);
    }
    ([(header::CONTENT_TYPE, "application/json")], ACCEPTED).into_response()
}
