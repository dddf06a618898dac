//! Claims to be another member, by members, by others, and by those who were one.

use super::stage::{FENCE, ROOM, Refused, SENDERS, Sender, Stage, assert_refused};
use super::{Guest, items, join, message, raw, server};
use test_support::raw::Client;
use test_support::scene::stop;

/// Everything that only one member may ask for, in that member's name.
fn requests(session: &str, user: &str) -> Vec<(&'static str, String)> {
    let as_user = |rest: &str| format!(r#"{{"sessionId":"{session}","userId":"{user}"{rest}}}"#);
    vec![
        ("send-message", message(session, user, "\"forged\"")),
        (
            "send-message",
            format!(
                r#"{{"sessionId":"{session}","from":"{user}","to":"bob","encrypted":"forged"}}"#
            ),
        ),
        (
            "save-public-key",
            as_user(r#","publicKey":"forged","displayName":"Forged""#),
        ),
        ("get-public-keys", as_user("")),
        ("typing", as_user(r#","displayName":"Forged""#)),
        ("stopped-typing", as_user("")),
        ("leave-session", as_user("")),
    ]
}

/// Everything that any member may ask for.
fn requests_of_any(session: &str) -> Vec<(&'static str, String)> {
    let keys = format!(r#"{{"sessionId":"{session}","encryptedKeys":{{"bob":"forged"}}}}"#);
    let downloaded = format!(
        r#"{{"sessionId":"{session}","downloadedBy":"alice","senderId":"bob","fileName":"forged","timestamp":1}}"#
    );
    vec![("set-session-key", keys), ("file-downloaded", downloaded)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_can_act_for_another_member() {
    let mut stage = Stage::set(&[]).await;
    for user in ["alice", "bob", "CAROL", "carol ", "all", "dave"] {
        for (event, argument) in requests(ROOM, user) {
            for sender in SENDERS {
                let answer = stage.ask(sender, event, &argument, &[]).await;
                assert_refused(&answer, event, Refused::NotAMember);
            }
            stage.unharmed(&argument).await;
        }
    }
    // A member of a session is nobody in another one.
    for (event, argument) in requests(ROOM, "carol")
        .into_iter()
        .chain(requests_of_any(ROOM))
    {
        for sender in [Sender::Guest, Sender::NonMember] {
            let answer = stage.ask(sender, event, &argument, &[]).await;
            assert_refused(&answer, event, Refused::NotAMember);
        }
        stage.unharmed(&argument).await;
    }
    stage.strike();
}

/// Also not when the same user is a member of another session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_another_session_under_the_same_name_is_not_the_member() {
    let mut stage = Stage::set(&[]).await;
    let mut mallory = Guest::member(&stage.relay, "another", "alice").await;
    for (event, argument) in requests(ROOM, "alice")
        .into_iter()
        .chain(requests_of_any(ROOM))
    {
        let answer = mallory.ask(event, &argument).await;
        assert_refused(&answer, event, Refused::NotAMember);
    }
    let stored = stage.alice.join(ROOM, "alice").await;
    assert!(!format!("{stored:?}").contains("forged"));
    for other in [&mut stage.bob, &mut stage.carol] {
        other.expect("public-keys-updated").await;
    }
    mallory
        .ask(
            "leave-session",
            r#"{"sessionId":"another","userId":"alice"}"#,
        )
        .await;
    stage.unharmed("a member of another session").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_left_is_no_member() {
    let mut stage = Stage::set(&[]).await;
    let leave = r#"{"sessionId":"room","userId":"carol"}"#;
    assert!(stage.carol.ask("leave-session", leave).await.succeeded());
    for member in [&mut stage.alice, &mut stage.bob] {
        assert_eq!(member.expect("user-left").await.get("userId"), "carol");
        member.expect("public-keys-updated").await;
    }
    for (event, argument) in requests(ROOM, "carol")
        .into_iter()
        .chain(requests_of_any(ROOM))
    {
        let answer = stage.carol.ask(event, &argument).await;
        match event {
            // It is done already, and told to nobody.
            "leave-session" => assert!(answer.succeeded() && answer.names().is_empty()),
            _ => assert_refused(&answer, event, Refused::NotAMember),
        }
    }
    // What others send does not reach her either: the next thing that she is sent is that she is in again.
    let said = message(ROOM, "alice", "\"without carol\"");
    assert!(stage.alice.ask("send-message", &said).await.succeeded());
    let received = stage.bob.expect("new-message").await;
    assert_eq!(received.get("encrypted"), "without carol");
    let joined = stage.carol.join(ROOM, "carol").await;
    assert_eq!(joined.names()[0], "messages-history");
    let history = items(joined.one("messages-history"));
    let stored: Vec<_> = history
        .iter()
        .map(|message| raw(message, "encrypted"))
        .collect();
    assert_eq!(stored, ["\"first\"", "\"without carol\""]);
    stage.strike();
}

/// Who comes back on another connection with another key takes the place of the first one, which is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_connection_is_no_member() {
    let mut stage = Stage::set(&[]).await;
    let mut replaced = Guest::enter(&stage.relay).await;
    std::mem::swap(&mut replaced, &mut stage.carol);
    "carol".clone_into(&mut stage.carol.connection.user);
    let rejoin = join(ROOM, "carol").replace("public key of carol", "another key");
    assert!(stage.carol.ask("join-session", &rejoin).await.succeeded());
    for member in [&mut stage.alice, &mut stage.bob] {
        member.expect("public-keys-updated").await;
    }
    let told = replaced.expect("session-error").await;
    assert_eq!(told.get("error"), "REPLACED");
    stage.accept().await;
    for (event, argument) in requests(ROOM, "carol")
        .into_iter()
        .chain(requests_of_any(ROOM))
    {
        let answer = replaced.ask(event, &argument).await;
        assert_refused(&answer, event, Refused::NotAMember);
        stage.unharmed(&argument).await;
    }
    // Nor is its end the member's. It is over where it was a member last when it is over everywhere.
    replaced.join(FENCE, "carol").await;
    let mut watcher = Guest::member(&stage.relay, FENCE, "watcher").await;
    drop(replaced);
    watcher.expect("user-left").await;
    stage.unharmed("the end of the first connection").await;
    let said = message(ROOM, "carol", "\"still here\"");
    assert!(stage.carol.ask("send-message", &said).await.succeeded());
    stage.strike();
}

/// A field that is there twice, or spelt with escapes, counts once, and is sent on once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_is_named_twice_is_the_last_one_and_the_rest_is_the_servers() {
    let mut stage = Stage::set(&[]).await;
    let forged = [
        r#"{"sessionId":"room","from":"carol","from":"alice","encrypted":"c"}"#,
        r#"{"sessionId":"room","from":"carol","fr\u006fm":"alice","encrypted":"c"}"#,
        r#"{"sessionId":"another","sessionId":"room","from":"carol","from":"alice","encrypted":"c"}"#,
        r#"{"sessionId":"room","sessionId":"another","from":"carol","encrypted":"c"}"#,
    ];
    for argument in forged {
        let answer = stage.carol.ask("send-message", argument).await;
        assert_refused(&answer, "send-message", Refused::NotAMember);
        stage.unharmed(argument).await;
    }
    let claims = r#"{"sessionId":"another","sessionId":"room","from":"alice","fr\u006fm":"carol","encrypted":"c",
        "id":"first","senderDisplayName":"Alice","sender\u0044isplayName":"Alice","timestamp":1,"time\u0073tamp":1,
        "displayName":"Alice","success":false,"userId":"alice","__proto__":{"from":"alice"},"originalContent":"o"}"#;
    let sent = stage.carol.ask("send-message", claims).await;
    assert_eq!(sent.names(), ["message-sent"]);
    for member in [&mut stage.alice, &mut stage.bob] {
        let got = member.expect("new-message").await;
        let names: Vec<_> = got.members.iter().map(|(name, _)| &**name).collect();
        let right = [
            "id",
            "from",
            "encrypted",
            "timestamp",
            "type",
            "senderDisplayName",
        ];
        assert_eq!(names, right);
        assert_eq!(got.raw("from"), "\"carol\"");
        assert_eq!(got.raw("senderDisplayName"), "\"Name of carol\"");
        assert_ne!(got.get("id"), "first");
        assert!(got.number("timestamp") > 1_600_000_000_000);
    }
    stage.strike();
}

/// An id belongs to the member who used it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_another_member_used_first_suppresses_nothing() {
    let mut relay = server(&[]);
    let mut alice = Guest::member(&relay, ROOM, "alice").await;
    let mut bob = Guest::member(&relay, ROOM, "bob").await;
    for name in ["user-joined", "public-keys-updated"] {
        alice.expect(name).await;
    }
    let with_id = |from: &str, text: &str| {
        format!(
            r#"{{"sessionId":"room","from":"{from}","encrypted":"{text}","clientMessageId":"the id"}}"#
        )
    };
    let squatted = bob.ask("send-message", &with_id("bob", "bob's")).await;
    assert_eq!(squatted.names(), ["message-sent"]);
    assert_eq!(alice.expect("new-message").await.get("from"), "bob");
    let sent = alice
        .ask("send-message", &with_id("alice", "alice's"))
        .await;
    assert_eq!(sent.names(), ["message-sent"]);
    assert_eq!(sent.ack.get("id"), "the id");
    let got = bob.expect("new-message").await;
    assert_eq!(got.get("encrypted"), "alice's");
    // The same member again: relayed, but stored and confirmed once.
    let again = alice
        .ask("send-message", &with_id("alice", "alice's"))
        .await;
    assert_eq!(again.names(), [""; 0]);
    assert_eq!(again.ack.text, r#"[{"success":true}]"#);
    assert_eq!(bob.expect("new-message").await.get("encrypted"), "alice's");
    let mut late = Guest::enter(&relay).await;
    let history = items(late.join(ROOM, "late").await.one("messages-history"));
    let stored: Vec<_> = history
        .iter()
        .map(|message| {
            (
                raw(message, "from"),
                raw(message, "encrypted"),
                raw(message, "id"),
            )
        })
        .collect();
    let both = [
        ("\"bob\"", "\"bob's\"", "\"the id\""),
        ("\"alice\"", "\"alice's\"", "\"the id\""),
    ];
    assert_eq!(stored, both);
    stop(&mut relay);
}

/// The text before the first colon is the id, so no key makes it another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colons_in_ids_and_keys_lead_to_no_other_session() {
    let mut stage = Stage::set(&[]).await;
    let mut guest = Guest::enter(&stage.relay).await;
    for (session, code) in [
        ("room", "INVALID_KEY"),
        ("room:", "INVALID_KEY"),
        ("room::key", "INVALID_KEY"),
        ("room:key:", "INVALID_KEY"),
        ("room:key:key", "INVALID_KEY"),
        ("room: key", "INVALID_KEY"),
        ("room:KEY", "INVALID_KEY"),
        ("room:password:key", "INVALID_KEY"),
        ("room ", "SESSION_NOT_FOUND"),
        (" room:key", "SESSION_NOT_FOUND"),
        ("session:room:key", "SESSION_NOT_FOUND"),
        ("ROOM:key", "SESSION_NOT_FOUND"),
        ("room\\u00a0:key", "SESSION_NOT_FOUND"),
    ] {
        let argument = format!(r#"{{"sessionId":"{session}","userId":"mallory","publicKey":"k"}}"#);
        let refused = guest.ask("join-session", &argument).await;
        assert_eq!(refused.names(), ["session-error"], "{session}");
        assert_eq!(refused.events[0].get("error"), code, "{session}");
        assert_eq!(refused.ack.get("error")["code"], code, "{session}");
        stage.unharmed(session).await;
    }
    // Nor does a creator get into a session whose key it does not have, or replace a member of it.
    for user in ["mallory", "alice"] {
        let argument = join(ROOM, user).replace("room:key", "room:other");
        let refused = guest.ask("join-session", &argument).await;
        assert_eq!(refused.names(), ["session-error"]);
        assert_eq!(refused.events[0].get("error"), "INVALID_KEY");
        stage.unharmed("another key").await;
    }
    // The explicit key counts, not the one in the id.
    let argument = r#"{"sessionId":"room:key","authKey":"other","userId":"mallory"}"#;
    let refused = guest.ask("join-session", argument).await;
    assert_eq!(refused.events[0].get("error"), "INVALID_KEY");
    stage.unharmed("two keys").await;
    stage.strike();
}

/// Someone who only connected sees nothing of what others say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_messages_reach_their_recipient_and_history_only() {
    let mut stage = Stage::set(&[]).await;
    let mut onlooker: Client = Guest::enter(&stage.relay).await.connection;
    let private = r#"{"sessionId":"room","from":"alice","to":"bob","encrypted":"for bob"}"#;
    let sent = stage.alice.ask("send-message", private).await;
    assert_eq!(sent.names(), ["message-sent"]);
    assert_eq!(
        stage.bob.expect("new-message").await.get("encrypted"),
        "for bob"
    );
    for (user, sees) in [
        ("alice", true),
        ("bob", true),
        ("carol", false),
        ("erin", false),
    ] {
        let mut guest = Guest::enter(&stage.relay).await;
        let joined = guest.join(ROOM, user).await;
        let history = &joined.one("messages-history").text;
        assert_eq!(history.contains("for bob"), sees, "{user}");
    }
    onlooker.writer.text("41").await.unwrap();
    onlooker.writer.text("1").await.unwrap();
    let seen = onlooker.closed().await;
    assert!(seen.is_empty(), "{seen:?}");
    stage.strike();
}
