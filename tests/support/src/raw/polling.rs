//! HTTP long-polling by hand.

use std::collections::VecDeque;

use tokio::sync::Mutex;

use super::http::{Response, get, request};
use super::token;
use crate::harness::Relay;

/// A polling session. Drop it to leave it to its timeout.
pub struct Polling<'r> {
    relay: &'r Relay,
    /// The id of the session.
    pub sid: String,
    /// Packets that a poll brought and nobody took yet.
    waiting: Mutex<VecDeque<String>>,
}

impl<'r> Polling<'r> {
    /// Opens a session; not in the namespace yet.
    pub async fn open(relay: &'r Relay) -> Self {
        let answer = get(relay, "/socket.io/?EIO=4&transport=polling").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let sid = answer
            .body
            .split("\"sid\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let sid = sid
            .unwrap_or_else(|| panic!("no session in {answer:?}"))
            .to_owned();
        Self {
            relay,
            sid,
            waiting: Mutex::default(),
        }
    }

    /// Opens a session and authenticates; what the first polls brought is dropped.
    pub async fn connect(relay: &'r Relay, user: &str) -> Self {
        let session = Self::open(relay).await;
        let sent = session
            .post(format!("40{{\"token\":\"{}\"}}", token::for_user(user)).as_bytes())
            .await;
        assert_eq!(sent.status, 200, "{sent:?}");
        session.next("auth:success").await;
        session
    }

    /// Where it is polled and posted to.
    pub fn path(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid)
    }

    /// Posts this body.
    pub async fn post(&self, body: &[u8]) -> Response {
        request(
            self.relay,
            "POST",
            &self.path(),
            &[("Content-Type", "text/plain;charset=UTF-8")],
            body,
        )
        .await
    }

    /// One poll.
    pub async fn poll(&self) -> Response {
        get(self.relay, &self.path()).await
    }

    /// The next packet that contains this text, polled for when need be; others before it are dropped. Answers pings.
    pub async fn next(&self, text: &str) -> String {
        let mut waiting = self.waiting.lock().await;
        loop {
            while let Some(packet) = waiting.pop_front() {
                if packet.contains(text) {
                    return packet;
                }
            }
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "waiting for {text}: {answer:?}");
            for packet in answer.body.split('\x1e') {
                match packet {
                    "2" => drop(self.post(b"3").await),
                    "1" => panic!("closed while waiting for {text}"),
                    packet => waiting.push_back(packet.to_owned()),
                }
            }
        }
    }
}
