//! `cargo bench -- instructions`: how many instructions the relay executes for a message, by valgrind's callgrind, split by
//! crate. Instructions hardly depend on what else the machine does, so small changes show; the kernel's are not in them.

mod groups;
mod profile;
mod stored;
mod valgrind;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::groups::Group;
use self::profile::Profile;
use crate::load::{self, Moment, Order};
use crate::row::Row;
use crate::server::{Kind, Running, Stage};
use crate::work::{Event, Exchange};

/// Before counting starts: what is allocated or compiled once is then there.
const WARM_UP: u64 = 200;
/// Functions that are listed by name.
const LISTED: usize = 25;
const LISTED_COPIERS: usize = 5;

#[derive(Args)]
pub(crate) struct Options {
    /// Messages that are counted, in each of the two cases.
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Count messages that are stored, as in the rows `stored` and `stored-busy`.
    #[arg(long)]
    stored: bool,
}

/// What was counted with messages under way so.
struct Count {
    in_flight: String,
    profile: Profile,
    file: PathBuf,
}

pub(crate) fn run(options: &Options, mut stage: Stage) -> Result<()> {
    if !valgrind::is_installed() {
        bail!(
            "valgrind is not installed (Debian: valgrind); without it instructions cannot be counted"
        );
    }
    if options.stored {
        return stored::run(options.messages, &mut stage);
    }
    let out = out_file("callgrind.out")?;
    valgrind::wrap(&mut stage, &out)?;
    let server = Running::start(Kind::Relay, Row::Message, &stage)?;
    let mut counts = Vec::new();
    for (number, in_flight) in (1..).zip([1, 8]) {
        eprintln!(
            "counting {} messages, {in_flight} under way …",
            options.messages
        );
        count(&server, in_flight, options.messages)?;
        counts.push(Count::read(&out, number, in_flight.to_string())?);
    }
    println!("Instructions per message of 256 characters, without the kernel's:\n");
    print_counts(&counts, options.messages);
    Ok(())
}

/// Where callgrind writes its profiles, each with a number behind the name.
fn out_file(name: &str) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/instructions");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.{}", std::process::id())))
}

impl Count {
    /// Of a profile that was written.
    fn read(out: &Path, number: u32, in_flight: String) -> Result<Self> {
        let file = PathBuf::from(format!("{}.{number}", out.display()));
        let profile = Profile::read(&file).with_context(|| file.display().to_string())?;
        Ok(Self {
            in_flight,
            profile,
            file,
        })
    }
}

/// The audit of the messages is counted too, so the counting ends when the relay has come to rest.
fn count(server: &Running, in_flight: u64, messages: u64) -> Result<()> {
    let order = Order::at_once(server);
    let exchange = Exchange {
        event: Event::Message,
        pairs: 1,
        receivers: 1,
        in_flight,
        body: 256,
    };
    load::count(&order, exchange, (WARM_UP, messages), |moment| {
        server.wait_until_at_rest()?;
        match moment {
            Moment::Begin => valgrind::begin(server),
            Moment::End => valgrind::end(server),
        }
    })
}

fn print_counts(counts: &[Count], messages: u64) {
    print_groups(counts, messages);
    print_functions(counts, messages);
}

fn print_groups(counts: &[Count], messages: u64) {
    print!("| what |");
    for count in counts {
        print!(" {} under way |", count.in_flight);
    }
    println!("\n|---|{}", "---|".repeat(counts.len()));
    let split: Vec<_> = counts
        .iter()
        .map(|count| count.profile.by_group())
        .collect();
    for group in Group::ALL {
        let of = split
            .iter()
            .map(|split| split.get(&group).copied().unwrap_or_default());
        print_row(group.title(), of, messages);
    }
    let totals = counts.iter().map(|count| count.profile.total() as f64);
    print_row("**all**", totals, messages);
}

fn print_row(title: &str, values: impl Iterator<Item = f64>, messages: u64) {
    print!("| {title} |");
    for value in values {
        print!(" {:.0} |", value / messages as f64);
    }
    println!();
}

fn print_functions(counts: &[Count], messages: u64) {
    for count in counts {
        println!(
            "\nWith {} under way the functions that cost the most ({}):\n",
            count.in_flight,
            count.file.display()
        );
        print_list(count.profile.largest(LISTED), messages);
        println!("\nWho had the most copied:\n");
        print_list(count.profile.copiers(LISTED_COPIERS), messages);
    }
}

fn print_list(list: Vec<(&str, u64)>, messages: u64) {
    for (name, cost) in list {
        println!("{:>8.0}  {name}", cost as f64 / messages as f64);
    }
}
