//! Questions to other nodes: published to a topic, answered by each node that is subscribed to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::bus::Bus;
use super::message::{Answer, Message, NodeMessage};
use crate::model::NodeId;

/// Questions that wait for answers.
#[derive(Debug, Default)]
pub(super) struct Questions {
    next: AtomicU64,
    asked: DashMap<u64, mpsc::UnboundedSender<Answer>>,
}

impl Questions {
    /// Asks all nodes that are subscribed to a topic; the answers that arrive in time. A node that is
    /// busy or hangs for longer counts as having none.
    pub(super) async fn ask<M: Message>(
        &self,
        bus: &Bus,
        to: &M::Topic,
        message: &M,
        timeout: Duration,
    ) -> Vec<Answer> {
        self.put(bus, to, message, (None, timeout)).await.0
    }

    /// The same, of so many nodes at least where that is known; and whether all have answered.
    pub(super) async fn put<M: Message>(
        &self,
        bus: &Bus,
        to: &M::Topic,
        message: &M,
        (at_least, timeout): (Option<usize>, Duration),
    ) -> (Vec<Answer>, bool) {
        let question = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, mut received) = mpsc::unbounded_channel();
        self.asked.insert(question, sender);
        let deadline = Instant::now() + timeout;
        let published = bus.publish_question(to, Some(question), message);
        let is_dropped = published.is_dropped();
        // Of a Redis that hangs it is not known.
        let expected = timeout_at(deadline, published.receivers()).await;
        let expected = expected.unwrap_or(usize::MAX).max(at_least.unwrap_or(0));
        let mut answers = Vec::new();
        while answers.len() < expected {
            match timeout_at(deadline, received.recv()).await {
                Ok(Some(answer)) => answers.push(answer),
                Ok(None) | Err(_) => break,
            }
        }
        self.asked.remove(&question);
        let is_complete = !is_dropped && answers.len() >= expected;
        (answers, is_complete)
    }

    /// An answer arrived. One that is too late is dropped.
    pub(super) fn answered(&self, question: u64, answer: Answer) {
        if let Some(asked) = self.asked.get(&question) {
            // The caller may have given up.
            let _ = asked.send(answer);
        }
    }

    /// Answers a question of a node.
    pub(super) fn answer(bus: &Bus, asker: NodeId, question: u64, answer: Answer) {
        let _ = bus.publish(&asker, &NodeMessage::Answer { question, answer });
    }
}
