//! `spend`: prints what the messages of the past days were, and what they cost.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, value_parser};
use jiff::{Span, civil};

use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings};
use crate::day::Day;
use crate::spend::{Count, SpendCounts, SpendRow};

/// The numbers of a line, in the order of the columns.
const COUNTS: [Count; 6] =
    [Count::Accepted, Count::Delivered, Count::Failed, Count::Used, Count::Refunded, Count::Unconfirmed];

const COLUMNS: [&str; 12] = [
    "day",
    "route",
    "region",
    "purpose",
    "accepted",
    "delivered",
    "failed",
    "used",
    "refunded",
    "unconfirmed",
    "conversion %",
    "price",
];

/// The columns whose values are words. The others are numbers.
const WORDS: usize = 4;

type Line = [String; COLUMNS.len()];

#[derive(Debug, Clone, Args)]
pub(super) struct SpendArgs {
    /// How many days to print, today included
    #[arg(long, default_value = "30", value_parser = value_parser!(u16).range(1..=400))]
    days: u16,
    /// Print comma-separated values instead of a table
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(args: SpendArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let config = Config::try_from(settings)?;
    let last = Day::of(SystemClock.now(), config.issuing.day_offset).number;
    let first = last - i64::from(args.days) + 1;
    let rows = app::counted_deliveries(&config, Arc::new(SystemClock)).await?.spend(first, last).await?;
    super::print(&if args.csv { csv(&rows) } else { table(&rows)? })
}

fn line(row: &SpendRow) -> Line {
    let parcel = &row.parcel;
    let words = [date(parcel.day), parcel.route.clone(), parcel.region.clone(), parcel.purpose.name().to_uppercase()];
    with_numbers(&words, &row.counts)
}

fn with_numbers(words: &[String; WORDS], counts: &SpendCounts) -> Line {
    let mut line = Line::default();
    line[..WORDS].clone_from_slice(words);
    for (cell, count) in line[WORDS..].iter_mut().zip(COUNTS) {
        *cell = counts.get(count).to_string();
    }
    line[COLUMNS.len() - 2] = conversion(counts);
    line[COLUMNS.len() - 1] = counts.price().to_string();
    line
}

/// Returns how many percent of the accepted messages had a code that was used, or nothing if there are no messages.
fn conversion(counts: &SpendCounts) -> String {
    match counts.get(Count::Accepted) {
        0 => String::new(),
        accepted => {
            let tenths = counts.get(Count::Used).saturating_mul(1000) / accepted;
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    }
}

/// Returns a day as a date, such as `2026-03-01`.
fn date(day: i64) -> String {
    let epoch = civil::date(1970, 1, 1);
    Span::new()
        .try_days(day)
        .and_then(|days| epoch.checked_add(days))
        .map_or_else(|_| day.to_string(), |date| date.to_string())
}

fn csv(rows: &[SpendRow]) -> String {
    let header = COLUMNS.map(|column| column.replace(" %", "_percent")).join(",");
    let lines = rows.iter().map(|row| line(row).join(","));
    std::iter::once(header).chain(lines).map(|line| line + "\n").collect()
}

fn table(rows: &[SpendRow]) -> Result<String, std::fmt::Error> {
    let mut total = SpendCounts::default();
    for row in rows {
        total.add_all(&row.counts);
    }
    let mut lines: Vec<Line> = vec![COLUMNS.map(str::to_owned)];
    lines.extend(rows.iter().map(line));
    lines.push(with_numbers(&["total", "", "", ""].map(str::to_owned), &total));

    let mut text = String::new();
    for line in &lines {
        let mut printed = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
            if column < WORDS {
                write!(printed, "{cell:<width$}  ")?;
            } else {
                write!(printed, "{cell:>width$}  ")?;
            }
        }
        writeln!(text, "{}", printed.trim_end())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date() {
        assert_eq!((date(0).as_str(), date(20_513).as_str()), ("1970-01-01", "2026-03-01"));
    }
}
