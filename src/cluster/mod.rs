//! The servers ("nodes") of one deployment, connected by Redis.
//!
//! Owns the messages between nodes and the state they share in Redis: which nodes are alive, who is
//! online, who is in which room. It must not know connections, and it does not act on a message:
//! `server::node` hands each one to the service concerned.
//!
//! While Redis is unreachable, messages are dropped, not queued, and calls fail at once; each node
//! serves its own clients. Once it is reachable again, `server::node::renewal` restores what this
//! node has in Redis and publishes what was missed.

mod bus;
mod credit;
mod envelope;
mod inbox;
mod lease;
mod ledger;
mod message;
mod peers;
mod presence;
mod questions;
mod receiver;
mod requests;
mod room_presence;
mod scripts;
mod settings;
#[cfg(test)]
mod tests;
mod topic;
mod transfers;
mod unfinished;
mod unknown;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use bus::{Bus, Subscription};
pub(crate) use lease::{LEASE, LeaseState, RENEWAL};
pub(crate) use ledger::Entry;
pub(crate) use message::{
    About, AdminSession, AllNodesMessage, Answer, BackendMessage, ConversationMessage,
    EndedConnection, ListedConnection, Message, NodeStats, PresenceChange, Publication,
    PublishTarget, Reached, RevocationMessage, SessionMembers, SessionMessage, Spent, Typing,
    UserMessage, Watched,
};
pub(crate) use presence::Online;
pub(crate) use receiver::{Incoming, MessageHandler, Receiver};
pub(crate) use requests::Claimed;
pub(crate) use settings::NodeSettings;
pub(crate) use topic::{AllNodes, Topic};
pub(crate) use unfinished::UnfinishedMark;

use crate::config::Config;
use crate::model::clock::Clock;
use crate::model::{NodeId, UserId};
use crate::payload::EncodedEvent;
use crate::stores::drivers::redis::{Redis, RedisError};
use crate::transport::Turn;
use credit::Credits;
use inbox::Inboxes;
use questions::Questions;
use unknown::UnknownMessages;

/// This node among the others.
#[derive(Debug)]
pub(crate) struct Cluster {
    node_id: NodeId,
    redis: Arc<Redis>,
    bus: Arc<Bus>,
    inboxes: Inboxes,
    questions: Questions,
    credits: Credits,
    unknown: UnknownMessages,
    clock: Arc<dyn Clock>,
    /// Whether there is a connection to Redis.
    is_connected: watch::Sender<bool>,
    /// The epoch of Redis at the last renewal; it changes when Redis has lost its data.
    epoch: Mutex<Option<String>>,
    users_on_other_nodes: AtomicUsize,
    nodes: AtomicUsize,
    is_renewed: AtomicBool,
}

impl Cluster {
    /// This node, and what receives for it: nothing is sent or received before that
    /// [runs](Receiver::run). `None`: there is no `redis_url`, so this is the only node.
    ///
    /// # Errors
    /// When the driver rejects `redis_url`.
    pub(crate) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<(Arc<Self>, Receiver)>, RedisError> {
        let Some(url) = &config.redis_url else {
            return Ok(None);
        };
        let redis = Arc::new(Redis::new(url, &config.redis_prefix)?);
        let node_id = NodeId::random();
        let (bus, outbox) = Bus::new(redis.clone(), node_id);
        let cluster = Arc::new(Self {
            node_id,
            bus: Arc::new(bus),
            inboxes: Inboxes::new(2 * config.receiver_budget),
            questions: Questions::default(),
            credits: Credits::new(config.receiver_budget / 4, config.write_deadline),
            unknown: UnknownMessages::default(),
            clock,
            is_connected: watch::Sender::new(false),
            epoch: Mutex::default(),
            users_on_other_nodes: AtomicUsize::new(0),
            nodes: AtomicUsize::new(1),
            is_renewed: AtomicBool::new(false),
            redis,
        });
        let receiver = Receiver::new(cluster.clone(), outbox);
        Ok(Some((cluster, receiver)))
    }

    /// The id of this node.
    pub(crate) fn node_id(&self) -> NodeId {
        self.node_id
    }

    /// Redis.
    pub(crate) fn redis(&self) -> &Arc<Redis> {
        &self.redis
    }

    /// What messages are published on.
    pub(crate) fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    /// Why clients should connect to other nodes, if they should.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        (!self.bus.is_ready()).then_some("Redis is away")
    }

    /// Follows whether there is a connection to Redis. Every new and every lost one is a change, even
    /// if the value stays.
    pub(crate) fn watch_connected(&self) -> watch::Receiver<bool> {
        self.is_connected.subscribe()
    }

    fn connected(&self) {
        self.bus.resubscribe();
        self.is_connected.send_replace(true);
    }

    fn disconnected(&self) {
        self.is_renewed.store(false, Ordering::Release);
        self.bus.set_not_ready();
        self.credits.clear();
        self.is_connected.send_replace(false);
    }

    /// Everything of this node is in Redis again.
    pub(crate) fn set_renewed(&self) {
        self.is_renewed.store(true, Ordering::Release);
    }

    /// Whether everything of this node is in Redis.
    pub(crate) fn is_renewed(&self) -> bool {
        self.is_renewed.load(Ordering::Acquire)
    }

    // Questions.

    /// Asks all other nodes that are subscribed to a topic; returns the answers that arrive within
    /// 1 s.
    pub(crate) async fn ask<M: Message>(&self, to: &M::Topic, message: &M) -> Vec<Answer> {
        const TIMEOUT: Duration = Duration::from_secs(1);
        self.questions.ask(&self.bus, to, message, TIMEOUT).await
    }

    /// Asks all other nodes; their answers, and whether each has answered within 1 s.
    pub(crate) async fn ask_all(&self, message: &AllNodesMessage) -> (Vec<Answer>, bool) {
        const TIMEOUT: Duration = Duration::from_secs(1);
        // Of a Redis cluster, each server counts only those that are connected to it.
        let at_least = match self.redis.is_cluster() {
            true => self.nodes().saturating_sub(1),
            false => 0,
        };
        let question = (Some(at_least), TIMEOUT);
        let asked = self.questions.put(&self.bus, &AllNodes, message, question);
        let (answers, have_all) = asked.await;
        (answers, have_all && self.bus.is_ready())
    }

    /// Has all other nodes that are subscribed to a topic do something; returns their answers when
    /// it is done, or after 5 s those that have arrived.
    pub(crate) async fn execute<M: Message>(&self, to: &M::Topic, message: &M) -> Vec<Answer> {
        const TIMEOUT: Duration = Duration::from_secs(5);
        self.questions.ask(&self.bus, to, message, TIMEOUT).await
    }

    // Events to users.

    /// Waits until a user's connections on other nodes have consumed most of what was sent to them, and it is the
    /// turn of this sender to send them so many bytes. `None`: nothing is under way.
    pub(crate) async fn wait_for_credit(
        &self,
        user: &UserId,
        sender: &UserId,
        bytes: usize,
    ) -> Option<Turn> {
        self.credits.wait(user, sender, bytes).await
    }

    /// Sends an event to a user's connections on other nodes; done when it is known whether there are any.
    pub(crate) fn send(
        &self,
        user: &UserId,
        sender: &UserId,
        event: EncodedEvent,
        about: Option<About>,
    ) -> impl Future<Output = bool> {
        /// Smaller events are not worth a confirmation.
        const MIN_CONFIRMED_BYTES: usize = 4096;
        let size = event.size();
        let credit = if size >= MIN_CONFIRMED_BYTES { size } else { 0 };
        let message = UserMessage::Event {
            sender: sender.clone(),
            event,
            credit,
            about,
        };
        let published = self.bus.publish(user, &message);
        async move {
            let nodes = published.receivers().await;
            self.credits.sent(user, credit, nodes);
            nodes > 0
        }
    }

    /// Does for an event what [`send`](Self::send) does when its user is connected to no other node, and takes as
    /// long. Always `false`.
    pub(crate) fn send_to_nobody(
        &self,
        sender: &UserId,
        event: EncodedEvent,
        about: Option<About>,
    ) -> impl Future<Output = bool> + use<> {
        let message = UserMessage::Event {
            sender: sender.clone(),
            credit: 0,
            event,
            about,
        };
        let published = self.bus.publish_to_nobody(&message);
        async move {
            published.receivers().await;
            false
        }
    }

    /// Whether every message to a user that has arrived is handled.
    pub(crate) fn is_idle(&self, user: &UserId) -> bool {
        self.inboxes.is_idle(&Topic::User(user.clone()))
    }

    // Counts.

    fn set_nodes(&self, nodes: usize) {
        self.nodes.store(nodes, Ordering::Relaxed);
    }

    /// How many nodes are alive, this one included, as far as it was known last.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.load(Ordering::Relaxed)
    }

    fn set_users_on_other_nodes(&self, users: usize) {
        self.users_on_other_nodes.store(users, Ordering::Relaxed);
    }

    /// About how many users are connected to other nodes.
    pub(crate) fn users_on_other_nodes(&self) -> usize {
        self.users_on_other_nodes.load(Ordering::Relaxed)
    }
}
