use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::audit::{Event, Source};

/// Hands each batch to the test and waits for its verdict.
struct Gated {
    batches: Sender<Vec<Record>>,
    verdicts: Receiver<Result<(), &'static str>>,
}

impl Store for Gated {
    type Error = &'static str;

    fn write(&mut self, batch: &[Record]) -> Result<(), &'static str> {
        self.batches.send(batch.to_vec()).map_err(|_| "test over")?;
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
    fn read(&self, _query: &Query) -> Result<Found, StoreError> {
        Ok(Found {
            records: Vec::new(),
            more: false,
        })
    }
}

struct Gate {
    audit: Audit,
    batches: Receiver<Vec<Record>>,
    verdicts: Sender<Result<(), &'static str>>,
}

fn gate(capacity: usize) -> Gate {
    let (batch_sender, batches) = channel();
    let (verdicts, verdict_receiver) = channel();
    let store = Gated {
        batches: batch_sender,
        verdicts: verdict_receiver,
    };
    let options = AuditOptions {
        capacity: NonZeroUsize::new(capacity).unwrap(),
        retention_days: None,
    };
    Gate {
        audit: Audit::start(store, options).unwrap(),
        batches,
        verdicts,
    }
}

impl Gate {
    fn batch(&self) -> Vec<Record> {
        self.batches
            .recv_timeout(Duration::from_secs(20))
            .expect("a batch in time")
    }

    fn answer(&self, verdict: Result<(), &'static str>) {
        self.verdicts.send(verdict).unwrap();
    }
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

#[test]
fn what_waits_is_committed_together_in_bounded_batches() {
    let gate = gate(100_000);
    gate.audit.record(record());
    assert_eq!(gate.batch().len(), 1);
    for _ in 0..5_000 {
        gate.audit.record(record());
    }
    gate.answer(Ok(()));
    assert_eq!(gate.batch().len(), ROWS_PER_COMMIT);
    gate.answer(Ok(()));
    assert_eq!(gate.batch().len(), 5_000 - ROWS_PER_COMMIT);
    gate.answer(Ok(()));
    assert!(gate.audit.flush(soon()));
    assert_eq!(gate.audit.health(), Ok(()));
}

#[test]
fn ids_ascend_in_recording_order_and_nothing_is_missing_from_many_threads() {
    const EACH: usize = 2_000;
    let gate = gate(100_000);
    for _ in 0..100 {
        gate.answer(Ok(()));
    }
    let recorded: Vec<Vec<uuid::Uuid>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let audit = gate.audit.clone();
                scope.spawn(move || {
                    let source = source();
                    (0..EACH)
                        .map(|_| {
                            let record = Record::new(&source, None, Event::SocketConnect);
                            let id = record.id();
                            audit.record(record);
                            id
                        })
                        .collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(gate.audit.flush(soon()));
    let written: Vec<uuid::Uuid> = gate.batches.try_iter().flatten().map(|r| r.id()).collect();
    assert_eq!(written.len(), 4 * EACH);
    for ids in recorded {
        assert!(ids.is_sorted_by(|a, b| a < b));
        let own: std::collections::HashSet<_> = ids.iter().collect();
        let order: Vec<_> = written.iter().filter(|id| own.contains(id)).collect();
        assert!(order.into_iter().eq(ids.iter()));
    }
}

#[test]
fn a_full_queue_counts_what_it_cannot_take_and_recovers() {
    let gate = gate(10);
    for _ in 0..25 {
        gate.audit.record(record());
    }
    assert_eq!(gate.audit.lost(), 15);
    assert_eq!(gate.audit.health(), Err("audit queue is full"));
    let mut written = 0;
    while written < 10 {
        written += gate.batch().len();
        gate.answer(Ok(()));
    }
    assert!(gate.audit.flush(soon()));
    gate.audit.record(record());
    assert_eq!(gate.batch().len(), 1);
    assert_eq!(gate.audit.lost(), 15);
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
    assert_eq!(state.lose_for_good(4), Some(4));
    assert_eq!(state.lost, 7);
}

#[test]
fn a_refused_batch_is_offered_again_unchanged() {
    let gate = gate(100);
    gate.audit.record(record());
    gate.audit.record(record());
    let ids = |batch: Vec<Record>| batch.iter().map(Record::id).collect::<Vec<_>>();
    let first = ids(gate.batch());
    gate.answer(Err("disk full"));
    assert_eq!(ids(gate.batch()), first);
    assert_eq!(gate.audit.health(), Err("audit store is failing"));
    gate.answer(Err("disk full"));
    assert_eq!(ids(gate.batch()), first);
    gate.answer(Ok(()));
    let deadline = soon();
    while gate.audit.health().is_err() {
        assert!(Instant::now() < deadline, "the store works again");
        // Records that missed the first batch come in one of their own.
        if let Ok(_rest) = gate.batches.recv_timeout(Duration::from_millis(5)) {
            gate.answer(Ok(()));
        }
    }
    assert_eq!(gate.audit.lost(), 0);
}

#[test]
fn flush_says_no_when_the_store_takes_too_long() {
    let gate = gate(100);
    gate.audit.record(record());
    assert!(!gate.audit.flush(Instant::now() + Duration::from_millis(20)));
    gate.answer(Ok(()));
    assert!(gate.audit.flush(soon()));
}

#[test]
fn close_writes_what_is_left_and_takes_no_more() {
    let gate = gate(100);
    for _ in 0..3 {
        gate.audit.record(record());
    }
    for _ in 0..3 {
        gate.answer(Ok(()));
    }
    assert!(gate.audit.close(soon()));
    assert_eq!(gate.batches.try_iter().flatten().count(), 3);
    gate.audit.record(record());
    assert_eq!(gate.audit.lost(), 1);
    assert_eq!(gate.audit.health(), Err("audit writer has stopped"));
    assert!(gate.audit.close(soon()), "closing twice is harmless");
}

#[test]
fn close_gives_up_on_a_failing_store_at_its_deadline_and_counts_the_loss() {
    let gate = gate(100);
    for _ in 0..3 {
        gate.audit.record(record());
    }
    for _ in 0..1_000 {
        gate.answer(Err("disk full"));
    }
    assert!(
        !gate
            .audit
            .close(Instant::now() + Duration::from_millis(100))
    );
    // The writer ends by itself; its end is what the next close waits for.
    assert!(!gate.audit.close(soon()));
    let mut state = gate.audit.0.shared.state.lock();
    while !state.stopped {
        assert!(
            !gate
                .audit
                .0
                .shared
                .done
                .wait_until(&mut state, soon())
                .timed_out()
        );
    }
    assert_eq!(state.lost, 3);
}

#[test]
fn dropping_the_last_handle_ends_the_writer() {
    let Gate {
        audit,
        batches,
        verdicts,
    } = gate(100);
    audit.record(record());
    verdicts.send(Ok(())).unwrap();
    let clone = audit.clone();
    drop(audit);
    clone.record(record());
    verdicts.send(Ok(())).unwrap();
    drop(clone);
    let mut written = 0;
    // The channel closes when the writer drops its store.
    while let Ok(batch) = batches.recv_timeout(Duration::from_secs(20)) {
        written += batch.len();
    }
    assert_eq!(written, 2);
}
