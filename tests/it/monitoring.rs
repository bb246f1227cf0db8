//! The names of metrics: the dashboard, the alerts and the documents use only those that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the names of metrics in a text, without the endings of a histogram's series.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_name(c)).filter(|word| word.starts_with("sms_login_"));
    let base = |word: &str| {
        let ending = ["_bucket", "_count", "_sum"].into_iter().find_map(|ending| word.strip_suffix(ending));
        ending.unwrap_or(word).to_owned()
    };
    words.map(base).collect()
}

/// The metrics of the server.
fn metrics() -> BTreeSet<String> {
    let metrics = names(&text("src/metrics.rs"));
    assert!(metrics.len() > 15, "{metrics:?}");
    metrics
}

#[test]
fn the_dashboard_and_the_alerts_use_only_metrics_that_exist() {
    let metrics = metrics();
    for path in
        ["deploy/grafana.json", "deploy/alerts.yml", "docs/monitoring.md", "docs/operations.md", "src/cli/check.rs"]
    {
        let unknown: Vec<_> = names(&text(path)).difference(&metrics).cloned().collect();
        assert!(unknown.is_empty(), "{path} uses metrics that do not exist: {unknown:?}");
    }
    assert!(names(&text("deploy/grafana.json")).len() > 12 && names(&text("deploy/alerts.yml")).len() > 5);
}

#[test]
fn every_metric_is_documented_and_described() {
    let metrics = metrics();
    let missing: Vec<_> = metrics.difference(&names(&text("docs/monitoring.md"))).cloned().collect();
    assert!(missing.is_empty(), "docs/monitoring.md has no line for {missing:?}");

    let source = text("src/metrics.rs");
    let flat: String = source.split_whitespace().collect();
    let constants = source.lines().filter(|line| line.contains("const ") && line.contains("\"sms_login_"));
    for constant in constants {
        let name = constant.split("const ").nth(1).and_then(|rest| rest.split(':').next()).expect("a name");
        let is_described =
            ["counter", "gauge", "histogram"].iter().any(|kind| flat.contains(&format!("describe_{kind}!({name},")));
        assert!(is_described, "{name} has no description");
    }
}

/// `deploy/alerts_test.yml` says which alerts fire for which series, and that a quiet server fires none.
#[test]
fn the_alerts_fire_when_they_should() {
    let tested = Command::new("promtool").args(["test", "rules"]).arg(file("deploy/alerts_test.yml")).output();
    let tested = tested.expect("promtool is missing: run scripts/setup-tests");
    let printed = [tested.stdout, tested.stderr].concat();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&printed));
}

#[test]
fn prometheus_accepts_the_alerts() {
    let checked = Command::new("promtool").args(["check", "config"]).arg(file("deploy/prometheus.yml")).output();
    let checked = checked.expect("promtool is missing: run scripts/setup-tests");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
