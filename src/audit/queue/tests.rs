//! Recording, against a store that takes records when the test says so.

mod closing;
mod spool;
mod writing;

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::audit::line::Line;
use crate::audit::state::{MAX_RECORDS_PER_WRITE, State};
use crate::audit::store::{Rejected, Trimmed};
use crate::audit::{Encoded, Event, Reader, RepeatLimits, Source};
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

    fn write(&mut self, lines: &[Line<'_>]) -> Verdict {
        let ids = lines.iter().map(|line| line.id().unwrap());
        self.batches.send(ids.collect()).map_err(|_| "test over")?;
        self.verdicts.recv().map_err(|_| "test over")?
    }

    fn expire(&mut self, _before_ms: i64, _limit: u32) -> Result<usize, &'static str> {
        Ok(0)
    }

    fn trim(&mut self, _max_bytes: u64) -> Result<Option<Trimmed>, &'static str> {
        Ok(None)
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

    /// Records what goes last, and returns its id.
    fn record_expulsion(&self) -> Uuid {
        let record = Record::new(&source(), None, Event::SlowConsumer { bytes: 1 });
        let id = record.id();
        self.audit.record(record);
        id
    }

    /// Waits until the writer has ended by itself.
    fn wait_until_stopped(&self) {
        let deadline = soon();
        while self.audit.health() != Err("the audit's writer has stopped") {
            assert!(Instant::now() < deadline);
            thread::yield_now();
        }
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
        encoded: Encoded::default(),
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
