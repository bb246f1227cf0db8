//! The metrics for Prometheus.
//!
//! They have their own address, `METRICS_ADDR`, because they must not be public.

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use tokio_util::task::TaskTracker;

use super::serve::{ConnectionCounts, Connections};
use crate::database::Database;
use crate::metrics;

/// What is counted when the metrics are read.
#[derive(Clone)]
pub(crate) struct Gauges {
    pub(crate) connections: Arc<Connections>,
    pub(crate) database: Database,
    pub(crate) operations: TaskTracker,
}

impl Gauges {
    fn set(&self) {
        let ConnectionCounts { open, idle, refused, evicted } = self.connections.counts();
        metrics::connections(open, idle, refused, evicted);
        let (size, idle) = self.database.pool_size();
        metrics::sql_pool(size, idle);
        metrics::running_operations(self.operations.len());
    }
}

/// Starts recording metrics, and returns the route `/metrics`.
///
/// # Errors
/// If this process already records metrics.
pub(crate) fn router(gauges: Gauges) -> Result<Router, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in metrics::BUCKETS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
    }
    let recorder = builder.install_recorder()?;
    metrics::describe();
    metrics::build_info();
    metrics::start_at_zero();
    Ok(Router::new().route(
        "/metrics",
        get(move || {
            gauges.set();
            ready(recorder.render())
        }),
    ))
}
