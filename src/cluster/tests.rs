//! Nodes on a real Redis.

mod bus;
mod presence;
mod stored;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex as SyncMutex;
use tokio::time::timeout;

use super::bus::Published;
use super::*;
use crate::config::RedisUrl;
use crate::model::clock::SystemClock;
use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use test_support::redis::{Durability, Server, Space, is_ready};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Records what it receives.
#[derive(Default)]
struct Records {
    received: SyncMutex<Vec<Incoming>>,
    missed: SyncMutex<usize>,
    /// What it answers.
    answer: SyncMutex<Option<Answer>>,
}

struct Recorder(Arc<Records>);

impl MessageHandler for Recorder {
    async fn handle(&self, incoming: Incoming) -> Option<Answer> {
        self.0.received.lock().push(incoming);
        self.0.answer.lock().clone()
    }

    fn missed(&self, _: &Topic) {
        *self.0.missed.lock() += 1;
    }
}

async fn node(url: &str, prefix: &str) -> (Arc<Cluster>, Arc<Records>) {
    let config = Config {
        redis_url: RedisUrl::parse(url),
        redis_prefix: prefix.to_owned(),
        ..Config::default()
    };
    let (node, receiver) = Cluster::new(&config, Arc::new(SystemClock))
        .unwrap()
        .unwrap();
    let records = Arc::new(Records::default());
    tokio::spawn(receiver.run(Recorder(records.clone())));
    until(|| node.bus.is_ready()).await;
    (node, records)
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIMEOUT, waiting).await.expect("not in time");
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn spent(number: u32) -> UserMessage {
    UserMessage::Spent(Spent::Messages(number))
}

fn numbers(records: &Records) -> Vec<u32> {
    let received = records.received.lock();
    let number = |incoming: &Incoming| match incoming {
        Incoming::User(_, UserMessage::Spent(Spent::Messages(number))) => Some(*number),
        _ => None,
    };
    received.iter().filter_map(number).collect()
}

fn change(name: &str, online: bool) -> PresenceChange {
    PresenceChange {
        user: user(name),
        name: name.into(),
        online,
        presence_epoch: 7,
        at: 0,
    }
}
