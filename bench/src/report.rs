//! Figures as text: medians, ranges and Markdown tables.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Returns the least and the greatest figure.
pub(crate) fn range(figures: impl IntoIterator<Item = f64>) -> (f64, f64) {
    figures.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// Returns a Markdown table, whose first column is text and whose other columns are numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n| --- |{}\n", head.join(" | "), " ---: |".repeat(head.len() - 1));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

pub(crate) fn write_json(path: Option<&Path>, figures: &impl Serialize) -> Result<()> {
    if let Some(path) = path {
        std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(figures)?))?;
    }
    Ok(())
}
