//! What stands in a cell of the tables. It compares nothing with goals.

use crate::compare::{RowResults, ServerResults};
use crate::load::Sample;
use crate::server::Kind;

/// Two digits are enough for small figures, none after the point for large ones.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

pub(super) fn nothing() -> String {
    "—".to_owned()
}

/// The heads of a table's columns, after those of its lines.
pub(super) fn heads(first: &str, kinds: &[Kind], more: &[&str]) -> String {
    let titles = kinds.iter().map(|kind| kind.title());
    let cells: Vec<_> = std::iter::once(first)
        .chain(titles)
        .chain(more.iter().copied())
        .collect();
    format!(
        "| {} |\n|{}\n",
        cells.join(" | "),
        "---|".repeat(cells.len())
    )
}

pub(super) fn of(row: &RowResults, kind: Kind) -> Option<&ServerResults> {
    row.servers.iter().find(|server| server.server == kind)
}

pub(super) fn cost(row: &RowResults, kind: Kind) -> Option<f64> {
    Some(of(row, kind)?.median()?.cost)
}

pub(super) fn cost_cell(row: &RowResults, kind: Kind) -> String {
    let cost = |sample: &Sample| Some(sample.cost);
    match of(row, kind) {
        None => nothing(),
        Some(server) => spread(server, cost).unwrap_or_else(|| "not measured".to_owned()),
    }
}

/// The median of all rounds with the lowest and the highest.
pub(super) fn spread(
    server: &ServerResults,
    of: impl Fn(&Sample) -> Option<f64>,
) -> Option<String> {
    let samples = server.samples.as_ref().ok()?;
    let mut values: Vec<f64> = samples.iter().filter_map(of).collect();
    values.sort_by(f64::total_cmp);
    let median = *values.get(values.len().checked_sub(1)? / 2)?;
    let (lowest, highest) = (*values.first()?, *values.last()?);
    Some(match values.len() {
        1 => figure(median),
        _ => format!(
            "{} ({}–{})",
            figure(median),
            figure(lowest),
            figure(highest)
        ),
    })
}

pub(super) fn ratio_cell(ours: Option<f64>, theirs: Option<f64>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if theirs > 0.0 => format!("{:.2}", ours / theirs),
        _ => nothing(),
    }
}

pub(super) fn rate_cell(sample: &Sample) -> String {
    let percent =
        |share: Option<f64>| share.map_or_else(nothing, |share| format!("{:.0} %", share * 100.0));
    let rate = sample.rate.map_or_else(nothing, figure);
    format!(
        "{rate} ({}, {})",
        percent(sample.server_busy),
        percent(sample.load_busy)
    )
}
