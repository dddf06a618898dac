//! Claims to be someone else or somewhere else, and those who were participants once.

use serde_json::{Value, json};

use super::stage::{ROOM, Refused, Sender, Stage, assert_refused};
use super::{ConversationClient, Received, SHAPES, Shape, history, rest};

const CONVERSATION: Shape = Shape::Conversation;

/// What a sender says of itself, of time and of ids is not passed on. What the relay has no name for is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_but_the_content_of_a_message_is_the_servers() {
    let mut stage = Stage::set(&[]).await;
    let claims = r#""senderId":"alice","sender":{"id":"alice","name":"Alice"},"id":"<first>","messageId":"<first>",
        "createdAt":"2000-01-01T00:00:00.000Z","editedAt":"2000-01-01T00:00:00.000Z","deletedAt":1,"media":"m","keyNumber":7,
        "status":"read","success":false,"role":"admin","userId":"alice","__proto__":{"senderId":"alice"},"name":"Alice""#;
    let claims = stage.with_ids(claims);
    let send = format!(
        r#"{{{claims},"content":"a","conversationId":"another","conversationId":{ROOM},"cont\u0065nt":"c","tempId":"claimed"}}"#
    );
    let sent = stage.mallory[0].ask("message:send", &send).await;
    assert!(sent.succeeded(), "{sent:?}");
    let id = sent.ack.get("messageId");
    assert_ne!(id, stage.first.as_str());
    let received = stage.alice.expect("message:new").await;
    let names: Vec<_> = received.members.iter().map(|(name, _)| &**name).collect();
    let passed = ["status", "success", "role", "userId", "name"];
    let right = [
        "id",
        "conversationId",
        "senderId",
        "content",
        "media",
        "keyNumber",
        "createdAt",
        "tempId",
        "sender",
    ];
    let right = [&right[..], &passed].concat();
    assert_eq!(names, right);
    assert_eq!(received.get("id"), id);
    assert_eq!(received.raw("senderId"), "\"mallory\"");
    assert_eq!(received.raw("content"), "\"c\"");
    let sender = json!({"id": "mallory", "name": "Name of mallory"});
    assert_eq!(received.get("sender"), sender);
    assert!(received.get("createdAt").as_str().unwrap() > "2020");
    let received = stage.bob.expect("new-message").await;
    let names: Vec<_> = received.members.iter().map(|(name, _)| &**name).collect();
    let right = [
        "id",
        "conversation_id",
        "content_key_number",
        "encrypted_msg_content",
        "sender_username",
        "created_at",
        "is_deleted",
    ];
    let right = [&right[..], &passed].concat();
    assert_eq!(names, right);
    assert_eq!(received.raw("content_key_number"), "7");
    assert_eq!(received.raw("sender_username"), "\"Name of mallory\"");
    let seen = stage.cem.expect("message:new").await;
    let data: Value = seen.get("data");
    assert_eq!(data["senderId"], "mallory");
    let names: Vec<_> = data.as_object().unwrap().keys().collect();
    let right = [
        "chatId",
        "content",
        "media",
        "messageId",
        "name",
        "role",
        "senderId",
        "status",
        "success",
        "timestamp",
        "userId",
    ];
    assert_eq!(names, right);
    // The same over REST.
    let posted = rest(
        &stage.relay,
        "mallory",
        "POST",
        "/api/messages",
        &send.replace("claimed", "again"),
    )
    .await;
    assert_eq!(posted.status, 201, "{posted:?}");
    let answer: Value = serde_json::from_str(&posted.body).unwrap();
    assert_eq!(answer["message"]["senderId"], "mallory");
    assert_eq!(answer["message"]["content"], "c");
    assert_eq!(answer["message"]["sender"], sender);
    assert!(answer["message"].get("deletedAt").is_none());
    assert_eq!(
        stage.alice.expect("message:new").await.raw("senderId"),
        "\"mallory\""
    );
    // Who reads, types and reacts is who sends, too.
    for (event, rest, received, field) in [
        (
            "message:read",
            r#""messageIds":["<first>"],"readBy":"bob""#,
            "message:read:receipt",
            "readBy",
        ),
        (
            "typing:start",
            r#""user":{"id":"bob"}"#,
            "typing:user:start",
            "userId",
        ),
        (
            "typing:stop",
            r#""user":{"id":"bob"}"#,
            "typing:user:stop",
            "userId",
        ),
        (
            "reaction:add",
            r#""messageId":"<first>","emoji":"+","id":"<reaction>""#,
            "reaction:added",
            "userId",
        ),
    ] {
        let argument = stage.with_ids(&format!(
            r#"{{"conversationId":{ROOM},"userId":"bob",{rest}}}"#
        ));
        assert!(stage.mallory[0].ask(event, &argument).await.succeeded());
        let received = stage.alice.expect(received).await;
        assert_eq!(received.get(field), "mallory");
        assert!(!received.text.contains("bob"), "{}", received.text);
    }
    stage.strike();
}

/// A name that is there twice is the last one, however it is spelt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_named_twice_is_the_last_one() {
    let mut stage = Stage::set(&[]).await;
    for argument in [
        r#"{"conversationId":"another","conversationId":"room","content":"c"}"#,
        r#"{"conversationId":"another","conversation\u0049d":"room","content":"c"}"#,
        r#"{"content":"c","conversationId":["another"],"conversationId":"room"}"#,
    ] {
        let answer = stage
            .ask(
                Sender::NonMember,
                CONVERSATION,
                "message:send",
                argument,
                &[],
            )
            .await;
        let failed =
            json!({"message": "Not authorized to join conversation", "code": "NOT_PARTICIPANT"});
        assert_eq!(answer.ack.get("error"), failed);
        stage.unharmed(argument).await;
    }
    let argument = r#"{"conversationId":"room","conversationId":{"$ne":1},"content":"c"}"#;
    let answer = stage
        .ask(Sender::Member, CONVERSATION, "message:send", argument, &[])
        .await;
    assert_refused(
        &answer,
        CONVERSATION,
        "message:send",
        argument,
        Refused::Field("conversationId"),
    );
    stage.unharmed(argument).await;
    stage.strike();
}

/// A `tempId` belongs to the user who used it, and to the conversation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temp_id_that_another_user_used_first_suppresses_nothing() {
    let mut stage = Stage::set(&[]).await;
    // Alice used it, too, when the stage was set.
    let argument = format!(r#"{{"conversationId":{ROOM},"content":"other","tempId":"t2"}}"#);
    let sent = stage.mallory[0].ask("message:send", &argument).await;
    let again = stage.mallory[0].ask("message:send", &argument).await;
    assert_eq!(sent.ack.text, again.ack.text);
    let alices = stage.alice.ask("message:send", &argument).await;
    assert_ne!(alices.ack.get("messageId"), sent.ack.get("messageId"));
    let stored = history(&stage.relay, "alice", ROOM, 200).await;
    let named: Vec<_> = stored
        .iter()
        .filter(|message| message.temp_id.as_deref() == Some("t2"))
        .map(|message| &*message.sender)
        .collect();
    assert_eq!(named, ["mallory", "alice"]);
    stage.strike();
}

/// Who was removed is notified of that and of nothing more, whatever they are connected by, and may do nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_participants_receive_nothing_and_cannot_send() {
    let mut stage = Stage::set(&[]).await;
    let path = "/api/conversations/room/participants/mallory";
    let removed = rest(&stage.relay, "alice", "DELETE", path, "").await;
    assert_eq!(removed.status, 200, "{removed:?}");
    let left = stage.mallory[0].expect("conversation:left").await;
    assert_eq!(left.raw("conversationId"), ROOM);
    assert_eq!(
        stage.alice.expect("user:offline").await.get("userId"),
        "mallory"
    );
    stage.accept().await;
    let message = format!(r#"{{"conversationId":{ROOM},"content":"without mallory"}}"#);
    assert!(stage.alice.ask("message:send", &message).await.succeeded());
    stage.alice.expect("message:new").await;
    stage.bob.expect("new-message").await;
    stage.cem.expect("message:new").await;
    for (client, shape) in stage.mallory.iter_mut().zip(SHAPES) {
        let events = client.settled(shape).await;
        let received: Vec<_> = events
            .iter()
            .filter_map(|event| Received::of(shape, event))
            .collect();
        assert_eq!(received, [], "{events:?}");
    }
    stage.accept().await;
    let requests = [
        ("conversation:join", ""),
        ("message:send", r#","content":"c""#),
        // It was stored once, but that is not for others to learn.
        ("message:send", r#","content":"said","tempId":"t""#),
        ("message:update", r#","messageId":"<own>","content":"c""#),
        ("message:delete", r#","messageId":"<own>""#),
        ("message:read", r#","messageIds":["<first>"]"#),
        ("reaction:add", r#","messageId":"<first>","emoji":"+""#),
        (
            "reaction:remove",
            r#","messageId":"<own>","reactionId":"<own reaction>""#,
        ),
        ("presence:request", ""),
    ];
    for (event, rest) in requests {
        let argument = stage.with_ids(&format!(r#"{{"conversationId":{ROOM}{rest}}}"#));
        let answer = stage
            .ask(Sender::Member, CONVERSATION, event, &argument, &[])
            .await;
        assert_refused(
            &answer,
            CONVERSATION,
            event,
            &argument,
            Refused::NotParticipant,
        );
        stage.unharmed(&argument).await;
    }
    for (shape, event) in [
        (CONVERSATION, "typing:start"),
        (Shape::Feed, "join-conversation"),
        (Shape::Chat, "user:typing"),
    ] {
        let argument = format!(r#"{{"conversationId":{ROOM},"chatId":{ROOM}}}"#);
        let answer = stage
            .ask(Sender::Member, shape, event, &argument, &[])
            .await;
        assert_refused(&answer, shape, event, &argument, Refused::NotInRoom);
        stage.unharmed(event).await;
    }
    let own = format!("/api/messages/{}", stage.own);
    for (method, path, body, status) in [
        ("GET", "/api/messages?conversationId=room", "", 403),
        ("GET", "/api/messages/room", "", 403),
        ("GET", "/api/conversations/room", "", 404),
        ("POST", "/api/messages", &*message, 403),
        ("PATCH", &own, r#"{"content":"c"}"#, 404),
        ("DELETE", &own, "", 404),
        ("DELETE", &format!("{own}?forAll=false"), "", 404),
    ] {
        let answer = rest(&stage.relay, "mallory", method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(!answer.body.contains("without"), "{answer:?}");
        stage.unharmed(path).await;
    }
    // Nor is a new connection put in.
    let mut chat = ConversationClient::connect(&stage.relay, "mallory", Shape::Chat).await;
    assert!(stage.alice.ask("message:send", &message).await.succeeded());
    stage.cem.expect("message:new").await;
    assert!(chat.settled(Shape::Chat).await.is_empty());
    stage.strike();
}
