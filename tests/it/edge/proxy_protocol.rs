//! Load balancers that pass TCP on, and say for whom.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use crate::metrics::page::{INTERNAL, page};
use crate::program;
use test_support::harness::Relay;
use test_support::ports::free_port;
use test_support::raw::http;
use test_support::wait::until;

const REQUIRED: (&str, &str) = ("PROXY_PROTOCOL", "required");
const REFUSED: &str = "relay_proxy_protocol_refused_total";

fn start(more: &[(&str, &str)]) -> Relay {
    let settings = [REQUIRED, INTERNAL, ("ACCESS_LOG", "json")];
    program::start(&[&settings, more].concat())
}

fn v2(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(source);
    header.extend([127, 0, 0, 1, 0x30, 0x39, 0, 80]);
    header
}

fn request(more: &str) -> Vec<u8> {
    format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_that_is_said_counts_as_the_clients() {
    let relay = start(&[("TRUSTED_PROXIES", "127.0.0.0/8,192.0.2.9")]);
    let ask = async |header: &[u8], more: &str| {
        let answer = http::raw(&relay, &[header, &request(more)].concat()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let forwarded = "X-Forwarded-For: 198.51.100.4\r\n";
    ask(&v2([192, 0, 2, 7]), "").await;
    relay.logs("\"address\":\"192.0.2.7\"", 1);
    ask(b"PROXY TCP4 192.0.2.8 127.0.0.1 1 2\r\n", "").await;
    relay.logs("\"address\":\"192.0.2.8\"", 1);
    ask(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "").await;
    relay.logs("\"address\":\"2001:db8::1\"", 1);
    ask(b"PROXY UNKNOWN\r\n", "").await;
    relay.logs("\"address\":\"127.0.0.1\"", 1);
    // Who is no proxy is not believed, whoever passes it on.
    ask(&v2([192, 0, 2, 10]), forwarded).await;
    relay.logs("\"address\":\"192.0.2.10\"", 1);
    ask(&v2([192, 0, 2, 9]), forwarded).await;
    relay.logs("\"address\":\"198.51.100.4\"", 1);
    assert_eq!(page(&relay).await.value(REFUSED), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_are_those_of_the_address_that_is_said() {
    let more = [
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("MAX_CONNECTIONS_PER_IP", "1"),
    ];
    let relay = start(&more);
    let address = relay.url().trim_start_matches("http://");
    let mut held = Vec::new();
    // Four for each connection of Socket.IO; one that comes while another is still served is not held.
    until("the address has no slot left", async || {
        let mut tcp = std::net::TcpStream::connect(address).unwrap();
        tcp.write_all(&v2([192, 0, 2, 7])).unwrap();
        held.push(tcp);
        let whole = [v2([192, 0, 2, 7]), request("")].concat();
        http::raw_bytes(&relay, &whole).await.is_empty()
    })
    .await;
    let other = [v2([192, 0, 2, 8]), request("")].concat();
    assert_eq!(http::raw(&relay, &other).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_begins_otherwise_is_closed_and_counted() {
    let relay = start(&[("TRUSTED_PROXIES", "127.0.0.0/8")]);
    let wrong: [&[u8]; 3] = [
        &request(""),
        b"PROXY TCP4 x y 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
    ];
    for (bytes, count) in wrong.into_iter().zip(1..) {
        let answer = http::raw_bytes(&relay, bytes).await;
        assert!(answer.is_empty(), "{answer:?}");
        until("it is counted", async || {
            page(&relay).await.value(REFUSED) == f64::from(count)
        })
        .await;
    }
    let stranger = start(&[("TRUSTED_PROXIES", "192.0.2.1")]);
    let whole = [v2([192, 0, 2, 7]), request("")].concat();
    assert!(http::raw_bytes(&stranger, &whole).await.is_empty());
    assert_eq!(page(&stranger).await.value(REFUSED), 1.0);
}

struct HaProxy(Child);

impl Drop for HaProxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_passes_on_who_its_clients_are() {
    if !crate::cluster::is_haproxy_ready() {
        return;
    }
    let relay = start(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = relay.url().trim_start_matches("http://");
    let configuration = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         frontend clients\n bind 127.0.0.1:{port}\n default_backend relays\n\
         backend relays\n source 127.0.0.1\n server relay {server} send-proxy-v2\n"
    );
    let file = folder.path().join("haproxy.cfg");
    fs::write(&file, configuration).unwrap();
    let haproxy = Command::new("haproxy")
        .args(["-db", "-f"])
        .arg(&file)
        .stdin(Stdio::null())
        .spawn();
    let _haproxy = HaProxy(haproxy.unwrap());
    let address = format!("127.0.0.1:{port}");
    until("haproxy listens", async || {
        std::net::TcpStream::connect(&address).is_ok()
    })
    .await;
    let answer = http::request_at(&address, "GET", "/health", &[], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    relay.logs("\"route\":\"/health\"", 1);
    assert_eq!(page(&relay).await.value(REFUSED), 0.0);
}
