//! Pairs: one user sends messages or file chunks, another receives them, or all others of a session do. A sender has a
//! fixed number of events under way; one is done when every receiver has it and the server has confirmed it. A round in
//! which a server lost or doubled anything is no measurement.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Notify;

use super::client::{self, Listener, Speaker};
use super::incoming::Incoming;
use super::measure::{Tasks, cpu_per_event, work_for};
use super::parties::Parties;
use super::payload::Template;
use super::{Moment, Order, Sample};
use crate::work::Exchange;

/// How long what is under way may take once the senders have stopped.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);
/// The same under a program that makes the server many times slower.
const COUNT_DEADLINE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is known of one pair's events.
struct Pair {
    in_flight: u64,
    receivers: u64,
    sent: Cell<u64>,
    delivered: Cell<u64>,
    confirmed: Cell<u64>,
    pinged: Cell<bool>,
    /// So many events are sent, and no more.
    allowed: Cell<u64>,
    /// Something above has changed.
    changed: Notify,
}

impl Pair {
    fn may_send(&self) -> bool {
        let done = self
            .confirmed
            .get()
            .min(self.delivered.get() / self.receivers);
        self.sent.get() < self.allowed.get().min(done + self.in_flight)
    }

    /// Lets so many more be sent than until now.
    fn allow(&self, more: u64) {
        self.allowed.set(self.sent.get().saturating_add(more));
        self.changed.notify_one();
    }

    fn is_settled(&self) -> bool {
        let sent = self.sent.get();
        self.confirmed.get() == sent && self.delivered.get() == sent * self.receivers
    }

    fn tally(&self) -> String {
        let (sent, confirmed, delivered) =
            (self.sent.get(), self.confirmed.get(), self.delivered.get());
        format!(
            "{sent} sent, {confirmed} confirmed, {delivered} delivered to {} receivers",
            self.receivers
        )
    }
}

pub(super) async fn run(order: &Order, exchange: Exchange) -> Result<Sample> {
    let deliveries = Rc::new(Cell::new(0));
    let mut tasks = Tasks::new();
    let mut pairs = Vec::new();
    for number in 0..exchange.pairs {
        let pair = start_pair(order, &exchange, number, &deliveries, &mut tasks).await?;
        pair.allow(u64::MAX);
        pairs.push(pair);
    }
    let sample = cpu_per_event(order, &deliveries, &mut tasks).await?;
    settle(&pairs, &mut tasks).await?;
    Ok(sample)
}

/// One pair sends `warm_up` events, and when all have arrived, `counted` more. `at` is called before and after the latter.
pub(super) async fn count(
    order: &Order,
    exchange: Exchange,
    [warm_up, counted]: [u64; 2],
    mut at: impl FnMut(Moment) -> Result<()>,
) -> Result<()> {
    let mut tasks = Tasks::new();
    let deliveries = Rc::default();
    let pair = start_pair(order, &exchange, 0, &deliveries, &mut tasks).await?;
    send_some(&pair, warm_up, &mut tasks).await?;
    at(Moment::Begin)?;
    send_some(&pair, counted, &mut tasks).await?;
    at(Moment::End)
}

async fn send_some(pair: &Rc<Pair>, events: u64, tasks: &mut Tasks) -> Result<()> {
    let wanted = pair.sent.get() + events;
    pair.allow(events);
    let deadline = Instant::now() + COUNT_DEADLINE;
    while pair.sent.get() < wanted || !pair.is_settled() {
        ensure!(Instant::now() < deadline, "too slow: {}", pair.tally());
        work_for(LOOK_EVERY, tasks).await?;
    }
    Ok(())
}

/// Stops the senders and waits until everything sent has arrived, exactly once.
async fn settle(pairs: &[Rc<Pair>], tasks: &mut Tasks) -> Result<()> {
    pairs.iter().for_each(|pair| pair.allow(0));
    let deadline = Instant::now() + SETTLE_DEADLINE;
    while let Some(pair) = pairs.iter().find(|pair| !pair.is_settled()) {
        ensure!(
            Instant::now() < deadline,
            "events were lost or doubled: {}",
            pair.tally()
        );
        work_for(LOOK_EVERY, tasks).await?;
    }
    Ok(())
}

async fn start_pair(
    order: &Order,
    exchange: &Exchange,
    number: u32,
    deliveries: &Rc<Cell<u64>>,
    tasks: &mut Tasks,
) -> Result<Rc<Pair>> {
    let parties = Parties::new(exchange, number);
    let pair = Rc::new(Pair {
        in_flight: exchange.in_flight,
        receivers: u64::from(exchange.receivers),
        sent: Cell::new(0),
        delivered: Cell::new(0),
        confirmed: Cell::new(0),
        pinged: Cell::new(false),
        allowed: Cell::new(0),
        changed: Notify::new(),
    });
    for receiver in 0..exchange.receivers {
        let introduction = parties.receiver(order, receiver)?;
        let (listener, speaker) = client::connect(order, &introduction).await?;
        tasks.spawn_local(receive(
            listener,
            speaker,
            exchange.body,
            Rc::clone(&pair),
            Rc::clone(deliveries),
        ));
    }
    let (listener, speaker) = client::connect(order, &parties.sender(order)?).await?;
    tasks.spawn_local(receive_confirmations(listener, Rc::clone(&pair)));
    tasks.spawn_local(send(
        speaker,
        Template::new(exchange, &parties.sender, &parties.receiver),
        Rc::clone(&pair),
    ));
    Ok(pair)
}

/// A delivery counts only when the whole body can be in it.
async fn receive(
    listener: Listener,
    speaker: Speaker,
    body: usize,
    pair: Rc<Pair>,
    deliveries: Rc<Cell<u64>>,
) -> Result<()> {
    let on_incoming = move |incoming| match incoming {
        Incoming::Delivered(len) if len > body as u64 => {
            pair.delivered.update(|delivered| delivered + 1);
            deliveries.update(|all| all + 1);
            pair.changed.notify_one();
        }
        _ => {}
    };
    client::stay(listener, speaker, on_incoming).await
}

async fn receive_confirmations(mut listener: Listener, pair: Rc<Pair>) -> Result<()> {
    loop {
        let mut closed = false;
        let on_incoming = |incoming| match incoming {
            Incoming::Closed => closed = true,
            Incoming::Confirmed => pair.confirmed.update(|confirmed| confirmed + 1),
            Incoming::Ping => pair.pinged.set(true),
            _ => {}
        };
        listener.listen(on_incoming).await?;
        ensure!(!closed, "the server closed a sending connection");
        pair.changed.notify_one();
    }
}

async fn send(mut speaker: Speaker, mut template: Template, pair: Rc<Pair>) -> Result<()> {
    loop {
        if pair.pinged.replace(false) {
            speaker.pong().await?;
        }
        if pair.may_send() {
            let number = pair.sent.replace(pair.sent.get() + 1);
            speaker.send(template.numbered(number)).await?;
        } else {
            pair.changed.notified().await;
        }
    }
}
