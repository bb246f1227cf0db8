//! Health: whether the process lives, and whether its stores answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{HttpState, plain};
use crate::database::Database;
use crate::verification::Verification;

/// The stores that a server cannot do without.
pub(crate) struct Readiness {
    /// Users and sessions.
    pub(crate) database: Database,
    /// Codes.
    pub(crate) codes: Arc<Verification>,
}

impl Readiness {
    async fn parts(&self) -> BTreeMap<&'static str, bool> {
        let (database, codes) = tokio::join!(self.database.ping(), self.codes.ping());
        BTreeMap::from([("database", database.is_ok()), ("codes", codes.is_ok())])
    }
}

pub(super) async fn alive() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// Says of each store whether it answers, and 503 where one does not.
pub(super) async fn ready(State(state): State<Arc<HttpState>>) -> Response {
    let parts = state.readiness.parts().await;
    let status = if parts.values().all(|up| *up) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(parts)).into_response()
}
