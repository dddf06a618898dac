//! Clients of Socket.IO 2 (Engine.IO 3), by hand: what they are sent, with every byte.

use bytes::Bytes;
use test_support::harness::Relay;
use test_support::raw::http::raw_bytes;
use test_support::raw::{Client, address, token};
use test_support::scene::stop;

use crate::program::server;

/// How a client asks for what it polls: as it comes, or as text alone.
const FORMS: [&str; 2] = ["", "&b64=1"];

/// A packet as it came.
#[derive(Debug, PartialEq, Eq)]
enum Packet {
    Text(String),
    Message(Vec<u8>),
}

/// A polling session of Engine.IO 3.
struct OldClient<'r> {
    relay: &'r Relay,
    path: String,
}

impl<'r> OldClient<'r> {
    async fn connect(relay: &'r Relay, user: &str, form: &str) -> Self {
        let mut client = Self {
            relay,
            path: format!("/socket.io/?EIO=3&transport=polling{form}"),
        };
        let auth = format!("Authorization: Bearer {}\r\n", token::for_user(user));
        let opened = client.request("GET", &auth, b"").await;
        let [Packet::Text(open), ..] = &opened[..] else {
            panic!("{opened:?}");
        };
        let sid = open.split('"').nth(3).unwrap();
        client.path = format!("{}&sid={sid}", client.path);
        client.next("auth:success").await;
        client
    }

    /// The line of status of the answer to what is posted.
    async fn post(&self, body: &[u8]) -> String {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.path,
            address(self.relay),
            body.len()
        );
        let answer = raw_bytes(self.relay, &[head.as_bytes(), body].concat()).await;
        let line = answer.split(|byte| *byte == b'\r').next();
        String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
    }

    async fn request(&self, method: &str, headers: &str, body: &[u8]) -> Vec<Packet> {
        let head = format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            self.path,
            address(self.relay),
            body.len()
        );
        let answer = raw_bytes(self.relay, &[head.as_bytes(), body].concat()).await;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.unwrap() + 4);
        let head = String::from_utf8_lossy(head).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
        match head.contains("application/octet-stream") {
            _ if method == "POST" => Vec::new(),
            true => binary(body),
            false => text(std::str::from_utf8(body).unwrap()),
        }
    }

    /// The first packets that have this text in one of them; those with nothing of it are passed over.
    async fn next(&self, wanted: &str) -> Vec<Packet> {
        loop {
            let packets = self.request("GET", "", b"").await;
            let at = packets
                .iter()
                .position(|packet| matches!(packet, Packet::Text(text) if text.contains(wanted)));
            if let Some(at) = at {
                return packets.into_iter().skip(at).collect();
            }
        }
    }
}

/// The packets of a payload of texts. Their lengths are in UTF-16.
fn text(payload: &str) -> Vec<Packet> {
    let units: Vec<u16> = payload.encode_utf16().collect();
    let (mut rest, mut packets) = (&units[..], Vec::new());
    while let Some(colon) = rest.iter().position(|unit| *unit == u16::from(b':')) {
        let length: usize = String::from_utf16(&rest[..colon]).unwrap().parse().unwrap();
        let packet = &rest[colon + 1..colon + 1 + length];
        packets.push(Packet::Text(String::from_utf16(packet).unwrap()));
        rest = &rest[colon + 1 + length..];
    }
    assert!(rest.is_empty(), "{payload}");
    packets
}

/// The packets of a payload with bytes.
fn binary(payload: &[u8]) -> Vec<Packet> {
    let (mut rest, mut packets) = (payload, Vec::new());
    while let Some(end) = rest.iter().position(|byte| *byte == 0xff) {
        let length = rest[1..end]
            .iter()
            .fold(0, |length, digit| length * 10 + usize::from(*digit));
        let packet = &rest[end + 1..end + 1 + length];
        packets.push(match rest[0] {
            0 => Packet::Text(String::from_utf8(packet.to_vec()).unwrap()),
            _ => Packet::Message(packet.strip_prefix(b"\x04").unwrap().to_vec()),
        });
        rest = &rest[end + 1 + length..];
    }
    assert!(rest.is_empty(), "{payload:?}");
    packets
}

fn message(to: &str, seq: &str) -> String {
    format!(
        r#"{{"recipientId":"{to}","ciphertext":{{"_placeholder":true,"num":0}},"iv":"é😀","tag":"t","seq":"{seq}"}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_reaches_a_polling_client_of_socket_io_2_as_it_reads_it() {
    let mut relay = server(&[("ALLOW_EIO3", "true")]);
    let alice = Client::connect(&relay, "alice").await;
    for (form, user) in FORMS.into_iter().zip(["bob", "carol"]) {
        let bob = OldClient::connect(&relay, user, form).await;
        for bytes in [&b"\x00\xffb4\x1e"[..], b"\xe1", b"b"] {
            let attachments = [Bytes::copy_from_slice(bytes)];
            let (event, argument) = ("send_message", message(user, "first"));
            let sent = alice.writer.emit_binary(event, &argument, &attachments);
            sent.await.unwrap();
            let packets = bob.next("receive_message").await;
            let Packet::Text(event) = &packets[0] else {
                panic!("{packets:?}");
            };
            assert!(event.starts_with("451-["), "{event}");
            assert!(event.contains("é😀"), "{event}");
            let attachment = match form {
                "" => Packet::Message(bytes.to_vec()),
                _ => Packet::Text(format!("b4{}", base64(bytes))),
            };
            assert_eq!(packets[1], attachment, "{packets:?}");
        }
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_of_a_polling_client_of_socket_io_2_arrives() {
    let mut relay = server(&[("ALLOW_EIO3", "true")]);
    let mut alice = Client::connect(&relay, "alice").await;
    let bob = OldClient::connect(&relay, "bob", "").await;
    let text = |packet: &str| format!("{}:{packet}", packet.encode_utf16().count());
    for (seq, content_type) in [
        ("1", "text/plain;charset=UTF-8"),
        ("2", "application/octet-stream"),
    ] {
        let event = format!("451-[\"send_message\",{}]", message("alice", seq));
        let body = match seq {
            "1" => [text(&event), text(&format!("b4{}", base64(b"\x00\xff")))]
                .concat()
                .into_bytes(),
            _ => {
                let digits = event.len().to_string();
                let digits = digits.bytes().map(|digit| digit - b'0');
                let mut body = vec![0];
                body.extend(digits);
                body.push(0xff);
                body.extend(event.bytes());
                body.extend(b"\x01\x03\xff\x04\x00\xff");
                body
            }
        };
        let content_type = format!("Content-Type: {content_type}\r\n");
        bob.request("POST", &content_type, &body).await;
        let received = alice.event("receive_message").await;
        assert_eq!(received.get("seq"), seq);
        assert_eq!(received.attachments, [Bytes::from_static(b"\x00\xff")]);
    }
    stop(&mut relay);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_heartbeats_close_their_session_in_the_old_form_too() {
    let mut relay = server(&[("ALLOW_EIO3", "true")]);
    for (heartbeat, times) in [
        ("1:2", 1_000_000),
        ("1:2", 150),
        ("6:2probe", 150),
        ("0:", 150),
    ] {
        let client = OldClient::connect(&relay, "mallory", "").await;
        let posted = client.post(heartbeat.repeat(times).as_bytes()).await;
        assert!(posted.contains(" 400 "), "{times} of {heartbeat}: {posted}");
        let polled = client.post(b"1:2").await;
        assert!(polled.contains(" 400 "), "its session goes on: {polled}");
    }
    let client = OldClient::connect(&relay, "alice", "").await;
    let message = format!(
        r#"42["send_message",{}]"#,
        message("alice", "x").replace(r#"{"_placeholder":true,"num":0}"#, "\"c\"")
    );
    let units = message.encode_utf16().count();
    let many = format!("1:2{units}:{message}").repeat(40);
    let posted = client.post(many.as_bytes()).await;
    assert!(posted.contains(" 200 "), "{posted}");
    client.next("receive_message").await;
    stop(&mut relay);
}
