//! Publishing to topics and hearing them.
//!
//! Owns the order of all that this node says: one task sends everything, so what is said first is
//! heard first, and a node that hears a topic hears it from a moment that can be waited for. Without
//! a connection what is said is lost, at once. It must not know what messages mean.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue, RedisResult, Value};
use tokio::sync::{mpsc, oneshot, watch};

use super::Topic;
use super::wire::{Body, Envelope};
use crate::model::NodeId;
use crate::stores::drivers::redis::{Link, Redis};

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
    waiting: AtomicUsize,
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
            waiting: AtomicUsize::new(0),
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

/// A command on its way.
struct Step {
    /// What it is about; in a cluster, that decides which server does it.
    topic: Option<Topic>,
    command: Cmd,
    then: Then,
}

/// Who waits for a command.
enum Then {
    Published {
        size: usize,
        /// How many of those who hear it are this node.
        own: usize,
        reached: oneshot::Sender<usize>,
    },
    Hears(watch::Sender<bool>),
    Nothing,
}

impl Sender<'_> {
    async fn send(&mut self, batch: &mut Vec<Out>) {
        let mut steps = Vec::with_capacity(batch.len());
        for out in batch.drain(..) {
            match out {
                Out::Renew => {
                    self.bus.go(std::mem::take(&mut steps)).await;
                    self.renew().await;
                }
                Out::Flush(done) => {
                    self.bus.go(std::mem::take(&mut steps)).await;
                    // Who waited may have given up.
                    let _ = done.send(());
                }
                Out::Publish {
                    topic,
                    message,
                    reached,
                } => {
                    let (size, own) = (message.len(), usize::from(self.hears.contains(&topic)));
                    let mut step = self.step("PUBLISH", topic);
                    step.command.arg(message);
                    step.then = Then::Published { size, own, reached };
                    steps.push(step);
                }
                Out::Subscribe(topic, heard) => {
                    self.hears.insert(topic.clone());
                    let mut step = self.step("SUBSCRIBE", topic);
                    step.then = Then::Hears(heard);
                    steps.push(step);
                }
                Out::Unsubscribe(topic) => {
                    self.hears.remove(&topic);
                    steps.push(self.step("UNSUBSCRIBE", topic));
                }
                Out::Command(command) => steps.push(Step {
                    topic: None,
                    command,
                    then: Then::Nothing,
                }),
            }
        }
        self.bus.go(steps).await;
    }

    async fn renew(&mut self) {
        self.hears = self.bus.wanted.lock().keys().cloned().collect();
        let topics: Vec<_> = self.hears.iter().cloned().collect();
        for some in topics.chunks(AT_ONCE) {
            let steps = some.iter().cloned();
            let steps = steps.map(|topic| self.step("SUBSCRIBE", topic));
            self.bus.go(steps.collect()).await;
        }
        let is_settled = self.bus.redis.is_up();
        self.bus.is_settled.store(is_settled, Ordering::Release);
    }

    /// A command of pub/sub, or the one of sharded pub/sub.
    fn step(&self, name: &str, topic: Topic) -> Step {
        let mut command = match topic.is_sharded() {
            true => redis::cmd(&format!("S{name}")),
            false => redis::cmd(name),
        };
        command.arg(topic.channel(&self.bus.redis));
        Step {
            topic: Some(topic),
            command,
            then: Then::Nothing,
        }
    }
}

impl Bus {
    /// Does these in their order.
    async fn go(&self, steps: Vec<Step>) {
        match self.redis.link() {
            _ if steps.is_empty() => {}
            Ok(link @ Link::One(_)) => self.do_at_once(link, steps).await,
            Ok(link @ Link::Cluster(_)) => self.do_by_topic(link, steps).await,
            Err(_) => steps
                .into_iter()
                .for_each(|step| self.done(step.then, None)),
        }
    }

    /// As one request.
    async fn do_at_once(&self, mut link: Link, steps: Vec<Step>) {
        let mut pipeline = redis::Pipeline::with_capacity(steps.len());
        pipeline.ignore_errors();
        let mut waiting = Vec::with_capacity(steps.len());
        for step in steps {
            pipeline.add_command(step.command);
            waiting.push(step.then);
        }
        let done = pipeline
            .query_async::<Vec<RedisResult<Value>>>(&mut link)
            .await;
        let mut done = self.redis.note(done).unwrap_or_default().into_iter();
        for then in waiting {
            let done = done.next().map(|done| self.redis.note(done));
            self.done(then, done.and_then(Result::ok));
        }
    }

    /// What is about one topic one after the other, since a cluster takes no requests of several.
    async fn do_by_topic(&self, link: Link, steps: Vec<Step>) {
        let mut lanes: HashMap<Option<Topic>, Vec<Step>> = HashMap::new();
        for step in steps {
            lanes.entry(step.topic.clone()).or_default().push(step);
        }
        let lanes = lanes.into_values().map(async |lane| {
            let mut link = link.clone();
            for step in lane {
                let done = step.command.query_async::<Value>(&mut link).await;
                self.done(step.then, self.redis.note(done).ok());
            }
        });
        join_all(lanes).await;
    }

    fn done(&self, then: Then, done: Option<Value>) {
        match then {
            Then::Published { size, own, reached } => {
                self.waiting.fetch_sub(size, Ordering::Relaxed);
                let heard = done.and_then(|done| usize::from_redis_value(done).ok());
                // Not everyone wants to know.
                let _ = reached.send(heard.unwrap_or(0).saturating_sub(own));
            }
            // Without a connection it is as well as can be.
            Then::Hears(hears) => drop(hears.send_replace(true)),
            Then::Nothing => {}
        }
    }
}
