//! Too many, too much, too long: what a peer may take without being anybody.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Stage, survives};
use crate::program::server;
use test_support::memory;
use test_support::raw::http::{get, raw};
use test_support::raw::polling::Polling;
use test_support::raw::socket::{FIN, RawSocket, TEXT, frame};
use test_support::raw::{Client, Dial, address, token};
use test_support::scene::{Bystanders, all_is_well, message, stop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_clients_that_never_authenticate_are_disconnected() {
    const IDLE: usize = 300;
    let env = [
        ("MAX_CONNECTIONS_PER_IP", "1000"),
        ("CONNECT_TIMEOUT", "2s"),
    ];
    let mut stage = Stage::set(&env).await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(Client::open(&stage.relay, Dial::default()).await.unwrap());
    }
    stage.unharmed("300 idle connections").await;
    let began = Instant::now();
    for client in &mut idle {
        client.closed().await;
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        began.elapsed()
    );
    stage.unharmed("300 connections closed").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_are_closed() {
    let mut stage = Stage::set(&[("CONNECT_TIMEOUT", "1s")]).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address(&stage.relay)).await.unwrap());
    }
    stage.unharmed("100 silent connections").await;
    for tcp in &mut silent {
        let mut byte = [0];
        let reading = tcp.read(&mut byte);
        let read = tokio::time::timeout(test_support::raw::TIMEOUT, reading)
            .await
            .expect("to be closed");
        assert!(!matches!(read, Ok(1..)), "the server spoke first");
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_before_authentication_are_bounded() {
    let mut stage = Stage::set(&[]).await;
    let mut large = RawSocket::open(&stage.relay).await;
    large.send(&frame(FIN | TEXT, &[b'x'; 200_000])).await;
    large.closed().await;
    let mut many = RawSocket::open(&stage.relay).await;
    many.send(&frame(FIN | TEXT, b"3").repeat(20_000)).await;
    many.closed().await;
    stage.unharmed("200 KB before authentication").await;
    let early = Client::open(&stage.relay, Dial::default()).await.unwrap();
    early
        .writer
        .emit("send_message", &message(super::VICTIM, 1))
        .await
        .ok();
    early
        .writer
        .emit(
            "authenticate",
            &format!("\"{}\"", token::for_user("mallory")),
        )
        .await
        .ok();
    stage.unharmed("an event before authentication").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_names_clients_in_any_form_and_what_is_none_is_logged() {
    const UNKNOWN: &str = "a proxy names a client in a form that is not known";
    let data = tempfile::tempdir().unwrap();
    let env = [("TRUSTED_PROXIES", "127.0.0.1")];
    let mut relay = crate::program::server_in(data.path(), &env);
    let mut expected = Vec::new();
    for (number, (header, value, address)) in [
        ("X-Forwarded-For", "203.0.113.1:4711", "203.0.113.1"),
        ("X-Forwarded-For", "\"evil, \"203.0.113.2\"", "203.0.113.2"),
        ("X-Forwarded-For", "[2001:db8::3]:443", "2001:db8::3"),
        ("X-Forwarded-For", "::ffff:203.0.113.4", "203.0.113.4"),
        (
            "Forwarded",
            "for=\"[2001:db8::5]:1\";proto=https",
            "2001:db8::5",
        ),
        (
            "Forwarded",
            "for=198.51.100.1, By=10.0.0.1; For=203.0.113.6;host=x",
            "203.0.113.6",
        ),
        ("Forwarded", "for=\"203.0.113.7:_port\"", "203.0.113.7"),
        ("Forwarded", "for=\"[::ffff:203.0.113.8]\"", "203.0.113.8"),
        ("Forwarded", "for=unknown", "127.0.0.1"),
        ("Forwarded", "for=_hidden;by=203.0.113.9", "127.0.0.1"),
        ("X-Forwarded-For", "unknown", "127.0.0.1"),
        ("X-Forwarded-For", "no address", "127.0.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let user = format!("user-{number}");
        Client::with(&relay, &user, Dial::default().header(header, value)).await;
        expected.push((user, address.to_owned()));
    }
    stop(&mut relay);
    let database = rusqlite::Connection::open(data.path().join("relay.db")).unwrap();
    let found = "SELECT user, ipAddress FROM logs WHERE eventType = 'SOCKET_CONNECT' ORDER BY _id";
    let mut found = database.prepare(found).unwrap();
    let found = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let found: Vec<(String, String)> = found.unwrap().map(Result::unwrap).collect();
    assert_eq!(found, expected);
    relay.logs(UNKNOWN, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_address_does_not_evade_the_limits() {
    let env = [("DIALECTS", "direct"), ("FAILED_AUTH_RATE", "5/min")];
    let mut relay = crate::program::start(&env);
    let mut others = Bystanders::connect(&relay).await;
    let from = |number: usize| {
        let address = format!("10.0.0.{number}");
        Dial::default()
            .header("X-Forwarded-For", &address)
            .header("Forwarded", &format!("for={address}"))
    };
    let mut answers = Vec::new();
    for number in 1..=10 {
        let mut client = Client::open(&relay, from(number)).await.unwrap();
        answers.push(client.enter("no.token.this").await.unwrap_err());
    }
    let invalid = answers
        .iter()
        .filter(|answer| answer.contains("Invalid token"))
        .count();
    let refused = answers
        .iter()
        .filter(|answer| answer.contains("Too many attempts"))
        .count();
    assert_eq!((invalid, refused), (5, 5), "{answers:?}");
    // A good token is accepted all the same.
    let mut client = Client::open(&relay, from(20)).await.unwrap();
    client.enter(&token::for_user("late")).await.unwrap();
    others.exchange().await;
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_address_does_not_open_more_connections() {
    const MOST: usize = 6;
    let mut relay = server(&[("MAX_CONNECTIONS_PER_IP", "6")]);
    let mut others = Bystanders::connect(&relay).await;
    let mut clients = Vec::new();
    for number in 0..20 {
        let dial = Dial::default().header("X-Forwarded-For", &format!("10.0.0.{number}"));
        if let Ok(mut client) = Client::open(&relay, dial).await {
            let user = format!("user-{number}");
            client.enter(&token::for_user(&user)).await.unwrap();
            clients.push(client);
        }
    }
    assert_eq!(clients.len(), MOST - 2, "beside the two bystanders");
    // TCP connections are bounded too, at a few for each that may enter.
    let mut open = Vec::new();
    for _ in 0..20 * MOST {
        let mut tcp = TcpStream::connect(address(&relay)).await.unwrap();
        let asked = tcp
            .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let mut answer = [0; 12];
        if asked.is_ok() && tcp.read_exact(&mut answer).await.is_ok() {
            assert_eq!(&answer, b"HTTP/1.1 200");
            open.push(tcp);
        }
    }
    let carrying = open.len() + MOST;
    assert_eq!(carrying, 4 * MOST, "connections of one address");
    drop(clients);
    others.exchange().await;
    stop(&mut relay);
}

const OPENING: &str = "/socket.io/?EIO=4&transport=polling";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_never_enters_has_a_place_of_its_address_until_it_ends() {
    let env = [("MAX_CONNECTIONS_PER_IP", "6"), ("CONNECT_TIMEOUT", "1s")];
    let mut stage = Stage::set(&env).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let answer = get(&stage.relay, OPENING).await;
        if answer.status == 429 {
            assert!(answer.body.contains("TOO_MANY_CONNECTIONS"), "{answer:?}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [[200; 4].as_slice(), &[429; 16]].concat());
    assert!(Client::open(&stage.relay, Dial::default()).await.is_err());
    let began = Instant::now();
    while get(&stage.relay, OPENING).await.status != 200 {
        assert!(began.elapsed() < test_support::raw::TIMEOUT, "still taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.unharmed("sessions that never enter").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_and_goes_has_no_place_any_more() {
    let mut stage = Stage::set(&[("MAX_CONNECTIONS_PER_IP", "6")]).await;
    for _ in 0..50 {
        let began = Instant::now();
        // The relay may take a moment to notice that the one before is gone.
        let mut client = loop {
            match Client::open(&stage.relay, Dial::default()).await {
                Ok(client) => break client,
                Err(_) => assert!(began.elapsed() < Duration::from_secs(5), "no place"),
            }
        };
        let refused = client.enter("no.token.this").await;
        assert!(refused.is_err_and(|answer| answer.contains("Invalid token")));
    }
    stage.unharmed("fifty who were refused").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_made_at_a_rate_and_without_memory_for_those_refused() {
    let env = [
        ("RATE_LIMITS", "on"),
        ("HANDSHAKE_RATE", "1/min"),
        ("HANDSHAKE_BURST", "12"),
        ("REFUSAL_BURST", "1000000"),
    ];
    let mut stage = Stage::set(&env).await;
    let mut made = 0;
    let request = format!("GET {OPENING} HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for _ in 0..10 {
        let answer = raw(&stage.relay, (request.repeat(2000) + last).as_bytes()).await;
        made += answer.body.matches("\"sid\"").count();
        assert!(answer.body.contains("RATE_LIMIT"), "{answer:?}");
    }
    assert_eq!(made, 10, "beside the two bystanders");
    stage.unharmed("20 000 handshakes").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_too_many_sessions_that_have_not_entered_the_oldest_are_ended() {
    let mut stage = Stage::set(&[("MAX_UNADMITTED", "5")]).await;
    let oldest = Polling::open(&stage.relay).await;
    let mut second = Client::open(&stage.relay, Dial::default()).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(Polling::open(&stage.relay).await);
    }
    second.closed().await;
    let began = Instant::now();
    while oldest.poll().await.status == 200 {
        assert!(began.elapsed() < test_support::raw::TIMEOUT, "still served");
    }
    let entering = format!("40{{\"token\":\"{}\"}}", token::for_user("late"));
    assert_eq!(others[0].post(entering.as_bytes()).await.status, 200);
    others[0].next("auth:success").await;
    stage.unharmed("too many that have not entered").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsolicited_acknowledgements_and_odd_ids() {
    let mut stage = Stage::set(&[]).await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    for packet in [
        "430[]",
        "43999999999[]",
        "439223372036854775807[1]",
        "431[\"x\"]",
        "43{}",
    ] {
        if mallory.writer.text(packet).await.is_err() {
            break;
        }
    }
    super::outcome(&mut mallory).await;
    stage.unharmed("answers to nothing").await;
    for id in ["0", "9007199254740991", "9223372036854775807"] {
        let mut mallory = Client::connect(&stage.relay, "mallory").await;
        let event = format!("42{id}[\"send_message\",{}]", message("nobody", 1));
        mallory.writer.text(event).await.unwrap();
        let ack = loop {
            let packet = mallory.reader.packet().await.expect(id);
            if packet.text.starts_with('3') {
                break packet;
            }
        };
        assert!(ack.text.starts_with(&format!("3{id}[")), "{}", ack.text);
        survives(&mut mallory, id).await;
    }
    for id in [
        "-1",
        "18446744073709551616",
        "99999999999999999999999999",
        "1.5",
        "1e3",
        "٣",
    ] {
        let mut mallory = Client::connect(&stage.relay, "mallory").await;
        let event = format!("42{id}[\"send_message\",{}]", message("nobody", 1));
        mallory.writer.text(event).await.ok();
        super::outcome(&mut mallory).await;
        stage.unharmed(id).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refused_events_is_answered_sparingly_and_harms_nobody() {
    let mut stage = Stage::set(&[]).await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    for _ in 0..20_000 {
        mallory.writer.emit("nonsense", "{}").await.unwrap();
    }
    let seen = survives(&mut mallory, "20 000 unknown events").await;
    let errors = seen.iter().filter(|event| event.name == "error").count();
    assert!((1..=30).contains(&errors), "{errors} errors");
    stage.unharmed("20 000 unknown events").await;
    stage.strike();
}

/// Many clients at once, each going as soon as it has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_and_disconnecting_leaves_nothing_behind() {
    let mut relay = server(&[memory::RETURNED_AT_ONCE]);
    let mut others = Bystanders::connect(&relay).await;
    for round in 0..10 {
        let mut clients = Vec::new();
        for number in 0..30 {
            clients.push(Client::connect(&relay, &format!("visitor-{round}-{number}")).await);
        }
        drop(clients);
        others.exchange().await;
    }
    assert!(memory::held(&relay) <= memory::bound(0, 0.0));
    all_is_well(&mut relay, &mut others).await;
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_and_enters_again_is_limited_as_who_connects_again() {
    let limits = [
        ("RATE_LIMITS", "on"),
        ("HANDSHAKE_RATE", "2/s"),
        ("HANDSHAKE_BURST", "15"),
    ];
    let mut stage = Stage::set(&limits).await;
    let mut leaver = Client::connect(&stage.relay, "leaver").await;
    let enter = format!("40{{\"token\":\"{}\"}}", token::for_user("leaver"));
    let mut entered = 0;
    let refused = loop {
        for packet in ["41", &enter] {
            leaver.writer.text(packet).await.unwrap();
        }
        let answer = loop {
            let packet = leaver.reader.packet().await.expect("an answer").text;
            if packet.starts_with(['0', '4']) {
                break packet;
            }
        };
        if answer.starts_with('4') {
            break answer;
        }
        entered += 1;
    };
    assert!(refused.contains("Rate limit exceeded"), "{refused}");
    assert!(entered > 1, "{entered}");
    leaver.closed_within(Duration::from_secs(10)).await;
    stage
        .unharmed("a client that entered again and again")
        .await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_guest_may_send_so_much_in_sum_and_no_more() {
    let stage = Stage::set(&[("DIALECTS", "direct,session"), ("GUEST_TIMEOUT", "1m")]).await;
    let guest = Polling::open(&stage.relay).await;
    guest.post(b"40").await;
    guest.next("40{").await;
    let event = format!(
        "42[\"send_message\",{{\"ciphertext\":\"{}\"}}]",
        "c".repeat(10_000)
    );
    // 64 KiB are allowed: six of these.
    for _ in 0..6 {
        assert_eq!(guest.post(event.as_bytes()).await.status, 200);
        guest.next("MISSING_TOKEN").await;
    }
    guest.post(event.as_bytes()).await;
    assert_eq!(guest.next("41").await, "41");
    stage.strike();
}
