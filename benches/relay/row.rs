//! The rows of the table: what work is done in each. It does not do the work, `load` does, and
//! knows no goals: those are in `goal`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::work::{Conversations, Event, Exchange, Paced, Work};

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Row {
    /// 50 pairs exchange 256-byte messages, 4 in flight each.
    Message,
    /// 4 pairs upload 1.4 MB chunks (1 MiB before base64), 2 in flight each.
    ChunkLarge,
    /// 8 pairs upload 87 KB chunks (64 KiB before base64), 4 in flight each.
    ChunkSmall,
    /// One member of a session sends 256-byte messages to the 499 others, 64 in flight.
    FanOut,
    /// 50 pairs exchange 256-byte messages at a fixed rate, 3 000 a second altogether.
    #[value(name = "rate-3000")]
    #[serde(rename = "rate-3000")]
    Rate3000,
    /// The same, 6 000 a second.
    #[value(name = "rate-6000")]
    #[serde(rename = "rate-6000")]
    Rate6000,
    /// The same, 15 000 a second.
    #[value(name = "rate-15000")]
    #[serde(rename = "rate-15000")]
    Rate15000,
    /// In each of 50 conversations of 10 members, one sends 256-byte messages that are stored, 1 in flight.
    Stored,
    /// The same with 4 senders in each conversation, 1 in flight each.
    StoredBusy,
    /// The same as `stored-busy` in up to 10 conversations, stored in MongoDB.
    StoredMongo,
    /// The same with the participants on two servers.
    StoredNodes,
    /// As `message`, each user of a pair on another server.
    Nodes,
    /// As `stored` in up to 10 conversations, with the participants on two servers.
    NodesConversation,
    /// 8 clients at a time connect, authenticate and leave again.
    Connect,
    /// 2 000 authenticated connections do nothing.
    Idle,
}

/// Members of a session, unless the command line says otherwise.
pub(crate) const SESSION_MEMBERS: u32 = 500;
/// Pairs that exchange messages.
const PAIRS: u32 = 50;
const CONVERSATIONS: u32 = 50;
const PARTICIPANTS: u32 = 10;
const SENDERS: u32 = 4;
/// The limit that the servers are configured with.
pub(crate) const MAX_SESSION_MEMBERS: u32 = 10_000;

/// The sizes that the command line sets.
#[derive(Clone, Copy, Args, Serialize, Deserialize)]
pub(crate) struct Sizes {
    /// Members of the session in `fan-out`, the sender among them.
    #[arg(long, value_name = "NUMBER", default_value_t = SESSION_MEMBERS)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=i64::from(MAX_SESSION_MEMBERS)))]
    pub(crate) members: u32,
    /// Conversations in the rows `stored` and `stored-…`.
    #[arg(long, value_name = "NUMBER", default_value_t = CONVERSATIONS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) conversations: u32,
    /// Participants of each of them, the senders among them.
    #[arg(long, value_name = "NUMBER", default_value_t = PARTICIPANTS)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub(crate) participants: u32,
    /// Senders in each conversation of `stored-…`; at most all participants.
    #[arg(long, value_name = "NUMBER", default_value_t = SENDERS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) senders: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            members: SESSION_MEMBERS,
            conversations: CONVERSATIONS,
            participants: PARTICIPANTS,
            senders: SENDERS,
        }
    }
}

impl Sizes {
    fn busy_senders(&self) -> u32 {
        self.senders.min(self.participants)
    }

    /// Fewer conversations: the MongoDB of the tests is no fast one.
    fn few(self) -> Self {
        Self {
            conversations: self.conversations.min(10),
            ..self
        }
    }
}

impl Row {
    /// For the table.
    pub(crate) fn title(self, sizes: &Sizes) -> String {
        let title = match self {
            Self::Message => "1-1 relay, 256 B, CPU µs per delivered message",
            Self::ChunkLarge => "file chunk 1.4 MB, CPU µs per chunk",
            Self::ChunkSmall => "file chunk 87 KB, CPU µs per chunk",
            Self::FanOut => {
                let members = sizes.members;
                return format!("fan-out in a session of {members}, 256 B, CPU µs per delivery");
            }
            Self::Stored => return stored_title(sizes, 1, ""),
            Self::StoredBusy => return stored_title(sizes, sizes.busy_senders(), ""),
            Self::StoredMongo => {
                return stored_title(&sizes.few(), sizes.busy_senders(), " in MongoDB");
            }
            Self::StoredNodes => {
                let place = " in MongoDB by two servers";
                return stored_title(&sizes.few(), sizes.busy_senders(), place);
            }
            Self::Nodes => {
                "1-1 relay to another server, 256 B, CPU µs of both per delivered message"
            }
            Self::NodesConversation => {
                let place = " in MongoDB by two servers";
                return stored_title(&sizes.few(), 1, place);
            }
            Self::Rate3000 | Self::Rate6000 | Self::Rate15000 => {
                let rate = self.rate().unwrap_or_default();
                return format!("1-1 relay, 256 B, {rate} a second, CPU µs per delivered message");
            }
            Self::Connect => "connect + authenticate, CPU µs",
            Self::Idle => "resident KiB per idle authenticated connection",
        };
        title.to_owned()
    }

    /// The dialect that the clients speak, the only one the server serves meanwhile.
    pub(crate) fn dialect(self) -> &'static str {
        match self {
            Self::FanOut => "session",
            Self::Nodes => "direct",
            row if row.wants_a_database() => "conversation",
            _ => "direct",
        }
    }

    /// What there is to do.
    pub(crate) fn work(self, sizes: &Sizes) -> Work {
        let exchange = |event, pairs, receivers, in_flight, body| {
            Work::Exchange(Exchange {
                event,
                pairs,
                receivers,
                in_flight,
                body,
            })
        };
        let stored = |sizes: Sizes, senders| {
            Work::Stored(Conversations {
                conversations: sizes.conversations,
                participants: sizes.participants,
                senders,
                body: 256,
            })
        };
        match self {
            Self::Message | Self::Nodes => exchange(Event::Message, PAIRS, 1, 4, 256),
            Self::Rate3000 | Self::Rate6000 | Self::Rate15000 => Work::Paced(Paced {
                pairs: PAIRS,
                per_second: self.rate().unwrap_or_default(),
                body: 256,
            }),
            Self::ChunkLarge => exchange(Event::FileChunk, 4, 1, 2, base64_len(1 << 20)),
            Self::ChunkSmall => exchange(Event::FileChunk, 8, 1, 4, base64_len(1 << 16)),
            Self::FanOut => exchange(Event::SessionMessage, 1, sizes.members - 1, 64, 256),
            Self::Stored => stored(*sizes, 1),
            Self::StoredBusy => stored(*sizes, sizes.busy_senders()),
            Self::StoredMongo | Self::StoredNodes => stored(sizes.few(), sizes.busy_senders()),
            Self::NodesConversation => stored(sizes.few(), 1),
            Self::Connect => Work::Connect { clients: 8 },
            Self::Idle => Work::Idle {
                warm_up: 200,
                connections: 2_000,
            },
        }
    }

    /// Messages per second, where that is fixed.
    pub(crate) fn rate(self) -> Option<u32> {
        match self {
            Self::Rate3000 => Some(3_000),
            Self::Rate6000 => Some(6_000),
            Self::Rate15000 => Some(15_000),
            _ => None,
        }
    }

    /// As the command line has it.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Rare latencies want to be seen often enough.
    pub(crate) fn phases(self, phases: Phases) -> Phases {
        Phases {
            measured: phases.measured * if self.rate().is_some() { 4 } else { 1 },
            ..phases
        }
    }

    /// Memory is compared between fresh processes: freed memory that is used again would hide what a connection costs.
    pub(crate) fn wants_fresh_server(self) -> bool {
        self == Self::Idle
    }

    /// Whether the work is only done when a database is written.
    pub(crate) fn wants_a_database(self) -> bool {
        matches!(self, Self::Stored | Self::StoredBusy) || self.wants_mongodb()
    }

    /// Whether that is MongoDB, which the relay alone knows; several servers share their users there.
    pub(crate) fn wants_mongodb(self) -> bool {
        self == Self::StoredMongo || self.nodes() > 1
    }

    /// How many processes the server has.
    pub(crate) fn nodes(self) -> usize {
        match self {
            Self::StoredNodes | Self::Nodes | Self::NodesConversation => 2,
            _ => 1,
        }
    }
}

fn stored_title(sizes: &Sizes, senders: u32, place: &str) -> String {
    let (participants, conversations) = (sizes.participants, sizes.conversations);
    format!(
        "stored message{place} to {participants}, {conversations} × {senders} under way, 256 B, CPU µs per message"
    )
}

const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// How long the phases of one round last.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Phases {
    /// Under load, before measuring starts.
    pub(crate) ramp: Duration,
    pub(crate) measured: Duration,
}
