//! HTTP long-polling by hand.

use super::http::{Response, get, request};
use super::token;
use crate::harness::Relay;

/// A polling session. Drop it to leave it to its timeout.
pub struct Polling<'r> {
    relay: &'r Relay,
    pub sid: String,
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
        Self { relay, sid }
    }

    /// Opens a session and authenticates; what the first polls brought is dropped.
    pub async fn connect(relay: &'r Relay, user: &str) -> Self {
        let session = Self::open(relay).await;
        let sent = session
            .post(format!("40{{\"token\":\"{}\"}}", token::for_user(user)).as_bytes())
            .await;
        assert_eq!(sent.status, 200, "{sent:?}");
        session.until("auth:success").await;
        session
    }

    pub fn path(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid)
    }

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

    pub async fn poll(&self) -> Response {
        get(self.relay, &self.path()).await
    }

    /// Polls until a packet contains this text; that packet. Answers pings.
    pub async fn until(&self, text: &str) -> String {
        for _ in 0..50 {
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "waiting for {text}: {answer:?}");
            for packet in answer.body.split('\x1e') {
                if packet == "2" {
                    self.post(b"3").await;
                }
                if packet.contains(text) {
                    return packet.to_owned();
                }
            }
        }
        panic!("50 polls brought no {text}");
    }
}
