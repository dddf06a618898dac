//! An import from its first line to its last: it reads as fast as the store writes and the client takes what it is told. What
//! is counted is stored and recorded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::future::join;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::answers::{Counts, Ended, Progress, push};
use super::batch::{Batch, LINES_OF_PROGRESS, MAX_ERRORS};
use super::lines::{Line, Lines};
use super::target::Target;
use crate::app::App;
use crate::audit::{Event, Record};
use crate::http::administrator::Admin;
use crate::model::{Refusal, Why};
use crate::transport::TooSlow;

/// How often it says how far it is.
const PROGRESS_TIME: Duration = Duration::from_secs(1);
/// For how long lines wait for others to be stored with.
const BATCH_TIME: Duration = Duration::from_millis(20);
/// For how long it waits until the client has its last line, and has sent the rest.
const LAST_LINE_TIME: Duration = Duration::from_secs(2);
/// And for how many bytes of the rest.
const MOST_SKIPPED: usize = 64 << 20;

/// Why an import ends.
enum End {
    /// Something is in the way, which the client is told.
    Early(Refusal),
    /// The client is gone.
    Gone,
}

/// An import under way.
struct Run {
    app: Arc<App>,
    admin: Admin,
    target: Target,
    answers: Sender<Bytes>,
    batch: Batch,
    counts: Counts,
    /// What of it is in the audit.
    recorded: Counts,
    progress_at: Instant,
}

/// Imports what the body says, to its end or to that of the server or the client. The answer is taken when the second of
/// `answers` is not awaited any more.
pub(super) async fn run(
    app: Arc<App>,
    admin: Admin,
    target: Target,
    mut body: Body,
    (answers, is_taken): (Sender<Bytes>, oneshot::Receiver<()>),
) {
    let mut run = Run {
        app,
        admin,
        target,
        answers,
        batch: Batch::default(),
        counts: Counts::default(),
        recorded: Counts::default(),
        progress_at: Instant::now() + PROGRESS_TIME,
    };
    let early = match run.import(&mut body).await {
        Err(End::Gone) => {
            run.record();
            return;
        }
        Ok(()) => None,
        Err(End::Early(refusal)) => Some(refusal),
    };
    if let Some(error) = early.as_ref().and_then(Refusal::source) {
        tracing::warn!(%error, lines = run.counts.lines, "an import failed");
    }
    run.record();
    let mut last = Vec::new();
    push(&mut last, &Ended::new(early.as_ref(), run.counts));
    if run.say(last).await.is_ok() {
        drop(run);
        // However it ends, nobody is left to be told. Where the rest is not read, who is still sending may lose the answer.
        let _ = timeout(LAST_LINE_TIME, join(is_taken, skip(body))).await;
    }
}

/// Reads what is left of a body, and drops it.
async fn skip(mut body: Body) {
    let mut skipped = 0;
    while skipped < MOST_SKIPPED
        && let Some(Ok(frame)) = body.frame().await
    {
        skipped += frame.data_ref().map_or(0, Bytes::len);
    }
}

impl Run {
    async fn import(&mut self, body: &mut Body) -> Result<(), End> {
        let mut lines = Lines::default();
        loop {
            while let Some(line) = lines.next() {
                self.add(&line).await?;
            }
            let wait_until = match self.batch.is_empty() {
                true => self.progress_at,
                false => self.progress_at.min(Instant::now() + BATCH_TIME),
            };
            let more = tokio::select! {
                biased;
                () = self.answers.closed() => return Err(End::Gone),
                more = body.frame(), if !self.app.drain.has_begun() => more,
                () = sleep_until(wait_until) => {
                    self.commit().await?;
                    continue;
                }
                () = self.app.drain.begun() => {
                    self.commit().await?;
                    return Err(stopping());
                }
            };
            match more {
                None => break,
                Some(Ok(frame)) => lines.push(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => {
                    self.commit().await?;
                    return Err(End::Early(broken(&error)));
                }
            }
        }
        if let Some(line) = lines.last() {
            self.add(&line).await?;
        }
        self.commit().await
    }

    async fn add(&mut self, line: &Line) -> Result<(), End> {
        let now = self.app.conversations.now_ms();
        let config = self.app.config.now();
        self.batch.add(line, &self.counts, &config, now);
        match self.batch.is_full(&self.counts) {
            true => self.commit().await,
            false => Ok(()),
        }
    }

    /// Stores what waits, and says what became of it.
    async fn commit(&mut self) -> Result<(), End> {
        let mut said = Vec::new();
        if !self.batch.is_empty() {
            if self.app.audit.refuses() {
                return Err(End::Early(Refusal::busy()));
            }
            let stored = self.batch.commit(&self.target, &mut self.counts).await;
            said = stored.map_err(|error| End::Early(error.into()))?;
        }
        let has_lines = !said.is_empty() || self.counts.lines > self.recorded.lines;
        let is_due = Instant::now() >= self.progress_at
            || has_lines && self.counts.lines.is_multiple_of(LINES_OF_PROGRESS);
        if is_due {
            self.record();
            let progress = self.counts;
            push(&mut said, &Progress { progress });
            self.progress_at = Instant::now() + PROGRESS_TIME;
        }
        if !said.is_empty() {
            self.say(said).await?;
        }
        match self.counts.errors >= MAX_ERRORS {
            true => {
                let refusal = Refusal::new(Why::Unusable).worded("Too many errors");
                Err(End::Early(refusal))
            }
            false if self.app.drain.has_begun() => Err(stopping()),
            false => Ok(()),
        }
    }

    async fn say(&self, lines: Vec<u8>) -> Result<(), End> {
        let said = self.answers.send(lines.into()).await;
        said.map_err(|_| End::Gone)
    }

    /// Records what was done since the last record, before the client is told.
    fn record(&mut self) {
        let (now, before) = (self.counts, self.recorded);
        let event = Event::Imported {
            is_dry_run: self.target.is_dry_run(),
            users: now.users - before.users,
            conversations: now.conversations - before.conversations,
            participants: now.participants - before.participants,
        };
        if now.lines > before.lines {
            let record = Record::new(&self.admin.source, None, event);
            self.app.audit.record(record);
        }
        self.recorded = now;
    }
}

fn stopping() -> End {
    End::Early(Refusal::busy().worded("Server is stopping"))
}

/// The body has ended before its end.
fn broken(error: &axum::Error) -> Refusal {
    match TooSlow::is_cause_of(error) {
        true => Refusal::new(Why::BodyTooSlow),
        false => Refusal::malformed().worded("Request ended early"),
    }
}
