//! Publishing messages and subscribing to topics.
//!
//! Owns the order of everything this node publishes: one task sends it all, so what is published
//! first arrives first, and a caller can wait until a subscription has taken effect. Without a
//! connection messages are dropped at once. It must not know what messages mean.

mod sender;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use redis::Cmd;
use tokio::sync::{mpsc, oneshot, watch};

use super::Topic;
use super::envelope::{self, Head};
use super::message::Message;
use crate::metrics::nodes;
use crate::model::{NodeId, clock};
use crate::stores::drivers::redis::Redis;
use crate::traces::{Attribute, Name, Span};
use sender::Sender;

/// The most bytes that wait to be sent; further messages are dropped.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// How many commands are sent before the reply to the first is awaited.
const BATCH: usize = 512;

/// What this node publishes on and subscribes with.
#[derive(Debug)]
pub(crate) struct Bus {
    redis: Arc<Redis>,
    node_id: NodeId,
    /// The id of no node.
    nobody: NodeId,
    outbox: mpsc::UnboundedSender<Command>,
    /// Bytes in the outbox.
    waiting: AtomicUsize,
    interests: Mutex<HashMap<Topic, Interest>>,
    /// All subscriptions have taken effect.
    is_ready: AtomicBool,
    /// Messages were dropped on this connection, which is logged once.
    has_dropped: AtomicBool,
}

/// A topic that this node subscribes to.
#[derive(Debug)]
struct Interest {
    subscriptions: usize,
    subscribed: watch::Receiver<bool>,
}

/// What the sending task does.
#[derive(Debug)]
enum Command {
    Publish {
        topic: Topic,
        message: Vec<u8>,
        receivers: oneshot::Sender<usize>,
    },
    Subscribe(Topic, watch::Sender<bool>),
    Unsubscribe(Topic),
    /// A command to Redis whose reply nobody needs.
    Run(Cmd),
    /// Subscribe to everything again, on a new connection.
    Resubscribe,
    /// Everything before this is done.
    Flush(oneshot::Sender<()>),
}

/// A message that was published, or dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Published(Option<oneshot::Receiver<usize>>);

impl Published {
    /// Whether it was dropped.
    pub(super) fn is_dropped(&self) -> bool {
        self.0.is_none()
    }

    /// Waits until it is sent; how many other nodes received it. 0 when it was dropped.
    pub(crate) async fn receivers(self) -> usize {
        match self.0 {
            Some(receivers) => receivers.await.unwrap_or(0),
            None => 0,
        }
    }
}

/// Subscribes this node to a topic until it is dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    bus: Arc<Bus>,
    topic: Topic,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.unsubscribe(&self.topic);
    }
}

/// What waits to be sent, for [`Bus::run`].
#[derive(Debug)]
pub(super) struct Outbox(mpsc::UnboundedReceiver<Command>);

impl Bus {
    pub(super) fn new(redis: Arc<Redis>, node_id: NodeId) -> (Self, Outbox) {
        let (outbox, commands) = mpsc::unbounded_channel();
        let bus = Self {
            redis,
            node_id,
            nobody: NodeId::random(),
            outbox,
            waiting: AtomicUsize::new(0),
            interests: Mutex::default(),
            is_ready: AtomicBool::new(false),
            has_dropped: AtomicBool::new(false),
        };
        (bus, Outbox(commands))
    }

    /// Whether there is a connection on which all subscriptions have taken effect.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Encodes a message, for a script that publishes it. Empty when that fails.
    pub(super) fn encode<M: Message>(&self, message: &M) -> Vec<u8> {
        self.encode_question(None, message).unwrap_or_default()
    }

    /// `None`: that failed, which is logged.
    fn encode_question<M: Message>(&self, question: Option<u64>, message: &M) -> Option<Vec<u8>> {
        let span = Span::within(Name::NodeSend);
        let trace = span.as_ref().and_then(Span::written);
        let head = Head {
            question,
            said_at: Some(clock::now_us()),
            trace: trace.as_deref(),
        };
        let encoded = envelope::encode(self.node_id, head, message);
        if let (Some(span), Some(encoded)) = (&span, &encoded) {
            span.note(Attribute::Bytes(encoded.len()));
        }
        if encoded.is_none() {
            tracing::error!("a message to other nodes could not be written");
        }
        encoded
    }

    /// Publishes a message. Messages arrive in the order of these calls.
    pub(crate) fn publish<M: Message>(&self, to: &M::Topic, message: &M) -> Published {
        self.publish_question(to, None, message)
    }

    pub(super) fn publish_question<M: Message>(
        &self,
        to: &M::Topic,
        question: Option<u64>,
        message: &M,
    ) -> Published {
        if !self.redis.is_up() {
            nodes::lost();
            return Published(None);
        }
        match self.encode_question(question, message) {
            Some(message) => self.publish_encoded(to.clone().into(), message),
            None => Published(None),
        }
    }

    /// Publishes a message where nobody receives it.
    pub(super) fn publish_to_nobody<M: Message>(&self, message: &M) -> Published {
        let message = self
            .redis
            .is_up()
            .then(|| self.encode_question(None, message));
        match message.flatten() {
            Some(message) => self.publish_encoded(self.nobody.into(), message),
            None => Published(None),
        }
    }

    fn publish_encoded(&self, topic: Topic, message: Vec<u8>) -> Published {
        let size = message.len();
        if self.waiting.load(Ordering::Relaxed) + size > MAX_WAITING_BYTES {
            if !self.has_dropped.swap(true, Ordering::Relaxed) {
                tracing::error!("Redis is too slow: messages to other nodes are lost");
            }
            nodes::lost();
            return Published(None);
        }
        self.waiting.fetch_add(size, Ordering::Relaxed);
        nodes::sent(size);
        let (receivers, published) = oneshot::channel();
        self.enqueue(Command::Publish {
            topic,
            message,
            receivers,
        });
        Published(Some(published))
    }

    /// Runs a command in Redis whose reply nobody needs.
    pub(super) fn run_command(&self, command: Cmd) {
        if self.redis.is_up() {
            self.enqueue(Command::Run(command));
        }
    }

    /// Waits until everything published before is sent.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        self.enqueue(Command::Flush(done));
        // An error means that the bus has ended.
        let _ = flushed.await;
    }

    /// Subscribes to a topic. The subscription has taken effect when this returns. Without a connection
    /// this returns at once, and it takes effect as soon as there is one.
    pub(crate) async fn subscribe(self: &Arc<Self>, topic: impl Into<Topic>) -> Subscription {
        let topic = topic.into();
        let mut subscribed = self.add_interest(&topic);
        let subscription = Subscription {
            bus: self.clone(),
            topic,
        };
        // An error means that the bus has ended.
        let _ = subscribed.wait_for(|subscribed| *subscribed).await;
        subscription
    }

    fn add_interest(&self, topic: &Topic) -> watch::Receiver<bool> {
        let mut interests = self.interests.lock();
        if let Some(interest) = interests.get_mut(topic) {
            interest.subscriptions += 1;
            return interest.subscribed.clone();
        }
        let (done, subscribed) = watch::channel(false);
        let interest = Interest {
            subscriptions: 1,
            subscribed: subscribed.clone(),
        };
        interests.insert(topic.clone(), interest);
        // Within the lock, so that the commands have the order of the changes.
        self.enqueue(Command::Subscribe(topic.clone(), done));
        subscribed
    }

    fn unsubscribe(&self, topic: &Topic) {
        let mut interests = self.interests.lock();
        let Some(interest) = interests.get_mut(topic) else {
            return;
        };
        interest.subscriptions -= 1;
        if interest.subscriptions == 0 {
            interests.remove(topic);
            self.enqueue(Command::Unsubscribe(topic.clone()));
        }
    }

    fn enqueue(&self, command: Command) {
        // An error means that the bus has ended, and nobody waits.
        let _ = self.outbox.send(command);
    }

    /// There is a new connection.
    pub(super) fn resubscribe(&self) {
        self.has_dropped.store(false, Ordering::Relaxed);
        self.enqueue(Command::Resubscribe);
    }

    /// The connection is broken.
    pub(super) fn set_not_ready(&self) {
        self.is_ready.store(false, Ordering::Release);
    }

    /// Sends what is in the outbox. Never returns.
    pub(super) async fn run(&self, outbox: Outbox) {
        let Outbox(mut outbox) = outbox;
        let mut batch = Vec::new();
        let mut sender = Sender::new(self);
        while outbox.recv_many(&mut batch, BATCH).await > 0 {
            sender.send(&mut batch).await;
        }
    }
}
