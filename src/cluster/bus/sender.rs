//! The task that sends everything this node publishes, in batches.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use redis::{Cmd, FromRedisValue, RedisResult, Value};
use tokio::sync::{oneshot, watch};

use super::{BATCH, Bus, Command};
use crate::cluster::Topic;
use crate::stores::drivers::redis::RedisLink;

/// Sends for a bus, and knows the subscriptions on the present connection.
pub(super) struct Sender<'b> {
    bus: &'b Bus,
    subscribed: HashSet<Topic>,
}

/// A command to Redis, and what its reply is for.
struct Step {
    /// What it is about: in a Redis cluster that decides which server runs it.
    topic: Option<Topic>,
    command: Cmd,
    then: Then,
}

enum Then {
    Published {
        size: usize,
        /// 1 when this node is subscribed, too, and counted by Redis.
        own: usize,
        receivers: oneshot::Sender<usize>,
    },
    Subscribed(watch::Sender<bool>),
    Nothing,
}

impl<'b> Sender<'b> {
    pub(super) fn new(bus: &'b Bus) -> Self {
        Self {
            bus,
            subscribed: HashSet::new(),
        }
    }

    pub(super) async fn send(&mut self, batch: &mut Vec<Command>) {
        let mut steps = Vec::with_capacity(batch.len());
        for command in batch.drain(..) {
            match command {
                Command::Resubscribe => {
                    self.run(std::mem::take(&mut steps)).await;
                    self.resubscribe().await;
                }
                Command::Flush(done) => {
                    self.run(std::mem::take(&mut steps)).await;
                    // The caller may have given up.
                    let _ = done.send(());
                }
                Command::Publish {
                    topic,
                    message,
                    receivers,
                } => {
                    let own = usize::from(self.subscribed.contains(&topic));
                    let size = message.len();
                    let mut step = self.step("PUBLISH", topic);
                    step.command.arg(message);
                    step.then = Then::Published {
                        size,
                        own,
                        receivers,
                    };
                    steps.push(step);
                }
                Command::Subscribe(topic, done) => {
                    self.subscribed.insert(topic.clone());
                    let mut step = self.step("SUBSCRIBE", topic);
                    step.then = Then::Subscribed(done);
                    steps.push(step);
                }
                Command::Unsubscribe(topic) => {
                    self.subscribed.remove(&topic);
                    steps.push(self.step("UNSUBSCRIBE", topic));
                }
                Command::Run(command) => steps.push(Step {
                    topic: None,
                    command,
                    then: Then::Nothing,
                }),
            }
        }
        self.run(steps).await;
    }

    /// Subscribes to everything of interest, on a new connection.
    async fn resubscribe(&mut self) {
        self.subscribed = self.bus.interests.lock().keys().cloned().collect();
        let topics: Vec<_> = self.subscribed.iter().cloned().collect();
        for batch in topics.chunks(BATCH) {
            let steps = batch.iter().cloned();
            let steps = steps.map(|topic| self.step("SUBSCRIBE", topic));
            self.run(steps.collect()).await;
        }
        let is_ready = self.bus.redis.is_up();
        self.bus.is_ready.store(is_ready, Ordering::Release);
    }

    /// A command of pub/sub, or its counterpart of sharded pub/sub.
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

    /// Runs these in their order.
    async fn run(&self, steps: Vec<Step>) {
        match self.bus.redis.link() {
            _ if steps.is_empty() => {}
            Ok(link @ RedisLink::One(_)) => self.run_pipelined(link, steps).await,
            Ok(link @ RedisLink::Cluster(_)) => self.run_by_topic(link, steps).await,
            Err(_) => steps
                .into_iter()
                .for_each(|step| self.finish(step.then, None)),
        }
    }

    /// As one pipeline.
    async fn run_pipelined(&self, mut link: RedisLink, steps: Vec<Step>) {
        let mut pipeline = redis::Pipeline::with_capacity(steps.len());
        pipeline.ignore_errors();
        let mut waiting = Vec::with_capacity(steps.len());
        for step in steps {
            pipeline.add_command(step.command);
            waiting.push(step.then);
        }
        let replies = pipeline
            .query_async::<Vec<RedisResult<Value>>>(&mut link)
            .await;
        let redis = &self.bus.redis;
        let mut replies = redis.note(replies).unwrap_or_default().into_iter();
        for then in waiting {
            let reply = replies.next().map(|reply| redis.note(reply));
            self.finish(then, reply.and_then(Result::ok));
        }
    }

    /// Those about one topic one after the other: a pipeline cannot span the servers of a Redis
    /// cluster.
    async fn run_by_topic(&self, link: RedisLink, steps: Vec<Step>) {
        let mut lanes: HashMap<Option<Topic>, Vec<Step>> = HashMap::new();
        for step in steps {
            lanes.entry(step.topic.clone()).or_default().push(step);
        }
        let lanes = lanes.into_values().map(async |lane| {
            let mut link = link.clone();
            for step in lane {
                let reply = step.command.query_async::<Value>(&mut link).await;
                self.finish(step.then, self.bus.redis.note(reply).ok());
            }
        });
        join_all(lanes).await;
    }

    /// Reports a reply; `None`: there is none.
    fn finish(&self, then: Then, reply: Option<Value>) {
        match then {
            Then::Published {
                size,
                own,
                receivers,
            } => {
                self.bus.waiting.fetch_sub(size, Ordering::Relaxed);
                let count = reply.and_then(|reply| usize::from_redis_value(reply).ok());
                // Not every caller waits for the number.
                let _ = receivers.send(count.unwrap_or(0).saturating_sub(own));
            }
            // Without a connection nothing better can be done.
            Then::Subscribed(done) => drop(done.send_replace(true)),
            Then::Nothing => {}
        }
    }
}
