//! The page that Prometheus reads, on an address of its own.

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use crate::metrics;

/// Starts counting, and gives the page at `/metrics`.
///
/// # Errors
/// If something else counts in this process already.
pub(crate) fn router() -> Result<Router, BuildError> {
    let (name, buckets) = metrics::SEND_BUCKETS;
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(name.to_owned()), &buckets)?;
    let recorder = builder.install_recorder()?;
    metrics::describe();
    Ok(Router::new().route("/metrics", get(async move || recorder.render())))
}
