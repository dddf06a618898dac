//! Chunks of files in any order, sent again, and on several nodes.

use super::*;
use crate::limits::Memory;
use proptest::prelude::*;

fn none() -> Transfers {
    Transfers::of(&Account::new(&Memory::new(1 << 30)))
}

fn names(message: &str) -> FileNames {
    let raw = |text: &str| RawValue::from_string(format!("\"{text}\"")).unwrap();
    FileNames {
        recipient: raw("bob"),
        message: raw(message),
    }
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// Sends a chunk to Bob; whether the file is complete.
fn sent(transfers: &mut Transfers, message: &str, number: u64, total: u64) -> bool {
    let recipient = user("bob");
    let chunk = chunk(&recipient, message, number, total);
    transfers.sent(&chunk, || names(message)).is_complete
}

fn chunk<'a>(recipient: &'a UserId, message: &'a str, number: u64, total: u64) -> Chunk<'a> {
    Chunk {
        recipient,
        message,
        number,
        total,
    }
}

proptest! {
    #[test]
    fn a_file_is_complete_with_its_last_missing_chunk_and_not_before(
        order in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle(),
        repeats in prop::collection::vec(0usize..40, 0..20),
    ) {
        let mut transfers = none();
        for (at, &number) in order.iter().enumerate() {
            let last = at + 1 == order.len();
            prop_assert_eq!(sent(&mut transfers, "m", number, 40), last);
            for &repeat in repeats.iter().filter(|&&repeat| repeat <= at) {
                let is_told = last && (repeat == at || order[repeat] == 39);
                prop_assert_eq!(sent(&mut transfers, "m", order[repeat], 40), is_told);
            }
        }
        prop_assert!(transfers.files.is_empty());
        prop_assert_eq!(transfers.bytes, 0);
    }
}

#[test]
fn a_thousand_files_side_by_side_are_completed() {
    let mut transfers = none();
    let id = |file: u64| format!("{file:036}");
    for number in 0..3 {
        for file in 0..1000 {
            assert_eq!(sent(&mut transfers, &id(file), number, 3), number == 2);
        }
    }
    let carol = user("carol");
    let other = transfers.sent(&chunk(&carol, &id(0), 1, 2), || names("x"));
    assert!(!other.is_complete && !sent(&mut transfers, &id(0), 0, 2));
}

#[test]
fn what_is_complete_is_known_for_a_bounded_number_of_files() {
    let mut transfers = none();
    for file in 0..2 * MAX_COMPLETE {
        let id = file.to_string();
        assert!(!sent(&mut transfers, &id, 0, 2) && sent(&mut transfers, &id, 1, 2));
    }
    assert_eq!(transfers.complete.len(), MAX_COMPLETE);
    assert_eq!(transfers.held.bytes(), MAX_COMPLETE * COMPLETE);
    let newest = (2 * MAX_COMPLETE - 1).to_string();
    assert!(
        !sent(&mut transfers, &newest, 0, 2),
        "sent again, as one of several"
    );
    assert!(sent(&mut transfers, &newest, 1, 2), "sent again");
    assert!(!sent(&mut transfers, "0", 0, 2), "forgotten");
    let other = (2 * MAX_COMPLETE - 2).to_string();
    assert!(!sent(&mut transfers, &other, 0, 3), "another file");
}

#[test]
fn what_is_forgotten_is_handed_back_the_idle_files_first() {
    let mut transfers = none();
    let mut forgotten = Vec::new();
    for file in 0..5000 {
        let id = file.to_string();
        let progress = transfers.sent(&chunk(&user("bob"), &id, 0, 2), || names(&id));
        forgotten.extend(progress.forgotten);
        // One that goes on is not forgotten.
        assert!(!sent(&mut transfers, "0", file, 10_000));
        assert!(transfers.bytes <= MAX_BYTES);
    }
    let forgotten: Vec<_> = forgotten.iter().map(|file| file.message.get()).collect();
    assert_eq!(forgotten.len(), 5000 - transfers.files.len());
    assert_eq!(forgotten[..2], ["\"1\"", "\"2\""]);
    assert!(sent(&mut transfers, "4999", 1, 2));
}

#[test]
fn another_node_goes_on_where_one_has_ended() {
    let (bob, mut one, mut other) = (user("bob"), none(), none());
    for number in [0, 1, 5] {
        assert!(!sent(&mut one, "m", number, 7));
    }
    let last = chunk(&bob, "m", 6, 7);
    let written = one.written(&last).expect("known");
    assert_eq!(written, "7 - 0-1 5-5");
    assert!(!sent(&mut other, "m", 2, 7) && other.knows(&last));
    other.learn(&last, &written, || names("m"));
    for number in [3, 6] {
        assert!(!sent(&mut other, "m", number, 7));
    }
    assert!(sent(&mut other, "m", 4, 7));
    let written = other.written(&last).expect("complete");
    one.learn(&last, &written, || names("m"));
    assert!(sent(&mut one, "m", 4, 7), "sent again");
    assert_eq!((one.bytes, other.bytes), (0, 0));
    for nonsense in ["", "7", "x -", "6 - 0-5", "7 - 5-1 9-9 - a-b"] {
        let mut new = none();
        new.learn(&last, nonsense, || names("m"));
        assert!(!sent(&mut new, "m", 6, 7), "{nonsense}");
    }
}

#[test]
fn chunks_far_apart_do_not_fill_memory() {
    let (bob, mut transfers) = (user("bob"), none());
    let mut forgotten = 0;
    for n in 0..100_000_u64 {
        let progress = transfers.sent(&chunk(&bob, "m", 2 * n, u64::MAX), || names("m"));
        forgotten += progress.forgotten.len();
        assert!(transfers.bytes <= MAX_BYTES);
    }
    assert!(forgotten > 0);
    assert_eq!(transfers.held.account().held(), transfers.held.bytes());
}
