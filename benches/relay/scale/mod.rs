//! `cargo bench -- scale`: from a thousand connections to as many as the machine allows, what each costs the relay, and how
//! long it takes to tell all of them something, to lose all at once, and to see all off. The relay alone is measured.

mod files;
mod held;
mod stage;

use anyhow::{Result, ensure};
use clap::Args;

use self::stage::Figures;
use crate::machine;
use crate::server::Stage;

const SIZES: [u32; 8] = [
    1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
];
/// From this size on a connection must not become dearer, by more than [`MAX_GROWTH`].
const FLAT_FROM: u32 = 10_000;
const MAX_GROWTH: f64 = 1.1;
/// How long a new client may have to wait while all others leave.
const MAX_WAIT_MS: f64 = 250.0;

#[derive(Args)]
pub(crate) struct Options {
    /// The most connections.
    #[arg(long, value_name = "NUMBER", default_value_t = 200_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    most: u32,
    /// The fewest connections.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    least: u32,
}

pub(crate) fn run(options: &Options, mut stage: Stage) -> Result<()> {
    let most = files::raise(options.most)?;
    ensure!(most >= 1_000, "too few files for a thousand connections");
    let known = (2 * most).to_string();
    stage.settings = vec![
        ("MAX_CONNECTIONS_PER_IP", known.clone()),
        ("PRESENCE_PEERS_LIMIT", known),
        ("OFFLINE_GRACE", "0s".to_owned()),
    ];
    let mut all = Vec::new();
    for size in sizes(options.least, most) {
        if !files::is_memory_for(u64::from(size))? {
            break;
        }
        eprintln!("{size} connections …");
        match stage::run(size, &stage) {
            Ok(figures) => all.push(figures),
            Err(error) => {
                eprintln!("{size} connections: not measured: {error:#}");
                break;
            }
        }
    }
    ensure!(!all.is_empty(), "nothing was measured");
    print(&all, &stage);
    Ok(())
}

/// The sizes up to the most, which is one of them.
fn sizes(least: u32, most: u32) -> Vec<u32> {
    let between = SIZES
        .into_iter()
        .filter(|size| (least..most).contains(size));
    between.chain([most]).collect()
}

fn print(all: &[Figures], stage: &Stage) {
    println!("{}; {}\n", machine::describe(), stage.placement.describe());
    println!(
        "| connections | KiB each | kernel's KiB each, both ends | connects per second | CPU µs to connect | idle: CPU µs each \
         per second | with a message each a minute | `user:online` to all: s | CPU µs per delivery | all leave at once: gone \
         after s | longest wait of a new client, ms | SIGTERM: ended after s |\n|{}",
        "---|".repeat(12)
    );
    for figures in all {
        let cells = [
            format!("{:.1}", figures.resident_kib),
            format!("{:.1}", figures.kernel_kib),
            format!("{:.0}", figures.connects_per_second),
            format!("{:.0}", figures.connect_us),
            format!("{:.2}", figures.idle_us),
            format!("{:.2}", figures.talk_us),
            format!("{:.2}", figures.told_seconds),
            format!("{:.2}", figures.told_us),
            format!("{:.2}", figures.gone_seconds),
            format!("{:.0}", milliseconds(figures)),
            format!("{:.1}", figures.drained_seconds),
        ];
        println!("| {} | {} |", figures.connections, cells.join(" | "));
    }
    print_goals(all);
}

fn milliseconds(figures: &Figures) -> f64 {
    figures.longest_wait.as_secs_f64() * 1e3
}

/// A cost of one connection, with its name.
type Cost = (&'static str, fn(&Figures) -> f64);

fn print_goals(all: &[Figures]) {
    println!("\nGoals:\n");
    let longest = all.iter().map(milliseconds).fold(0.0, f64::max);
    println!(
        "- a new client waits at most {MAX_WAIT_MS:.0} ms while all others leave: {longest:.0} ms, {}",
        verdict(longest <= MAX_WAIT_MS)
    );
    let costs: [Cost; 4] = [
        ("memory", |figures| figures.resident_kib),
        ("connecting", |figures| figures.connect_us),
        ("being idle", |figures| figures.idle_us),
        ("a message a minute", |figures| figures.talk_us),
    ];
    let large: Vec<_> = all
        .iter()
        .filter(|figures| figures.connections >= FLAT_FROM)
        .collect();
    let [first, others @ ..] = large.as_slice() else {
        println!("- whether the cost of a connection grows is seen from {FLAT_FROM} on only");
        return;
    };
    for (name, cost) in costs {
        let highest = others.iter().map(|figures| cost(figures));
        let growth = highest.fold(cost(first), f64::max) / cost(first);
        println!(
            "- {name} costs each connection at most {MAX_GROWTH} times as much as with {}: {growth:.2} times, {}",
            first.connections,
            verdict(growth <= MAX_GROWTH)
        );
    }
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}
