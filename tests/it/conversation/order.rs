//! Order in a conversation: all subscribers see all messages in the one order of the history, whoever sends them and in
//! whatever shape they see them; and whoever comes late and fetches the past has no gap and no repetition.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{
    Change, ConversationClient, Received, SHAPES, Shape, StoredMessage, create, history, rest,
    server,
};
use test_support::harness::Relay;
use test_support::raw::Event;
use test_support::raw::acknowledged;
use test_support::scene::stop;

const SENDERS: usize = 5;
const MESSAGES: u64 = 1000;
/// As JSON text.
const ROOM: &str = "1001";
/// Two for each shape.
const LATE: u64 = 6;
/// Longer than the whole test.
const LONG: Duration = Duration::from_secs(60);
const STEP: u64 = MESSAGES / (LATE + 1);
/// What the last message says.
const END: &str = "\"the end\"";

fn name(sender: usize) -> String {
    format!("sender-{sender}")
}

/// How far everybody is: who talks waits for those who are to join in the midst of it, and they for the talk.
#[derive(Clone)]
struct Progress {
    /// How many messages were acknowledged.
    talk: watch::Sender<u64>,
    /// How many have joined late.
    joined: watch::Sender<u64>,
}

impl Progress {
    async fn until(what: &watch::Sender<u64>, number: u64) {
        let mut at = what.subscribe();
        let waiting = at.wait_for(|at| *at >= number);
        let reached = timeout(LONG, waiting).await;
        reached.expect("to get on").unwrap();
    }
}

/// What a sender was sent: the ids of its own messages, and all messages.
struct Transcript {
    acknowledged: Vec<String>,
    received: Vec<(String, String)>,
}

/// Sends all messages without waiting for answers.
fn talk(client: ConversationClient, progress: Progress) -> JoinHandle<Transcript> {
    tokio::spawn(async move {
        let writer = client.connection.writer.clone();
        let user = client.connection.user.clone();
        let mut reader = client.connection.reader;
        let (from, ahead) = (user.clone(), progress.clone());
        let sending = tokio::spawn(async move {
            for number in 0..MESSAGES {
                if number % STEP == 0 {
                    Progress::until(&ahead.joined, (number / STEP).min(LATE)).await;
                }
                let text = format!(
                    r#"42{number}["message:send",{{"conversationId":{ROOM},"content":"{from} {number}","tempId":"{number}"}}]"#
                );
                writer.text(text).await.unwrap();
            }
        });
        let (mut acknowledged_ids, mut own, mut received) = (Vec::new(), 0, Vec::new());
        loop {
            let packet = reader.packet().await.unwrap();
            if let Some((number, ack)) = acknowledged(&packet) {
                assert_eq!(number, acknowledged_ids.len() as u64);
                assert_eq!(ack.get("success"), true, "{}", ack.text);
                acknowledged_ids.push(ack.get("messageId").as_str().unwrap().to_owned());
                progress.talk.send_modify(|talk| *talk += 1);
                continue;
            }
            let Some((id, content)) =
                new_message(Shape::Conversation, &Event::parse(&packet).unwrap())
            else {
                continue;
            };
            if content == END {
                break;
            }
            if content.starts_with(&format!("\"{user} ")) {
                // It was acknowledged before.
                assert_eq!(acknowledged_ids.get(own), Some(&id));
                own += 1;
            }
            received.push((id, content));
        }
        sending.await.unwrap();
        Transcript {
            acknowledged: acknowledged_ids,
            received,
        }
    })
}

/// A new message in the conversation.
fn new_message(shape: Shape, event: &Event) -> Option<(String, String)> {
    let received = Received::of(shape, event)?;
    assert_eq!(received.conversation.trim_matches('"'), ROOM);
    match received.change {
        Change::New { id, content } => Some((id, content)),
        other => panic!("{other:?}"),
    }
}

/// Joins in the midst of the talk, fetches the past, and listens to the end; how much was past, and all that it saw.
async fn join_late(
    relay: Arc<Relay>,
    late: u64,
    progress: Progress,
) -> (usize, Vec<(String, String)>) {
    let shape = SHAPES[late as usize % SHAPES.len()];
    let user = format!("late-{late}");
    Progress::until(&progress.talk, SENDERS as u64 * STEP * late - STEP).await;
    let mut client = ConversationClient::subscriber(&relay, &user, shape, ROOM).await;
    let past = history(&relay, &user, ROOM, 200).await;
    progress.joined.send_modify(|joined| *joined += 1);
    let mut seen: Vec<_> = pairs(&past);
    let early: Vec<_> = client.received.drain(..).collect();
    let mut early = early.iter().filter_map(Event::parse);
    let mut received: Vec<(String, String)> = Vec::new();
    loop {
        let event = match early.next() {
            Some(event) => event,
            None => client.next().await,
        };
        let Some((id, content)) = new_message(shape, &event) else {
            continue;
        };
        if content == END {
            return (past.len(), seen);
        }
        let last = received.last();
        assert!(
            last.is_none_or(|(last, _)| *last < id),
            "received out of order"
        );
        received.push((id.clone(), content.clone()));
        if past.last().is_none_or(|last| last.id < id) {
            seen.push((id, content));
        }
    }
}

fn pairs(history: &[StoredMessage]) -> Vec<(String, String)> {
    let pair = |message: &StoredMessage| (message.id.clone(), message.content.clone());
    history.iter().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_five_concurrent_senders_arrive_in_one_order_everywhere() {
    let relay = Arc::new(server(&[]));
    let senders: Vec<_> = (0..SENDERS).map(name).collect();
    let late: Vec<_> = (1..=LATE).map(|late| format!("late-{late}")).collect();
    let users: Vec<_> = senders.iter().chain(&late).map(String::as_str).collect();
    create(&relay, ROOM, &users).await;
    let progress = Progress {
        talk: watch::channel(0).0,
        joined: watch::channel(0).0,
    };
    let joining: Vec<_> = (1..=LATE)
        .map(|late| tokio::spawn(join_late(relay.clone(), late, progress.clone())))
        .collect();
    let mut talking = Vec::new();
    let mut members = Vec::new();
    for user in &senders {
        members.push(ConversationClient::subscriber(&relay, user, Shape::Conversation, ROOM).await);
    }
    for member in members {
        talking.push(talk(member, progress.clone()));
    }
    // The last one is sent when all others were acknowledged.
    Progress::until(&progress.talk, SENDERS as u64 * MESSAGES).await;
    let poster = &senders[0];
    let stored = history(&relay, poster, ROOM, 200).await;
    let end = format!(r#"{{"conversationId":{ROOM},"content":{END}}}"#);
    let posted = rest(&relay, poster, "POST", "/api/messages", &end).await;
    assert_eq!(posted.status, 201, "{posted:?}");
    let order = pairs(&stored);
    for (talking, user) in talking.into_iter().zip(&senders) {
        let received = talking.await.unwrap();
        assert!(received.received == order, "{user} received another order");
        let own = stored.iter().filter(|message| message.sender == **user);
        let own: Vec<_> = own.map(|message| message.id.clone()).collect();
        assert_eq!(own.len() as u64, MESSAGES);
        assert!(
            received.acknowledged == own,
            "{user} did not send in this order"
        );
    }
    for joining in joining {
        let (past, seen) = joining.await.unwrap();
        assert!(
            past > 0 && past < order.len(),
            "joined too early or too late"
        );
        assert!(seen == order, "a late joiner saw something else");
    }
    stop(&mut Arc::into_inner(relay).unwrap());
}
