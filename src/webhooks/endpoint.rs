//! One endpoint: what it is told is read from the audit, sent, and noted.
//!
//! Owns the order of these: a fact counts as told only after the endpoint has taken it. It must not slow down anybody
//! else, and what it holds is bounded, whatever the endpoint does.

mod asked;
mod reading;
mod setup;

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use uuid::Uuid;

use super::fact::FactId;
use super::notes::Notes;
use super::progress::{Progress, id_at};
use super::queue::{Next, Outcome, Queue};
use super::reports::Reports;
use super::source::Source;
use super::status::Status;
use crate::config::webhook_address::AddressRefused;
use crate::model::clock::{Clock as _, SystemClock};
use crate::traces::{Attribute, Name, Parent, Span};

use setup::load;
pub(super) use setup::{Common, Replay, Setup};

/// The pause after the audit or the progress could not be read or written.
const RETRY: Duration = Duration::from_secs(1);
/// The shortest pause before it is looked again for what is too old.
const MIN_WAIT: Duration = Duration::from_millis(100);
/// For how long the end waits for what is being sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

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
    /// When it is counted next what waits beyond what is held.
    count_at: Instant,
    /// It wants to hear nothing any more.
    is_disabled: bool,
    /// What is to be told again.
    asked: Option<Replay>,
}

/// Tells an endpoint what happens, until `stop` says so.
pub(super) async fn tell(mut setup: Setup, mut stop: watch::Receiver<bool>) {
    loop {
        let progress = tokio::select! {
            progress = load(&setup) => progress,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some(progress) = progress else {
            return;
        };
        let mut teller = Teller::new(setup, progress);
        let is_stopped = loop {
            teller.advance().await;
            if teller.has_ended() {
                break false;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break true,
                () = teller.wait() => {}
            }
        };
        teller.stop().await;
        if is_stopped || teller.setup.is_heir() {
            return;
        }
        // Another server tells it: as soon as it does no more, this one goes on.
        setup = teller.setup.again();
    }
}

impl Teller {
    fn new(setup: Setup, progress: Progress) -> Self {
        let now = Instant::now();
        let Status { name, events, .. } = &*setup.common.status;
        let notes = Notes::new(setup.store.clone(), name, &progress);
        let (audit, node) = (setup.common.audit.clone(), setup.node.clone());
        Self {
            queue: Queue::joining(setup.common.coalesce),
            source: Source::new(audit, node, *events, progress, setup.reads()),
            sending: JoinSet::new(),
            notes,
            reports: Reports::of(name),
            read_at: now,
            is_unread: false,
            count_at: now,
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
        self.count_ahead().await;
        self.send();
        self.notes.write_if_due(self.queue.ids()).await;
        self.report();
    }

    /// Whether there is nothing left to do here: others tell the endpoint, or all is told that another node has left.
    fn has_ended(&self) -> bool {
        let is_all = self.setup.is_heir()
            && !self.source.has_more()
            && self.source.waiting() == 0
            && self.queue.len() == 0;
        self.notes.are_taken() || is_all
    }

    /// Waits until something can be done. Cancelled, it loses nothing.
    async fn wait(&mut self) {
        let count_at = self.queue.is_full().then_some(self.count_at);
        let wakes = [
            self.next_attempt(),
            self.next_death(),
            self.notes.due(),
            count_at,
        ];
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
            .common
            .max_age
            .saturating_sub(Duration::from_millis(age));
        // One that is being sent is given up when that has failed.
        Some(Instant::now() + left.max(MIN_WAIT))
    }

    fn send(&mut self) {
        while !self.is_disabled
            && self.notes.have_room()
            && let Next::Send(fact) = self.queue.next(Instant::now())
        {
            let (client, status) = (
                self.setup.common.client.clone(),
                self.setup.common.status.clone(),
            );
            let body = fact.counted().unwrap_or_else(|error| {
                tracing::error!(%error, "the number of undelivered messages could not be written");
                fact.body.clone()
            });
            let span = self.span();
            self.sending.spawn(async move {
                let (begun, bytes) = (Instant::now(), body.len());
                let sending = client.send(fact.id, body);
                let (outcome, refused) = match &span {
                    Some(span) => span.around(Box::pin(sending)).await,
                    None => sending.await,
                };
                if let Some(span) = &span {
                    note_outcome(span, bytes, outcome);
                }
                status.attempted(outcome, begun.elapsed());
                (fact.id, outcome, refused)
            });
        }
    }

    /// The span of an attempt, which names the endpoint as the configuration does.
    fn span(&self) -> Option<Span> {
        let endpoint = &self.setup.common.status.name;
        Span::begin(Name::Webhook { endpoint }, Parent::Nothing)
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ok((id, outcome, refused)) = ended else {
            // It was aborted with the process.
            return;
        };
        let now = Instant::now();
        self.setup.common.status.ended(outcome);
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
        let max_age = self.setup.common.max_age.as_millis() as u64;
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
        if self.notes.are_taken() {
            return;
        }
        let unread = self.source.unread();
        self.notes.read_to(self.source.read_to(), self.queue.ids());
        let held = self.queue.ids().chain(unread);
        self.notes.write(held).await;
        let is_finished = self.has_ended() && !self.notes.are_failing();
        let released = self
            .setup
            .store
            .release(&self.setup.common.status.name, is_finished);
        if let Err(error) = released.await {
            tracing::debug!(%error, "an endpoint is told by others only when that is noticed");
        }
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
fn note_outcome(span: &Span, bytes: usize, outcome: Outcome) {
    span.note(Attribute::Bytes(bytes));
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
