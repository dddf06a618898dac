//! `cargo bench -- instructions`: how many instructions the relay executes for a message, a connect and a stored message, by
//! valgrind's callgrind, split by crate. Instructions hardly depend on what else the machine does, so small changes show;
//! the kernel's are not in them.

mod groups;
mod profile;
mod valgrind;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::groups::Group;
use self::profile::Profile;
use crate::load::{self, Moment, Order};
use crate::row::Row;
use crate::server::{Kind, Running, Stage};
use crate::work::{Event, Exchange, Work};

/// Before counting starts: what is allocated or compiled once is then there.
const WARM_UP: u64 = 200;
/// The same of stored messages, in each conversation.
const WARM_UP_STORED: u64 = 20;
/// Functions that are listed by name.
const LISTED: usize = 25;
const LISTED_COPIERS: usize = 5;
/// The rows whose messages are stored.
const STORED: [Row; 2] = [Row::Stored, Row::StoredBusy];
/// The servers whose connects are compared.
const CONNECTED_TO: [Kind; 3] = [Kind::Relay, Kind::Socketioxide, Kind::Floor];

#[derive(Args)]
pub(crate) struct Options {
    /// Messages that are counted, in each of the two cases; 0: none.
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    messages: u64,
    /// Connects that are counted, of each server; 0: none.
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    connects: u64,
    /// Stored messages that are counted, about, in each of the rows `stored` and `stored-busy`; 0: none.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    stored: u64,
}

/// What was counted in one case.
struct Count {
    title: String,
    events: u64,
    profile: Profile,
    file: PathBuf,
}

impl Count {
    fn read(title: String, events: u64, file: PathBuf) -> Result<Self> {
        let profile = Profile::read(&file).with_context(|| file.display().to_string())?;
        Ok(Self {
            title,
            events,
            profile,
            file,
        })
    }
}

pub(crate) fn run(options: &Options, mut stage: Stage) -> Result<()> {
    if !valgrind::is_installed() {
        bail!(
            "valgrind is not installed (Debian: valgrind); without it instructions cannot be counted"
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/instructions");
    std::fs::create_dir_all(&folder)?;
    let out = |what: &str| folder.join(format!("callgrind.out.{}.{what}", std::process::id()));
    if options.messages > 0 {
        let counts = of_messages(options.messages, &mut stage, &out("messages"))?;
        print("message of 256 characters", &counts);
    }
    if options.connects > 0 {
        let of = |kind| of_connects(kind, options.connects, &mut stage, &out(kind.title()));
        let counts: Vec<_> = CONNECTED_TO.into_iter().map(of).collect::<Result<_>>()?;
        print("connect", &counts);
    }
    if options.stored > 0 {
        let of = |row| of_stored(row, options.stored, &mut stage, &out(&row.name()));
        let counts: Vec<_> = STORED.into_iter().map(of).collect::<Result<_>>()?;
        print("stored message to ten", &counts);
    }
    Ok(())
}

fn of_messages(messages: u64, stage: &mut Stage, out: &Path) -> Result<Vec<Count>> {
    valgrind::wrap(stage, out)?;
    let server = Running::start(Kind::Relay, Row::Message, stage)?;
    let order = Order::at_once(&server, Kind::Relay);
    let mut counts = Vec::new();
    for (number, in_flight) in (1..).zip([1, 8]) {
        let title = format!("{in_flight} under way");
        eprintln!("counting {messages} messages, {title} …");
        let exchange = Exchange {
            event: Event::Message,
            pairs: 1,
            receivers: 1,
            in_flight,
            body: 256,
        };
        load::count(&order, exchange, (WARM_UP, messages), counting(&server))?;
        counts.push(Count::read(title, messages, dumped(out, number))?);
    }
    Ok(counts)
}

fn of_connects(kind: Kind, connects: u64, stage: &mut Stage, out: &Path) -> Result<Count> {
    valgrind::wrap(stage, out)?;
    let server = Running::start(kind, Row::Connect, stage)?;
    let order = Order::at_once(&server, kind);
    let Work::Connect { clients } = Row::Connect.work(&order.sizes) else {
        bail!("the row of connects has other work");
    };
    eprintln!("counting {connects} connects to {} …", kind.title());
    let counted = load::count_connects(&order, clients, connects, counting(&server))?;
    Count::read(kind.title().to_owned(), counted, dumped(out, 1))
}

fn of_stored(row: Row, messages: u64, stage: &mut Stage, out: &Path) -> Result<Count> {
    valgrind::wrap(stage, out)?;
    let server = Running::start(Kind::Relay, row, stage)?;
    let order = Order::at_once(&server, Kind::Relay);
    let Work::Stored(work) = row.work(&order.sizes) else {
        bail!("the rows of stored messages have other work");
    };
    let title = format!("{} × {} under way", work.conversations, work.senders);
    eprintln!("counting stored messages, {title} …");
    let conversations = u64::from(work.conversations);
    let each = messages.div_ceil(conversations);
    load::count_stored(&order, work, (WARM_UP_STORED, each), counting(&server))?;
    Count::read(title, each * conversations, dumped(out, 1))
}

/// The audit of the events is counted too, so the counting ends when the server has come to rest.
fn counting(server: &Running) -> impl FnMut(Moment) -> Result<()> {
    |moment| {
        server.wait_until_at_rest()?;
        match moment {
            Moment::Begin => valgrind::begin(server),
            Moment::End => valgrind::end(server),
        }
    }
}

fn dumped(out: &Path, number: u32) -> PathBuf {
    PathBuf::from(format!("{}.{number}", out.display()))
}

fn print(what: &str, counts: &[Count]) {
    print_groups(what, counts);
    counts.iter().for_each(print_functions);
}

fn print_groups(what: &str, counts: &[Count]) {
    println!("\nInstructions per {what}, without the kernel's:\n");
    print!("| what |");
    for count in counts {
        print!(" {} |", count.title);
    }
    println!("\n|---|{}", "---|".repeat(counts.len()));
    let events: Vec<_> = counts.iter().map(|count| count.events as f64).collect();
    let split: Vec<_> = counts
        .iter()
        .map(|count| count.profile.by_group())
        .collect();
    for group in Group::ALL {
        let of = split
            .iter()
            .map(|split| split.get(&group).copied().unwrap_or_default());
        print_row(group.title(), of, &events);
    }
    let totals = counts.iter().map(|count| count.profile.total() as f64);
    print_row("**all**", totals, &events);
}

fn print_row(title: &str, values: impl Iterator<Item = f64>, events: &[f64]) {
    print!("| {title} |");
    for (value, events) in values.zip(events) {
        print!(" {:.0} |", value / events);
    }
    println!();
}

fn print_functions(count: &Count) {
    let (title, file) = (&count.title, count.file.display());
    println!("\n{title}: the functions that cost the most ({file}):\n");
    print_list(count.profile.largest(LISTED), count.events);
    println!("\nWho had the most copied:\n");
    print_list(count.profile.copiers(LISTED_COPIERS), count.events);
}

fn print_list(list: Vec<(&str, u64)>, events: u64) {
    for (name, cost) in list {
        println!("{:>8.0}  {name}", cost as f64 / events as f64);
    }
}
