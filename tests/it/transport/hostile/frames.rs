//! TCP and WebSocket frames that no client sends.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Stage, VICTIM};
use test_support::memory;
use test_support::raw::socket::{
    BINARY, CONTINUATION, FIN, PING, PONG, RawSocket, TEXT, frame, header, upgrade,
};
use test_support::raw::{address, http};
use test_support::scene::message;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_against_the_rules_close_the_connection() {
    let mut stage = Stage::set(&[]).await;
    let event = format!("42[\"send_message\",{}]", message(VICTIM, 1));
    let event = event.as_bytes();
    let mut unmasked = header(FIN | TEXT, event.len() as u64);
    unmasked.extend_from_slice(event);
    let mut huge = header(FIN | TEXT, 1 << 62);
    huge[1] |= 0x80;
    huge.extend([0; 4]);
    let mut negative = huge.clone();
    negative[2] = 0xff;
    let mut forty_megabytes = header(FIN | BINARY, 40_000_000);
    forty_megabytes[1] |= 0x80;
    forty_megabytes.extend([0; 4]);
    let cases = [
        (
            "invalid UTF-8",
            frame(
                FIN | TEXT,
                b"42[\"send_message\",{\"recipientId\":\"\xff\xfe\"}]",
            ),
        ),
        (
            "invalid UTF-8 in a name",
            frame(FIN | TEXT, b"42[\"\xc3\x28\"]"),
        ),
        ("a frame of 2^62 bytes", huge),
        ("a frame of more than 2^63 bytes", negative),
        ("a frame of 40 MB announced", forty_megabytes),
        ("a reserved bit", frame(FIN | 0x40 | TEXT, event)),
        ("all reserved bits", frame(FIN | 0x70 | TEXT, event)),
        ("a reserved opcode", frame(FIN | 3, event)),
        ("a reserved control opcode", frame(FIN | 0xb, b"x")),
        ("an unmasked frame", unmasked),
        (
            "a continuation of nothing",
            frame(FIN | CONTINUATION, event),
        ),
        ("a fragmented ping", frame(PING, b"x")),
        ("a ping of 200 bytes", frame(FIN | PING, &[0; 200])),
        (
            "a message within a message",
            [frame(TEXT, b"42"), frame(FIN | TEXT, event)].concat(),
        ),
    ];
    for (what, bytes) in cases {
        println!("{what}");
        let mut socket = RawSocket::connect(&stage.relay, "mallory").await;
        socket.send(&bytes).await;
        socket.closed().await;
        stage.unharmed(what).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_end_are_closed_in_time() {
    let mut stage = Stage::set(&[]).await;
    let mut large = RawSocket::connect(&stage.relay, "mallory").await;
    large.send(&frame(TEXT, b"42[\"send_message\",\"")).await;
    let part = frame(CONTINUATION, &[b'x'; 100_000]);
    for _ in 0..120 {
        large.send(&part).await;
        assert!(memory::held(&stage.relay) <= memory::bound(0, 0.0));
    }
    large.closed().await;
    stage.unharmed("12 MB of continuation").await;
    let mut tiny = RawSocket::connect(&stage.relay, "mallory").await;
    tiny.send(&frame(TEXT, b"42[\"send_message\",\"")).await;
    let parts = frame(CONTINUATION, b"x").repeat(10_000);
    for _ in 0..20 {
        tiny.send(&parts).await;
        assert!(memory::held(&stage.relay) <= memory::bound(0, 0.0));
    }
    stage.unharmed("200 000 tiny fragments").await;
    let mut empty = RawSocket::connect(&stage.relay, "mallory").await;
    empty.send(&frame(TEXT, b"")).await;
    let parts = frame(CONTINUATION, b"").repeat(10_000);
    for _ in 0..20 {
        empty.send(&parts).await;
        assert!(memory::held(&stage.relay) <= memory::bound(0, 0.0));
    }
    stage.unharmed("200 000 empty fragments").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsolicited_heartbeats() {
    let mut stage = Stage::set(&[]).await;
    let mut socket = RawSocket::connect(&stage.relay, "mallory").await;
    socket.send(&frame(FIN | PONG, b"x").repeat(1000)).await;
    socket.send(&frame(FIN | TEXT, b"3").repeat(1000)).await;
    socket
        .send(&frame(FIN | TEXT, b"3probe").repeat(1000))
        .await;
    stage.unharmed("3000 pongs").await;
    // Each is answered, and the answers are never read.
    let mut flood = RawSocket::connect(&stage.relay, "mallory").await;
    let pings = frame(FIN | PING, &[b'p'; 125]).repeat(1000);
    for _ in 0..100 {
        let sending = flood.send(&pings);
        if tokio::time::timeout(std::time::Duration::from_secs(1), sending)
            .await
            .is_err()
        {
            break; // it is not read any more
        }
        assert!(memory::held(&stage.relay) <= memory::bound(0, 0.0));
    }
    stage.unharmed("100 000 pings").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_are_odd_or_broken_off() {
    let mut stage = Stage::set(&[]).await;
    let start = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\n",
        address(&stage.relay)
    );
    for end in [1, start.len() / 2, start.len()] {
        let mut tcp = TcpStream::connect(address(&stage.relay)).await.unwrap();
        tcp.write_all(&start.as_bytes()[..end]).await.unwrap();
        drop(tcp);
        let mut reset = TcpStream::connect(address(&stage.relay)).await.unwrap();
        reset.write_all(&start.as_bytes()[..end]).await.unwrap();
        socket2::SockRef::from(&reset)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
        drop(reset);
    }
    for _ in 0..20 {
        let (tcp, _) = upgrade(&stage.relay, "").await;
        socket2::SockRef::from(&tcp)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }
    stage.unharmed("handshakes broken off").await;
    let spaces = format!("Sec-WebSocket-Protocol: a{}b\r\n", " ".repeat(50_000));
    let headers: String = (0..5000)
        .map(|number| format!("X-{number}: x\r\n"))
        .collect();
    let odd = [
        ("long white space", spaces),
        ("5000 headers", headers),
        (
            "a header of a megabyte",
            format!("X: {}\r\n", "x".repeat(1_000_000)),
        ),
        (
            "odd extensions",
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=;;,,\"\r\n"
                .to_owned(),
        ),
        (
            "__proto__ extensions",
            "Sec-WebSocket-Extensions: __proto__, constructor; toString\r\n".to_owned(),
        ),
        ("a second key", "Sec-WebSocket-Key: x\r\n".to_owned()),
        (
            "bytes that are no text",
            "User-Agent: \u{80}\u{ff}\r\n".to_owned(),
        ),
    ];
    for (what, headers) in odd {
        println!("{what}");
        let (_, head) = upgrade(&stage.relay, &headers).await;
        assert!(!head.starts_with("HTTP/1.1 5"), "{what}: {head}");
        assert!(
            !head
                .to_ascii_lowercase()
                .contains("sec-websocket-extensions"),
            "{what}: {head}"
        );
        stage.unharmed(what).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_requests() {
    let mut stage = Stage::set(&[]).await;
    let cases: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    ];
    for bytes in cases {
        let answer = http::raw(&stage.relay, bytes).await;
        assert!(
            answer.status == 0 || (400..500).contains(&answer.status),
            "{answer:?}"
        );
        stage.unharmed(&String::from_utf8_lossy(bytes)).await;
    }
    stage.strike();
}
