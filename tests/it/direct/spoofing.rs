//! Claims to be somebody else, and questions about who exists.

use std::collections::BTreeSet;

use crate::program::server;
use crate::transport::hostile::Stage;
use test_support::raw::{Client, Event};
use test_support::scene::{chunk, message, stop, undisturbed};

/// Fields that only the server may fill in; the second of each pair is the same name written with an escape.
const CLAIMS: &str = r#""senderId":"bystander-alice","sender\u0049d":"bystander-alice","senderUsername":"Alice","timestamp":"1999-01-01T00:00:00.000Z","time\u0073tamp":1,"from":"x","userId":"bystander-alice""#;

fn claiming(argument: &str) -> String {
    argument
        .replacen('{', &format!("{{{CLAIMS},"), 1)
        .replace(r#""seq""#, &format!("{CLAIMS},\"seq\""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_server_names_the_sender_of_an_event() {
    let mut stage = Stage::set(&[]).await;
    let mut friend = Client::connect(&stage.relay, "friend").await;
    let mallory = Client::connect(&stage.relay, "mallory").await;
    let events = [
        ("send_message", message("friend", 1), "receive_message"),
        (
            "send_file_chunk",
            chunk("friend", "m", 0, 1, "\"d\""),
            "receive_file_chunk",
        ),
        (
            "key-exchange:send",
            r#"{"recipientId":"friend","publicKey":"k"}"#.to_owned(),
            "key-exchange:receive",
        ),
    ];
    for (event, argument, received) in events {
        mallory.emit(event, &claiming(&argument)).await;
        let got = friend.event(received).await;
        assert_eq!(got.raw("senderId"), "\"mallory\"");
        assert_eq!(got.raw("senderUsername"), "\"Name of mallory\"");
        assert!(!got.text.contains("1999"), "{}", got.text);
        assert!(!got.text.contains("sender\\u0049d"), "{}", got.text);
    }
    mallory
        .emit("typing:start", &claiming(r#"{"recipientId":"friend"}"#))
        .await;
    let typing = friend.event("typing:user").await;
    assert_eq!(typing.get("userId"), "mallory");
    mallory
        .emit(
            "request_file",
            r#"{"senderId":"friend","messageId":"m","requesterId":"bystander-alice"}"#,
        )
        .await;
    assert_eq!(
        friend.event("file:requested").await.raw("requesterId"),
        "\"mallory\""
    );
    mallory
        .emit("join_room", &claiming(r#"{"recipientId":"friend"}"#))
        .await;
    assert_eq!(
        friend.event("room:user-ready").await.raw("userId"),
        "\"mallory\""
    );
    stage.unharmed("claims to be somebody else").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_collide_when_joined_share_no_room() {
    let mut relay = server(&[("PRESENCE_AUDIENCE", "peers")]);
    // Both pairs have the visible room name `a_b_c`.
    let mut first = [
        Client::connect(&relay, "a_b").await,
        Client::connect(&relay, "c").await,
    ];
    let mut second = [
        Client::connect(&relay, "a").await,
        Client::connect(&relay, "b_c").await,
    ];
    for (pair, ids) in [(&mut first, ["a_b", "c"]), (&mut second, ["a", "b_c"])] {
        for (from, to) in [(0, 1), (1, 0)] {
            pair[from]
                .emit("join_room", &format!(r#"{{"recipientId":"{}"}}"#, ids[to]))
                .await;
            assert_eq!(
                pair[from].event("room:joined").await.get("roomName"),
                "a_b_c"
            );
            pair[to].event("room:user-ready").await;
        }
    }
    first[0].emit("send_message", &message("c", 1)).await;
    first[0]
        .emit("typing:start", r#"{"recipientId":"c"}"#)
        .await;
    first[0].event("message:sent").await;
    assert_eq!(
        undisturbed(&mut first[1], "receive_message")
            .await
            .get("senderId"),
        "a_b"
    );
    assert_eq!(
        undisturbed(&mut first[1], "typing:user")
            .await
            .get("userId"),
        "a_b"
    );
    // The first thing that the second pair receives after that is their own message.
    let [a, b_c] = &mut second;
    a.emit("send_message", &message("b_c", 2)).await;
    assert_eq!(undisturbed(b_c, "receive_message").await.get("seq"), 2);
    assert_eq!(undisturbed(a, "message:sent").await.get("seq"), 2);
    stop(&mut relay);
}

/// The names of an event's fields: by which a client could distinguish answers.
fn shape(event: &Event) -> BTreeSet<&str> {
    event
        .members
        .iter()
        .map(|(name, _)| name.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_left_looks_like_an_unknown_user() {
    let mut relay = server(&[]);
    let mut mallory = Client::connect(&relay, "mallory").await;
    let known = Client::connect(&relay, "known").await;
    mallory.event("user:online").await;
    drop(known);
    mallory.event("user:offline").await;
    let mut answers = Vec::new();
    for recipient in ["known", "nobody"] {
        let mut answer = Vec::new();
        let key = format!(r#"{{"recipientId":"{recipient}","publicKey":"k"}}"#);
        let file = format!(r#"{{"senderId":"{recipient}","messageId":"m"}}"#);
        let join = format!(r#"{{"recipientId":"{recipient}"}}"#);
        for (event, argument, confirmed) in [
            ("send_message", message(recipient, 1), "message:sent"),
            (
                "send_file_chunk",
                chunk(recipient, "m", 0, 2, "\"d\""),
                "file:chunk-sent",
            ),
            ("key-exchange:send", key, "key-exchange:sent"),
            ("request_file", file, "file:request-sent"),
            ("join_room", join, "room:joined"),
        ] {
            mallory.emit(event, &argument).await;
            let confirmed = mallory.event(confirmed).await;
            assert_eq!(confirmed.get("success"), true);
            let online = confirmed.get("recipientOnline");
            answer.push((
                shape(&confirmed)
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
                online,
            ));
        }
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    stop(&mut relay);
}

/// The id of a socket is also the secret of its transport: who knows it can act as that socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_a_socket_is_sent_to_its_owner_only() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = crate::program::server_in(data.path(), &[("LOG_LEVEL", "trace")]);
    let mut friend = Client::connect(&relay, "friend").await;
    let mut mallory = Client::open(&relay, test_support::raw::Dial::default())
        .await
        .unwrap();
    mallory
        .enter(&test_support::raw::token::for_user("mallory"))
        .await
        .unwrap();
    let secret = mallory
        .event("auth:success")
        .await
        .get("socketId")
        .as_str()
        .unwrap()
        .to_owned();
    mallory
        .emit("join_room", r#"{"recipientId":"friend"}"#)
        .await;
    mallory
        .emit("typing:start", r#"{"recipientId":"friend"}"#)
        .await;
    mallory
        .emit(
            "key-exchange:send",
            r#"{"recipientId":"friend","publicKey":"k"}"#,
        )
        .await;
    mallory
        .emit("request_file", r#"{"senderId":"friend","messageId":"m"}"#)
        .await;
    mallory
        .emit("send_file_chunk", &chunk("friend", "m", 0, 1, "\"d\""))
        .await;
    mallory.emit("send_message", &message("friend", 1)).await;
    loop {
        let event = Event::parse(&friend.reader.packet().await.unwrap()).unwrap();
        assert!(!event.text.contains(&secret), "{}", event.text);
        if event.name == "receive_message" {
            break;
        }
    }
    drop(mallory);
    assert!(!friend.event("user:offline").await.text.contains(&secret));
    stop(&mut relay);
    assert!(!relay.log().contains(&secret), "the log names the secret");
    let database = test_support::database::dump(data.path());
    assert!(
        !database.is_empty() && !database.contains(&secret),
        "the audit names the secret"
    );
}
