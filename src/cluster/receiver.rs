//! The receiving half of a node: reads what arrives and hands it to the handler, one message of a
//! topic after the other. It handles answers to questions and confirmations of consumed bytes
//! itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::bus::Outbox;
use super::envelope::{self, Envelope};
use super::inbox::{Key, Pushed, Queued};
use super::message::{
    AllNodesMessage, Answer, ConversationMessage, Message, NodeMessage, SessionMessage, UserMessage,
};
use super::questions::Questions;
use super::{Cluster, Topic};
use crate::metrics::nodes;
use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use crate::model::{NodeId, UserId, clock};
use crate::stores::drivers::redis::Listener;
use crate::traces::{Name, Parent, Span};

/// A message that another node sent.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// To a user's connections.
    User(UserId, UserMessage),
    /// To the members of a session.
    Session(SessionId, SessionMessage),
    /// To the subscribers of a conversation.
    Conversation(ConversationId, ConversationMessage),
    /// To all nodes, by this one.
    AllNodes(NodeId, AllNodesMessage),
}

/// Acts on what other nodes send.
pub(crate) trait MessageHandler: Send + Sync + 'static {
    /// Handles a message; the answer, if it is a question. Messages of one topic are handled one
    /// after the other.
    fn handle(&self, incoming: Incoming) -> impl Future<Output = Option<Answer>> + Send;

    /// Messages of a topic were dropped because too many waited.
    fn missed(&self, topic: &Topic);
}

/// Receives for this node once it runs.
#[derive(Debug)]
pub(crate) struct Receiver {
    cluster: Arc<Cluster>,
    outbox: Outbox,
}

impl Receiver {
    pub(super) fn new(cluster: Arc<Cluster>, outbox: Outbox) -> Self {
        Self { cluster, outbox }
    }

    /// Connects to Redis and stays connected; sends what is published and hands what arrives to
    /// `handler`. Never returns.
    pub(crate) async fn run(self, handler: impl MessageHandler) {
        let Self { cluster, outbox } = self;
        let delivery = Arc::new(Delivery {
            cluster: cluster.clone(),
            handler: Arc::new(handler),
        });
        tokio::join!(
            cluster.bus.run(outbox),
            cluster.redis.keep_connected(delivery)
        );
    }
}

struct Delivery<H> {
    cluster: Arc<Cluster>,
    handler: Arc<H>,
}

impl<H> Clone for Delivery<H> {
    fn clone(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            handler: self.handler.clone(),
        }
    }
}

impl<H: MessageHandler> Listener for Delivery<H> {
    fn published(&self, channel: &str, message: Vec<u8>) {
        match Topic::of_channel(channel, &self.cluster.redis) {
            Some(topic) => self.receive(topic, message),
            None => self.cluster.unknown.note(),
        }
    }

    fn up(&self) {
        self.cluster.connected();
    }

    fn down(&self) {
        self.cluster.disconnected();
    }
}

impl<H: MessageHandler> Delivery<H> {
    /// Queues a message, unless this node sent it.
    fn receive(&self, topic: Topic, message: Vec<u8>) {
        if envelope::sender(&message) == Some(self.cluster.node_id) {
            return;
        }
        nodes::received(message.len());
        let message = match topic {
            Topic::AllNodes => {
                let read = self.decode(&message);
                read.map(|envelope| Queued::AllNodes(envelope, message.len()))
            }
            Topic::User(_) => {
                let read = self.decode(&message);
                read.map(|envelope| Queued::User(envelope, message.len()))
            }
            _ => Some(Queued::Encoded(message)),
        };
        let Some(message) = message else {
            return;
        };
        match self.cluster.inboxes.push(topic, message) {
            Pushed::Waits => {}
            Pushed::Full(topic) => {
                nodes::lost();
                self.handler.missed(&topic);
            }
            Pushed::First(key) => {
                let delivery = self.clone();
                let is_for_few = matches!(key.0, Topic::User(_));
                let mut drain = Box::pin(async move { delivery.drain(&key).await });
                // What has to wait is told again whom to wake.
                if !is_for_few || drain.as_mut().now_or_never().is_none() {
                    tokio::spawn(drain);
                }
            }
        }
    }

    /// Handles what is in a queue until it is empty.
    async fn drain(&self, key: &Key) {
        while let Some(message) = self.cluster.inboxes.next(key) {
            tokio::task::consume_budget().await;
            let handled = AssertUnwindSafe(self.deliver(&key.0, message));
            if handled.catch_unwind().await.is_err() {
                tracing::error!("a message of another node could not be handled: a panic");
            }
        }
    }

    async fn deliver(&self, topic: &Topic, message: Queued) {
        match (topic, message) {
            (Topic::AllNodes, Queued::AllNodes(envelope, _)) => {
                let from = envelope.from;
                let incoming = |message| Incoming::AllNodes(from, message);
                self.handle(envelope, incoming).await;
            }
            (Topic::User(user), Queued::User(envelope, _)) => {
                self.deliver_to_user(user, envelope).await;
            }
            (Topic::Session(id), Queued::Encoded(bytes)) => {
                let incoming = |message| Incoming::Session(id.clone(), message);
                self.decode_and_handle(&bytes, incoming).await;
            }
            (Topic::Conversation(id), Queued::Encoded(bytes)) => {
                let incoming = |message| Incoming::Conversation(id.clone(), message);
                self.decode_and_handle(&bytes, incoming).await;
            }
            (Topic::Node(_), Queued::Encoded(bytes)) => {
                if let Some(envelope) = self.decode(&bytes) {
                    self.receive_own(envelope.message);
                }
            }
            // Messages to users and to all nodes are decoded before they are queued, others are not.
            (Topic::User(_) | Topic::AllNodes, Queued::Encoded(_))
            | (_, Queued::User(..) | Queued::AllNodes(..)) => {
                self.cluster.unknown.note();
            }
        }
    }

    /// Confirms an event that has a credit once it is handed to the user's connections.
    async fn deliver_to_user(&self, user: &UserId, envelope: Envelope<UserMessage>) {
        let (from, credit) = match &envelope.message {
            UserMessage::Event { credit, .. } => (envelope.from, *credit),
            _ => (envelope.from, 0),
        };
        let incoming = |message| Incoming::User(user.clone(), message);
        self.handle(envelope, incoming).await;
        if credit > 0 {
            let consumed = NodeMessage::Consumed {
                user: user.clone(),
                bytes: credit,
            };
            let _ = self.cluster.bus.publish(&from, &consumed);
        }
    }

    async fn decode_and_handle<M: Message>(
        &self,
        bytes: &[u8],
        incoming: impl FnOnce(M) -> Incoming,
    ) {
        if let Some(envelope) = self.decode(bytes) {
            self.handle(envelope, incoming).await;
        }
    }

    async fn handle<M>(&self, envelope: Envelope<M>, incoming: impl FnOnce(M) -> Incoming) {
        let Envelope {
            from,
            question,
            said_at,
            trace,
            message,
        } = envelope;
        if let Some(said_at) = said_at {
            let delay = clock::now_us().saturating_sub(said_at);
            nodes::heard(Duration::from_micros(delay));
        }
        let span = trace.and_then(|trace| Span::begin(Name::NodeReceive, Parent::Remote(trace)));
        let answer = match span {
            Some(span) => {
                let handling = Box::pin(self.handler.handle(incoming(message)));
                let answer = span.around(handling).await;
                span.received();
                answer
            }
            None => self.handler.handle(incoming(message)).await,
        };
        if let (Some(question), Some(answer)) = (question, answer) {
            Questions::answer(&self.cluster.bus, from, question, answer);
        }
    }

    fn receive_own(&self, message: NodeMessage) {
        match message {
            NodeMessage::Answer { question, answer } => {
                self.cluster.questions.answered(question, answer);
            }
            NodeMessage::Consumed { user, bytes } => self.cluster.credits.consumed(&user, bytes),
        }
    }

    fn decode<M: Message>(&self, bytes: &[u8]) -> Option<Envelope<M>> {
        let envelope = Envelope::decode(bytes);
        if envelope.is_none() {
            self.cluster.unknown.note();
        }
        envelope
    }
}
