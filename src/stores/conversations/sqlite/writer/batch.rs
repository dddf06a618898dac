//! The writes of one transaction: they are performed one after the other, and what one of them did that fails is undone.
//! It must not know what is written.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use rustix::time::{ClockId, clock_gettime};

use super::job::{Flush, Job};
use super::{Queue, Writing};
use crate::model::clock::Clock;
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::sqlite::fair_queue::{OnBehalfOf, Turn};
use crate::stores::conversations::sqlite::order::Ids;

/// Maximum number of writes in one transaction, and how long they may take until no more are added, nor one
/// that is expected to take longer than what is left: those who wait for the answer of a small one wait for
/// all of them.
const MAX_WRITES: usize = 1_024;
const MAX_TIME: Duration = Duration::from_millis(10);

/// The writes of one transaction.
pub(super) struct Batch {
    next: Option<Turn<Box<dyn Job>>>,
    done: Vec<Done>,
}

/// A write that was performed, for whom, and what it used of a processor.
struct Done {
    job: Box<dyn Job>,
    user: OnBehalfOf,
    time: Duration,
}

/// What the thread that writes works with.
pub(super) struct Tools<'a> {
    pub(super) ids: &'a mut Ids,
    pub(super) clock: &'a dyn Clock,
    pub(super) queue: &'a Queue,
    /// What the commit is to be.
    pub(super) flush: Flush,
}

impl Batch {
    /// It begins with this write.
    pub(super) fn new(next: Turn<Box<dyn Job>>) -> Self {
        Self {
            next: Some(next),
            done: Vec::new(),
        }
    }

    /// What the commit of its first write needs.
    pub(super) fn flush(&self) -> Option<Flush> {
        self.next.as_ref().map(|turn| turn.write.flush())
    }

    /// What the database failed with.
    pub(super) fn database_errors(&self) -> impl Iterator<Item = &rusqlite::Error> {
        self.done
            .iter()
            .filter_map(|done| done.job.database_error())
    }

    /// Answers all of them.
    pub(super) fn answer(mut self, queue: &Queue, committed: &Result<(), StoreError>) {
        let not_begun = self.next.take();
        let not_begun = not_begun.map(|turn| queue.done(turn, Duration::ZERO).0);
        let done = self.done.into_iter().map(|done| done.job);
        for job in done.chain(not_begun) {
            job.answer(committed.clone());
        }
    }

    /// Performs them and what waits beside, and commits.
    ///
    /// What no write needs costs nothing: they have no savepoints, in which the database would copy each page that they
    /// change, unless one of them fails behind a change. Then all of them are performed again, each in a savepoint.
    pub(super) fn commit(
        &mut self,
        db: &mut Connection,
        tools: &mut Tools<'_>,
    ) -> rusqlite::Result<()> {
        let begun = Instant::now();
        let now = tools.clock.now_ms();
        if self.commit_unless_undone(db, tools, (now, begun))? {
            return Ok(());
        }
        let transaction = begin(db, tools)?;
        self.perform_again(&transaction, tools, now)?;
        self.perform(&transaction, tools, (now, begun), run_in_savepoint)?;
        self.end(transaction, tools)
    }

    /// `false`: one of them has to be undone, so everything is.
    fn commit_unless_undone(
        &mut self,
        db: &mut Connection,
        tools: &mut Tools<'_>,
        begun: (u64, Instant),
    ) -> rusqlite::Result<bool> {
        let transaction = begin(db, tools)?;
        if self.perform(&transaction, tools, begun, run)? {
            self.end(transaction, tools)?;
            return Ok(true);
        }
        // Some failures of the disk have ended it already.
        if !transaction.is_autocommit() {
            transaction.rollback()?;
        }
        Ok(false)
    }

    /// Performs the next writes. `false`: one of them has to be undone; no more are performed.
    fn perform(
        &mut self,
        db: &Connection,
        tools: &mut Tools<'_>,
        (now, begun): (u64, Instant),
        run: fn(&mut Writing<'_>, &mut dyn Job) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<bool> {
        let mut since = processor_time();
        while let Some(mut turn) = self.next.take() {
            let ids = &mut *tools.ids;
            let ran = run(&mut Writing { db, ids, now }, turn.write.as_mut());
            let until = processor_time();
            let time = until.saturating_sub(since);
            since = until;
            let (job, user) = tools.queue.done(turn, time);
            self.done.push(Done { job, user, time });
            let is_whole = ran?;
            let left = MAX_TIME.saturating_sub(begun.elapsed());
            if self.done.len() < MAX_WRITES && !left.is_zero() {
                self.next = tools.next(left);
            }
            if !is_whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Performs again what was, each in a savepoint. Who has caused that, pays for it.
    fn perform_again(
        &mut self,
        db: &Connection,
        tools: &mut Tools<'_>,
        now: u64,
    ) -> rusqlite::Result<()> {
        let since = processor_time();
        for done in &mut self.done {
            let ids = &mut *tools.ids;
            run_in_savepoint(&mut Writing { db, ids, now }, done.job.as_mut())?;
        }
        if let Some(last) = self.done.last() {
            let time = processor_time().saturating_sub(since);
            tools.queue.charge(&last.user, time);
        }
        Ok(())
    }

    fn end(&self, transaction: Transaction<'_>, tools: &Tools<'_>) -> rusqlite::Result<()> {
        let written = processor_time();
        // As `Transaction::commit` does, which compiles the statement each time.
        transaction.prepare_cached("COMMIT")?.execute([])?;
        drop(transaction);
        self.charge(tools.queue, processor_time().saturating_sub(written));
        Ok(())
    }

    /// Those who wrote more have made the commit longer.
    fn charge(&self, queue: &Queue, commit: Duration) {
        let all: Duration = self.done.iter().map(|done| done.time).sum();
        let all = all.max(Duration::from_nanos(1));
        for done in &self.done {
            queue.charge(&done.user, commit.mul_f64(done.time.div_duration_f64(all)));
        }
    }
}

impl Tools<'_> {
    /// What waits, may be committed so, and is expected to take no longer than that.
    fn next(&self, left: Duration) -> Option<Turn<Box<dyn Job>>> {
        let flush = self.flush;
        self.queue
            .take(left, |next| flush == Flush::Needed || next.flush() == flush)
    }
}

fn begin<'a>(db: &'a mut Connection, tools: &mut Tools<'_>) -> rusqlite::Result<Transaction<'a>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tools.ids.follow(&transaction)?;
    Ok(transaction)
}

/// What this thread has used of a processor. It does not count what is no fault of a write: that others use
/// the processor, or that the disk is slow.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Performs one write. `false`: it failed, and left something behind or ended the transaction.
fn run(writing: &mut Writing<'_>, job: &mut dyn Job) -> rusqlite::Result<bool> {
    let before = writing.db.total_changes();
    let is_done = job.run(writing);
    Ok(is_done || (writing.db.total_changes() == before && !writing.db.is_autocommit()))
}

/// Performs one write; if it fails, it is undone. An error is one of the transaction, which some failures of the disk end.
fn run_in_savepoint(writing: &mut Writing<'_>, job: &mut dyn Job) -> rusqlite::Result<bool> {
    let db = writing.db;
    db.prepare_cached("SAVEPOINT one")?.execute([])?;
    if !job.run(writing) {
        db.prepare_cached("ROLLBACK TO one")?.execute([])?;
    }
    db.prepare_cached("RELEASE one")?.execute([])?;
    Ok(true)
}
