//! One endpoint: what it is told is read from the audit, sent, and noted.
//!
//! Owns the order of these: a fact counts as told only after the endpoint has taken it. It must not slow down anybody
//! else, and what it holds is bounded, whatever the endpoint does.

mod asked;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};
use uuid::Uuid;

use super::client::Client;
use super::control::Replay;
use super::fact::FactId;
use super::notes::Notes;
use super::progress::{Progress, id_at};
use super::queue::{Next, Outcome, Queue};
use super::reports::Reports;
use super::source::Source;
use super::status::Status;
use super::store::Store;
use crate::audit::Audit;
use crate::config::webhook_address::AddressRefused;
use crate::model::clock::{Clock as _, SystemClock};

/// The pause after the audit or the progress could not be read or written.
const RETRY: Duration = Duration::from_secs(1);
/// The shortest pause before it is looked again for what is too old.
const MIN_WAIT: Duration = Duration::from_millis(100);
/// For how long the end waits for what is being sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What an endpoint is.
pub(super) struct Setup {
    pub(super) status: Arc<Status>,
    pub(super) client: Client,
    pub(super) max_age: Duration,
    /// Within which time undelivered messages of one recipient are told as one fact.
    pub(super) coalesce: Duration,
    pub(super) node: Arc<str>,
    pub(super) audit: Audit,
    pub(super) store: Store,
    pub(super) replays: mpsc::Receiver<Replay>,
    /// From when on it is told, if it was not known before.
    pub(super) now: Uuid,
}

type Ended = (FactId, Outcome, Option<AddressRefused>);

/// The state of an endpoint while it is told something.
struct Teller {
    setup: Setup,
    queue: Queue,
    source: Source,
    sending: JoinSet<Ended>,
    notes: Notes,
    reports: Reports,
    /// Nothing is read before then, after a failure.
    read_at: Instant,
    /// The audit could not be read the last time.
    is_unread: bool,
    /// It wants to hear nothing any more.
    is_disabled: bool,
    /// What is to be told again.
    asked: Option<Replay>,
}

/// Tells an endpoint what happens, until `stop` says so.
pub(super) async fn tell(setup: Setup, mut stop: watch::Receiver<bool>) {
    let progress = tokio::select! {
        progress = load(&setup) => progress,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let mut teller = Teller::new(setup, progress);
    loop {
        teller.advance().await;
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = teller.wait() => {}
        }
    }
    teller.stop().await;
}

async fn load(setup: &Setup) -> Progress {
    loop {
        let endpoint = &setup.status.name;
        match setup.store.load(endpoint, setup.now).await {
            Ok(progress) => return progress,
            Err(error) => {
                setup.status.change(|now| now.is_broken = true);
                tracing::error!(endpoint, %error, "it cannot be read what an endpoint was told; it is told nothing yet");
                sleep(RETRY).await;
            }
        }
    }
}

impl Teller {
    fn new(setup: Setup, progress: Progress) -> Self {
        let now = Instant::now();
        let Status { name, events, .. } = &*setup.status;
        let notes = Notes::new(setup.store.clone(), name, &progress);
        let (audit, node) = (setup.audit.clone(), setup.node.clone());
        Self {
            queue: Queue::joining(setup.coalesce),
            source: Source::new(audit, node, *events, progress),
            sending: JoinSet::new(),
            notes,
            reports: Reports::of(name),
            read_at: now,
            is_unread: false,
            is_disabled: false,
            asked: None,
            setup,
        }
    }

    /// Does what can be done now.
    async fn advance(&mut self) {
        while let Some(ended) = self.sending.try_join_next() {
            self.ended(ended);
        }
        self.give_up();
        if let Some(asked) = self.asked.take() {
            self.replay(asked).await;
        }
        self.read().await;
        self.send();
        self.notes.write_if_due(self.queue.ids()).await;
        self.report();
    }

    /// Waits until something can be done. Cancelled, it loses nothing.
    async fn wait(&mut self) {
        let wakes = [self.next_attempt(), self.next_death(), self.notes.due()];
        let at = wakes.into_iter().flatten().min();
        let can_read = self.can_read();
        let (source, sending, read_at) = (&mut self.source, &mut self.sending, self.read_at);
        let ended = tokio::select! {
            ended = sending.join_next(), if !sending.is_empty() => ended,
            Some(asked) = self.setup.replays.recv() => {
                self.asked = Some(asked);
                None
            }
            () = async { sleep_until(read_at.into()).await; source.wait().await }, if can_read => None,
            () = until(at) => None,
        };
        if let Some(ended) = ended {
            self.ended(ended);
        }
    }

    fn next_attempt(&self) -> Option<Instant> {
        if self.is_disabled || !self.notes.have_room() {
            return None;
        }
        self.queue.due(Instant::now())
    }

    fn next_death(&self) -> Option<Instant> {
        let age = SystemClock.now_ms().saturating_sub(self.queue.oldest_ms()?);
        let left = self
            .setup
            .max_age
            .saturating_sub(Duration::from_millis(age));
        // One that is being sent is given up when that has failed.
        Some(Instant::now() + left.max(MIN_WAIT))
    }

    /// Whether more can be held.
    fn can_read(&self) -> bool {
        !self.queue.is_full() && self.notes.have_room()
    }

    async fn read(&mut self) {
        if !self.can_read() || !self.source.has_more() || self.read_at > Instant::now() {
            return;
        }
        let (now, now_ms) = (Instant::now(), SystemClock.now_ms());
        let queue = &mut self.queue;
        let mut take = |fact| {
            queue.push(fact, now, now_ms);
            !queue.is_full()
        };
        let read = self.source.read(&mut take).await;
        self.is_unread = read.is_err();
        if let Err(error) = read {
            let endpoint = &self.setup.status.name;
            tracing::warn!(endpoint, %error, "the audit cannot be read for an endpoint; trying again");
            self.read_at = Instant::now() + RETRY;
        }
        let (gone, lost) = self.source.take_gone();
        let lost = lost + self.source.take_dropped();
        self.setup.status.lost.add(lost);
        self.reports.lost(lost, now);
        self.notes.done(gone);
        self.notes.read_to(self.source.read_to(), self.queue.ids());
    }

    fn send(&mut self) {
        while !self.is_disabled
            && self.notes.have_room()
            && let Next::Send(fact) = self.queue.next(Instant::now())
        {
            let (client, status) = (self.setup.client.clone(), self.setup.status.clone());
            let body = fact.counted().unwrap_or_else(|error| {
                tracing::error!(%error, "the number of undelivered messages could not be written");
                fact.body.clone()
            });
            self.sending.spawn(async move {
                let begun = Instant::now();
                let (outcome, refused) = client.send(fact.id, body).await;
                status.attempted(outcome, begun.elapsed());
                (fact.id, outcome, refused)
            });
        }
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ok((id, outcome, refused)) = ended else {
            // It was aborted with the process.
            return;
        };
        let now = Instant::now();
        self.setup.status.ended(outcome);
        let taken = self.queue.ended(id, outcome, now, rand::random());
        match outcome {
            Outcome::Delivered => {
                self.notes.done(taken);
                self.reports.delivered();
            }
            Outcome::Status(410, _) => {
                if !std::mem::replace(&mut self.is_disabled, true) {
                    self.reports.gone();
                }
            }
            failed => self.reports.failed(failed, refused, now),
        }
    }

    /// Gives up what is too old.
    fn give_up(&mut self) {
        let max_age = self.setup.max_age.as_millis() as u64;
        let dead = self
            .queue
            .give_up(SystemClock.now_ms().saturating_sub(max_age));
        self.reports.given_up(dead.len(), Instant::now());
        if !dead.is_empty() {
            self.notes.dead(dead);
        }
    }

    /// Waits a moment for what is being sent, and notes what was told.
    async fn stop(&mut self) {
        let all = async {
            while let Some(ended) = self.sending.join_next().await {
                self.ended(ended);
            }
        };
        // What has not ended by then is sent again by the next start.
        let _ = timeout(STOP_TIMEOUT, all).await;
        self.notes.write(self.queue.ids()).await;
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// From when on an endpoint is told that is configured now.
pub(super) fn now() -> Uuid {
    id_at(SystemClock.now_ms())
}
