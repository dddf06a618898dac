//! What waits in the spool: after a kill, when it is full, and that it has one owner.

use super::*;

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
fn what_was_just_spooled_is_written_from_memory() {
    let gate = gate();
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let others = gate.record(3);
    gate.audit.secure();
    // Nothing could be read back.
    std::fs::File::create(&gate.files()[0]).unwrap();
    gate.answer(taken());
    assert_eq!(gate.batch(), others);
    gate.answer(taken());
    assert!(gate.audit.flush(soon()));
    assert_eq!(gate.audit.lost(), 0);
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
fn what_is_done_about_clients_outlives_floods_of_a_full_spool() {
    let gate = gate_with(AuditOptions {
        spool_limit: 64 * 1024,
        ..keep_all()
    });
    let first = gate.record(1);
    assert_eq!(gate.batch(), first);
    let expelled: Vec<_> = (0..5).map(|_| gate.record_expulsion()).collect();
    for _ in 0..1_000 {
        gate.record(1);
        gate.audit.secure();
    }
    assert!(gate.audit.lost() > 100, "{}", gate.audit.lost());
    for _ in 0..1_000 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    let written: Vec<Uuid> = gate.batches.try_iter().flatten().collect();
    let kept = expelled.iter().filter(|id| written.contains(id));
    assert_eq!(kept.count(), 5);
    let stored = 1_006 - gate.audit.lost() as usize;
    assert_eq!(written.len(), stored, "none is counted twice");
}

#[test]
fn a_spool_full_of_what_goes_last_drops_the_oldest_too() {
    let gate = gate_with(AuditOptions {
        spool_limit: 64 * 1024,
        ..keep_all()
    });
    gate.record(1);
    gate.batch();
    let mut newest = Vec::new();
    for _ in 0..1_000 {
        newest.push(gate.record_expulsion());
        gate.audit.secure();
    }
    let bytes = gate
        .files()
        .into_iter()
        .map(|file| file.metadata().unwrap().len());
    assert!(bytes.sum::<u64>() <= 64 * 1024);
    for _ in 0..1_000 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    let written: Vec<Uuid> = gate.batches.try_iter().flatten().collect();
    assert_eq!(written.len(), 1_001 - gate.audit.lost() as usize);
    assert!(written.contains(&newest[999]));
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
fn what_the_store_refuses_takes_no_more_than_a_spool() {
    const LIMIT: u64 = 64 * 1024;
    let gate = gate_with(AuditOptions {
        spool_limit: LIMIT,
        ..keep_all()
    });
    let mut refused = 0;
    while refused < 1_000 {
        gate.record(100);
        let all_but_one: Vec<_> = (1..gate.batch().len()).collect();
        refused += all_but_one.len();
        gate.answer(rejecting(&all_but_one));
        let _ = gate
            .audit
            .flush(Instant::now() + Duration::from_millis(200));
    }
    for _ in 0..100 {
        gate.answer(taken());
    }
    assert!(gate.audit.flush(soon()));
    let folder = gate.folder.as_ref().unwrap().path();
    let entries = std::fs::read_dir(folder.join(SPOOL_FOLDER).join(REJECTED_FOLDER)).unwrap();
    let bytes = entries.map(|entry| entry.unwrap().metadata().unwrap().len());
    let bytes: u64 = bytes.sum();
    assert!(bytes > LIMIT / 2 && bytes <= LIMIT, "{bytes}");
}
