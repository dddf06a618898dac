//! What the servers of one deployment share: each is a node, and Redis is between them.
//!
//! Owns what nodes say to each other and what they keep in Redis together: who is online, who is in
//! which room, which nodes live. It must not know connections, and nothing here any event; what is
//! done about what was heard is in `server::node`.

mod bus;
mod credit;
mod inbox;
mod lease;
mod ledger;
mod peers;
mod presence;
mod questions;
mod room_presence;
mod scripts;
#[cfg(test)]
mod tests;
mod topic;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use bus::{Bus, Posted, Subscription};
pub use inbox::{Heard, Hearer};
pub use lease::{LEASE, LeaseState, RENEWAL};
pub use ledger::Entry;
pub use presence::Online;
pub use room_presence::Attendance;
pub use topic::Topic;
pub use wire::{Answer, Body, Change, Said, SessionMembers, Spent, Told};

use crate::config::Config;
use crate::model::clock::Clock;
use crate::model::{NodeId, UserId};
use crate::payload::EncodedEvent;
use crate::stores::drivers::redis::{Listener, Redis, RedisError};
use bus::Outbox;
use credit::Credits;
use inbox::Inboxes;
use questions::Questions;

/// This node among the others.
#[derive(Debug)]
pub struct Cluster {
    me: NodeId,
    redis: Arc<Redis>,
    bus: Arc<Bus>,
    inboxes: Arc<Inboxes>,
    questions: Questions,
    credits: Credits,
    clock: Arc<dyn Clock>,
    outbox: Mutex<Option<Outbox>>,
    /// Counts connections to Redis; even while there is none.
    connections: watch::Sender<u64>,
    /// What Redis was known by when it was asked last.
    epoch: Mutex<Option<String>>,
    users_on_other_nodes: AtomicUsize,
    renewed: AtomicBool,
}

impl Cluster {
    /// This node. It does nothing before it is [started](Self::start).
    ///
    /// # Errors
    /// When the driver refuses what `redis_url` says.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Self>, RedisError> {
        let Some(url) = &config.redis_url else {
            return Ok(None);
        };
        let redis = Arc::new(Redis::new(url, &config.redis_prefix)?);
        let me = NodeId::random();
        let (bus, outbox) = Bus::new(redis.clone(), me);
        Ok(Some(Self {
            me,
            bus: Arc::new(bus),
            inboxes: Arc::new(Inboxes::new(me, 2 * config.receiver_budget)),
            questions: Questions::default(),
            credits: Credits::new(config.receiver_budget / 4, config.write_deadline),
            clock,
            outbox: Mutex::new(Some(outbox)),
            connections: watch::Sender::new(0),
            epoch: Mutex::default(),
            users_on_other_nodes: AtomicUsize::new(0),
            renewed: AtomicBool::new(false),
            redis,
        }))
    }

    /// Connects and stays connected. What is heard goes to `hearer`.
    pub fn start(self: &Arc<Self>, hearer: Arc<dyn Hearer>) -> Vec<JoinHandle<()>> {
        self.inboxes.set_hearer(hearer);
        let mut tasks = Vec::new();
        if let Some(outbox) = self.outbox.lock().take() {
            let bus = self.bus.clone();
            tasks.push(tokio::spawn(async move { bus.run(outbox).await }));
        }
        let nodes = self.clone();
        tasks.push(tokio::spawn(async move {
            nodes.redis.keep_connected(nodes.clone()).await;
        }));
        tasks
    }

    /// The id of this node.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Redis.
    pub fn redis(&self) -> &Arc<Redis> {
        &self.redis
    }

    /// What nodes say to each other.
    pub fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    /// Why clients should go to other nodes, if they should.
    pub fn problem(&self) -> Option<&'static str> {
        (!self.bus.is_settled()).then_some("Redis is away")
    }

    /// Tells whether there is a connection: odd while there is one, another number each time.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connections.subscribe()
    }

    /// Everything of this node is in Redis again.
    pub fn set_renewed(&self) {
        self.renewed.store(true, Ordering::Release);
    }

    /// Whether everything of this node is in Redis.
    pub fn is_renewed(&self) -> bool {
        self.renewed.load(Ordering::Acquire)
    }

    // Questions.

    /// Asks all other nodes that hear a topic: what they answer within a second.
    pub async fn ask(&self, topic: &Topic, body: &Body) -> Vec<Answer> {
        const PATIENCE: Duration = Duration::from_secs(1);
        let asked = self.questions.ask(&self.bus, topic, body, PATIENCE);
        asked.await
    }

    /// Has all other nodes that hear a topic do something: what they answer when it is done. A node
    /// that stands still is not waited for for longer than 5 s.
    pub async fn have_done(&self, topic: &Topic, body: &Body) -> Vec<Answer> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let asked = self.questions.ask(&self.bus, topic, body, PATIENCE);
        asked.await
    }

    /// Answers a question that was heard.
    pub fn answer(&self, asker: NodeId, question: u64, answer: Answer) {
        Questions::answer(&self.bus, asker, question, answer);
    }

    /// An answer was heard.
    pub fn answered(&self, question: u64, answer: Answer) {
        self.questions.answered(question, answer);
    }

    // Events to users.

    /// Waits until a user's connections elsewhere have taken most of what was sent to them.
    pub async fn room(&self, user: &UserId) {
        self.credits.room(user).await;
    }

    /// Sends an event to a user's connections elsewhere; whether there are any.
    pub async fn send(&self, user: &UserId, sender: &UserId, event: EncodedEvent) -> bool {
        /// What is smaller is not worth telling that it was taken.
        const LARGE: usize = 4096;
        let size = event.size();
        let credit = if size >= LARGE { size } else { 0 };
        let body = Body::Event {
            sender: sender.clone(),
            event,
            credit,
        };
        let posted = self.bus.post(&Topic::User(user.clone()), &body);
        let nodes = posted.elsewhere().await;
        self.credits.sent(user, credit, nodes);
        nodes > 0
    }

    /// Whether everything that was heard of a user is handled.
    pub fn is_quiet(&self, user: &UserId) -> bool {
        self.inboxes.is_quiet(&Topic::User(user.clone()))
    }

    /// A user's connections elsewhere took so many bytes.
    pub fn taken(&self, user: &UserId, bytes: usize) {
        self.credits.taken(user, bytes);
    }

    // Counts.

    fn note_users_on_other_nodes(&self, users: usize) {
        self.users_on_other_nodes.store(users, Ordering::Relaxed);
    }

    /// About how many users are connected to other nodes.
    pub fn users_on_other_nodes(&self) -> usize {
        self.users_on_other_nodes.load(Ordering::Relaxed)
    }
}

impl Listener for Cluster {
    fn published(&self, channel: &str, message: Vec<u8>) {
        if let Some(topic) = Topic::of_channel(channel, &self.redis) {
            self.inboxes.push(topic, message);
        }
    }

    fn up(&self) {
        self.bus.renew();
        self.connections.send_modify(|number| *number |= 1);
    }

    fn down(&self) {
        self.renewed.store(false, Ordering::Release);
        self.bus.unsettle();
        self.credits.forget();
        self.connections
            .send_modify(|number| *number = (*number | 1) + 1);
    }
}
