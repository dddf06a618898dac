use futures_util::FutureExt as _;

use super::budget::common_length;
use super::*;
use crate::model::clock::ManualClock;
use crate::stores::sessions::HistoryLimits;
use crate::stores::sessions::contract::contract_suite;
use crate::stores::sessions::contract::subject::*;

async fn open(
    limits: SessionLimits,
    clock: Arc<ManualClock>,
) -> Option<(Arc<dyn SessionStore>, ())> {
    Some((Arc::new(MemoryStore::new(limits, clock)), ()))
}

mod contract {
    use super::{contract_suite, open};
    contract_suite!(open);
}

const MINUTE: u64 = 60_000;

struct Bench {
    store: Arc<MemoryStore>,
    subject: Subject,
}

fn bench(limits: SessionLimits) -> Bench {
    let clock = Arc::new(ManualClock::new());
    let store = Arc::new(MemoryStore::new(limits, clock.clone()));
    let subject = Subject::new(store.clone(), clock, ());
    Bench { store, subject }
}

impl Bench {
    fn pass(&self, ms: u64) {
        self.subject.clock.advance(ms);
    }

    fn join(&self, name: &str, who: Join<'_>) {
        now(self.subject.join(name, who)).unwrap();
    }

    fn depart(&self, name: &str, who: &str, how: Departure) {
        now(self.subject.depart(name, who, how)).unwrap();
    }

    fn append(&self, name: &str, message: Arc<Message>) {
        assert!(is_first(now(self.subject.append(name, message))));
    }

    fn history(&self, name: &str, who: Join<'_>) -> Vec<String> {
        now(self.subject.history(name, who))
    }

    fn sweep(&self) -> Vec<String> {
        now(self.subject.sweep(&[]))
    }

    fn used(&self) -> usize {
        self.store.usage.bytes()
    }
}

/// This store never waits.
fn now<T>(operation: impl Future<Output = T>) -> T {
    operation.now_or_never().unwrap()
}

#[test]
fn sessions_end_when_they_are_not_used() {
    let bench = bench(LIMITS);
    now(bench.subject.reserve("reserved", "k", ChatMode::Group)).unwrap();
    bench.join("members", creator("a", "k"));
    bench.join("alone", creator("a", "k"));
    bench.pass(10 * MINUTE);
    bench.depart("alone", "a", Departure::Disconnected);
    bench.pass(20 * MINUTE - 1);
    assert_eq!(bench.sweep(), [""; 0]);
    bench.pass(1);
    assert_eq!(bench.sweep(), ["reserved"]);
    bench.pass(10 * MINUTE - 1);
    assert_eq!(bench.sweep(), [""; 0]);
    bench.pass(1);
    assert_eq!(
        bench.sweep(),
        ["alone"],
        "thirty minutes after its last member"
    );
    bench.append("members", message(1, "a", None, "1"));
    bench.pass(120 * MINUTE - 1);
    assert_eq!(bench.sweep(), [""; 0]);
    bench.pass(1);
    assert_eq!(
        bench.sweep(),
        ["members"],
        "two hours after its last message"
    );
    assert_eq!((now(bench.store.count()), bench.used()), (0, 0));
}

#[test]
fn a_wall_clock_that_jumps_ends_no_session_and_keeps_none() {
    const HOURS: u64 = 60 * MINUTE;
    let bench = bench(LIMITS);
    bench.join("used", creator("a", "k"));
    bench.join("left", creator("b", "k"));
    bench.depart("left", "b", Departure::Disconnected);
    now(bench.subject.reserve("reserved", "k", ChatMode::Group)).unwrap();
    let clock = &bench.subject.clock;
    for wall in [clock.now_ms() + 3 * HOURS, clock.now_ms() - 3 * HOURS, 0] {
        clock.set(wall);
        assert_eq!(bench.sweep(), [""; 0], "at {wall}");
    }
    let returned = Join {
        public_key: None,
        ..join("b", "k")
    };
    let returned = now(bench.subject.join("left", returned)).unwrap();
    assert!(returned.member.public_key.is_some(), "within the grace");
    bench.depart("left", "b", Departure::Disconnected);
    bench.pass(30 * MINUTE);
    assert_eq!(bench.sweep().len(), 2, "those without members");
    bench.pass(90 * MINUTE);
    assert_eq!(bench.sweep(), ["used"]);
}

#[test]
fn a_session_that_is_used_in_the_last_moment_goes_on() {
    let bench = bench(LIMITS);
    now(bench.subject.reserve("s", "k", ChatMode::Group)).unwrap();
    bench.pass(30 * MINUTE);
    assert_eq!(now(bench.store.expired(&[])), [id("s")]);
    bench.join("s", join("a", "k"));
    assert!(!now(bench.store.end_expired(&id("s"))));
}

#[test]
fn a_session_that_is_over_takes_nothing() {
    let bench = bench(LIMITS);
    bench.join("s", creator("a", "k"));
    bench.depart("s", "a", Departure::Disconnected);
    assert_eq!(now(bench.store.count()), 1);
    bench.join("s", join("a", "k"));
    bench.depart("s", "a", Departure::Left);
    assert_eq!((now(bench.store.count()), bench.used()), (0, 0));
}

#[test]
fn all_sessions_together_stay_within_the_memory_and_the_longest_history_is_cut() {
    let limits = SessionLimits {
        history: HistoryLimits {
            messages: 1000,
            bytes: usize::MAX,
        },
        ..LIMITS
    };
    let bench = bench(limits);
    bench.join("small", creator("a", "k"));
    bench.join("large", creator("a", "k"));
    bench.append("small", message(1, "a", None, "\"kept\""));
    let body = format!("\"{}\"", "x".repeat(10_000));
    for number in 0..500 {
        bench.append("large", message(number, "a", None, &body));
        assert!(bench.used() <= limits.memory);
    }
    assert_eq!(bench.history("small", join("a", "k")), ["1"]);
    let left = bench.history("large", join("a", "k"));
    assert!(
        left.len() > 80,
        "most of the memory is used: {}",
        left.len()
    );
    assert_eq!(left.last().map(String::as_str), Some("499"));
}

#[test]
fn keys_take_at_most_half_of_the_memory() {
    let bench = bench(LIMITS);
    let key = |size| Some(json(&format!("\"{}\"", "k".repeat(size))));
    let with_key = |name, size| Join {
        public_key: key(size),
        ..creator(name, "k")
    };
    let why_not = |name, join| now(bench.subject.why_not(name, join));
    assert_eq!(why_not("s", with_key("a", 400_000)), None);
    assert_eq!(why_not("s", with_key("b", 200_000)), Some(JoinError::Busy));
    assert_eq!(why_not("s", with_key("b", 1_000)), None);
    let large = format!("{{\"a\":\"{}\"}}", "k".repeat(200_000));
    let set = bench.subject.set_keys("s", &large);
    assert_eq!(now(set), Err(KeysError::Busy));
    let saved = bench.subject.save_key("s", "b", "\"k\"", None);
    assert_eq!(now(saved).map(|saved| saved.members.len()), Some(2));
}

#[test]
fn the_common_length_leaves_what_was_asked_for() {
    for (mut lengths, sum) in [
        (vec![10, 20, 30], 100),
        (vec![10, 20, 30], 40),
        (vec![10, 20, 30], 5),
        (vec![7; 9], 30),
        (vec![], 3),
        (vec![5, 5], 0),
    ] {
        let before: usize = lengths.iter().sum();
        let common = common_length(&mut lengths, sum);
        let after: usize = lengths.iter().map(|length| *length.min(&common)).sum();
        assert!(after <= sum, "{lengths:?} {sum}: {common}");
        assert_eq!(before <= sum, common == usize::MAX);
    }
}
