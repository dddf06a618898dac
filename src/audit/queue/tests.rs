use std::sync::mpsc::{Receiver, Sender, channel};

use mongodb::bson::RawDocument;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::audit::entry::Fields;
use crate::audit::state::{MAX_RECORDS_PER_WRITE, State};
use crate::audit::store::Rejected;
use crate::audit::{Event, Reader, Source};
use crate::config::SpoolFull;

impl Audit {
    /// Records lost since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.0.shared.state.lock().lost
    }

    /// Waits until everything recorded before this call is settled (stored, or set aside because the
    /// store rejects it). Returns whether it was by `deadline`. Blocks the thread.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        let shared = &self.0.shared;
        let mut state = shared.state.lock();
        let target = state.accepted;
        shared.work.notify_one();
        while state.settled < target && !state.stopped {
            if shared.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.settled >= target
    }
}

type Verdict = Result<Rejected, &'static str>;

/// Hands the ids of each batch to the test and waits for its verdict.
struct Gated {
    batches: Sender<Vec<Uuid>>,
    verdicts: Receiver<Verdict>,
}

impl Store for Gated {
    type Error = &'static str;

    const FAILING: &'static str = "the gate is shut";

    fn write(&mut self, records: &[&RawDocument]) -> Verdict {
        let ids = records
            .iter()
            .map(|record| Fields::read(record).unwrap().id);
        self.batches.send(ids.collect()).map_err(|_| "test over")?;
        self.verdicts.recv().map_err(|_| "test over")?
    }

    fn expire(&mut self, _before_ms: i64, _limit: u32) -> Result<usize, &'static str> {
        Ok(0)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Nothing)
    }
}

struct Nothing;

impl Reader for Nothing {
    fn read(&self, _query: &Query) -> Result<RecordPage, ReadError> {
        Ok(RecordPage {
            records: Vec::new(),
            more: false,
        })
    }
}

struct Gate {
    audit: Audit,
    batches: Receiver<Vec<Uuid>>,
    verdicts: Sender<Verdict>,
    folder: Option<TempDir>,
}

fn gate_in(folder: &Path, options: AuditOptions) -> Gate {
    let (batch_sender, batches) = channel();
    let (verdicts, verdict_receiver) = channel();
    let store = Gated {
        batches: batch_sender,
        verdicts: verdict_receiver,
    };
    Gate {
        audit: Audit::start(store, folder, options).unwrap(),
        batches,
        verdicts,
        folder: None,
    }
}

fn gate_with(options: AuditOptions) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = gate_in(folder.path(), options);
    gate.folder = Some(folder);
    gate
}

fn keep_all() -> AuditOptions {
    AuditOptions {
        retention_days: None,
        ..AuditOptions::default()
    }
}

fn gate() -> Gate {
    gate_with(keep_all())
}

fn taken() -> Verdict {
    Ok(Rejected::default())
}

fn rejecting(positions: &[usize]) -> Verdict {
    Ok(Rejected {
        positions: positions.to_vec(),
        code: Some(121),
    })
}

impl Gate {
    fn batch(&self) -> Vec<Uuid> {
        self.batches
            .recv_timeout(Duration::from_secs(20))
            .expect("a batch in time")
    }

    fn answer(&self, verdict: Verdict) {
        self.verdicts.send(verdict).unwrap();
    }

    /// Records `count` records, and returns their ids.
    fn record(&self, count: usize) -> Vec<Uuid> {
        let records = (0..count).map(|_| record());
        let record = |record: Record| {
            let id = record.id();
            self.audit.record(record);
            id
        };
        records.map(record).collect()
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        files(self.folder.as_ref().unwrap().path())
    }
}

/// The files of the spool.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.join(SPOOL_FOLDER)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "spool")
    });
    files.sort();
    files
}

/// What a kill leaves of a folder at this moment.
fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join(SPOOL_FOLDER)).unwrap();
    for file in files(folder) {
        let name = file.file_name().unwrap();
        std::fs::copy(&file, copy.path().join(SPOOL_FOLDER).join(name)).unwrap();
    }
    copy
}

fn source() -> Arc<Source> {
    Arc::new(Source {
        user: Some("alice".into()),
        username: None,
        session_id: None,
        ip: None,
        user_agent: None,
        node: "test".into(),
    })
}

fn record() -> Record {
    Record::new(&source(), None, Event::SocketConnect)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Waits until the audit is healthy.
fn until_healthy(gate: &Gate) {
    let deadline = soon();
    while gate.audit.health().is_err() {
        assert!(Instant::now() < deadline, "{:?}", gate.audit.health());
        thread::yield_now();
    }
}

#[test]
fn what_waits_is_written_together_in_bounded_batches() {
    let gate = gate();
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let others = gate.record(5_000);
    gate.answer(taken());
    assert_eq!(gate.batch(), others[..MAX_RECORDS_PER_WRITE]);
    gate.answer(taken());
    assert_eq!(gate.batch(), others[MAX_RECORDS_PER_WRITE..]);
    gate.answer(taken());
    assert!(gate.audit.flush(soon()));
    assert_eq!(gate.audit.health(), Ok(()));
    let left: Vec<_> = gate
        .files()
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .collect();
    assert_eq!(left, [0]);
}

#[test]
fn ids_ascend_in_recording_order_and_nothing_is_missing_from_many_threads() {
    const EACH: usize = 2_000;
    let gate = gate();
    for _ in 0..8_000 {
        gate.answer(taken());
    }
    let recorded: Vec<Vec<Uuid>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let audit = gate.audit.clone();
                scope.spawn(move || {
                    let source = source();
                    let ids = (0..EACH).map(|_| {
                        let record = Record::new(&source, None, Event::SocketConnect);
                        let id = record.id();
                        audit.record(record);
                        audit.secure();
                        id
                    });
                    ids.collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(gate.audit.flush(soon()));
    let written: Vec<Uuid> = gate.batches.try_iter().flatten().collect();
    assert_eq!(written.len(), 4 * EACH);
    for ids in recorded {
        assert!(ids.is_sorted_by(|a, b| a < b));
        let own: std::collections::HashSet<_> = ids.iter().collect();
        let order: Vec<_> = written.iter().filter(|id| own.contains(id)).collect();
        assert!(order.into_iter().eq(ids.iter()));
    }
}

#[test]
fn what_is_secured_outlives_a_kill() {
    let gate = gate();
    let first = gate.record(1);
    // The writer is writing the first from here on, and only `secure` writes the spool.
    assert_eq!(gate.batch(), first);
    let others = gate.record(3);
    gate.audit.secure();
    let folder = copied(gate.folder.as_ref().unwrap().path());
    let after = gate_in(folder.path(), keep_all());
    let read = after.batch();
    assert_eq!(read[..1], first);
    assert_eq!(read[1..], others);
    after.answer(taken());
    assert!(after.audit.flush(soon()));
    assert_eq!(after.audit.lost(), 0);
    gate.answer(taken());
    assert_eq!(gate.batch(), others);
    gate.answer(taken());
}

#[test]
fn a_torn_end_is_passed_over() {
    let gate = gate();
    let first = gate.record(1);
    gate.batch();
    let others = gate.record(2);
    gate.audit.secure();
    let folder = copied(gate.folder.as_ref().unwrap().path());
    let torn = files(folder.path()).pop().unwrap();
    let length = torn.metadata().unwrap().len();
    let file = std::fs::File::options().write(true).open(torn).unwrap();
    file.set_len(length - 5).unwrap();
    let after = gate_in(folder.path(), keep_all());
    assert_eq!(after.batch(), [first[0], others[0]]);
    after.answer(taken());
    let next = after.record(1);
    assert_eq!(after.batch(), next);
    after.answer(taken());
    assert!(after.audit.flush(soon()));
    gate.answer(taken());
    gate.answer(taken());
}

#[test]
fn a_full_spool_drops_the_oldest_and_keeps_the_newest() {
    let gate = gate_with(AuditOptions {
        spool_limit: 64 * 1024,
        ..keep_all()
    });
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let mut recorded = Vec::new();
    for _ in 0..1_000 {
        recorded.extend(gate.record(1));
        gate.audit.secure();
    }
    assert_eq!(gate.audit.health(), Err("the audit's spool is full"));
    assert!(!gate.audit.refuses());
    let lost = gate.audit.lost();
    assert!(lost > 100, "{lost}");
    let bytes: u64 = gate
        .files()
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(bytes <= 64 * 1024, "{bytes}");
    for _ in 0..1_000 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    let written: Vec<Uuid> = gate.batches.try_iter().flatten().collect();
    // The first one was lost from the spool too, though it was being written.
    let stored = 1_001 - lost as usize;
    assert_eq!(written, recorded[1_000 - stored..]);
}

#[test]
fn a_full_spool_refuses_until_half_of_it_is_free() {
    let gate = gate_with(AuditOptions {
        spool_limit: 64 * 1024,
        spool_full: SpoolFull::Refuse,
        ..keep_all()
    });
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let mut recorded = Vec::new();
    while !gate.audit.refuses() {
        assert!(recorded.len() < 10_000);
        recorded.extend(gate.record(1));
        gate.audit.secure();
    }
    assert_eq!(gate.audit.health(), Err("the audit's spool is full"));
    assert_eq!(gate.audit.lost(), 0);
    for _ in 0..1_000 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    assert!(!gate.audit.refuses());
    assert_eq!(gate.audit.health(), Ok(()));
    let written: Vec<Uuid> = gate.batches.try_iter().flatten().collect();
    assert_eq!(written, recorded);
}

#[test]
fn under_refuse_the_spool_is_bounded_too() {
    let gate = gate_with(AuditOptions {
        spool_limit: 64 * 1024,
        spool_full: SpoolFull::Refuse,
        ..keep_all()
    });
    gate.record(1);
    gate.batch();
    for _ in 0..1_000 {
        gate.record(1);
        gate.audit.secure();
    }
    let bytes: u64 = gate
        .files()
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(bytes <= 72 * 1024, "{bytes}");
    assert!(gate.audit.lost() > 0);
    for _ in 0..1_000 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
}

#[test]
fn what_the_store_refuses_does_not_hold_up_others_and_is_offered_again() {
    let gate = gate();
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let others = gate.record(3);
    gate.answer(taken());
    assert_eq!(gate.batch(), others);
    gate.answer(rejecting(&[1]));
    assert!(gate.audit.flush(soon()));
    assert_eq!(
        gate.audit.health(),
        Err("the audit's store refuses some records")
    );
    let next = gate.record(1);
    assert_eq!(gate.batch(), next);
    gate.answer(taken());
    assert!(gate.audit.close(soon()));
    let folder = gate.folder.as_ref().unwrap().path();
    drop(gate.audit);
    let after = gate_in(folder, keep_all());
    assert_eq!(after.batch(), others[1..2]);
    after.answer(taken());
    until_healthy(&after);
}

#[test]
fn losses_are_logged_once_a_second_and_none_is_left_out() {
    let mut state = State::default();
    let start = Instant::now();
    let later = start + Duration::from_millis(1_100);
    assert_eq!(state.lose(1, start), Some(1));
    assert_eq!(state.lose(2, start), None);
    assert_eq!(state.lost_to_log(later), Some(2));
    assert_eq!(state.lost_to_log(later), None);
    assert_eq!(state.lose_finally(4), Some(4));
    assert_eq!(state.lost, 7);
}

#[test]
fn a_failed_batch_is_written_again_with_what_came_meanwhile() {
    let gate = gate();
    let mut recorded = gate.record(2);
    let first = gate.batch();
    assert_eq!(first, recorded[..first.len()]);
    recorded.extend(gate.record(1));
    gate.answer(Err("away"));
    assert_eq!(gate.batch(), recorded);
    assert_eq!(gate.audit.health(), Err("the gate is shut"));
    gate.answer(Err("away"));
    assert_eq!(gate.batch(), recorded);
    gate.answer(taken());
    assert!(gate.audit.flush(soon()));
    until_healthy(&gate);
    assert_eq!(gate.audit.lost(), 0);
}

#[test]
fn flush_says_no_when_the_store_takes_too_long() {
    let gate = gate();
    gate.record(1);
    assert!(!gate.audit.flush(Instant::now() + Duration::from_millis(20)));
    gate.answer(taken());
    assert!(gate.audit.flush(soon()));
}

#[test]
fn close_writes_what_is_left_and_takes_no_more() {
    let gate = gate();
    gate.record(3);
    for _ in 0..3 {
        gate.answer(taken());
    }
    assert!(gate.audit.close(soon()));
    assert_eq!(gate.batches.try_iter().flatten().count(), 3);
    gate.record(1);
    assert_eq!(gate.audit.lost(), 1);
    assert_eq!(gate.audit.health(), Err("the audit's writer has stopped"));
    assert!(gate.audit.close(soon()), "closing twice is harmless");
}

#[test]
fn close_gives_up_on_a_failing_store_at_its_deadline_and_leaves_all_to_the_next_start() {
    let gate = gate();
    let recorded = gate.record(3);
    for _ in 0..1_000 {
        gate.answer(Err("away"));
    }
    let deadline = Instant::now() + Duration::from_millis(100);
    assert!(!gate.audit.close(deadline));
    // The writer ends by itself.
    let ended = soon();
    while gate.audit.health() != Err("the audit's writer has stopped") {
        assert!(Instant::now() < ended);
        thread::yield_now();
    }
    assert_eq!(gate.audit.lost(), 0);
    let folder = gate.folder.as_ref().unwrap().path();
    drop(gate.audit);
    let after = gate_in(folder, keep_all());
    assert_eq!(after.batch(), recorded);
    after.answer(taken());
    assert!(after.audit.flush(soon()));
}

#[test]
fn a_spool_in_use_is_not_opened_twice() {
    let gate = gate();
    let (batches, _batches) = channel();
    let (_verdicts, verdicts) = channel();
    let folder = gate.folder.as_ref().unwrap().path();
    let second = Audit::start(Gated { batches, verdicts }, folder, keep_all());
    let in_use = Err(AuditError::Spool(SpoolError::InUse(
        folder.join(SPOOL_FOLDER),
    )));
    assert_eq!(
        second.map(|_| ()).map_err(|error| error.to_string()),
        in_use.map_err(|error: AuditError| error.to_string())
    );
}

#[test]
fn dropping_the_last_handle_ends_the_writer() {
    let Gate {
        audit,
        batches,
        verdicts,
        folder: _folder,
    } = gate();
    audit.record(record());
    verdicts.send(taken()).unwrap();
    let clone = audit.clone();
    drop(audit);
    clone.record(record());
    verdicts.send(taken()).unwrap();
    drop(clone);
    let mut written = 0;
    // The channel closes when the writer drops its store.
    while let Ok(batch) = batches.recv_timeout(Duration::from_secs(20)) {
        written += batch.len();
    }
    assert_eq!(written, 2);
}
