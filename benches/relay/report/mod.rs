//! The tables, as Markdown. They show what was measured and say what was not, and why; they make up nothing.

mod cells;
mod latency;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::cells::{cost, cost_cell, heads, nothing, of, rate_cell, ratio_cell, spread};
use crate::compare::{Results, RowResults, ServerResults};
use crate::goal::Bound;
use crate::row::Row;
use crate::server::Kind;

pub(crate) fn markdown(results: &Results) -> String {
    let mut text = format!("{}; {}; ", results.machine, results.placement);
    text += &match (results.quick, results.rounds) {
        (true, _) => "a quick run, rough figures.\n\n".to_owned(),
        (false, rounds) => format!("median (lowest–highest) of {rounds} rounds.\n\n"),
    };
    let kinds = measured(results);
    text += &costs(results, &kinds);
    text += &others(results);
    text += &latency::table(results, &kinds);
    text.push('\n');
    text += &rates(results, &kinds);
    text += &redis(results);
    let missing = missing(results);
    if !missing.is_empty() {
        let _ = write!(text, "\nNot measured:\n\n{missing}");
    }
    text
}

/// The servers that were to be measured in any row.
fn measured(results: &Results) -> Vec<Kind> {
    let in_any = |kind: &Kind| results.rows.iter().any(|row| of(row, *kind).is_some());
    Kind::ALL.into_iter().filter(in_any).collect()
}

fn costs(results: &Results, kinds: &[Kind]) -> String {
    let mut text = heads("work", kinds, &["relay / Node", "relay / floor", "goal"]);
    for row in &results.rows {
        let [relay, node, floor] =
            [Kind::Relay, Kind::Node, Kind::Floor].map(|kind| cost(row, kind));
        let mut cells = vec![row.title.clone()];
        cells.extend(kinds.iter().map(|kind| cost_cell(row, *kind)));
        cells.extend([
            ratio_cell(relay, node),
            ratio_cell(relay, floor),
            goal_cell(results, row),
        ]);
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn goal_cell(results: &Results, row: &RowResults) -> String {
    let in_row = |other: Row| {
        let other = results.rows.iter().find(|results| results.row == other)?;
        cost(other, Kind::Relay)
    };
    let bound = |bound: &Bound| {
        let verdict = bound
            .verdict(cost(row, Kind::Relay), |kind| cost(row, kind), in_row)
            .unwrap_or_else(|| latency::verdict(row));
        format!("{}{}", bound.describe(), verdict.describe())
    };
    match row.goal {
        [] => nothing(),
        bounds => bounds.iter().map(bound).collect::<Vec<_>>().join("; "),
    }
}

/// Other work on the same cores makes every figure dearer, so the report says how much there was.
fn others(results: &Results) -> String {
    let samples = results
        .rows
        .iter()
        .flat_map(|row| &row.servers)
        .filter_map(|server| server.samples.as_ref().ok());
    let mut busy: Vec<f64> = samples
        .flatten()
        .filter_map(|sample| sample.others_busy)
        .collect();
    busy.sort_by(f64::total_cmp);
    match (busy.get(busy.len() / 2), busy.last()) {
        (Some(median), Some(most)) => {
            format!(
                "\nOther programs kept {median:.2} cores busy meanwhile (median; at most {most:.2}).\n"
            )
        }
        _ => String::new(),
    }
}

fn rates(results: &Results, kinds: &[Kind]) -> String {
    let mut text = "Deliveries (stored messages, connections) per second, and how busy the server's core and the load's core were:\n\n".to_owned();
    text += &heads("work", kinds, &[]);
    for row in results.rows.iter().filter(|row| row.row != Row::Idle) {
        let cell = |kind: &Kind| {
            of(row, *kind)
                .and_then(ServerResults::median)
                .map_or_else(nothing, rate_cell)
        };
        let cells: Vec<_> = kinds.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |", short_title(row), cells.join(" | "));
    }
    text
}

/// What Redis did besides, where servers share one.
fn redis(results: &Results) -> String {
    let mut text = String::new();
    for row in &results.rows {
        let relay = of(row, Kind::Relay);
        if let Some(cost) = relay.and_then(|relay| spread(relay, |sample| sample.redis)) {
            let _ = writeln!(text, "| {} | {cost} |", short_title(row));
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nBesides, Redis:\n\n| work | CPU µs per message |\n|---|---|\n{text}")
}

/// One line for each server and reason, with the rows it concerns.
fn missing(results: &Results) -> String {
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for row in &results.rows {
        for server in &row.servers {
            if let Err(reason) = &server.samples {
                reasons
                    .entry((server.server.title(), reason))
                    .or_default()
                    .push(short_title(row));
            }
        }
    }
    let line = |((server, reason), rows): (_, Vec<_>)| {
        format!("- {server}: {reason} (in: {})\n", rows.join("; "))
    };
    reasons.into_iter().map(line).collect()
}

fn short_title(row: &RowResults) -> &str {
    row.title.split(", CPU").next().unwrap_or_default()
}
