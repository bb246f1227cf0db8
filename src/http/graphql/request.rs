//! Reads the parameters of a GraphQL request from a body or a URL.
//!
//! Owns the limits on a body's size and time. The parameters are deserialized directly: a tree of JSON values in
//! between could use a hundred times the memory of the body. This module does not parse GraphQL.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

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
use crate::graphql::{OperationRequest, SentDocument};

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

/// The parameters of a request (GraphQL over HTTP, "Request Parameters").
#[derive(Deserialize)]
#[serde(try_from = "SentParameters")]
pub(super) struct Parameters(pub(super) OperationRequest);

/// The parameters as the client sends them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentParameters {
    query: Option<String>,
    /// The id of a trusted document (GraphQL over HTTP, "Persisted Documents").
    document_id: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: BoundedVariables,
    extensions: Option<Extensions>,
}

impl TryFrom<SentParameters> for Parameters {
    type Error = &'static str;

    /// Returns the parameters of a request that has a document. Its id is ignored if its text is there.
    fn try_from(sent: SentParameters) -> Result<Self, Self::Error> {
        let hash = sent.extensions.and_then(|extensions| extensions.persisted_query);
        let document = match (sent.query, sent.document_id.or(hash)) {
            (Some(text), _) => SentDocument::Text(text),
            (None, Some(id)) => SentDocument::Id(id),
            (None, None) => return Err("the document is missing"),
        };
        Ok(Self(OperationRequest { document, operation_name: sent.operation_name, variables: sent.variables }))
    }
}

/// The extensions: a JSON object, of which only the hash of a persisted query counts.
struct Extensions {
    persisted_query: Option<String>,
}

/// The extension of Apollo's persisted queries.
#[derive(Deserialize)]
struct PersistedQuery {
    #[serde(default, rename = "sha256Hash")]
    hash: String,
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
                let mut persisted_query = None;
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    if key == PERSISTED_QUERY {
                        persisted_query = Some(map.next_value::<PersistedQuery>()?.hash);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Extensions { persisted_query })
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
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

pub(super) async fn read_post(headers: &HeaderMap, body: Body) -> Result<Parameters, Rejection> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Rejection(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json."));
    }

    let body = read_body(body).await?;
    if body.trim_ascii_start().first() == Some(&b'[') {
        let reason = "Batches are not supported: send one operation with each request.";
        return Err(Rejection(StatusCode::BAD_REQUEST, reason));
    }
    serde_json::from_slice(&body).map_err(|error| match error.classify() {
        Category::Data => MALFORMED,
        Category::Syntax | Category::Eof | Category::Io => Rejection(StatusCode::BAD_REQUEST, "The body is not JSON."),
    })
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

pub(super) async fn read_get(parts: &mut Parts) -> Result<Parameters, Rejection> {
    let Ok(Query(url)) = Query::<UrlParameters>::from_request_parts(parts, &()).await else {
        return Err(MALFORMED);
    };
    let parameters = SentParameters {
        query: url.query,
        document_id: url.document_id,
        operation_name: url.operation_name,
        variables: parse_map(url.variables)?.unwrap_or_default(),
        extensions: parse_map(url.extensions)?,
    };
    parameters.try_into().map_err(|_| MALFORMED)
}

fn parse_map<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, Rejection> {
    let text = text.filter(|text| !text.is_empty());
    text.map_or(Ok(None), |text| serde_json::from_str(&text).map_err(|_| MALFORMED))
}
