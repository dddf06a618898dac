//! Questions to other nodes: asked over a topic, answered by each that hears it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Topic;
use super::bus::Bus;
use super::wire::{Answer, Body};
use crate::model::NodeId;

/// Questions that wait for answers.
#[derive(Debug, Default)]
pub(super) struct Questions {
    next: AtomicU64,
    asked: DashMap<u64, mpsc::UnboundedSender<Answer>>,
}

impl Questions {
    /// Asks all who hear a topic; what they answer in time. A node that is busy or stands still for
    /// longer counts as having no answer.
    pub(super) async fn ask(
        &self,
        bus: &Bus,
        topic: &Topic,
        body: &Body,
        patience: Duration,
    ) -> Vec<Answer> {
        let question = self.next.fetch_add(1, Ordering::Relaxed);
        let (answered, mut coming) = mpsc::unbounded_channel();
        self.asked.insert(question, answered);
        let deadline = Instant::now() + patience;
        let expected = bus.post_question(topic, Some(question), body).elsewhere();
        let expected = expected.await;
        let mut answers = Vec::new();
        while answers.len() < expected {
            match timeout_at(deadline, coming.recv()).await {
                Ok(Some(answer)) => answers.push(answer),
                Ok(None) | Err(_) => break,
            }
        }
        self.asked.remove(&question);
        answers
    }

    /// An answer came. One that comes too late is not needed any more.
    pub(super) fn answered(&self, question: u64, answer: Answer) {
        if let Some(asked) = self.asked.get(&question) {
            // Who asked may have given up.
            let _ = asked.send(answer);
        }
    }

    /// Answers a question of a node.
    pub(super) fn answer(bus: &Bus, asker: NodeId, question: u64, answer: Answer) {
        let _ = bus.post(&Topic::Node(asker), &Body::Answer { question, answer });
    }
}
