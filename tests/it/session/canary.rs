//! Nothing secret is stored or shown: marks in everything that is encrypted, a key or said in the clear are found in no
//! log at the finest level, no file of the data directory, and nobody's answers but those they are for.

use bytes::Bytes;

use super::{Guest, server_in};
use test_support::canary::{canary, found_nowhere};
use test_support::harness::Relay;
use test_support::raw::http;
use test_support::scene::stop;

/// One mark for each kind of secret; all begin alike.
struct Marks(String);

impl Marks {
    fn of(&self, kind: &str) -> String {
        format!("{}-{kind}", self.0)
    }
}

const MESSAGE: &str = "encrypted";
const PRIVATE: &str = "private";
const ORIGINAL: &str = "original";
const PUBLIC_KEY: &str = "public-key";
const SESSION_KEYS: &str = "session-keys";
const FILE: &str = "file-name";
/// In fields that nobody knows.
const UNKNOWN: &str = "unknown";
/// The keys and passwords of sessions.
const KEY: &str = "auth-key";
/// In everything that is refused.
const REFUSED: &str = "refused";

const ALL: [&str; 9] = [
    MESSAGE,
    PRIVATE,
    ORIGINAL,
    PUBLIC_KEY,
    SESSION_KEYS,
    FILE,
    UNKNOWN,
    KEY,
    REFUSED,
];

/// Which of the marks someone was sent: these, and no others.
fn received_only(guest: &Guest, marks: &Marks, expected: &[&str]) {
    let received = |mark: &str| {
        guest.received.iter().find(|packet| {
            let holds = |bytes: &Bytes| {
                bytes
                    .windows(mark.len())
                    .any(|part| part == mark.as_bytes())
            };
            packet.text.contains(mark) || packet.attachments.iter().any(holds)
        })
    };
    for kind in ALL {
        let found = received(&marks.of(kind));
        let user = &guest.connection.user;
        match expected.contains(&kind) {
            true => assert!(found.is_some(), "{user} was not sent {kind}"),
            false => assert!(found.is_none(), "{user} was sent {kind}: {found:?}"),
        }
    }
}

/// The argument of a `join-session` with marks wherever one can be.
fn join(marks: &Marks, session: &str, user: &str, creator: bool) -> String {
    let (key, public, unknown) = (marks.of(KEY), marks.of(PUBLIC_KEY), marks.of(UNKNOWN));
    format!(
        r#"{{"sessionId":"{session}:{key}","userId":"{user}","displayName":"{user}","publicKey":{{"k":"{public}"}},"isCreator":{creator},"{unknown}":"{unknown}","password":"{key}"}}"#
    )
}

/// Everything that is accepted from a member of the session `room`.
fn accepted(marks: &Marks) -> Vec<(&'static str, String)> {
    let (message, private, original) = (marks.of(MESSAGE), marks.of(PRIVATE), marks.of(ORIGINAL));
    let (public, keys, file) = (marks.of(PUBLIC_KEY), marks.of(SESSION_KEYS), marks.of(FILE));
    let (unknown, key) = (marks.of(UNKNOWN), marks.of(KEY));
    let room = format!(r#""sessionId":"room:{key}","{unknown}":{{"{unknown}":["{unknown}"]}}"#);
    vec![
        (
            "send-message",
            format!(
                r#"{{{room},"from":"alice","encrypted":"{message}","originalContent":"{original}","iv":"{unknown}"}}"#
            ),
        ),
        (
            "send-message",
            format!(
                r#"{{{room},"from":"alice","encrypted":{{"{message}":1}},"originalContent":{{"{original}":1}},"clientMessageId":"m","type":"file"}}"#
            ),
        ),
        // The same again: it is relayed, and not confirmed.
        (
            "send-message",
            format!(
                r#"{{{room},"from":"alice","encrypted":{{"{message}":1}},"originalContent":{{"{original}":1}},"clientMessageId":"m","type":"file"}}"#
            ),
        ),
        (
            "send-message",
            format!(
                r#"{{{room},"from":"alice","to":"bob","encrypted":"{private}","originalContent":"{original}"}}"#
            ),
        ),
        (
            "send-message",
            format!(
                r#"{{{room},"from":"alice","to":"nobody","encrypted":"{private}","originalContent":"{original}"}}"#
            ),
        ),
        (
            "save-public-key",
            format!(r#"{{{room},"userId":"alice","publicKey":"{public}","displayName":"alice"}}"#),
        ),
        ("get-public-keys", format!(r#"{{{room},"userId":"alice"}}"#)),
        (
            "set-session-key",
            format!(r#"{{{room},"encryptedKeys":{{"bob":"{keys}","late":["{keys}"]}}}}"#),
        ),
        (
            "file-downloaded",
            format!(
                r#"{{{room},"downloadedBy":"alice","senderId":"bob","fileName":"{file}","timestamp":1}}"#
            ),
        ),
        (
            "typing",
            format!(r#"{{{room},"userId":"alice","displayName":"alice"}}"#),
        ),
        ("stopped-typing", format!(r#"{{{room},"userId":"alice"}}"#)),
    ]
}

/// What is refused, for as many reasons as there are. The mark is in all of it.
fn refused(marks: &Marks) -> Vec<(&'static str, String)> {
    let mark = marks.of(REFUSED);
    let opaque = format!(
        r#""encrypted":"{mark}","originalContent":"{mark}","publicKey":"{mark}","encryptedKeys":{{"{mark}":"{mark}"}},"authKey":"{mark}","fileName":"{mark}","password":"{mark}","{mark}":"{mark}""#
    );
    let long = format!("\"{mark}{}\"", "x".repeat(70_000));
    let no_id = format!("\"{}\"", "x".repeat(70_000));
    let ways = [
        format!(r#"["{mark}"]"#),
        format!(r#""{mark}""#),
        format!("{{{opaque}}}"),
        // Who is not that member.
        format!(
            r#"{{{opaque},"sessionId":"room:{mark}","from":"bob","userId":"bob","downloadedBy":"b","senderId":"b"}}"#
        ),
        // A session that there is not.
        format!(
            r#"{{{opaque},"sessionId":"nowhere:{mark}","from":"alice","userId":"alice","downloadedBy":"b","senderId":"b"}}"#
        ),
        // Wrong shapes.
        format!(r#"{{{opaque},"sessionId":["{mark}"],"from":"alice","userId":"alice"}}"#),
        format!(r#"{{{opaque},"sessionId":":{mark}","from":"alice","userId":"alice"}}"#),
        format!(r#"{{{opaque},"sessionId":"room","from":{{"{mark}":1}},"userId":{{"{mark}":1}}}}"#),
        format!(
            r#"{{{opaque},"sessionId":"room","from":"alice","userId":"alice","type":["{mark}"],"displayName":["{mark}"],"senderId":["{mark}"],"downloadedBy":["{mark}"],"isCreator":"{mark}","encryptedKeys":["{mark}"]}}"#
        ),
        format!(
            r#"{{"sessionId":"room","userId":"alice","publicKey":{long},"from":"alice","to":{no_id},"encrypted":"{mark}","downloadedBy":"b","senderId":"b","fileName":{long},"encryptedKeys":{long},"displayName":{long}}}"#
        ),
    ];
    let events = [
        "join-session",
        "leave-session",
        "save-public-key",
        "get-public-keys",
        "set-session-key",
        "send-message",
        "file-downloaded",
        "typing",
        "stopped-typing",
        "unknown-event",
    ];
    let each = |event| ways.iter().map(move |way| (event, way.clone()));
    // These ask for nothing that could be refused.
    let is_fine = |event: &str, way: &str| match event {
        "leave-session" | "get-public-keys" => {
            way.contains(r#""userId":"alice""#) && way.contains(r#""room""#)
        }
        "set-session-key" => {
            let is_last = !way.contains(r#""encryptedKeys":["#);
            way.contains(r#""room"#) && way.contains(r#""encryptedKeys":{"#) && is_last
        }
        "file-downloaded" => way.contains(r#""room:"#),
        _ => false,
    };
    let all = events.into_iter().flat_map(each);
    all.filter(|(event, way)| !is_fine(event, way)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marks_of_a_session_reach_those_they_are_for_and_nothing_else() {
    for format in ["text", "json"] {
        let data = tempfile::tempdir().unwrap();
        let marks = Marks(canary());
        let env = [
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", format),
            ("ACCESS_LOG", format),
            ("ACCESS_LOG_USERS", "true"),
            ("METRICS_PUBLIC", "true"),
        ];
        let mut relay = server_in(data.path(), &env);
        reservations(&relay, &marks).await;
        converse(&relay, &marks).await;
        assert!(!http::metrics_have(&relay, &marks.0).await);
        stop(&mut relay);
        found_nowhere(&relay.log(), data.path(), &marks.0);
    }
}

/// Alice says everything that there is to say; the others read what they are sent, and it is what they may see.
async fn converse(relay: &Relay, marks: &Marks) {
    let mut alice = Guest::enter(relay).await;
    let mut bob = Guest::enter(relay).await;
    let mut carol = Guest::enter(relay).await;
    let mut outsider = Guest::member(relay, "another", "outsider").await;
    let mut nobody = Guest::enter(relay).await;
    for (guest, user) in [
        (&mut alice, "alice"),
        (&mut bob, "bob"),
        (&mut carol, "carol"),
    ] {
        user.clone_into(&mut guest.connection.user);
        let joined = guest
            .ask("join-session", &join(marks, "room", user, user == "alice"))
            .await;
        assert!(joined.succeeded(), "{joined:?}");
    }
    for (event, argument) in accepted(marks) {
        let done = alice.ask(event, &argument).await;
        assert!(done.succeeded(), "{event} {argument}: {done:?}");
    }
    let binary = r#"{"sessionId":"room","from":"alice","encrypted":{"_placeholder":true,"num":0},"originalContent":{"_placeholder":true,"num":1}}"#;
    let bytes = [MESSAGE, ORIGINAL].map(|kind| Bytes::from(marks.of(kind).into_bytes()));
    assert!(
        alice
            .ask_with("send-message", binary, &bytes)
            .await
            .succeeded()
    );
    let mut failed = 0;
    for (event, argument) in refused(marks) {
        for guest in [&mut alice, &mut outsider] {
            failed += usize::from(!guest.ask(event, &argument).await.succeeded());
        }
        // Some of it is more than a guest may send.
        let mut guest = Guest::enter(relay).await;
        if let Ok(answer) = guest.try_ask(event, &argument, &[]).await {
            failed += usize::from(!answer.succeeded());
        }
        received_only(&guest, marks, &[]);
    }
    assert!(failed >= 250, "only {failed} were refused");
    for guest in [&mut alice, &mut nobody] {
        let wrong = join(marks, "room", "mallory", false).replace(KEY, REFUSED);
        assert!(!guest.ask("join-session", &wrong).await.succeeded());
    }
    // No JSON at all closes the connection, or is passed over.
    let text = format!(
        "42[\"send-message\",{{\"sessionId\":\"room\",\"encrypted\":\"{}\"",
        marks.of(REFUSED)
    );
    let mut mallory = Guest::member(relay, "another", "mallory").await;
    mallory.connection.writer.text(text).await.unwrap();
    mallory.try_ask("typing", "7", &[]).await.ok();
    received_only(&mallory, marks, &[]);

    let mut late = Guest::enter(relay).await;
    "late".clone_into(&mut late.connection.user);
    let joined = late
        .ask("join-session", &join(marks, "room", "late", false))
        .await;
    assert!(joined.succeeded());
    let everybody = [MESSAGE, PUBLIC_KEY, SESSION_KEYS];
    received_only(&late, marks, &everybody);
    // It goes without a word, and the others read until they know.
    drop(late);
    for guest in [&mut alice, &mut bob, &mut carol] {
        while guest.next().await.name != "user-left" {}
    }
    nobody.try_ask("typing", "7", &[]).await.unwrap();
    outsider.ask("typing", "7").await;

    received_only(
        &alice,
        marks,
        &[&everybody[..], &[PRIVATE, ORIGINAL]].concat(),
    );
    received_only(&bob, marks, &[&everybody[..], &[PRIVATE, FILE]].concat());
    received_only(&carol, marks, &everybody);
    received_only(&outsider, marks, &[]);
    received_only(&nobody, marks, &[]);
    only_in_confirmations(&alice, marks);
    // The stop finds them connected, with what they have not read.
    let message = &accepted(marks)[0];
    alice.connection.emit(message.0, &message.1).await;
}

/// What its author said in the clear is sent to the author, and only where a message is confirmed.
fn only_in_confirmations(author: &Guest, marks: &Marks) {
    let mark = marks.of(ORIGINAL);
    for packet in author
        .received
        .iter()
        .filter(|packet| packet.text.contains(&mark))
    {
        let text = packet
            .text
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
        let is_confirmation =
            text.starts_with("[\"message-sent\",") || text.starts_with("[{\"success\":true,");
        assert!(is_confirmation, "{}", packet.text);
    }
}

/// `POST /api/reserve-session`, accepted and refused.
async fn reservations(relay: &Relay, marks: &Marks) {
    let (key, unknown) = (marks.of(KEY), marks.of(UNKNOWN));
    let body = |session: &str, more: &str| {
        format!(
            r#"{{"sessionId":"{session}","authKey":"{key}:{key}","password":"{key}","{unknown}":"{unknown}"{more}}}"#
        )
    };
    let long = format!(
        "{{\"sessionId\":\"x\",\"authKey\":\"{key}{}\"}}",
        "x".repeat(100_000)
    );
    let cases = [
        (body("locked", r#","chatMode":"password""#), 200),
        (body(&format!("keyed:{key}"), ""), 200),
        (body("locked", ""), 409),
        (body("wrong", &format!(r#","chatMode":"{key}""#)), 400),
        (body(&format!(":{key}"), ""), 400),
        (body("", ""), 400),
        (body("control\\n", ""), 400),
        (
            format!(r#"{{"sessionId":{{"{key}":1}},"authKey":"{key}"}}"#),
            400,
        ),
        (format!(r#"{{"sessionId":"x","authKey":["{key}"]}}"#), 400),
        (format!(r#"["{key}"]"#), 400),
        (format!(r#"{{"sessionId":"x","authKey":"{key}"#), 400),
        (key.clone(), 400),
        (long, 413),
    ];
    for (body, status) in cases {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Secret", key.as_str()),
        ];
        let answer = http::request(
            relay,
            "POST",
            "/api/reserve-session",
            &headers,
            body.as_bytes(),
        )
        .await;
        assert_eq!(answer.status, status, "{body:.200}: {answer:?}");
        assert!(
            !answer.body.contains(&marks.0) && !answer.head.contains(&marks.0),
            "{answer:?}"
        );
    }
    let listed = http::get(relay, "/sessions").await;
    assert!(
        listed.body.contains("locked") && !listed.body.contains(&marks.0),
        "{listed:?}"
    );
    // Joined with the password, and with a wrong one.
    let mut guest = Guest::enter(relay).await;
    for (rest, code) in [
        (format!("password:{key}"), None),
        (format!("password:{key}x"), Some("INVALID_PASSWORD")),
        (key.clone(), Some("INVALID_PASSWORD")),
    ] {
        let argument = format!(r#"{{"sessionId":"locked:{rest}","userId":"guest"}}"#);
        let answer = guest.ask("join-session", &argument).await;
        let error = answer
            .events
            .iter()
            .find(|event| event.name == "session-error");
        let error = error.map(|event| event.get("error"));
        assert_eq!(error, code.map(Into::into), "{rest}");
    }
    received_only(&guest, marks, &[]);
}

/// A session that ends of itself takes all of it along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_session_that_expired() {
    let data = tempfile::tempdir().unwrap();
    let marks = Marks(canary());
    let env = [("LOG_LEVEL", "trace"), ("SESSION_MAX_IDLE", "2s")];
    let mut relay = server_in(data.path(), &env);
    let mut alice = Guest::enter(&relay).await;
    "alice".clone_into(&mut alice.connection.user);
    alice
        .ask("join-session", &join(&marks, "room", "alice", true))
        .await;
    for (event, argument) in accepted(&marks) {
        let done = alice.ask(event, &argument).await;
        assert!(done.succeeded(), "{event} {argument}: {done:?}");
    }
    let expired = alice.expect("session-error").await;
    assert_eq!(expired.get("error"), "SESSION_EXPIRED");
    assert!(!expired.text.contains(&marks.0));
    alice.received.clear();
    for (event, argument) in accepted(&marks) {
        let answer = alice.ask(event, &argument).await;
        if event == "get-public-keys" {
            let received = answer.one("public-keys-updated");
            assert_eq!(received.text, r#"["public-keys-updated",[]]"#);
            continue;
        }
        assert_eq!(answer.ack.get("error")["code"], "NOT_A_MEMBER", "{event}");
    }
    let mut bob = Guest::enter(&relay).await;
    let gone = bob
        .ask("join-session", &join(&marks, "room", "bob", false))
        .await;
    assert_eq!(gone.events[0].get("error"), "SESSION_NOT_FOUND");
    // A new one under the same id has none of it, whatever its key.
    bob.join("room", "bob").await;
    received_only(&bob, &marks, &[]);
    received_only(&alice, &marks, &[]);
    stop(&mut relay);
    found_nowhere(&relay.log(), data.path(), &marks.0);
}
