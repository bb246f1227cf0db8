//! Reads the parameters of a GraphQL request from a body or a URL.
//!
//! Owns the limits on a body's size and time. The parameters are deserialized directly: a tree of JSON values in
//! between could use a hundred times the memory of the body. This module does not parse GraphQL.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use async_graphql::Request as Operation;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use tokio::time::timeout;

use crate::graphql::bounds::BoundedVariables;

const MAX_BODY_BYTES: usize = 256 * 1024;
/// The extension of Apollo's persisted queries.
const PERSISTED_QUERY: &str = "persistedQuery";
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const MALFORMED: Rejection = Rejection(
    StatusCode::BAD_REQUEST,
    "Send `query` as a string, and `variables`, `extensions` and `operationName` as an object, an object and a string.",
);

/// The status and message for a request that is rejected before its GraphQL is parsed.
pub(super) struct Rejection(pub(super) StatusCode, pub(super) &'static str);

/// Why a request has no document to run.
pub(super) enum Unread {
    /// The request is malformed.
    Rejected(Rejection),
    /// The request has only the hash of a document, as Apollo's persisted-query link sends it.
    PersistedQuery,
}

impl From<Rejection> for Unread {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// The parameters of a request (GraphQL over HTTP, "Request Parameters").
#[derive(Deserialize)]
#[serde(try_from = "SentParameters")]
pub(super) struct Parameters {
    pub(super) query: String,
    pub(super) operation_name: Option<String>,
    pub(super) variables: BoundedVariables,
}

impl Parameters {
    /// Returns the operation, and its variables, which are not checked yet.
    pub(super) fn into_operation(self) -> (Operation, BoundedVariables) {
        let mut request = Operation::new(self.query);
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        (request, self.variables)
    }
}

/// The parameters as the client sends them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentParameters {
    query: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: BoundedVariables,
    extensions: Option<Extensions>,
}

impl TryFrom<SentParameters> for Parameters {
    type Error = &'static str;

    fn try_from(sent: SentParameters) -> Result<Self, Self::Error> {
        sent.checked().map_err(|_| "the document is missing")
    }
}

impl SentParameters {
    /// Returns the parameters of a request that has a document. Its hash is ignored then.
    fn checked(self) -> Result<Parameters, Unread> {
        match (self.query, self.extensions) {
            (Some(query), _) => {
                Ok(Parameters { query, operation_name: self.operation_name, variables: self.variables })
            }
            (None, Some(Extensions { has_persisted_query: true })) => Err(Unread::PersistedQuery),
            (None, _) => Err(MALFORMED.into()),
        }
    }
}

/// The extensions: a JSON object, of which only the key `persistedQuery` counts.
struct Extensions {
    has_persisted_query: bool,
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Extensions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extensions, A::Error> {
                let mut has_persisted_query = false;
                while let Some((key, _)) = map.next_entry::<Cow<'_, str>, IgnoredAny>()? {
                    has_persisted_query |= key == PERSISTED_QUERY;
                }
                Ok(Extensions { has_persisted_query })
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// The parameters in a URL, which has maps as JSON text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlParameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

pub(super) async fn read_post(headers: &HeaderMap, body: Body) -> Result<Parameters, Unread> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Rejection(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json.").into());
    }

    let body = read_body(body).await?;
    if body.trim_ascii_start().first() == Some(&b'[') {
        let reason = "Batches are not supported: send one operation with each request.";
        return Err(Rejection(StatusCode::BAD_REQUEST, reason).into());
    }
    let parameters: SentParameters = serde_json::from_slice(&body).map_err(|error| match error.classify() {
        Category::Data => MALFORMED,
        Category::Syntax | Category::Eof | Category::Io => Rejection(StatusCode::BAD_REQUEST, "The body is not JSON."),
    })?;
    parameters.checked()
}

async fn read_body(body: Body) -> Result<Bytes, Rejection> {
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Rejection(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 256 KiB."))
        }
        Ok(Err(_)) => Err(Rejection(StatusCode::BAD_REQUEST, "The body did not arrive completely.")),
        Err(_) => Err(Rejection(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.")),
    }
}

pub(super) async fn read_get(parts: &mut Parts) -> Result<Parameters, Unread> {
    let Ok(Query(url)) = Query::<UrlParameters>::from_request_parts(parts, &()).await else {
        return Err(MALFORMED.into());
    };
    let parameters = SentParameters {
        query: url.query,
        operation_name: url.operation_name,
        variables: parse_map(url.variables)?.unwrap_or_default(),
        extensions: parse_map(url.extensions)?,
    };
    parameters.checked()
}

fn parse_map<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, Rejection> {
    let text = text.filter(|text| !text.is_empty());
    text.map_or(Ok(None), |text| serde_json::from_str(&text).map_err(|_| MALFORMED))
}
