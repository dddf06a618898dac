//! Records on their way to the store.

use super::*;

#[test]
fn what_waits_is_written_together_in_bounded_batches() {
    let gate = gate();
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let others = gate.record(MAX_RECORDS_PER_WRITE + 200);
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
fn what_is_done_about_clients_has_room_in_memory_when_a_flood_has_none() {
    let gate = gate_with(AuditOptions {
        capacity: NonZeroUsize::new(16).unwrap(),
        ..keep_all()
    });
    gate.audit.0.shared.files.lock().spool.make_read_only();
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    gate.record(20);
    assert_eq!(gate.audit.lost(), 6);
    let expelled = [(); 3].map(|()| gate.record_expulsion());
    assert_eq!(gate.audit.lost(), 7);
    for _ in 0..10 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    let written: Vec<Uuid> = gate.batches.try_iter().flatten().collect();
    assert_eq!(written[14..], expelled[..2]);
}
