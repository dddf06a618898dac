//! Order in a group: each member sees each other's messages in the order they were sent in, all of them once; and
//! between the history that a late joiner is sent and the messages after it there is no gap and no repetition.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Guest, items, join, message, raw, server};
use test_support::raw::{Event, Reader};
use test_support::scene::stop;

const SENDERS: u64 = 5;
const MESSAGES: u64 = 1000;
const LATE: u64 = 6;
const ROOM: &str = "room";
/// Whose message is the last one.
const FENCE: &str = "fence";

/// A message: who sent it, and which one of that sender's it is.
type Seen = (String, u64);

fn name(sender: u64) -> String {
    format!("sender-{sender}")
}

/// How far everybody is: who talks waits for those who are to join in the midst of it, and they for the talk.
#[derive(Debug, Clone)]
struct Progress {
    talk: watch::Sender<u64>,
    joins: watch::Sender<u64>,
    arrived: watch::Sender<u64>,
}

impl Progress {
    /// The talk has come so far: the joiner with this number may come now.
    fn is_at(&self, late: u64) {
        self.talk.send_modify(|at| *at = late.max(*at));
    }

    /// The joiner with this number must have asked before the talk goes on.
    async fn has_asked(&self, late: u64) {
        let mut joins = self.joins.subscribe();
        joins.wait_for(|joins| *joins > late).await.unwrap();
    }

    /// All must be there before the talk ends.
    async fn are_all_there(&self) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|arrived| *arrived == LATE).await.unwrap();
    }

    async fn reaches(&self, late: u64) {
        let mut talk = self.talk.subscribe();
        talk.wait_for(|at| *at >= late).await.unwrap();
    }

    fn joins(&self) {
        self.joins.send_modify(|joins| *joins += 1);
    }
}

async fn many_talk(history: u64) {
    let messages = history.to_string();
    let relay = Arc::new(server(&[("SESSION_HISTORY_MESSAGES", &messages)]));
    let progress = Progress {
        talk: watch::channel(0).0,
        joins: watch::channel(0).0,
        arrived: watch::channel(0).0,
    };
    let mut members = Vec::new();
    for sender in 0..SENDERS {
        members.push(Guest::member(&relay, ROOM, &name(sender)).await);
    }
    let mut joining = Vec::new();
    for late in 1..=LATE {
        let guest = Guest::enter(&relay).await;
        joining.push(tokio::spawn(join_late(guest, late, progress.clone())));
    }
    progress.joins();
    let mut talking = Vec::new();
    for (sender, member) in (0..).zip(members) {
        talking.push(talk(member, sender, progress.clone()));
    }
    let mut received = Vec::new();
    for talking in talking {
        received.push(talking.await.unwrap());
    }
    let mut fence = Guest::member(&relay, ROOM, FENCE).await;
    fence.ask("send-message", &message(ROOM, FENCE, "0")).await;
    let mut late = Vec::new();
    for joining in joining {
        late.push(joining.await.unwrap());
    }
    for (sender, seen) in (0..).zip(&received) {
        let others = (0..SENDERS).filter(|other| *other != sender).map(name);
        in_order(seen, &others.collect::<Vec<_>>(), 0);
    }
    let all: Vec<_> = (0..SENDERS).map(name).collect();
    let mut in_between = 0;
    for Late {
        history: past,
        seen,
    } in &late
    {
        in_between += usize::from(*past > 0 && *past < seen.len());
        assert!(*past as u64 <= history);
        // A full history may begin in the middle.
        let from = if *past as u64 == history { u64::MAX } else { 0 };
        in_order(seen, &all, from);
        for (sender, received) in (0..).zip(&received) {
            let own = name(sender);
            let theirs: Vec<_> = seen.iter().filter(|(from, _)| *from != own).collect();
            let same: Vec<_> = received[received.len() - theirs.len()..].iter().collect();
            assert!(
                theirs == same,
                "{own} and a late joiner saw them in different orders"
            );
        }
    }
    assert_eq!(
        in_between as u64, LATE,
        "not all joined while the others talked"
    );
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// Sends all messages without waiting for answers; what the sender was sent by the others meanwhile. Its own are
/// confirmed in their order.
fn talk(member: Guest, sender: u64, progress: Progress) -> JoinHandle<Vec<Seen>> {
    const STEP: u64 = MESSAGES / (LATE + 1);
    tokio::spawn(async move {
        let writer = member.connection.writer.clone();
        let mut reader = member.connection.reader;
        let sending = progress.clone();
        let sending = tokio::spawn(async move {
            for number in 0..MESSAGES {
                if number % STEP == 0 && number / STEP <= LATE {
                    sending.has_asked(number / STEP).await;
                }
                if number == MESSAGES - 1 {
                    sending.are_all_there().await;
                }
                let from = name(sender);
                let text = format!(
                    r#"{{"sessionId":"{ROOM}","from":"{from}","encrypted":{number},"clientMessageId":"{from}-{number}"}}"#
                );
                writer.emit("send-message", &text).await.unwrap();
            }
        });
        let (mut seen, mut confirmed) = (Vec::new(), 0);
        while confirmed < MESSAGES || (seen.len() as u64) < MESSAGES * (SENDERS - 1) {
            let event = next(&mut reader).await;
            match &*event.name {
                "message-sent" => {
                    assert_eq!(event.number("encrypted"), confirmed);
                    confirmed += 1;
                    progress.is_at(confirmed / STEP);
                }
                "new-message" => seen.push(of_event(&event)),
                "user-joined" | "public-keys-updated" | "user-left" => {}
                _ => panic!("{}", event.text),
            }
        }
        sending.await.unwrap();
        seen
    })
}

/// What someone saw who came later.
struct Late {
    /// How many of them were the past.
    history: usize,
    seen: Vec<Seen>,
}

/// Joins when a part of the messages was sent, and reads to the end.
async fn join_late(guest: Guest, late: u64, progress: Progress) -> Late {
    let mut client = guest.connection;
    progress.reaches(late).await;
    let argument = join(ROOM, &format!("late-{late}"));
    client.emit("join-session", &argument).await;
    progress.joins();
    let (mut seen, mut history) = (Vec::new(), None);
    loop {
        let event = next(&mut client.reader).await;
        match &*event.name {
            "messages-history" => {
                assert_eq!(history, None, "a second history");
                seen.extend(items(&event).iter().map(|message| {
                    let from: String = serde_json::from_str(raw(message, "from")).unwrap();
                    (from, raw(message, "encrypted").parse().unwrap())
                }));
                history = Some(seen.len());
                progress.arrived.send_modify(|arrived| *arrived += 1);
            }
            "new-message" if event.get("from") == FENCE => break,
            "new-message" => {
                assert!(history.is_some(), "a message before the history");
                seen.push(of_event(&event));
            }
            _ => {}
        }
    }
    Late {
        history: history.unwrap(),
        seen,
    }
}

async fn next(reader: &mut Reader) -> Event {
    Event::parse(&reader.packet().await.unwrap()).unwrap()
}

fn of_event(event: &Event) -> Seen {
    let from = event.get("from").as_str().unwrap().to_owned();
    (from, event.number("encrypted"))
}

/// Each of these senders' messages are there in order, without a gap and once, from this one (or any, for `u64::MAX`)
/// to the last.
fn in_order(seen: &[Seen], senders: &[String], from: u64) {
    let mut due: HashMap<&str, u64> = HashMap::new();
    for (sender, number) in seen {
        let first = if from == u64::MAX { *number } else { from };
        let due = due.entry(sender).or_insert(first);
        assert_eq!(number, due, "of {sender}");
        *due += 1;
    }
    for sender in senders {
        match due.get(&**sender) {
            Some(due) => assert_eq!(*due, MESSAGES, "of {sender}"),
            // All of its messages may be too long ago.
            None => assert_eq!(from, u64::MAX, "nothing of {sender}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_five_concurrent_senders_arrive_in_order_also_at_late_joiners() {
    many_talk(SENDERS * MESSAGES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_history_and_the_messages_after_it_have_no_gap() {
    many_talk(1000).await;
}
