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
    let (name, buckets) = metrics::SEND_BUCKETS;
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(name.to_owned()), &buckets)?;
    let recorder = builder.install_recorder()?;
    metrics::describe();
    Ok(Router::new().route("/metrics", get(async move || recorder.render())))
}
