//! The benchmark: this server, plain servers on other stacks and a bare relay do the same work, and the CPU time per
//! delivered event is compared. `cargo bench` runs it; `docs/performance.md` says how it measures.
//!
//! This file owns the command line and nothing else. The same binary plays four roles, each in a process of its own: it
//! runs the comparison, it is the load generator (`load`), the bare relay (`floor`), and a plain server (`plain`).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table and the progress lines are what this program is for"
)]

mod compare;
mod cpus;
mod databases;
mod floor;
mod goal;
mod instructions;
mod load;
mod machine;
mod plain;
mod process_usage;
mod report;
mod row;
mod scale;
mod server;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::row::{Row, Sizes};
use crate::server::{Kind, Stage};

/// Compares the relay with servers on other stacks and with a bare relay, by CPU time per delivered event.
#[derive(Parser)]
#[command(name = "cargo bench --")]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    /// A short run that shows that everything works; its figures are rough.
    #[arg(long)]
    quick: bool,
    /// Measure only this row; may be given several times.
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<Row>,
    /// Measure only this server; may be given several times.
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<Kind>,
    /// Measured rounds per row and server; 3 by default, 1 with --quick.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    #[command(flatten)]
    sizes: Sizes,
    /// Measure this binary of the relay instead of the one that Cargo has built.
    #[arg(long, value_name = "FILE", global = true)]
    relay: Option<PathBuf>,
    /// Also write every figure to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Cargo passes this to every benchmark; it changes nothing.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Role {
    /// Counts the relay's instructions for a message, a connect and a stored message, split by crate; needs valgrind.
    Instructions(instructions::Options),
    /// Holds more and more connections, and measures what each costs the relay.
    Scale(scale::Options),
    /// Many connections; `scale` starts it.
    #[command(hide = true)]
    Crowd { order: String },
    /// The load generator; the comparison starts it.
    #[command(hide = true)]
    Load { order: String },
    /// The bare relay; the comparison starts it.
    #[command(hide = true)]
    Floor { address: SocketAddr },
    /// The plain server on socketioxide; the comparison starts it.
    #[command(hide = true)]
    Socketioxide { address: SocketAddr },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.role {
        Some(Role::Load { order }) => load::run(&order),
        Some(Role::Floor { address }) => floor::run(address),
        Some(Role::Socketioxide { address }) => plain::run(address),
        Some(Role::Crowd { order }) => load::crowd::run(&order),
        Some(Role::Scale(options)) => scale::run(&options, Stage::new(cli.relay.as_deref())?),
        Some(Role::Instructions(options)) => {
            instructions::run(&options, Stage::new(cli.relay.as_deref())?)
        }
        None => {
            let stage = Stage::new(cli.relay.as_deref())?;
            let plan = compare::Plan::new(cli.rows, cli.servers, cli.sizes, cli.rounds, cli.quick);
            let results = compare::run(&plan, &stage)?;
            print!("{}", report::markdown(&results));
            if let Some(file) = cli.json {
                std::fs::write(file, serde_json::to_string_pretty(&results)?)?;
            }
            Ok(())
        }
    }
}
