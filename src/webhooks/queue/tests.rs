use super::super::progress::id_at;
use super::*;
use crate::model::FactType;

fn fact(ms: u64, subject: &str) -> Fact {
    Fact {
        id: id(ms),
        kind: FactType::UserOnline,
        subject: subject.into(),
        body: "{}".into(),
        since_ms: ms,
        count: 1,
    }
}

fn id(ms: u64) -> FactId {
    FactId {
        record: id_at(ms),
        part: 0,
    }
}

fn queue(facts: &[(u64, &str)], now: Instant) -> Queue {
    let mut queue = Queue::default();
    for (ms, subject) in facts {
        assert!(queue.push(fact(*ms, subject), now, 0));
    }
    queue
}

/// Those that are to be sent now.
fn sent(queue: &mut Queue, now: Instant) -> Vec<u64> {
    let mut sent = Vec::new();
    while let Next::Send(fact) = queue.next(now) {
        sent.push(fact.id.at_ms());
    }
    sent
}

const SERVER_ERROR: Outcome = Outcome::Status(500, None);

#[test]
fn a_subject_waits_for_its_last_fact_and_others_go_on() {
    let now = Instant::now();
    let mut queue = queue(&[(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "c")], now);
    assert!(!queue.push(fact(1, "a"), now, 0), "it is held already");
    assert_eq!(sent(&mut queue, now), [1, 3, 5]);
    assert!(queue.ended(id(1), SERVER_ERROR, now, 0.5).is_empty());
    assert_eq!(queue.ended(id(3), Outcome::Delivered, now, 0.5).len(), 1);
    assert_eq!(
        queue.next(now),
        Next::Wait(Some(now + Duration::from_secs(1)))
    );
    let later = now + Duration::from_secs(1);
    assert_eq!(sent(&mut queue, later), [1]);
    assert_eq!(queue.ended(id(1), Outcome::Delivered, later, 0.5).len(), 1);
    assert_eq!(sent(&mut queue, later), [2]);
}

#[test]
fn a_late_fact_comes_before_the_later_ones_of_its_subject() {
    let now = Instant::now();
    let mut queue = queue(&[(5, "a"), (6, "b"), (4, "b")], now);
    assert_eq!(sent(&mut queue, now), [4, 5]);
}

#[test]
fn eight_are_sent_at_once_and_one_after_twenty_failures() {
    let now = Instant::now();
    let names: Vec<_> = (0..40).map(|n| (n, format!("s{n}"))).collect();
    let facts: Vec<_> = names.iter().map(|(n, name)| (*n, name.as_str())).collect();
    let mut queue = queue(&facts, now);
    let mut failed = 0;
    while failed < 20 {
        let some = sent(&mut queue, now);
        assert!(some.len() <= 8, "{some:?}");
        for ms in some {
            queue.ended(id(ms), SERVER_ERROR, now, 0.5);
            failed += 1;
        }
    }
    // The oldest was tried once, and is the one that is tried again when it is time.
    let second = now + Duration::from_secs(1);
    assert_eq!(queue.next(now), Next::Wait(Some(second)));
    assert_eq!(sent(&mut queue, second), [0]);
    queue.ended(id(0), SERVER_ERROR, second, 0.5);
    let sixth = second + Duration::from_secs(5);
    assert_eq!(queue.next(second), Next::Wait(Some(sixth)));
    assert_eq!(sent(&mut queue, sixth), [0]);
    assert_eq!(queue.ended(id(0), Outcome::Delivered, sixth, 0.5).len(), 1);
    assert_eq!(sent(&mut queue, sixth), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn an_endpoint_is_left_alone_as_long_as_it_asks_up_to_an_hour() {
    let now = Instant::now();
    let mut queue = queue(&[(1, "a"), (2, "b")], now);
    let Next::Send(_) = queue.next(now) else {
        panic!("the first is due");
    };
    let wanted = Some(Duration::from_secs(90_000));
    queue.ended(id(1), Outcome::Status(503, wanted), now, 0.5);
    let until = now + Duration::from_secs(3600);
    assert_eq!(queue.next(now), Next::Wait(Some(until)));
    assert_eq!(sent(&mut queue, until), [1, 2]);
}

#[test]
fn what_is_too_old_is_given_up_unless_it_is_being_sent() {
    let now = Instant::now();
    let mut queue = queue(&[(1, "a"), (2, "a"), (3, "b"), (9, "c")], now);
    assert_eq!(sent(&mut queue, now), [1, 3, 9]);
    queue.ended(id(3), Outcome::Timeout, now, 0.5);
    let dead = queue.give_up(5);
    let told: Vec<_> = dead
        .iter()
        .map(|dead| (dead.id.at_ms(), dead.outcome))
        .collect();
    assert_eq!(told, [(2, None), (3, Some("timeout"))]);
    assert_eq!(queue.oldest_ms(), Some(1));
}

fn message(ms: u64, subject: &str) -> Fact {
    let kind = FactType::MessageUndelivered;
    Fact {
        kind,
        body: r#"{"data":{"count":1,"x":"y"}}"#.into(),
        ..fact(ms, subject)
    }
}

#[test]
fn undelivered_messages_of_a_recipient_are_told_as_the_last_one_with_their_number() {
    let (now, window) = (Instant::now(), Duration::from_millis(100));
    let mut queue = Queue::joining(window);
    for (ms, subject) in [(1_000, "a"), (1_010, "b"), (1_050, "a"), (1_099, "a")] {
        assert!(queue.push(message(ms, subject), now, 1_000));
    }
    assert!(!queue.push(message(1_050, "a"), now, 1_000), "it is held");
    assert_eq!((queue.len(), queue.ids().count()), (4, 4));
    assert_eq!(queue.next(now), Next::Wait(Some(now + window)));
    // Beyond the time of the first, another begins; the one before need not wait for more.
    assert!(queue.push(message(1_100, "a"), now, 1_000));
    let Next::Send(first) = queue.next(now) else {
        panic!("it waits");
    };
    assert_eq!((first.id, first.count), (id(1_099), 3));
    let body = r#"{"data":{"count":3,"x":"y"}}"#;
    assert_eq!(first.counted().unwrap(), body);
    // It is being sent: nothing joins it.
    assert!(queue.push(message(1_101, "a"), now, 1_000));
    let taken = queue.ended(first.id, Outcome::Delivered, now, 0.5);
    assert_eq!(taken, [id(1_000), id(1_050), id(1_099)]);
    assert_eq!(queue.ids().count(), 3);
}

#[test]
fn something_else_comes_between_and_what_was_tried_stays_as_it_is() {
    let now = Instant::now();
    let mut queue = Queue::joining(Duration::from_millis(100));
    assert!(queue.push(message(1, "a"), now, 1));
    assert!(queue.push(fact(2, "a"), now, 2));
    assert!(queue.push(message(3, "a"), now, 3));
    assert_eq!(sent(&mut queue, now), [1]);
    assert!(queue.ended(id(1), SERVER_ERROR, now, 0.5).is_empty());
    assert!(queue.push(message(4, "a"), now, 4));
    let ids: Vec<_> = queue.ids().map(FactId::at_ms).collect();
    assert_eq!((ids, queue.len()), (vec![1, 2, 3, 4], 4));
    let dead: Vec<_> = queue.give_up(10).iter().map(|one| one.id.at_ms()).collect();
    assert_eq!(dead, [1, 2, 3, 4]);
    assert_eq!(queue.len(), 0);
}
