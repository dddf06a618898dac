use futures_util::FutureExt as _;

use super::eviction::common_length;
use super::*;
use crate::model::clock::ManualClock;
use crate::stores::sessions::HistoryLimits;
use crate::stores::sessions::contract::contract_suite;
use crate::stores::sessions::contract::subject::*;

async fn open(
    limits: SessionLimits,
    clock: Arc<ManualClock>,
) -> Option<(Arc<dyn SessionStore>, ())> {
    Some((
        Arc::new(MemoryStore::new(limits, Memory::new(1 << 30), clock)),
        (),
    ))
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
    let store = Arc::new(MemoryStore::new(
        limits,
        Memory::new(1 << 30),
        clock.clone(),
    ));
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

    fn join_as(&self, name: &str, who: Join<'_>, by: u8) -> Result<(), JoinError> {
        let slot = JoinSlot {
            connection: connection(who.user.as_str()),
            is_free: true,
            maker: maker(by),
        };
        now(self.store.join(&id(name), who, slot)).map(|_| ())
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

/// Who joins with a public key of so many bytes.
fn with_key(name: &str, size: usize) -> Join<'_> {
    Join {
        public_key: Some(json(&format!("\"{}\"", "k".repeat(size)))),
        ..creator(name, "k")
    }
}

#[test]
fn keys_take_at_most_a_share_for_each_who_makes_sessions() {
    let bench = bench(LIMITS);
    let why_not = |name, join| now(bench.subject.why_not(name, join));
    assert_eq!(why_not("s", with_key("a", 50_000)), None);
    assert_eq!(why_not("s", with_key("b", 20_000)), Some(JoinError::Busy));
    assert_eq!(why_not("t", with_key("b", 20_000)), Some(JoinError::Busy));
    assert_eq!(why_not("s", with_key("b", 1_000)), None);
    let large = format!("{{\"a\":\"{}\"}}", "k".repeat(20_000));
    let set = bench.subject.set_keys("s", &large);
    assert_eq!(now(set), Err(KeysError::Busy));
    let saved = bench.subject.save_key("s", "b", "\"k\"", None);
    assert_eq!(now(saved).map(|saved| saved.members.len()), Some(2));
    bench.join_as("u", with_key("c", 20_000), 2).unwrap();
}

#[test]
fn when_keys_take_half_of_the_memory_the_largest_sessions_end_of_who_takes_the_most() {
    let limits = SessionLimits {
        sessions: 100,
        ..LIMITS
    };
    let bench = bench(limits);
    for number in 1..=10 {
        let name = format!("small-{number}");
        bench.join_as(&name, with_key("a", 40_000), number).unwrap();
    }
    bench.join_as("large", with_key("a", 60_000), 11).unwrap();
    bench.join_as("larger", with_key("a", 1_000), 11).unwrap();
    let refused = bench.join_as("new", with_key("a", 60_000), 12);
    assert_eq!(refused, Err(JoinError::Busy));
    assert_eq!(bench.sweep(), ["large"]);
    bench.join_as("new", with_key("a", 60_000), 12).unwrap();
}

#[test]
fn of_histories_those_are_cut_whose_maker_has_the_most() {
    let limits = SessionLimits {
        sessions: 100,
        history: HistoryLimits {
            messages: 1000,
            bytes: usize::MAX,
        },
        ..LIMITS
    };
    let bench = bench(limits);
    let body = format!("\"{}\"", "x".repeat(10_000));
    bench.join_as("honest", creator("a", "k"), 1).unwrap();
    for number in 0..20 {
        bench.append("honest", message(number, "a", None, &body));
    }
    for session in 0..40 {
        let name = format!("greedy-{session}");
        bench.join_as(&name, creator("a", "k"), 2).unwrap();
        for number in 0..10 {
            bench.append(&name, message(number, "a", None, &body));
            assert!(bench.used() <= limits.memory);
        }
    }
    assert_eq!(bench.history("honest", join("a", "k")).len(), 20);
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
