//! HTTP by hand: requests that a client library would refuse to make, and the answers to them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use super::{TIMEOUT, address};
use crate::harness::Relay;

/// An answer. Status 0: the connection was closed without one.
#[derive(Debug)]
pub struct Response {
    /// Of the status line.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// Without the marks of chunked transfer.
    pub body: String,
}

/// Asks for this path; any method.
pub async fn request(
    relay: &Relay,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    request_at(address(relay), method, path, headers, body).await
}

/// The same of whoever listens at this address.
pub async fn request_at(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    parse(&raw_bytes_at(address, &[head.as_bytes(), body].concat()).await)
}

/// The answer to `GET`.
pub async fn get(relay: &Relay, path: &str) -> Response {
    request(relay, "GET", path, &[], b"").await
}

/// Whether what operators are told of a relay has this mark: its metrics, in both formats.
pub async fn metrics_have(relay: &Relay, mark: &str) -> bool {
    let mut pages = String::new();
    for format in ["text/plain", "application/openmetrics-text"] {
        let answer = request(relay, "GET", "/metrics", &[("Accept", format)], b"").await;
        assert!(answer.body.contains("relay_events_received_total{"));
        pages.push_str(&answer.body);
    }
    pages.contains(mark)
}

/// Sends these bytes on a new connection and reads until the relay closes it.
pub async fn raw(relay: &Relay, bytes: &[u8]) -> Response {
    parse(&raw_bytes(relay, bytes).await)
}

/// The same; every byte of the answer.
pub async fn raw_bytes(relay: &Relay, bytes: &[u8]) -> Vec<u8> {
    raw_bytes_at(address(relay), bytes).await
}

async fn raw_bytes_at(address: &str, bytes: &[u8]) -> Vec<u8> {
    let Ok(tcp) = TcpStream::connect(address).await else {
        return Vec::new();
    };
    let (mut reader, mut writer) = tcp.into_split();
    let mut answer = Vec::new();
    let exchange = async {
        // The relay may answer and close before it has read everything, so failures to write are no news.
        let writing = async {
            writer.write_all(bytes).await.ok();
            writer.flush().await.ok();
        };
        let reading = async {
            // What came before a reset is the answer.
            reader.read_to_end(&mut answer).await.ok();
        };
        tokio::join!(writing, reading);
    };
    let ended = timeout(TIMEOUT, exchange).await;
    assert!(
        ended.is_ok(),
        "the relay left the connection open: {:?}",
        String::from_utf8_lossy(&answer)
    );
    answer
}

fn parse(answer: &[u8]) -> Response {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Response {
        status,
        head: head.to_owned(),
        body: dechunked(head, body),
    }
}

/// The body without the marks of chunked transfer.
fn dechunked(head: &str, body: &str) -> String {
    if !head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        return body.to_owned();
    }
    let mut rest = body;
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || after.len() < size {
            break;
        }
        whole.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}

/// The upgrade request for a URL.
pub(super) fn request_for(url: &str) -> Request {
    url.into_client_request().unwrap()
}

pub(super) fn header_name(name: &str) -> ::http::HeaderName {
    name.parse().expect("a header name")
}
