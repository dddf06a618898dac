//! One endpoint: what it is told is read from the audit, sent, and noted.
//!
//! Owns the order of these: a fact counts as told only after the endpoint has taken it. It must not slow down anybody
//! else, and what it holds is bounded, whatever the endpoint does.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, sleep_until, timeout};
use uuid::Uuid;

use super::client::Client;
use super::fact::{Fact, FactId};
use super::notes::Notes;
use super::progress::{Progress, id_at};
use super::queue::{Next, Outcome, Queue};
use super::reports::Reports;
use super::source::Source;
use super::sqlite::{ProgressError, ProgressFile};
use crate::audit::Audit;
use crate::config::webhook_address::AddressRefused;
use crate::model::FactTypes;
use crate::model::clock::{Clock as _, SystemClock};
use crate::traces::{Attribute, Name, Parent, Span};

/// The pause after the audit or the progress could not be read or written.
const RETRY: Duration = Duration::from_secs(1);
/// The shortest pause before it is looked again for what is too old.
const MIN_WAIT: Duration = Duration::from_millis(100);
/// For how long the end waits for what is being sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What an endpoint is.
pub(super) struct Setup {
    pub(super) name: String,
    pub(super) wanted: FactTypes,
    pub(super) client: Client,
    pub(super) max_age: Duration,
    pub(super) node: Arc<str>,
    pub(super) audit: Audit,
    pub(super) file: Arc<ProgressFile>,
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
    /// It wants to hear nothing any more.
    is_disabled: bool,
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
        let (file, name, now) = (setup.file.clone(), setup.name.clone(), setup.now);
        let loaded = spawn_blocking(move || file.load(&name, now)).await;
        match loaded.map_err(ProgressError::from).flatten() {
            Ok(progress) => return progress,
            Err(error) => {
                let endpoint = &setup.name;
                tracing::error!(endpoint, %error, "it cannot be read what an endpoint was told; it is told nothing yet");
                sleep(RETRY).await;
            }
        }
    }
}

impl Teller {
    fn new(setup: Setup, progress: Progress) -> Self {
        let now = Instant::now();
        let notes = Notes::new(setup.file.clone(), &setup.name, &progress);
        let (audit, node) = (setup.audit.clone(), setup.node.clone());
        Self {
            queue: Queue::default(),
            source: Source::new(audit, node, setup.wanted, progress),
            sending: JoinSet::new(),
            notes,
            reports: Reports::of(&setup.name),
            read_at: now,
            is_disabled: false,
            setup,
        }
    }

    /// Does what can be done now.
    async fn advance(&mut self) {
        while let Some(ended) = self.sending.try_join_next() {
            self.ended(ended);
        }
        self.give_up();
        self.read().await;
        self.send();
        self.notes.write_if_due(self.queue.ids()).await;
    }

    /// Waits until something can be done. Cancelled, it loses nothing.
    async fn wait(&mut self) {
        let wakes = [self.next_attempt(), self.next_death(), self.notes.due()];
        let at = wakes.into_iter().flatten().min();
        let can_read = self.can_read();
        let (source, sending, read_at) = (&mut self.source, &mut self.sending, self.read_at);
        let ended = tokio::select! {
            ended = sending.join_next(), if !sending.is_empty() => ended,
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
        let (queue, now) = (&mut self.queue, Instant::now());
        let mut take = |fact| {
            queue.push(fact, now);
            !queue.is_full()
        };
        if let Err(error) = self.source.read(&mut take).await {
            let endpoint = &self.setup.name;
            tracing::warn!(endpoint, %error, "the audit cannot be read for an endpoint; trying again");
            self.read_at = Instant::now() + RETRY;
        }
        let lost = self.source.take_lost();
        self.reports
            .lost(lost.len() as u64 + self.source.take_dropped(), now);
        self.notes.done(lost);
        self.notes.read_to(self.source.read_to(), self.queue.ids());
    }

    fn send(&mut self) {
        while !self.is_disabled
            && self.notes.have_room()
            && let Next::Send(fact) = self.queue.next(Instant::now())
        {
            let client = self.setup.client.clone();
            let span = self.span();
            self.sending.spawn(async move {
                let sending = client.send(&fact);
                let (outcome, refused) = match &span {
                    Some(span) => span.around(Box::pin(sending)).await,
                    None => sending.await,
                };
                if let Some(span) = &span {
                    note_outcome(span, &fact, outcome);
                }
                (fact.id, outcome, refused)
            });
        }
    }

    /// The span of an attempt, which names the endpoint as the configuration does.
    fn span(&self) -> Option<Span> {
        let endpoint = &self.setup.name;
        Span::begin(Name::Webhook { endpoint }, Parent::Nothing)
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ok((id, outcome, refused)) = ended else {
            // It was aborted with the process.
            return;
        };
        let now = Instant::now();
        match self.queue.ended(id, outcome, now, rand::random()) {
            true => {
                self.notes.done([id]);
                self.reports.delivered();
            }
            false if matches!(outcome, Outcome::Status(410, _)) => {
                if !std::mem::replace(&mut self.is_disabled, true) {
                    self.reports.gone();
                }
            }
            false => self.reports.failed(outcome, refused, now),
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

/// Says in the span of an attempt what became of it.
fn note_outcome(span: &Span, fact: &Fact, outcome: Outcome) {
    span.note(Attribute::Bytes(fact.body.len()));
    span.note(Attribute::Outcome(outcome.as_str()));
    match outcome {
        Outcome::Delivered => {}
        Outcome::Status(status, _) => {
            span.note(Attribute::Status(status));
            span.failed(outcome.as_str());
        }
        _ => span.failed(outcome.as_str()),
    }
}
