//! A connection that a proxy keeps carries one client's polling first and another's WebSocket next.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program;
use test_support::raw::socket::{FIN, TEXT, frame};
use test_support::raw::{TIMEOUT, address, http, token};
use test_support::scene::stop;

/// Sends this and reads until that came.
async fn exchange(tcp: &mut TcpStream, sent: &[u8], wanted: &str) -> String {
    tcp.write_all(sent).await.unwrap();
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(wanted) {
            assert!(tcp.read_buf(&mut read).await.unwrap() > 0, "closed");
        }
    };
    let in_time = timeout(TIMEOUT, reading).await;
    in_time.unwrap_or_else(|_| panic!("no {wanted}"));
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_guest_is_not_taken_for_the_websocket_that_came_by_its_connection() {
    let mut relay = program::start(&[("RATE_LIMITS", "off")]);
    let mut tcp = TcpStream::connect(address(&relay)).await.unwrap();
    let get = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: relay\r\n\r\n";
    let handshake = exchange(&mut tcp, get.as_bytes(), "maxPayload").await;
    let (_, sid) = handshake.split_once("\"sid\":\"").unwrap();
    let (sid, _) = sid.split_once('"').unwrap();

    let upgrade = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: relay\r\n\
                   Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    exchange(&mut tcp, upgrade.as_bytes(), "maxPayload").await;
    let enter = format!("40{{\"token\":\"{}\"}}", token::for_user("bob"));
    let enter = frame(FIN | TEXT, enter.as_bytes());
    exchange(&mut tcp, &enter, "auth:success").await;

    // A guest may send little.
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let entered = http::request(&relay, "POST", &path, &[], b"40").await;
    assert_eq!(entered.status, 200, "{entered:?}");
    // A ping may come first.
    let admitting = async { while !http::get(&relay, &path).await.body.contains("40{") {} };
    timeout(TIMEOUT, admitting).await.expect("CONNECT");

    let message = format!(
        r#"42["send_message",{{"recipientId":"bob","ciphertext":"{}","iv":"i","tag":"t","seq":1}}]"#,
        "c".repeat(200_000)
    );
    let message = frame(FIN | TEXT, message.as_bytes());
    exchange(&mut tcp, &message, "message:sent").await;
    stop(&mut relay);
}
