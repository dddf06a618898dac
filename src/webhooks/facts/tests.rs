use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;
use crate::webhooks::described;

const ID: Uuid = Uuid::from_u128(0x018b_cfe5_687b_7001_8000_0000_0000_0001);

fn record(event: EventType, user: Option<&str>, details: &Value) -> StoredRecord {
    StoredRecord {
        id: ID,
        event_type: event.as_str().to_owned(),
        level: "info".to_owned(),
        dialect: Some("direct".to_owned()),
        user: user.map(str::to_owned),
        username: Some("Alice".to_owned()),
        session_id: Some("s7".to_owned()),
        ip_address: Some("192.0.2.1".to_owned()),
        user_agent: Some("agent".to_owned()),
        node: "n1".to_owned(),
        details: RawValue::from_string(details.to_string()).unwrap(),
        success: true,
        message: "text".to_owned(),
        created_at: "2023-11-14T22:13:20.123Z".to_owned(),
    }
}

/// Everything that a record gives, as it is sent.
fn told(event: EventType, user: Option<&str>, details: &Value) -> Vec<Value> {
    let all = FactTypes::parse(["*"]).unwrap();
    let facts = of(&record(event, user, details), all).unwrap();
    let bodies = facts.iter().map(|fact| {
        let body: Value = serde_json::from_slice(&fact.body).unwrap();
        assert_eq!(body["id"], fact.id.to_string());
        assert_eq!(body["occurredAt"], "2023-11-14T22:13:20.123Z");
        assert_eq!(body["node"], "n1");
        check_described(fact.kind, &body["data"]);
        json!([body["type"], body["subject"], body["data"]])
    });
    bodies.collect()
}

/// It has the fields that are said of its type.
fn check_described(kind: FactType, data: &Value) {
    let fields = described::of(kind).data;
    let has = data.as_object().unwrap();
    let unknown = has
        .keys()
        .find(|name| !fields.iter().any(|field| field.name == *name));
    assert_eq!(unknown, None, "{kind:?}");
    let missing = fields
        .iter()
        .find(|field| field.is_needed && !has.contains_key(field.name));
    assert_eq!(missing.map(|field| field.name), None, "{kind:?}");
}

#[test]
fn each_row_of_the_table_gives_its_facts_and_no_other_field() {
    use EventType as E;
    let message = json!({"conversationId": "c1", "messageId": "m1"});
    let (by, nobody) = (Some("alice"), None);
    let rows = [
        (
            E::UserOnline,
            by,
            json!({}),
            json!(["user.online", "user:alice", {"userId": "alice"}]),
        ),
        (
            E::UserOffline,
            by,
            json!({"lastAt": "2023-11-14T22:13:00.000Z"}),
            json!(["user.offline", "user:alice", {"userId": "alice", "lastSeen": "2023-11-14T22:13:00.000Z"}]),
        ),
        (
            E::MessageSent,
            by,
            json!({"recipient": "bob", "messageId": "m1", "messageType": "text", "seq": 7, "bytes": 9}),
            json!(["message.sent", "user:alice", {"senderId": "alice", "recipientId": "bob", "messageId": "m1",
                "messageType": "text", "seq": 7, "bytes": 9}]),
        ),
        (
            E::MessageSent,
            by,
            json!({"conversationId": "c1", "messageId": "m1", "bytes": 9}),
            json!(["message.sent", "conversation:c1", {"senderId": "alice", "conversationId": "c1", "messageId": "m1",
                "bytes": 9}]),
        ),
        (
            E::MessageSent,
            nobody,
            json!({"roomName": "r1", "bytes": 9}),
            json!(["message.sent", "connection:s7", {"bytes": 9}]),
        ),
        (
            E::MessageUpdated,
            by,
            message.clone(),
            json!(["message.updated", "conversation:c1",
         {"userId": "alice", "conversationId": "c1", "messageId": "m1"}]),
        ),
        (
            E::MessageDeleted,
            by,
            message,
            json!(["message.deleted", "conversation:c1",
         {"userId": "alice", "conversationId": "c1", "messageId": "m1"}]),
        ),
        (
            E::MessageRead,
            by,
            json!({"conversationId": "c1", "count": 3}),
            json!(["message.read", "conversation:c1",
         {"userId": "alice", "conversationId": "c1", "count": 3}]),
        ),
        (
            E::ConversationCreated,
            by,
            json!({"conversationId": "c1"}),
            json!(["conversation.created", "conversation:c1", {"conversationId": "c1", "by": "alice"}]),
        ),
        (
            E::ParticipantAdded,
            nobody,
            json!({"conversationId": "c1", "recipient": "bob"}),
            json!(["participant.added", "conversation:c1", {"conversationId": "c1", "userId": "bob"}]),
        ),
        (
            E::ParticipantRemoved,
            by,
            json!({"conversationId": "c1", "recipient": "bob"}),
            json!(["participant.removed", "conversation:c1", {"conversationId": "c1", "userId": "bob", "by": "alice"}]),
        ),
        (
            E::SessionReserved,
            nobody,
            json!({"roomName": "r1"}),
            json!(["session.reserved", "session:r1", {"sessionId": "r1"}]),
        ),
        (
            E::SessionJoined,
            by,
            json!({"roomName": "r1"}),
            json!(["session.joined", "session:r1", {"sessionId": "r1", "userId": "alice"}]),
        ),
        (
            E::SessionLeft,
            by,
            json!({"roomName": "r1"}),
            json!(["session.left", "session:r1", {"sessionId": "r1", "userId": "alice"}]),
        ),
        (
            E::Admin,
            nobody,
            json!({"reason": "user changed", "recipient": "bob"}),
            json!(["user.changed", "user:bob", {"userId": "bob", "by": "Alice"}]),
        ),
        (
            E::Admin,
            nobody,
            json!({"reason": "user suspended", "recipient": "bob", "count": 1}),
            json!(["user.suspended", "user:bob", {"userId": "bob", "by": "Alice"}]),
        ),
        (
            E::Admin,
            nobody,
            json!({"reason": "tokens revoked", "recipient": "bob", "count": 1}),
            json!(["token.revoked", "user:bob", {"userId": "bob", "by": "Alice"}]),
        ),
        (
            E::SocketConnect,
            by,
            json!({}),
            json!(["connection.opened", "user:alice",
         {"userId": "alice", "connectionId": "s7", "dialect": "direct"}]),
        ),
        (
            E::SocketDisconnect,
            nobody,
            json!({"reason": "client left"}),
            json!(["connection.closed", "connection:s7",
         {"connectionId": "s7", "dialect": "direct", "reason": "client left"}]),
        ),
        (
            E::SlowConsumer,
            by,
            json!({"reason": "slow consumer", "bytes": 9}),
            json!(["connection.slow", "user:alice",
         {"userId": "alice", "connectionId": "s7", "dialect": "direct", "reason": "slow consumer"}]),
        ),
        (
            E::AuthFailed,
            nobody,
            json!({"code": "INVALID_TOKEN", "reason": "expired"}),
            json!(["auth.failed", "address:192.0.2.1", {"reason": "expired", "ipAddress": "192.0.2.1"}]),
        ),
    ];
    for (event, user, details, expected) in &rows {
        assert_eq!(
            told(*event, *user, details),
            std::slice::from_ref(expected),
            "{event:?}"
        );
    }
    let named = |event: &EventType| rows.iter().any(|(row, ..)| row == event);
    for event in EventType::ALL {
        let has_row = named(event) || *event == E::MessageUndelivered;
        assert_eq!(!types(*event).is_empty(), has_row, "{event:?}");
    }
}

#[test]
fn an_undelivered_message_is_a_fact_for_each_of_the_absent() {
    let mut details = json!({"recipients": ["bob"], "messageId": "m1", "messageType": "text", "bytes": 9,
                             "urgent": true});
    let data = |user: &str| {
        json!({"userId": user, "senderId": "alice", "messageId": "m1", "dialect": "direct", "messageType": "text",
               "bytes": 9, "urgent": true, "count": 1})
    };
    let all = told(EventType::MessageUndelivered, Some("alice"), &details);
    assert_eq!(
        all,
        [json!(["message.undelivered", "user:bob", data("bob")])]
    );

    details["recipients"] = json!(["bob", "carol"]);
    let record = record(EventType::MessageUndelivered, Some("alice"), &details);
    let facts = of(&record, FactTypes::default()).unwrap();
    let ids: Vec<_> = facts.iter().map(|fact| fact.id.to_string()).collect();
    assert_eq!(ids, [format!("{ID}-1"), format!("{ID}-2")]);
    let subjects: Vec<_> = facts.iter().map(|fact| &*fact.subject).collect();
    assert_eq!(subjects, ["user:bob", "user:carol"]);
}

#[test]
fn what_is_not_wanted_or_stands_for_many_gives_nothing() {
    let online = record(EventType::UserOnline, Some("alice"), &json!({}));
    let others = FactTypes::parse(["user.offline"]).unwrap();
    assert!(of(&online, others).unwrap().is_empty());
    let many = json!({"code": "INVALID_TOKEN", "count": 40, "firstAt": "x", "lastAt": "y"});
    assert!(told(EventType::AuthFailed, None, &many).is_empty());
    for reason in ["audit read", "published", "role changed"] {
        assert!(
            told(
                EventType::Admin,
                None,
                &json!({"reason": reason, "recipient": "bob"})
            )
            .is_empty()
        );
    }
}

#[test]
fn the_largest_body_has_at_most_8_kib() {
    let id = "\u{1f512}\"".repeat(25) + "xxx";
    let details = json!({"recipients": [id], "messageId": id, "conversationId": id, "messageType": "x".repeat(64),
                         "bytes": u64::MAX >> 1, "urgent": true});
    let all = of(
        &record(EventType::MessageUndelivered, Some(&id), &details),
        FactTypes::default(),
    );
    assert!(all.unwrap()[0].body.len() < 8192);
}
