//! The load generator: clients that speak raw Engine.IO v4 / Socket.IO v5 frames over WebSocket, on one thread, in a
//! process of their own. It must stay much cheaper than the servers it drives, so it builds its frames once and looks
//! at the first bytes of what it receives.
//!
//! It gets its order as one JSON argument and answers with one JSON line.

mod client;
mod connect;
pub(crate) mod crowd;
mod exchange;
mod idle;
mod incoming;
mod measure;
mod paced;
mod parties;
mod payload;
pub(crate) mod prober;
mod rest;
mod stored;
mod websocket;

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::row::{Phases, Row, Sizes};
use crate::server::{Kind, Running};
use crate::work::{Conversations, Exchange, Work};

/// How long past its phases a round may take to connect its clients and to come to rest. It ends a round that
/// hangs; a large session gathers slowly when other programs are busy too.
const EXTRA_TIMEOUT: Duration = Duration::from_secs(120);

/// What one round of load is to do.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) row: Row,
    pub(crate) sizes: Sizes,
    /// Where the server listens; clients take turns.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The server's processes, whose CPU time and memory are read.
    pub(crate) pids: Vec<u32>,
    /// The Redis that they share, whose CPU time is read apart.
    pub(crate) redis: Option<u32>,
    /// Secret the clients' tokens are signed with; `None` when the server takes a bare user id.
    pub(crate) jwt_secret: Option<String>,
    pub(crate) phases: Phases,
    /// How many clients have connected.
    #[serde(skip)]
    pub(crate) turn: Cell<usize>,
}

impl Order {
    /// Of a server of this kind, for what has no phases.
    pub(crate) fn at_once(server: &Running, kind: Kind) -> Self {
        Self {
            row: Row::Message,
            sizes: Sizes::default(),
            addresses: server.addresses(),
            pids: server.pids(),
            redis: None,
            jwt_secret: kind.jwt_secret(),
            phases: Phases {
                ramp: Duration::ZERO,
                measured: Duration::ZERO,
            },
            turn: Cell::default(),
        }
    }

    /// Where the next client connects.
    fn next_address(&self) -> Result<SocketAddr> {
        let turn = self.turn.replace(self.turn.get() + 1);
        let address = self.addresses.get(turn % self.addresses.len().max(1));
        address.copied().context("no server")
    }
}

/// What one round of load found.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// In the row's unit.
    pub(crate) cost: f64,
    /// Deliveries, stored messages, or connections.
    pub(crate) events: u64,
    /// Events per second; `None` for memory.
    pub(crate) rate: Option<f64>,
    /// Share of the time that the server's process was on a core.
    pub(crate) server_busy: Option<f64>,
    /// Share of the time that this process was on a core.
    pub(crate) load_busy: Option<f64>,
    /// Cores that were busy with everything else on the machine.
    pub(crate) others_busy: Option<f64>,
    /// CPU µs of Redis per event.
    pub(crate) redis: Option<f64>,
    pub(crate) latency: Option<Latency>,
}

/// How long events took from the time at which they were due, in µs.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) most: f64,
    /// How late this process sent an event at most: so much of a latency may be its own.
    pub(crate) behind: f64,
}

/// Runs one round and prints its sample.
pub(crate) fn run(order: &str) -> Result<()> {
    let order: Order = serde_json::from_str(order)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tasks = tokio::task::LocalSet::new();
    let timeout = order.phases.ramp + order.phases.measured + EXTRA_TIMEOUT;
    let sample = tasks
        .block_on(&runtime, async {
            tokio::time::timeout(timeout, work(&order)).await
        })
        .with_context(|| format!("not finished after {timeout:?}"))??;
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

/// When the events that count are about to be sent, and when all have arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Begin,
    End,
}

/// Lets one pair exchange events, in this process: `warm_up` of them, and then as many as are `counted`.
pub(crate) fn count(
    order: &Order,
    exchange: Exchange,
    (warm_up, counted): (u64, u64),
    at: impl FnMut(Moment) -> Result<()>,
) -> Result<()> {
    here(exchange::count(order, exchange, [warm_up, counted], at))
}

/// Lets clients connect and leave, in this process: how many were `counted`, which is about as many as are wanted.
pub(crate) fn count_connects(
    order: &Order,
    clients: u32,
    counted: u64,
    at: impl FnMut(Moment) -> Result<()>,
) -> Result<u64> {
    here(connect::count(order, clients, counted, at))
}

fn here<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// The same with messages that are stored, so many in each conversation.
pub(crate) fn count_stored(
    order: &Order,
    work: Conversations,
    (warm_up, counted): (u64, u64),
    at: impl FnMut(Moment) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let counted = stored::count(order, work, [warm_up, counted], at);
    tokio::task::LocalSet::new().block_on(&runtime, counted)
}

async fn work(order: &Order) -> Result<Sample> {
    match order.row.work(&order.sizes) {
        Work::Exchange(exchange) => exchange::run(order, exchange).await,
        Work::Paced(paced) => paced::run(order, paced).await,
        Work::Stored(conversations) => stored::run(order, conversations).await,
        Work::Connect { clients } => connect::run(order, clients).await,
        Work::Idle {
            warm_up,
            connections,
        } => idle::run(order, warm_up, connections).await,
    }
}
