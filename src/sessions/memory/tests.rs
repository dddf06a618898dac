use std::sync::atomic::AtomicU64;

use futures_util::FutureExt;
use serde_json::value::RawValue;

use super::*;
use crate::sessions::AuthKey;

/// A clock that goes when it is told to.
#[derive(Debug, Default)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

const MINUTE: u64 = 60_000;

struct Bench {
    store: MemoryStore,
    clock: Arc<HandClock>,
}

const LIMITS: SessionLimits = SessionLimits {
    sessions: 3,
    members: 4,
    history: HistoryLimits {
        messages: 5,
        bytes: 100_000,
    },
    memory: 1 << 20,
    reserved_timeout: Duration::from_secs(30 * 60),
    idle_timeout: Duration::from_secs(30 * 60),
    max_idle: Duration::from_secs(120 * 60),
    rejoin_grace: Duration::from_secs(60),
};

fn bench(limits: SessionLimits) -> Bench {
    let clock = Arc::new(HandClock::default());
    let store = MemoryStore::new(limits, clock.clone());
    Bench { store, clock }
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).expect("an id").0
}

fn user(text: &str) -> UserId {
    UserId::parse(text).expect("an id")
}

fn json(text: &str) -> Kept {
    Kept::from(RawValue::from_string(text.to_owned()).expect("JSON"))
}

/// The connection of a member, one for each name.
fn connection(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

fn join<'a>(name: &str, key: &'a str) -> Join<'a> {
    Join {
        user: user(name),
        display_name: None,
        public_key: Some(json(&format!("\"key of {name}\""))),
        is_creator: false,
        key: AuthKey::new(key),
    }
}

fn creator<'a>(name: &str, key: &'a str) -> Join<'a> {
    Join {
        is_creator: true,
        ..join(name, key)
    }
}

fn message(number: usize, from: &str, to: Option<&str>, encrypted: &str) -> Arc<Message> {
    Arc::new(Message {
        id: json(&number.to_string()),
        from: user(from),
        to: to.map(user),
        encrypted: json(encrypted),
        timestamp: 0,
        kind: "text".into(),
        sender_display_name: from.into(),
    })
}

impl Bench {
    fn reserve(&self, name: &str, key: &str, mode: ChatMode) -> Result<(), ReserveError> {
        let key = AuthKey::new(key).expect("a key");
        now(self.store.reserve(&id(name), key, mode))
    }

    fn join(&self, name: &str, join: Join<'_>) -> Result<Joined, JoinError> {
        let seat = Seat {
            connection: connection(join.user.as_str()),
            is_free: true,
        };
        self.join_on(name, join, seat)
    }

    fn join_on(&self, name: &str, join: Join<'_>, seat: Seat) -> Result<Joined, JoinError> {
        now(self.store.join(&id(name), join, seat))
    }

    fn why_not(&self, name: &str, join: Join<'_>) -> Option<JoinError> {
        self.join(name, join).err()
    }

    fn depart(&self, name: &str, who: &str, how: Departure) -> Option<Departed> {
        let (id, user) = (id(name), user(who));
        now(self.store.depart(&id, &user, connection(who), how))
    }

    fn append(&self, name: &str, message: Arc<Message>) -> Option<Appended> {
        now(self.store.append(&id(name), message))
    }

    fn history(&self, name: &str, who: Join<'_>) -> Vec<String> {
        let joined = self.join(name, who).expect("a member");
        let ids = joined.history.iter().map(|message| message.id.lend());
        ids.map(|id| id.as_raw().expect("JSON").get().to_owned())
            .collect()
    }

    /// Ends what is not used any more, and says what that was.
    fn sweep(&self) -> Vec<String> {
        let expired = now(self.store.expired());
        let ended = |id: &SessionId| now(self.store.end_expired(id));
        let ended = expired.iter().filter(|id| ended(id));
        ended.map(|id| id.as_str().to_owned()).collect()
    }

    fn pass(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    fn used(&self) -> usize {
        let [fixed, history] = [&self.store.fixed_used, &self.store.history_used];
        fixed.load(Ordering::Relaxed) + history.load(Ordering::Relaxed)
    }
}

/// This store never waits.
fn now<T>(operation: impl Future<Output = T>) -> T {
    operation.now_or_never().expect("done at once")
}

#[test]
fn keys_and_modes_decide_who_is_let_in_in_this_order() {
    use ChatMode::{Group, Password, Private};
    let bench = bench(LIMITS);
    assert_eq!(
        bench.why_not("g", join("a", "k")),
        Some(JoinError::NotFound)
    );
    assert_eq!(bench.reserve("g", "k", Group), Ok(()));
    assert_eq!(bench.reserve("g", "k", Group), Err(ReserveError::Exists));
    assert_eq!(
        bench.why_not("g", creator("a", "x")),
        Some(JoinError::NotTheCreator)
    );
    assert_eq!(
        bench.why_not("g", creator("a", "")),
        Some(JoinError::NotTheCreator)
    );
    assert_eq!(
        bench.why_not("g", join("a", "x")),
        Some(JoinError::WrongKey)
    );
    assert_eq!(bench.why_not("g", join("a", "")), Some(JoinError::WrongKey));
    for name in ["a", "b", "c", "d", "d"] {
        assert_eq!(bench.why_not("g", join(name, "k")), None, "{name}");
    }
    assert_eq!(
        bench.why_not("g", creator("e", "k")),
        Some(JoinError::Full { most: 4 })
    );

    assert_eq!(bench.reserve("p", "k:pw", Password), Ok(()));
    for wrong in ["", "k", "password:x", "pw"] {
        let why = bench.why_not("p", join("a", wrong));
        assert_eq!(why, Some(JoinError::WrongPassword), "{wrong}");
    }
    assert_eq!(
        bench.why_not("p", creator("a", "password:pw")),
        Some(JoinError::NotTheCreator)
    );
    assert_eq!(bench.why_not("p", join("a", "password:pw")), None);
    assert_eq!(bench.why_not("p", creator("b", "k:pw")), None);
    assert_eq!(
        bench.why_not("p", join("c", "password:pw")),
        Some(JoinError::Full { most: 2 })
    );
    assert_eq!(
        bench.why_not("p", join("c", "x")),
        Some(JoinError::WrongPassword)
    );

    assert_eq!(bench.reserve("v", "k", Private), Ok(()));
    assert_eq!(bench.reserve("w", "k", Private), Err(ReserveError::Busy));
    assert_eq!(bench.why_not("w", creator("a", "k")), Some(JoinError::Busy));
    assert_eq!(
        bench.why_not("w", join("a", "k")),
        Some(JoinError::NotFound)
    );
    assert!(bench.depart("p", "a", Departure::Left).is_some());
    assert!(bench.depart("p", "b", Departure::Left).is_some());
    assert_eq!(
        bench.why_not("w", creator("a", "k")),
        None,
        "a place is free again"
    );
    assert_eq!(now(bench.store.count()), 3);
}

#[test]
fn a_connection_that_is_in_too_many_sessions_is_refused_last() {
    let bench = bench(LIMITS);
    bench.join("s", creator("a", "k")).expect("a member");
    let seat = Seat {
        connection: connection("b"),
        is_free: false,
    };
    let why_not = |key| bench.join_on("s", join("b", key), seat).err();
    assert_eq!(why_not("x"), Some(JoinError::WrongKey));
    assert_eq!(why_not("k"), Some(JoinError::Busy));
}

#[test]
fn a_session_without_a_key_is_open_until_a_creator_sets_one() {
    let bench = bench(LIMITS);
    assert_eq!(bench.why_not("s", creator("a", "")), None);
    assert_eq!(bench.why_not("s", join("b", "anything")), None);
    assert_eq!(bench.why_not("s", creator("a", "k")), None);
    assert_eq!(bench.why_not("s", join("c", "")), Some(JoinError::WrongKey));
    assert_eq!(bench.why_not("s", join("c", "k")), None);
}

#[test]
fn who_comes_again_is_no_new_member_and_keeps_what_is_not_sent_anew() {
    let bench = bench(LIMITS);
    let first = bench.join("s", creator("a", "k")).expect("a member");
    assert!(first.is_new);
    bench.pass(5);
    let again = Join {
        public_key: None,
        ..join("a", "k")
    };
    let seat = Seat {
        connection: connection("another"),
        is_free: true,
    };
    let again = bench.join_on("s", again, seat).expect("a member");
    assert!(!again.is_new);
    assert_eq!(again.member.joined_at, 0);
    assert_eq!(again.members.len(), 1);
    assert!(again.member.public_key.is_some());
    let stale = bench.depart("s", "a", Departure::Disconnected);
    assert!(
        stale.is_none(),
        "the first connection is not the member's any more"
    );
}

#[test]
fn a_key_outlives_a_disconnect_by_the_grace_and_nothing_else() {
    let bench = bench(LIMITS);
    let without_key = || Join {
        public_key: None,
        ..join("a", "k")
    };
    let key_is_known = || {
        let joined = bench.join("s", without_key()).expect("a member");
        joined.member.public_key.is_some()
    };
    bench.join("s", creator("a", "k")).expect("a member");
    bench.join("s", join("b", "k")).expect("a member");
    bench.depart("s", "a", Departure::Disconnected);
    bench.pass(59_999);
    assert!(key_is_known());
    bench.depart("s", "a", Departure::Disconnected);
    bench.pass(60_000);
    assert!(!key_is_known());
    bench.join("s", join("a", "k")).expect("a member");
    bench.depart("s", "a", Departure::Left);
    assert!(!key_is_known(), "who leaves takes the key along");
}

#[test]
fn sessions_end_when_they_are_not_used() {
    let bench = bench(LIMITS);
    bench
        .reserve("reserved", "k", ChatMode::Group)
        .expect("reserved");
    bench.join("members", creator("a", "k")).expect("a member");
    bench.join("alone", creator("a", "k")).expect("a member");
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
fn a_session_that_is_used_in_the_last_moment_goes_on() {
    let bench = bench(LIMITS);
    bench.reserve("s", "k", ChatMode::Group).expect("reserved");
    bench.pass(30 * MINUTE);
    assert_eq!(now(bench.store.expired()), [id("s")]);
    bench.join("s", join("a", "k")).expect("a member");
    assert!(!now(bench.store.end_expired(&id("s"))));
}

#[test]
fn the_last_to_leave_ends_a_session_and_the_last_to_be_disconnected_does_not() {
    let bench = bench(LIMITS);
    bench.join("s", creator("a", "k")).expect("a member");
    bench.depart("s", "a", Departure::Disconnected);
    assert_eq!(now(bench.store.count()), 1);
    bench.join("s", join("a", "k")).expect("a member");
    bench.depart("s", "a", Departure::Left);
    assert_eq!((now(bench.store.count()), bench.used()), (0, 0));
}

#[test]
fn a_history_has_the_newest_messages_that_a_member_may_see() {
    let bench = bench(LIMITS);
    bench.join("s", creator("a", "k")).expect("a member");
    for (number, to) in [(1, None), (2, Some("all")), (3, Some("b")), (4, Some("c"))] {
        let appended = bench.append("s", message(number, "a", to, "1"));
        assert_eq!(appended, Some(Appended::First));
    }
    let again = message(2, "a", None, "2");
    assert_eq!(bench.append("s", again), Some(Appended::Repeated));
    assert_eq!(
        bench.append("s", message(2, "b", Some("c"), "2")),
        Some(Appended::First)
    );
    assert_eq!(bench.history("s", join("a", "k")), ["1", "2", "3", "4"]);
    assert_eq!(bench.history("s", join("b", "k")), ["1", "2", "3", "2"]);
    assert_eq!(bench.history("s", join("c", "k")), ["1", "2", "4", "2"]);
    bench.append("s", message(5, "a", None, "1"));
    assert_eq!(
        bench.history("s", join("a", "k")),
        ["2", "3", "4", "5"],
        "five in all"
    );
    assert_eq!(bench.append("t", message(1, "a", None, "1")), None);
}

#[test]
fn a_history_stays_within_its_bytes() {
    let bench = bench(LIMITS);
    bench.join("s", creator("a", "k")).expect("a member");
    let large = |size| format!("\"{}\"", "x".repeat(size));
    for number in 1..=3 {
        bench.append("s", message(number, "a", None, &large(40_000)));
    }
    assert_eq!(bench.history("s", join("a", "k")), ["2", "3"]);
    bench.append("s", message(4, "a", None, &large(200_000)));
    assert_eq!(
        bench.history("s", join("a", "k")),
        ["2", "3"],
        "one too large is not kept"
    );
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
    bench.join("small", creator("a", "k")).expect("a member");
    bench.join("large", creator("a", "k")).expect("a member");
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
    assert_eq!(bench.why_not("s", with_key("a", 400_000)), None);
    assert_eq!(
        bench.why_not("s", with_key("b", 200_000)),
        Some(JoinError::Busy)
    );
    assert_eq!(bench.why_not("s", with_key("b", 1_000)), None);
    let large = json(&format!("{{\"a\":\"{}\"}}", "k".repeat(200_000)));
    assert!(!now(bench.store.set_session_keys(&id("s"), large)));
    let (id, user) = (id("s"), user("b"));
    let saved = bench.store.save_key(&id, &user, json("\"k\""), None);
    assert_eq!(now(saved).map(|members| members.len()), Some(2));
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
