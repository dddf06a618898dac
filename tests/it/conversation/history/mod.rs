//! The history checker: many devices do things at random, all at once, and in the end what each of them saw, what was
//! acknowledged and what is stored must be one history.

mod device;
mod view;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::task::JoinHandle;

use self::device::Device;
use self::world::{Room, World, outcome};
use super::{
    Change, ConversationClient, Received, SHAPES, Shape, StoredMessage, create, encoded, history,
    rest, server, since, unread,
};
use test_support::mongo::Database;
use test_support::raw::Event;
use test_support::scene::stop;
use test_support::wait::until;

/// The ids of the conversations, as JSON text; a number is one, too.
const ROOMS: [&str; 3] = ["\"alpha\"", "4711", "\"a room: with % & spaces\""];
/// Who is sent everything and does nothing.
const OBSERVER: &str = "observer";
/// The users and their devices.
const DEVICES: [(&str, Option<Shape>); 12] = [
    ("admin", Some(Shape::Conversation)),
    ("admin", Some(Shape::Feed)),
    ("ann", Some(Shape::Conversation)),
    ("ann", Some(Shape::Conversation)),
    ("ben", Some(Shape::Conversation)),
    ("ben", Some(Shape::Chat)),
    ("cem", Some(Shape::Conversation)),
    ("dan", Some(Shape::Feed)),
    ("eve", Some(Shape::Chat)),
    ("fay", None),
    ("gus", Some(Shape::Chat)),
    ("gus", None),
];
const OPERATIONS: usize = 250;
/// The content of the last message.
const END: &str = "\"the end\"";

/// Everything that one connection is sent about all conversations, from their first messages to their last ones.
fn observe(mut client: ConversationClient, shape: Shape) -> JoinHandle<Vec<Event>> {
    tokio::spawn(async move {
        let mut events = Vec::new();
        let mut ends = 0;
        while ends < ROOMS.len() {
            let event = client.next().await;
            if let Some(received) = Received::of(shape, &event)
                && matches!(received.change, Change::New { content, .. } if content == END)
            {
                ends += 1;
            }
            events.push(event);
        }
        events
    })
}

/// Devices read, and answer pings, only when they do something, which may be long after the last time.
const PATIENT: (&str, &str) = ("PING_TIMEOUT", "300s");

async fn play(seed: u64, more: &[(&str, &str)]) {
    println!("seed {seed}"); // shown when what follows fails
    let mut users: Vec<_> = DEVICES.iter().map(|(user, _)| *user).collect();
    users.dedup();
    let relay = server(&[&[PATIENT], more].concat());
    for room in ROOMS {
        create(&relay, room, &[&users[..], &[OBSERVER]].concat()).await;
    }
    let world = Arc::new(World {
        relay,
        rooms: ROOMS.map(Room::new).into(),
    });
    let mut observers = Vec::new();
    for shape in SHAPES {
        let mut client = ConversationClient::connect(&world.relay, OBSERVER, shape).await;
        for room in ROOMS {
            assert!(client.subscribe(shape, room).await.succeeded());
        }
        observers.push(observe(client, shape));
    }
    let devices = (0..).zip(DEVICES).map(|(number, (user, shape))| {
        let device = Device::new(&world, user, shape, seed * 100 + number);
        tokio::spawn(device.live(OPERATIONS))
    });
    let devices = join_all(devices.collect::<Vec<_>>()).await;
    let mut devices: Vec<_> = devices.into_iter().map(Result::unwrap).collect();
    until_others_have_ended(&world, &devices).await;
    for room in &world.rooms {
        room.tries(OBSERVER, END, None);
        let body = format!(r#"{{"conversationId":{},"content":{END}}}"#, room.id);
        let last = rest(&world.relay, OBSERVER, "POST", "/api/messages", &body).await;
        assert_eq!(last.status, 201, "{last:?}");
    }
    let observed = join_all(observers).await.into_iter().map(Result::unwrap);
    let observed: Vec<_> = SHAPES.into_iter().zip(observed).collect();
    for (number, room) in world.rooms.iter().enumerate() {
        let stored = history(&world.relay, OBSERVER, room.id, 200).await;
        room.check(&stored);
        same_in_all_ways(&world, room, &stored).await;
        was_observed(room, &stored, &observed);
        reactions_were_observed(room, &observed[0].1);
        for device in &mut devices {
            device.see_all().await;
            device.views[number].check(&stored);
            device.fetch(number).await;
            assert_eq!(device.views[number].seen().len(), stored.len());
            device.views[number].check(&stored);
        }
        for user in &users {
            let expected = room.unread(user, &stored);
            assert_eq!(
                unread(&world.relay, user, room.id).await,
                expected,
                "of {user}"
            );
        }
    }
    drop(devices);
    stop(&mut Arc::into_inner(world).unwrap().relay);
}

/// Waits until no connections are left but those of the devices and of the observer. What a device sent before it went
/// is handled before its connection leaves the room, so after this the history changes only by what is sent after this.
async fn until_others_have_ended(world: &World, devices: &[Device]) {
    let shape = Shape::Conversation;
    let mut counting = ConversationClient::connect(&world.relay, OBSERVER, shape).await;
    for (number, room) in world.rooms.iter().enumerate() {
        let devices = devices.iter().filter(|device| device.is_in_room(number));
        // Beside them the observer, who is in it twice now.
        let expected = devices.count() + 2;
        until("those who went leave the room", async || {
            assert!(counting.subscribe(shape, room.id).await.succeeded());
            // It comes behind the callback, and other events may come in between.
            loop {
                let event = counting.next().await;
                if event.name == "conversation:joined" {
                    return event.get("participantCount") == expected;
                }
            }
        })
        .await;
    }
}

/// However the history is read, it is the same.
async fn same_in_all_ways(world: &World, room: &Room, stored: &[StoredMessage]) {
    let first = "00000000-0000-7000-8000-000000000000";
    for limit in [200, 7] {
        let forwards = since(&world.relay, OBSERVER, room.id, first, limit).await;
        assert!(forwards == stored, "read forwards, {limit} at a time");
    }
    let backwards = history(&world.relay, OBSERVER, room.id, 11).await;
    assert!(backwards == stored, "read backwards");
    let mut by_position = Vec::new();
    loop {
        let id = encoded(room.id);
        let path = format!("/api/messages/{id}?limit=200&offset={}", by_position.len());
        let answer = rest(&world.relay, OBSERVER, "GET", &path, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            page["pagination"]["total"],
            stored.len(),
            "{}",
            page["pagination"]
        );
        let messages = page["messages"].as_array().unwrap();
        by_position.extend(messages.iter().map(|message| message["id"].clone()));
        if messages.is_empty() {
            break;
        }
    }
    let ids: Vec<_> = stored
        .iter()
        .map(|message| Value::from(&*message.id))
        .collect();
    assert!(by_position == ids, "read by position");
}

/// All shapes are sent the same in the same order, and what comes of it is the history.
fn was_observed(room: &Room, stored: &[StoredMessage], observed: &[(Shape, Vec<Event>)]) {
    let stored: Vec<_> = stored
        .iter()
        .map(|message| (message.id.clone(), message.content.clone()))
        .collect();
    let changes = |(shape, events): &(Shape, Vec<Event>)| -> Vec<Change> {
        let received = events
            .iter()
            .filter_map(|event| Received::of(*shape, event));
        let of_room = received.filter(|received| received.conversation == room.id);
        of_room.map(|received| received.change).collect()
    };
    let all: Vec<_> = observed.iter().map(changes).collect();
    for (changes, (shape, _)) in all.iter().zip(observed) {
        let differ = changes
            .iter()
            .zip(&all[0])
            .position(|(one, other)| one != other);
        assert_eq!(differ, None, "received in another order in {shape:?}");
        assert!(
            outcome(changes) == stored,
            "what was received in {shape:?} is not what is stored"
        );
    }
}

/// A user reacts once with an emoji until they take it back.
fn reactions_were_observed(room: &Room, events: &[Event]) {
    let mut added = HashSet::new();
    let mut present = HashMap::new();
    let is_of_room = |event: &&Event| event.members.iter().any(|(_, value)| value == room.id);
    for event in events.iter().filter(is_of_room) {
        let text = |field| event.get(field).as_str().unwrap().to_owned();
        match &*event.name {
            "reaction:added" => {
                let subject = (text("messageId"), text("userId"), text("emoji"));
                assert!(added.insert(text("id")), "twice: {}", event.text);
                let before = present.insert(text("id"), subject.clone());
                let same = present.values().filter(|one| **one == subject).count();
                assert!(before.is_none() && same == 1, "{}", event.text);
            }
            "reaction:removed" => {
                let removed = present.remove(&text("id"));
                assert!(removed.is_some(), "{}", event.text);
            }
            _ => {}
        }
    }
    let acknowledged = room.reactions();
    assert!(acknowledged.iter().all(|id| added.contains(id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_and_the_store_agree_on_one_history_1() {
    play(1, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_and_the_store_agree_on_one_history_2() {
    play(2, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_and_the_store_agree_on_one_history_in_mongodb() {
    if let Some(database) = Database::new() {
        play(3, &[("MONGODB_URI", database.uri())]).await;
    }
}
