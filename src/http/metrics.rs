//! The metrics for Prometheus.
//!
//! They have their own address, `METRICS_ADDR`, because they must not be public.

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use crate::metrics;

/// Starts recording metrics, and returns the route `/metrics`.
///
/// # Errors
/// If this process already records metrics.
pub(crate) fn router() -> Result<Router, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in metrics::BUCKETS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
    }
    let recorder = builder.install_recorder()?;
    metrics::describe();
    metrics::build_info();
    Ok(Router::new().route("/metrics", get(async move || recorder.render())))
}
