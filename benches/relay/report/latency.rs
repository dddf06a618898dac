//! The table of latencies, of the rows with a fixed rate, and whether the relay's are below those of others.

use std::fmt::Write as _;

use super::cells::{figure, heads, nothing, of};
use crate::compare::{Results, RowResults};
use crate::goal::{self, Verdict, compare};
use crate::load::Latency;
use crate::server::Kind;

/// Whose latencies the relay's are compared with.
const COMPARED: [Kind; 3] = [Kind::Node, Kind::Uws, Kind::Bun];

type Figure = (&'static str, fn(&Latency) -> f64);

/// Those that the goals are about come first.
const FIGURES: [Figure; 5] = [
    ("p50", |latency| latency.p50),
    ("p99", |latency| latency.p99),
    ("p99.9", |latency| latency.p999),
    ("the longest", |latency| latency.most),
    ("load late, at most", |latency| latency.behind),
];
const GOALS: usize = 3;

/// Nothing, when no row has a rate.
pub(super) fn table(results: &Results, kinds: &[Kind]) -> String {
    let rows: Vec<_> = results
        .rows
        .iter()
        .filter(|row| row.row.rate().is_some())
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "\nTime from when a message was due until it had arrived, in µs; the median of the rounds, of what was late the highest:\n\n"
        .to_owned();
    text += &heads("messages per second", kinds, &["goal"]);
    for row in rows {
        for (number, (name, of_latency)) in FIGURES.iter().enumerate() {
            let cells: Vec<_> = kinds
                .iter()
                .map(|kind| value(row, *kind, *of_latency, number).map_or_else(nothing, figure))
                .collect();
            let goal = match number < GOALS {
                true => format!("lowest{}", verdict_of(row, *of_latency).describe()),
                false => nothing(),
            };
            let rate = row.row.rate().unwrap_or_default();
            let _ = writeln!(text, "| {rate}, {name} | {} | {goal} |", cells.join(" | "));
        }
    }
    text
}

/// Whether all percentiles of the relay are at most those of others.
pub(super) fn verdict(row: &RowResults) -> Verdict {
    let figures = FIGURES.iter().take(GOALS);
    goal::all(figures.map(|(_, of_latency)| verdict_of(row, *of_latency)))
}

fn verdict_of(row: &RowResults, of_latency: fn(&Latency) -> f64) -> Verdict {
    let ours = value(row, Kind::Relay, of_latency, 0);
    goal::all(COMPARED.map(|kind| compare(ours, value(row, kind, of_latency, 0))))
}

/// Over all rounds the median of what goals are about, and the highest of the rest.
fn value(
    row: &RowResults,
    kind: Kind,
    of_latency: fn(&Latency) -> f64,
    number: usize,
) -> Option<f64> {
    let samples = of(row, kind)?.samples.as_ref().ok()?;
    let latencies = samples.iter().filter_map(|sample| sample.latency.as_ref());
    let mut values: Vec<f64> = latencies.map(of_latency).collect();
    values.sort_by(f64::total_cmp);
    match number < GOALS {
        true => values.get(values.len().checked_sub(1)? / 2).copied(),
        false => values.last().copied(),
    }
}
