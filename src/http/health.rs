//! Health checks: `/healthz`, whether the process runs, and `/readyz`, whether it can serve requests.
//!
//! `/healthz` must not depend on a store: an orchestrator would restart every server if a store fails.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{HttpState, plain};
use crate::database::Database;
use crate::redis::{ClockSkew, RedisPool};

/// What a server needs to serve requests.
pub(crate) struct Readiness {
    /// The database of users and sessions.
    pub(crate) database: Database,
    /// The Redis that holds codes and limits, if there is one. Its clock has to agree with this server's.
    pub(crate) redis: Option<RedisPool>,
}

impl Readiness {
    async fn parts(&self) -> BTreeMap<&'static str, bool> {
        let (database, codes, clock) =
            tokio::join!(self.database.check_writable(), self.has_codes(), self.is_clock_sound());
        BTreeMap::from([("database", database.is_ok()), ("codes", codes), ("clock", clock)])
    }

    /// Codes in the memory of this process are always there.
    async fn has_codes(&self) -> bool {
        match &self.redis {
            Some(redis) => redis.check_writable().await.is_ok(),
            None => true,
        }
    }

    /// Returns false only if the clock is known to be wrong. If Redis does not answer, that is not known.
    async fn is_clock_sound(&self) -> bool {
        let Some(redis) = &self.redis else {
            return true;
        };
        let Err(error) = redis.check_clock().await else {
            return true;
        };

        let skew = error.source().and_then(|source| source.downcast_ref::<ClockSkew>());
        if let Some(skew) = skew {
            tracing::warn!("not ready: {skew}");
        }
        skew.is_none()
    }
}

pub(super) async fn alive() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// Reports whether each store answers and accepts writes, and whether the clock is right. The status is 503 if one of them is not.
pub(super) async fn ready(State(state): State<Arc<HttpState>>) -> Response {
    let parts = state.readiness.parts().await;
    let status = if parts.values().all(|up| *up) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(parts)).into_response()
}
