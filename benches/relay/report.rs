//! The table, as Markdown. It shows what was measured and says what was not, and why; it makes up nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::compare::{Results, RowResults, ServerResults};
use crate::load::Sample;
use crate::row::{Goal, Row};
use crate::server::Kind;

pub(crate) fn markdown(results: &Results) -> String {
    let mut text = format!("{}; {}; ", results.machine, results.placement);
    text += &match (results.quick, results.rounds) {
        (true, _) => "a quick run, rough figures.\n\n".to_owned(),
        (false, rounds) => format!("median (lowest–highest) of {rounds} rounds.\n\n"),
    };
    text += &costs(results);
    text += &others(results);
    text.push('\n');
    text += &rates(results);
    let missing = missing(results);
    if !missing.is_empty() {
        let _ = write!(text, "\nNot measured:\n\n{missing}");
    }
    text
}

fn costs(results: &Results) -> String {
    let mut text =
        "| work | sealed-relay | Node socket.io | floor | relay / Node | relay / floor | goal |\n"
            .to_owned();
    text += "|---|---|---|---|---|---|---|\n";
    for row in &results.rows {
        let [relay, node, floor] = Kind::ALL.map(|kind| cost(row, kind));
        let cells = [
            row.title.clone(),
            cost_cell(row, Kind::Relay),
            cost_cell(row, Kind::Node),
            cost_cell(row, Kind::Floor),
            ratio_cell(relay, node),
            ratio_cell(relay, floor),
            goal_cell(row.goal, relay, node),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
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

fn rates(results: &Results) -> String {
    let mut text = "Deliveries (stored messages, connections) per second, and how busy the server's core and the load's core were:\n\n".to_owned();
    text += "| work | sealed-relay | Node socket.io | floor |\n|---|---|---|---|\n";
    for row in results.rows.iter().filter(|row| row.row != Row::Idle) {
        let cells = Kind::ALL.map(|kind| {
            of(row, kind)
                .and_then(ServerResults::median)
                .map_or_else(nothing, rate_cell)
        });
        let _ = writeln!(text, "| {} | {} |", short_title(row), cells.join(" | "));
    }
    text
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

fn of(row: &RowResults, kind: Kind) -> Option<&ServerResults> {
    row.servers.iter().find(|server| server.server == kind)
}

fn cost(row: &RowResults, kind: Kind) -> Option<f64> {
    Some(of(row, kind)?.median()?.cost)
}

fn cost_cell(row: &RowResults, kind: Kind) -> String {
    let Some(server) = of(row, kind) else {
        return nothing();
    };
    let (Some(median), Ok(samples)) = (server.median(), &server.samples) else {
        return "not measured".to_owned();
    };
    let lowest = samples
        .iter()
        .map(|sample| sample.cost)
        .fold(f64::INFINITY, f64::min);
    let highest = samples
        .iter()
        .map(|sample| sample.cost)
        .fold(f64::NEG_INFINITY, f64::max);
    match samples.len() {
        1 => figure(median.cost),
        _ => format!(
            "{} ({}–{})",
            figure(median.cost),
            figure(lowest),
            figure(highest)
        ),
    }
}

fn ratio_cell(ours: Option<f64>, theirs: Option<f64>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if theirs > 0.0 => format!("{:.2}", ours / theirs),
        _ => nothing(),
    }
}

/// The goal is met by the absolute figure or by the share of Node's.
fn goal_cell(goal: Option<Goal>, relay: Option<f64>, node: Option<f64>) -> String {
    let Some(goal) = goal else {
        return nothing();
    };
    let met = relay.map(|relay| {
        relay <= goal.absolute || node.is_some_and(|node| relay <= goal.of_node * node)
    });
    let verdict = match met {
        Some(true) => ": met",
        Some(false) => ": missed",
        None => "",
    };
    format!(
        "≤ {} or {:.2} of Node{verdict}",
        figure(goal.absolute),
        goal.of_node
    )
}

fn rate_cell(sample: &Sample) -> String {
    let percent =
        |share: Option<f64>| share.map_or_else(nothing, |share| format!("{:.0} %", share * 100.0));
    let rate = sample.rate.map_or_else(nothing, figure);
    format!(
        "{rate} ({}, {})",
        percent(sample.server_busy),
        percent(sample.load_busy)
    )
}

/// Two digits are enough for small figures, none after the point for large ones.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn nothing() -> String {
    "—".to_owned()
}
