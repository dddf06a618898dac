//! Publishing to topics and hearing them.
//!
//! Owns the order of all that this node says: one task sends everything, so what is said first is
//! heard first, and a node that hears a topic hears it from a moment that can be waited for. Without
//! a connection what is said is lost, at once. It must not know what messages mean.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use redis::Cmd;
use tokio::sync::{mpsc, oneshot, watch};

use super::wire::{Body, Envelope};
use super::{NodeId, Topic};
use crate::redis::{Link, Redis};

/// The most bytes that wait to be sent; what comes beyond them is lost.
const MOST_WAITING: usize = 64 << 20;
/// How many commands are sent before the answer to the first is waited for.
const AT_ONCE: usize = 512;

/// What this node says and hears.
#[derive(Debug)]
pub struct Bus {
    redis: Arc<Redis>,
    me: NodeId,
    outbox: mpsc::UnboundedSender<Out>,
    /// Bytes in the outbox.
    waiting: Arc<AtomicUsize>,
    wanted: Mutex<HashMap<Topic, Wanted>>,
    /// All that is wanted is heard.
    is_settled: AtomicBool,
    lost: AtomicBool,
}

/// A topic that somebody here needs.
#[derive(Debug)]
struct Wanted {
    by: usize,
    heard: watch::Receiver<bool>,
}

#[derive(Debug)]
enum Out {
    Publish {
        topic: Topic,
        message: Vec<u8>,
        reached: oneshot::Sender<usize>,
    },
    Subscribe(Topic, watch::Sender<bool>),
    Unsubscribe(Topic),
    /// Something that nobody waits for.
    Command(Cmd),
    /// There is a new connection, on which nothing is heard yet.
    Renew,
    /// What was said before is sent.
    Flush(oneshot::Sender<()>),
}

/// What becomes of something that was said.
#[must_use]
#[derive(Debug)]
pub struct Posted(Option<oneshot::Receiver<usize>>);

impl Posted {
    /// Waits until it is said; how many other nodes heard it.
    pub async fn elsewhere(self) -> usize {
        match self.0 {
            Some(reached) => reached.await.unwrap_or(0),
            None => 0,
        }
    }
}

/// This node hears a topic until this is dropped.
#[derive(Debug)]
pub struct Subscription {
    bus: Arc<Bus>,
    topic: Topic,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.leave(&self.topic);
    }
}

/// The end of the outbox, to be given to [`Bus::run`].
#[derive(Debug)]
pub(super) struct Outbox(mpsc::UnboundedReceiver<Out>);

impl Bus {
    pub(super) fn new(redis: Arc<Redis>, me: NodeId) -> (Self, Outbox) {
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let bus = Self {
            redis,
            me,
            outbox,
            waiting: Arc::default(),
            wanted: Mutex::default(),
            is_settled: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        };
        (bus, Outbox(outgoing))
    }

    /// Whether all that this node should hear is heard.
    pub fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// Writes a message, for a script that says it.
    pub(super) fn written(&self, body: &Body) -> Vec<u8> {
        self.envelope(None, body)
    }

    fn envelope(&self, question: Option<u64>, body: &Body) -> Vec<u8> {
        Envelope::write(self.me, question, body).unwrap_or_else(|| {
            tracing::error!("a message to other nodes could not be written");
            Vec::new()
        })
    }

    /// Says something. Others hear it in the order of these calls.
    pub fn post(&self, topic: &Topic, body: &Body) -> Posted {
        self.post_question(topic, None, body)
    }

    pub(super) fn post_question(
        &self,
        topic: &Topic,
        question: Option<u64>,
        body: &Body,
    ) -> Posted {
        if !self.redis.is_up() {
            return Posted(None);
        }
        let message = self.envelope(question, body);
        let size = message.len();
        if self.waiting.load(Ordering::Relaxed) + size > MOST_WAITING {
            if !self.lost.swap(true, Ordering::Relaxed) {
                tracing::error!("Redis is too slow: messages to other nodes are lost");
            }
            return Posted(None);
        }
        self.waiting.fetch_add(size, Ordering::Relaxed);
        let (reached, elsewhere) = oneshot::channel();
        let topic = topic.clone();
        self.send(Out::Publish {
            topic,
            message,
            reached,
        });
        Posted(Some(elsewhere))
    }

    /// Does something in Redis that nobody waits for.
    pub(super) fn command(&self, command: Cmd) {
        if self.redis.is_up() {
            self.send(Out::Command(command));
        }
    }

    /// Waits until all that was said before is said.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        self.send(Out::Flush(done));
        // An error means that the bus has ended.
        let _ = flushed.await;
    }

    /// Hears a topic from the end of this call on, or, without a connection, as soon as there is one.
    pub async fn subscribe(self: &Arc<Self>, topic: Topic) -> Subscription {
        let mut heard = self.want(&topic);
        let subscription = Subscription {
            bus: self.clone(),
            topic,
        };
        // An error means that the bus has ended.
        let _ = heard.wait_for(|heard| *heard).await;
        subscription
    }

    fn want(&self, topic: &Topic) -> watch::Receiver<bool> {
        let mut wanted = self.wanted.lock();
        if let Some(wanted) = wanted.get_mut(topic) {
            wanted.by += 1;
            return wanted.heard.clone();
        }
        let (hears, heard) = watch::channel(false);
        let new = Wanted {
            by: 1,
            heard: heard.clone(),
        };
        wanted.insert(topic.clone(), new);
        // Within the lock, so that the commands have the order of the changes.
        self.send(Out::Subscribe(topic.clone(), hears));
        heard
    }

    fn leave(&self, topic: &Topic) {
        let mut all = self.wanted.lock();
        let Some(wanted) = all.get_mut(topic) else {
            return;
        };
        wanted.by -= 1;
        if wanted.by == 0 {
            all.remove(topic);
            self.send(Out::Unsubscribe(topic.clone()));
        }
    }

    fn send(&self, out: Out) {
        // An error means that the bus has ended, and nobody waits.
        let _ = self.outbox.send(out);
    }

    /// There is a new connection.
    pub(super) fn renew(&self) {
        self.lost.store(false, Ordering::Relaxed);
        self.send(Out::Renew);
    }

    /// The connection is broken.
    pub(super) fn unsettle(&self) {
        self.is_settled.store(false, Ordering::Release);
    }

    /// Sends, for ever.
    pub(super) async fn run(&self, outbox: Outbox) {
        let Outbox(mut outbox) = outbox;
        let mut batch = Vec::new();
        let mut sender = Sender {
            bus: self,
            hears: HashSet::new(),
        };
        while outbox.recv_many(&mut batch, AT_ONCE).await > 0 {
            sender.send(&mut batch).await;
        }
    }
}

/// The one who sends, and what is heard on the present connection.
struct Sender<'b> {
    bus: &'b Bus,
    hears: HashSet<Topic>,
}

impl Sender<'_> {
    async fn send(&mut self, batch: &mut Vec<Out>) {
        let mut sending: Vec<BoxFuture<'_, ()>> = Vec::with_capacity(batch.len());
        for out in batch.drain(..) {
            match out {
                Out::Renew => {
                    join_all(std::mem::take(&mut sending)).await;
                    self.renew().await;
                }
                Out::Flush(done) => {
                    join_all(std::mem::take(&mut sending)).await;
                    // Who waited may have given up.
                    let _ = done.send(());
                }
                out => sending.push(self.begin(out)),
            }
        }
        // They are sent in this order: each is put into the connection's queue when it is polled
        // first.
        join_all(sending).await;
    }

    fn begin<'f>(&mut self, out: Out) -> BoxFuture<'f, ()>
    where
        Self: 'f,
    {
        let bus = self.bus;
        match out {
            Out::Publish {
                topic,
                message,
                reached,
            } => {
                let own = usize::from(self.hears.contains(&topic));
                Box::pin(async move {
                    let size = message.len();
                    let heard = bus.publish(&topic, message).await;
                    bus.waiting.fetch_sub(size, Ordering::Relaxed);
                    // Not everyone wants to know.
                    let _ = reached.send(heard.saturating_sub(own));
                })
            }
            Out::Subscribe(topic, heard) => {
                self.hears.insert(topic.clone());
                Box::pin(async move {
                    bus.hear(&topic).await;
                    // Without a connection it is as well as can be.
                    heard.send_replace(true);
                })
            }
            Out::Unsubscribe(topic) => {
                self.hears.remove(&topic);
                Box::pin(async move { bus.listen("UNSUBSCRIBE", &topic).await })
            }
            Out::Command(command) => Box::pin(async move {
                let done = bus.redis.query::<redis::Value>(&command).await;
                if let Err(error) = done {
                    tracing::debug!(%error, "something was not noted in Redis");
                }
            }),
            Out::Renew | Out::Flush(_) => Box::pin(std::future::ready(())),
        }
    }

    async fn renew(&mut self) {
        self.hears = self.bus.wanted.lock().keys().cloned().collect();
        for some in self.hears.iter().collect::<Vec<_>>().chunks(AT_ONCE) {
            join_all(some.iter().map(|topic| self.bus.hear(topic))).await;
        }
        self.bus
            .is_settled
            .store(self.bus.redis.is_up(), Ordering::Release);
    }
}

impl Bus {
    /// How many nodes heard it.
    async fn publish(&self, topic: &Topic, message: Vec<u8>) -> usize {
        let Ok(mut link) = self.redis.link() else {
            return 0;
        };
        let mut command = command_for(topic, "PUBLISH");
        command.arg(topic.channel(&self.redis)).arg(message);
        let published = command.query_async::<usize>(&mut link).await;
        self.redis.note(published).unwrap_or_else(|error| {
            tracing::debug!(%error, "a message to other nodes is lost");
            0
        })
    }

    async fn hear(&self, topic: &Topic) {
        self.listen("SUBSCRIBE", topic).await;
    }

    async fn listen(&self, name: &str, topic: &Topic) {
        let Ok(mut link): Result<Link, _> = self.redis.link() else {
            return;
        };
        let mut command = command_for(topic, name);
        command.arg(topic.channel(&self.redis));
        let done = command.query_async::<redis::Value>(&mut link).await;
        if let Err(error) = self.redis.note(done) {
            tracing::warn!(%error, "what other nodes say is not heard");
        }
    }
}

/// A command of pub/sub, or the one of sharded pub/sub.
fn command_for(topic: &Topic, name: &str) -> Cmd {
    match topic.is_sharded() {
        true => redis::cmd(&format!("S{name}")),
        false => redis::cmd(name),
    }
}
