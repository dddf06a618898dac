//! Requests that are answered before they have arrived whole: their clients hear the answer.

use test_support::raw::address;
use test_support::raw::polling::Polling;
use test_support::scene::stop;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::server;

/// Far more than the kernel keeps of what nobody reads.
const BODY: usize = 32 * 1024 * 1024;

/// The status line for a request whose client reads nothing before it has sent all.
async fn answer_to(address: &str, head: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    let body = vec![b'x'; BODY];
    tcp.write_all(&body).await.expect("all of it is taken");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_much_hears_so_when_all_is_sent() {
    let mut relay = server(&[("DIALECTS", "session")]);
    let host = address(&relay);
    let session = Polling::open(&relay).await;
    let post = |path: &str, media: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media}\r\nContent-Length: {BODY}\r\n\r\n"
        )
    };
    for (head, status) in [
        (post(&session.path(), "text/plain"), "413"),
        (post("/api/reserve-session", "application/json"), "413"),
        (post("/health", "text/plain"), "404"),
        (
            format!("GET /health HTTP/1.1\r\nHost: {host}\r\nX: "),
            "431",
        ),
    ] {
        let answer = answer_to(host, &head).await;
        assert!(answer.contains(status), "{answer:?} to {head}");
    }
    stop(&mut relay);
}
