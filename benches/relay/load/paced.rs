//! Pairs whose senders keep a schedule, whatever has become of the messages before: so a server that stops for a moment
//! makes all late that were due meanwhile, as it does to people. A latency counts from the time at which a message was due,
//! not from that at which it was sent. This process looks at the clock all the time and must not wait for anybody.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::client::{self, Listener, Speaker};
use super::incoming::Incoming;
use super::measure::{Tasks, cpu_per_event, work_for};
use super::parties::Parties;
use super::payload::Template;
use super::{Latency, Order, Sample};
use crate::work::{Event, Exchange, Paced};

/// How long what was sent may be under way once the senders have stopped.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);
/// After so many messages the latest of them is looked for anew.
const LOOK_AGAIN: u64 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// When each message is due, and how late it came. Messages are numbered over all pairs, which take turns.
struct Schedule {
    start: Instant,
    interval: Duration,
    pairs: u64,
    stopped: Cell<bool>,
    sent: Cell<u64>,
    confirmed: Cell<u64>,
    delivered: Rc<Cell<u64>>,
    /// When each was due and how long it took, in no order.
    latencies: RefCell<Vec<(Duration, Duration)>>,
    /// When each was due that was sent later than any before, and by how much.
    behind: RefCell<Vec<(Duration, Duration)>>,
}

impl Schedule {
    fn new(paced: &Paced) -> Rc<Self> {
        Rc::new(Self {
            start: Instant::now(),
            interval: Duration::from_secs(1) / paced.per_second,
            pairs: u64::from(paced.pairs),
            stopped: Cell::new(false),
            sent: Cell::new(0),
            confirmed: Cell::new(0),
            delivered: Rc::default(),
            latencies: RefCell::default(),
            behind: RefCell::default(),
        })
    }

    /// Counted from the start.
    fn due(&self, number: u64) -> Duration {
        Duration::from_nanos(u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX) * number)
    }

    /// The `of_pair`th message of a pair has come. No server changes the order of what one user sends another.
    fn deliver(&self, pair: u64, of_pair: u64) {
        let due = self.due(of_pair * self.pairs + pair);
        let latency = self.start.elapsed().saturating_sub(due);
        self.latencies.borrow_mut().push((due, latency));
        self.delivered.update(|delivered| delivered + 1);
    }

    fn is_settled(&self) -> bool {
        let sent = self.sent.get();
        self.confirmed.get() == sent && self.delivered.get() == sent
    }

    fn tally(&self) -> String {
        format!(
            "{} sent, {} confirmed, {} delivered",
            self.sent.get(),
            self.confirmed.get(),
            self.delivered.get()
        )
    }

    /// Of the messages that were due between two times.
    fn latency(&self, from: Duration, to: Duration) -> Result<Latency> {
        let within = |all: &RefCell<Vec<(Duration, Duration)>>| {
            let mut within: Vec<_> = all
                .borrow()
                .iter()
                .filter(|(due, _)| (from..to).contains(due))
                .map(|(_, late)| late.as_secs_f64() * 1e6)
                .collect();
            within.sort_by(f64::total_cmp);
            within
        };
        let latencies = within(&self.latencies);
        let most = *latencies.last().context("no message was measured")?;
        let percentile = |share: f64| {
            let place = (latencies.len() as f64 * share) as usize;
            latencies.get(place).copied().unwrap_or(most)
        };
        Ok(Latency {
            p50: percentile(0.5),
            p99: percentile(0.99),
            p999: percentile(0.999),
            most,
            behind: within(&self.behind).last().copied().unwrap_or_default(),
        })
    }
}

/// One sender.
struct Sender {
    speaker: Speaker,
    template: Template,
    pinged: Rc<Cell<bool>>,
}

pub(super) async fn run(order: &Order, paced: Paced) -> Result<Sample> {
    let mut tasks = Tasks::new();
    let exchange = Exchange {
        event: Event::Message,
        pairs: paced.pairs,
        receivers: 1,
        in_flight: 1,
        body: paced.body,
    };
    let mut pairs = Vec::new();
    for number in 0..paced.pairs {
        let parties = Parties::new(&exchange, number);
        let receiver = client::connect(order, &parties.receiver(order, 0)?).await?;
        let sender = client::connect(order, &parties.sender(order)?).await?;
        pairs.push((receiver, sender, parties));
    }
    let schedule = Schedule::new(&paced);
    let mut senders = Vec::new();
    for (number, ((listener, speaker), sender, parties)) in (0..).zip(pairs) {
        let receiver = receive(
            listener,
            speaker,
            (number, paced.body),
            Rc::clone(&schedule),
        );
        tasks.spawn_local(receiver);
        let pinged = Rc::new(Cell::new(false));
        let confirmations = (sender.0, Rc::clone(&pinged));
        tasks.spawn_local(receive_confirmations(confirmations, Rc::clone(&schedule)));
        senders.push(Sender {
            speaker: sender.1,
            template: Template::new(&exchange, &parties.sender, &parties.receiver),
            pinged,
        });
    }
    tasks.spawn_local(send(senders, Rc::clone(&schedule)));
    let from = schedule.start.elapsed() + order.phases.ramp;
    let mut sample = cpu_per_event(order, &schedule.delivered, &mut tasks).await?;
    let to = schedule.start.elapsed();
    settle(&schedule, &mut tasks).await?;
    sample.latency = Some(schedule.latency(from, to)?);
    Ok(sample)
}

async fn receive(
    listener: Listener,
    speaker: Speaker,
    (pair, body): (u64, usize),
    schedule: Rc<Schedule>,
) -> Result<()> {
    let mut received = 0;
    let on_incoming = move |incoming| match incoming {
        Incoming::Delivered(len) if len > body as u64 => {
            schedule.deliver(pair, received);
            received += 1;
        }
        _ => {}
    };
    client::stay(listener, speaker, on_incoming).await
}

async fn receive_confirmations(
    (mut listener, pinged): (Listener, Rc<Cell<bool>>),
    schedule: Rc<Schedule>,
) -> Result<()> {
    loop {
        let mut closed = false;
        let on_incoming = |incoming| match incoming {
            Incoming::Closed => closed = true,
            Incoming::Confirmed => schedule.confirmed.update(|confirmed| confirmed + 1),
            Incoming::Ping => pinged.set(true),
            _ => {}
        };
        listener.listen(on_incoming).await?;
        ensure!(!closed, "the server closed a sending connection");
    }
}

/// Sends what is due, and lets the others have a look at what has come, all the time.
async fn send(mut senders: Vec<Sender>, schedule: Rc<Schedule>) -> Result<()> {
    let mut most = Duration::ZERO;
    loop {
        let number = schedule.sent.get();
        let due = schedule.due(number);
        if schedule.stopped.get() || schedule.start.elapsed() < due {
            answer_pings(&mut senders).await?;
        } else {
            let turn = usize::try_from(number % schedule.pairs)?;
            let sender = senders.get_mut(turn).context("no sender")?;
            let behind = schedule.start.elapsed().saturating_sub(due);
            let frame = sender.template.numbered(number / schedule.pairs);
            sender.speaker.send_now(frame)?;
            schedule.sent.set(number + 1);
            if behind > most || number.is_multiple_of(LOOK_AGAIN) {
                most = behind;
                schedule.behind.borrow_mut().push((due, behind));
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn answer_pings(senders: &mut [Sender]) -> Result<()> {
    for sender in senders {
        if sender.pinged.replace(false) {
            sender.speaker.pong().await?;
        }
    }
    Ok(())
}

/// Stops the senders and waits until everything sent has arrived, exactly once.
async fn settle(schedule: &Schedule, tasks: &mut Tasks) -> Result<()> {
    schedule.stopped.set(true);
    let deadline = Instant::now() + SETTLE_DEADLINE;
    while !schedule.is_settled() {
        ensure!(
            Instant::now() < deadline,
            "messages were lost or doubled: {}",
            schedule.tally()
        );
        work_for(LOOK_EVERY, tasks).await?;
    }
    Ok(())
}
