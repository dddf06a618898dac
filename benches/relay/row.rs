//! The rows of the table: what work is done in each, and the goal set for it. It does not do the work; `load` does.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Row {
    /// 50 pairs exchange 256-byte messages, 4 in flight each.
    Message,
    /// 4 pairs upload 1.4 MB chunks (1 MiB before base64), 2 in flight each.
    ChunkLarge,
    /// 8 pairs upload 87 KB chunks (64 KiB before base64), 4 in flight each.
    ChunkSmall,
    /// One member of a session sends 256-byte messages to the 499 others, 64 in flight.
    FanOut,
    /// 8 clients at a time connect, authenticate and leave again.
    Connect,
    /// 2 000 authenticated connections do nothing.
    Idle,
}

/// Who sends how much to whom.
#[derive(Clone, Copy)]
pub struct Exchange {
    pub event: Event,
    /// Senders; each has one recipient user, or one session, of its own.
    pub pairs: u32,
    /// Connections that receive what one sender sends: the recipient's, or those of the session's other members.
    pub receivers: u32,
    /// Events of one sender that may be unconfirmed or undelivered at a time.
    pub in_flight: u64,
    /// Characters of ciphertext in each event.
    pub body: usize,
}

/// Which event carries the payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `send_message` of the `direct` dialect.
    Message,
    /// `send_file_chunk` of the `direct` dialect.
    FileChunk,
    /// `send-message` of the `session` dialect.
    SessionMessage,
}

/// What the load generator does for a row.
pub enum Work {
    Exchange(Exchange),
    Connect { clients: u32 },
    Idle { warm_up: u32, connections: u32 },
}

/// Members of a session, the sender among them, unless the command line says otherwise.
pub const SESSION_MEMBERS: u32 = 500;
/// The most that the servers are told to admit.
pub const MOST_SESSION_MEMBERS: u32 = 10_000;

/// Goals of the performance budget; reaching either is enough.
#[derive(Clone, Copy, Serialize)]
pub struct Goal {
    /// In the row's unit.
    pub absolute: f64,
    /// As a share of Node's figure.
    pub of_node: f64,
}

impl Row {
    /// For the table. `members` is the size of a session.
    pub fn title(self, members: u32) -> String {
        let title = match self {
            Self::Message => "1-1 relay, 256 B, CPU µs per delivered message",
            Self::ChunkLarge => "file chunk 1.4 MB, CPU µs per chunk",
            Self::ChunkSmall => "file chunk 87 KB, CPU µs per chunk",
            Self::FanOut => {
                return format!("fan-out in a session of {members}, 256 B, CPU µs per delivery");
            }
            Self::Connect => "connect + authenticate, CPU µs",
            Self::Idle => "resident KiB per idle authenticated connection",
        };
        title.to_owned()
    }

    /// The dialect that the clients speak, the only one the server serves meanwhile.
    pub fn dialect(self) -> &'static str {
        match self {
            Self::FanOut => "session",
            _ => "direct",
        }
    }

    /// `None` when the session has another size than the goal was set for.
    pub fn goal(self, members: u32) -> Option<Goal> {
        let (absolute, of_node) = match self {
            Self::Message => (8.5, 0.30),
            Self::ChunkLarge => (1_000.0, 0.14),
            Self::ChunkSmall => (52.0, 0.17),
            Self::FanOut if members != SESSION_MEMBERS => return None,
            Self::FanOut => (1.8, 0.15),
            Self::Connect => (85.0, 0.09),
            Self::Idle => (12.8, 0.60),
        };
        Some(Goal { absolute, of_node })
    }

    /// What there is to do, in sessions of this many members.
    pub fn work(self, members: u32) -> Work {
        let exchange = |event, pairs, receivers, in_flight, body| {
            Work::Exchange(Exchange {
                event,
                pairs,
                receivers,
                in_flight,
                body,
            })
        };
        match self {
            Self::Message => exchange(Event::Message, 50, 1, 4, 256),
            Self::ChunkLarge => exchange(Event::FileChunk, 4, 1, 2, base64_len(1 << 20)),
            Self::ChunkSmall => exchange(Event::FileChunk, 8, 1, 4, base64_len(1 << 16)),
            Self::FanOut => exchange(Event::SessionMessage, 1, members - 1, 64, 256),
            Self::Connect => Work::Connect { clients: 8 },
            Self::Idle => Work::Idle {
                warm_up: 200,
                connections: 2_000,
            },
        }
    }

    /// Memory is compared between fresh processes: freed memory that is used again would hide what a connection costs.
    pub fn wants_fresh_server(self) -> bool {
        self == Self::Idle
    }
}

const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// How long the phases of one round last.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Phases {
    /// Under load, before measuring starts.
    pub ramp: Duration,
    pub measured: Duration,
}
