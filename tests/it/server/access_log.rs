//! The access log: one line for each request and each connection that ends, of a closed list of fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::harness::Relay;
use test_support::raw::{Client, http, polling::Polling, token};

const OF_ALL: [&str; 8] = [
    "time",
    "kind",
    "node",
    "address",
    "bytesIn",
    "bytesOut",
    "durationSeconds",
    "userAgent",
];
const OF_REQUESTS: [&str; 4] = ["requestId", "method", "route", "status"];
const OF_CONNECTIONS: [&str; 6] = [
    "session",
    "dialect",
    "transport",
    "eventsIn",
    "eventsOut",
    "reason",
];

/// The lines of one kind in JSON.
fn lines(relay: &Relay, kind: &str) -> Vec<Map<String, Value>> {
    let log = relay.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Map<_, _>>(line).ok());
    lines
        .filter(|line| line.get("kind").is_some_and(|it| it == kind))
        .collect()
}

fn fields(line: &Map<String, Value>) -> BTreeSet<&str> {
    line.keys().map(String::as_str).collect()
}

/// Alice sends a message to herself and leaves; a request each is answered, refused, and for nobody.
async fn use_it(relay: &Relay) {
    let dial = test_support::raw::Dial::default().header("User-Agent", "tester");
    let mut alice = Client::with(relay, "alice", dial).await;
    let message = r#"{"recipientId":"alice","ciphertext":"c","iv":"i","tag":"t","seq":1}"#;
    alice.writer.emit("send_message", message).await.unwrap();
    alice.event("message:sent").await;
    drop(alice);
    let user = format!("Bearer {}", token::for_user("alice"));
    for (method, path, id) in [
        ("GET", "/api/users/me/blocked/bob?query=1", "kept.1"),
        ("BREW", "/nowhere/alice", "not kept"),
    ] {
        let headers = [
            ("Authorization", &*user),
            ("X-Request-Id", id),
            ("User-Agent", "tester"),
        ];
        http::request(relay, method, path, &headers, b"").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_json_each_line_has_its_fields_and_no_other() {
    let mut relay = program::server(&[("ACCESS_LOG", "json"), ("NODE_NAME", "one")]);
    use_it(&relay).await;
    relay.logs("\"kind\":\"connection\"", 1);
    assert!(relay.terminate().success());
    let ended = lines(&relay, "connection");
    let all = OF_ALL.iter().chain(&OF_CONNECTIONS).copied().collect();
    assert_eq!(fields(&ended[0]), all);
    let is = |name: &str, value: Value| assert_eq!(ended[0][name], value, "{name}");
    is("node", "one".into());
    is("address", "127.0.0.1".into());
    is("dialect", "direct".into());
    is("transport", "websocket".into());
    is("eventsIn", 1.into());
    // Beside the message: `auth:success`, presence, and the confirmation.
    assert!(ended[0]["eventsOut"].as_u64().unwrap() >= 3, "{ended:?}");
    is("reason", "transport closed".into());
    is("userAgent", "tester".into());
    assert!(ended[0]["bytesIn"].as_u64().unwrap() > 70, "{ended:?}");
    assert!(ended[0]["bytesOut"].as_u64().unwrap() > 150, "{ended:?}");

    let requests = lines(&relay, "http");
    let of = |route: &str| requests.iter().find(|line| line["route"] == route).unwrap();
    let all = OF_ALL.iter().chain(&OF_REQUESTS).copied().collect();
    let asked = of("/api/users/me/blocked/{id}");
    assert_eq!(fields(asked), all);
    assert_eq!(
        (&asked["requestId"], &asked["method"]),
        (&"kept.1".into(), &"GET".into())
    );
    assert_eq!(asked["status"], 404);
    let nothing = of("unmatched");
    assert_eq!(
        (&nothing["method"], &nothing["status"]),
        (&"other".into(), &404.into())
    );
    let id: uuid::Uuid = nothing["requestId"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(of("/socket.io")["status"], 101);
    let log = relay.log();
    for line in log.lines().filter(|line| line.starts_with('{')) {
        for unsaid in ["query", "nowhere", "alice", "BREW", "bob"] {
            assert!(!line.contains(unsaid), "{unsaid} in {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_text_every_field_is_quoted_and_users_are_named_where_it_is_wanted() {
    let settings = [
        ("ACCESS_LOG", "text"),
        ("ACCESS_LOG_USERS", "true"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    let mut relay = program::server(&settings);
    use_it(&relay).await;
    relay.logs("kind=\"connection\"", 1);
    assert!(relay.terminate().success());
    let log = relay.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains(" kind=\""))
        .collect();
    assert!(lines.len() >= 4, "{log}");
    for line in &lines {
        let mut rest = *line;
        while !rest.is_empty() {
            let (name, value) = rest.split_once("=\"").unwrap();
            assert!(name.bytes().all(|b| b.is_ascii_alphabetic()), "{line}");
            rest = value.split_once('"').unwrap().1.trim_start();
        }
    }
    let named = lines
        .iter()
        .filter(|line| line.contains(" user=\"alice\""))
        .count();
    assert_eq!(
        named, 2,
        "the connection and the request of the user: {lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_polls_is_counted_likewise() {
    let mut relay = program::server(&[("ACCESS_LOG", "json")]);
    let session = Polling::connect(&relay, "poller").await;
    let message = r#"42["send_message",{"recipientId":"nobody","ciphertext":"c","iv":"i","tag":"t","seq":1}]"#;
    assert_eq!(session.post(message.as_bytes()).await.status, 200);
    session.post(b"41").await;
    relay.logs("\"kind\":\"connection\"", 1);
    assert!(relay.terminate().success());
    let ended = &lines(&relay, "connection")[0];
    assert_eq!(
        (&ended["transport"], &ended["reason"]),
        (&"polling".into(), &"client left".into())
    );
    assert_eq!(ended["eventsIn"], 1);
    assert!(
        ended["bytesIn"].as_u64().unwrap() >= message.len() as u64,
        "{ended:?}"
    );
    let posts = lines(&relay, "http");
    let posted = posts
        .iter()
        .find(|line| line["bytesIn"] == message.len())
        .unwrap();
    assert_eq!(
        (&posted["route"], &posted["method"]),
        (&"/socket.io".into(), &"POST".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_there_is_none() {
    let mut relay = program::server(&[("ACCESS_LOG_USERS", "true")]);
    use_it(&relay).await;
    assert!(relay.terminate().success());
    assert!(!relay.log().contains("durationSeconds"));
}
