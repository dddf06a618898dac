//! The end of a recording.

use super::*;

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
    gate.wait_until_stopped();
    assert_eq!(gate.audit.lost(), 0);
    let folder = gate.folder.as_ref().unwrap().path();
    drop(gate.audit);
    let after = gate_in(folder, keep_all());
    assert_eq!(after.batch(), recorded);
    after.answer(taken());
    assert!(after.audit.flush(soon()));
}

#[test]
fn what_neither_the_store_nor_the_spool_takes_is_lost_and_nothing_waits_for_it() {
    let gate = gate();
    let files = &gate.audit.0.shared.files;
    files.lock().spool.make_read_only();
    gate.record(3);
    for _ in 0..1_000 {
        gate.answer(Err("away"));
    }
    gate.audit
        .close(Instant::now() + Duration::from_millis(100));
    gate.wait_until_stopped();
    assert_eq!(gate.audit.lost(), 3);
    assert_eq!(gate.audit.0.shared.state.lock().outstanding(), 0);
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

#[test]
fn what_was_only_counted_is_recorded_at_the_end() {
    for closed in [true, false] {
        let repeats = RepeatLimits {
            events_per_user: 2,
            ..AuditOptions::default().repeats
        };
        let gate = gate_with(AuditOptions {
            repeats,
            ..keep_all()
        });
        let recorded = gate.record(100);
        for _ in 0..4 {
            gate.answer(taken());
        }
        let Gate {
            audit,
            batches,
            folder: _folder,
            ..
        } = gate;
        if closed {
            assert!(audit.close(soon()));
        }
        drop(audit);
        let stored: Vec<Uuid> = batches.iter().flatten().collect();
        assert_eq!(stored.len(), 3, "two, and one for the others");
        assert_eq!(stored[..2], recorded[..2]);
        assert!(!recorded.contains(&stored[2]));
    }
}

#[test]
fn the_end_of_a_minute_records_what_was_only_counted() {
    let repeats = RepeatLimits {
        events_per_user: 2,
        ..AuditOptions::default().repeats
    };
    let gate = gate_with(AuditOptions {
        repeats,
        ..keep_all()
    });
    gate.record(9);
    gate.audit.end_minute();
    for _ in 0..3 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    assert_eq!(gate.batches.try_iter().flatten().count(), 3);
}
