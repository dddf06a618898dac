//! The comparison: every row, round after round, the servers taking turns. It starts servers and load and collects the
//! samples; `report` makes the table.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum as _;
use serde::Serialize;

use crate::cpus::Side;
use crate::goal::{self, Bound};
use crate::load::{Order, Sample};
use crate::machine;
use crate::row::{Phases, Row, Sizes};
use crate::server::{self, Kind, Running, Stage};

/// What to measure, and how long.
pub(crate) struct Plan {
    rows: Vec<Row>,
    servers: Vec<Kind>,
    sizes: Sizes,
    rounds: u32,
    quick: bool,
    phases: Phases,
    /// Of the first round, whose sample is thrown away.
    warm_up: Phases,
}

impl Plan {
    pub(crate) fn new(
        rows: Vec<Row>,
        servers: Vec<Kind>,
        sizes: Sizes,
        rounds: Option<u32>,
        quick: bool,
    ) -> Self {
        let phases = |ramp, measured| Phases {
            ramp: Duration::from_millis(ramp),
            measured: Duration::from_millis(measured),
        };
        let (rounds_by_default, phases, warm_up) = if quick {
            (1, phases(200, 500), phases(0, 200))
        } else {
            (3, phases(500, 2_500), phases(0, 1_500))
        };
        let rows = if rows.is_empty() {
            Row::value_variants().to_vec()
        } else {
            rows
        };
        let servers = if servers.is_empty() {
            Kind::ALL.to_vec()
        } else {
            servers
        };
        Self {
            rows,
            servers,
            sizes,
            rounds: rounds.unwrap_or(rounds_by_default),
            quick,
            phases,
            warm_up,
        }
    }
}

/// Everything that was found.
#[derive(Serialize)]
pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) placement: String,
    pub(crate) rounds: u32,
    pub(crate) quick: bool,
    pub(crate) rows: Vec<RowResults>,
}

#[derive(Serialize)]
pub(crate) struct RowResults {
    pub(crate) row: Row,
    pub(crate) title: String,
    pub(crate) goal: &'static [Bound],
    pub(crate) servers: Vec<ServerResults>,
}

/// The samples of all rounds, or why there are none.
#[derive(Serialize)]
pub(crate) struct ServerResults {
    pub(crate) server: Kind,
    pub(crate) samples: Result<Vec<Sample>, String>,
}

impl ServerResults {
    /// The round whose cost is the median of all rounds.
    pub(crate) fn median(&self) -> Option<&Sample> {
        let mut samples: Vec<_> = self.samples.as_ref().ok()?.iter().collect();
        samples.sort_by(|one, other| one.cost.total_cmp(&other.cost));
        samples.get(samples.len().checked_sub(1)? / 2).copied()
    }
}

pub(crate) fn run(plan: &Plan, stage: &Stage) -> Result<Results> {
    let ready: Vec<_> = plan
        .servers
        .iter()
        .map(|kind| (*kind, kind.prepare()))
        .collect();
    let rows = plan
        .rows
        .iter()
        .map(|row| run_row(plan, *row, &ready, stage))
        .collect();
    Ok(Results {
        machine: machine::describe(),
        placement: stage.placement.describe(),
        rounds: plan.rounds,
        quick: plan.quick,
        rows,
    })
}

/// A server in a row: its samples so far, and its process when it keeps running between rounds.
struct Contender {
    results: ServerResults,
    running: Option<Running>,
}

fn run_row(plan: &Plan, row: Row, ready: &[(Kind, Result<()>)], stage: &Stage) -> RowResults {
    let contender = |(kind, ready): &(Kind, Result<()>)| {
        let samples = ready
            .as_ref()
            .map(|()| Vec::new())
            .map_err(|error| format!("{error:#}"));
        Contender {
            results: ServerResults {
                server: *kind,
                samples,
            },
            running: None,
        }
    };
    let mut contenders: Vec<_> = ready
        .iter()
        .filter(|(kind, _)| kind.can_do(row))
        .map(contender)
        .collect();
    for round in 0..=plan.rounds {
        for contender in &mut contenders {
            contender.take_turn(plan, row, round, stage);
        }
    }
    RowResults {
        row,
        title: row.title(&plan.sizes),
        goal: goal::bounds(row, &plan.sizes),
        servers: contenders
            .into_iter()
            .map(|contender| contender.results)
            .collect(),
    }
}

impl Contender {
    /// Round 0 warms up. A server that fails once is out of this row.
    fn take_turn(&mut self, plan: &Plan, row: Row, round: u32, stage: &Stage) {
        let warms_up = round == 0;
        if warms_up && row.wants_fresh_server() {
            return;
        }
        let Ok(samples) = &mut self.results.samples else {
            return;
        };
        let phases = if warms_up {
            plan.warm_up
        } else {
            row.phases(plan.phases)
        };
        let row_title = row.title(&plan.sizes);
        match one_round(
            self.results.server,
            &mut self.running,
            (row, plan.sizes),
            phases,
            stage,
        ) {
            Ok(sample) => {
                let title = self.results.server.title();
                eprintln!("{row_title} · {title} · round {round}: {:.1}", sample.cost);
                if !warms_up {
                    samples.push(sample);
                }
            }
            Err(error) => {
                eprintln!(
                    "{row_title} · {} · not measured: {error:#}",
                    self.results.server.title()
                );
                self.results.samples = Err(format!("{error:#}"));
                self.running = None;
            }
        }
    }
}

fn one_round(
    kind: Kind,
    running: &mut Option<Running>,
    (row, sizes): (Row, Sizes),
    phases: Phases,
    stage: &Stage,
) -> Result<Sample> {
    if running.is_none() {
        *running = Some(Running::start(kind, row, stage)?);
    }
    let server = running.as_ref().context("no server")?;
    let order = Order {
        row,
        sizes,
        addresses: server.addresses(),
        pids: server.pids(),
        redis: server.redis(),
        jwt_secret: kind.jwt_secret(),
        phases,
        turn: Cell::new(0),
    };
    let sample = send_load(&order, stage);
    if row.wants_fresh_server() {
        *running = None;
    } else {
        // It shares its core with the server whose turn is next.
        server.wait_until_idle()?;
    }
    sample
}

fn send_load(order: &Order, stage: &Stage) -> Result<Sample> {
    let mut command = stage.placement.command(Side::Load, &server::own_binary()?);
    // The reason of a failure goes into the report; a backtrace would hide it.
    command.env("RUST_LIB_BACKTRACE", "0");
    let output = command
        .args(["load", &serde_json::to_string(order)?])
        .output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = complaint
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        bail!("load: {}", lines.join(" "));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
