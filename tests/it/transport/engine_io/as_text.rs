//! Attachments as text on a WebSocket: from whoever sends them, and to clients that take no bytes (`b64=1`).

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::program::server;
use test_support::harness::Relay;
use test_support::raw::{TIMEOUT, address, token};
use test_support::scene::stop;

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// The next text that begins like this.
async fn next(socket: &mut Socket, start: &str) -> String {
    let reading = async {
        loop {
            match socket.next().await.expect("a message").expect("a message") {
                Message::Text(text) if text.starts_with(start) => return text.to_string(),
                Message::Binary(_) => panic!("bytes"),
                _ => {}
            }
        }
    };
    timeout(TIMEOUT, reading).await.expect(start)
}

/// A client of a user, who has been told that it is authenticated next.
async fn connect(relay: &Relay, query: &str, user: &str) -> Socket {
    let url = format!("ws://{}/socket.io/?{query}", address(relay));
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", token::for_user(user));
    let headers = request.headers_mut();
    headers.insert("authorization", bearer.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.expect("a WebSocket");
    next(&mut socket, "0{").await;
    if !query.starts_with("EIO=3") {
        socket.send(Message::text("40")).await.unwrap();
    }
    socket
}

/// Sends the user a message with this attachment.
async fn send(socket: &mut Socket, user: &str, attachment: &str) {
    let event = format!(
        r#"451-["send_message",{{"recipientId":"{user}","ciphertext":{{"_placeholder":true,"num":0}},"iv":"i","tag":"t","seq":1}}]"#
    );
    for text in [&event, attachment] {
        socket.send(Message::text(text)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_bytes_may_send_text() {
    let mut relay = server(&[]);
    let mut socket = connect(&relay, "EIO=4&transport=websocket", "user").await;
    next(&mut socket, "42[\"auth:success\"").await;
    for attachment in ["bAQIDBA==", "bAQIDBA==\n", "bAQIDBA"] {
        send(&mut socket, "user", attachment).await;
        next(&mut socket, "451-[\"receive_message\"").await;
        let received = timeout(TIMEOUT, socket.next()).await.expect("bytes");
        let received = received.expect("bytes").expect("bytes");
        assert_eq!(received, Message::binary(vec![1, 2, 3, 4]));
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_are_text_in_both_directions() {
    let mut relay = server(&[("ALLOW_EIO3", "true")]);
    for (revision, mark) in [(4, "b"), (3, "b4")] {
        let user = format!("user{revision}");
        let query = format!("EIO={revision}&transport=websocket&b64=1");
        let mut socket = connect(&relay, &query, &user).await;
        next(&mut socket, "42[\"auth:success\"").await;
        send(&mut socket, &user, &format!("{mark}AQIDBA==")).await;
        next(&mut socket, "451-[\"receive_message\"").await;
        assert_eq!(next(&mut socket, "b").await, format!("{mark}AQIDBA=="));
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_socket_io_2_is_refused_by_the_message_alone() {
    let mut relay = server(&[("ALLOW_EIO3", "true")]);
    let url = format!(
        "ws://{}/socket.io/?EIO=3&transport=websocket",
        address(&relay)
    );
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", "Bearer no token".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.expect("a WebSocket");
    assert_eq!(next(&mut socket, "44").await, "44\"Invalid token\"");
    stop(&mut relay);
}
