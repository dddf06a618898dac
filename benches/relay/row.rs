//! The rows of the table: what work is done in each, and the goal set for it. It does not do the work; `load` does.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

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
    /// In each of 50 conversations of 10 members, one sends 256-byte messages that are stored, 1 in flight.
    Stored,
    /// The same with 4 senders in each conversation, 1 in flight each.
    StoredBusy,
    /// The same as `stored-busy` in up to 10 conversations, stored in MongoDB.
    StoredMongo,
    /// The same with the participants on two servers.
    StoredNodes,
    /// 8 clients at a time connect, authenticate and leave again.
    Connect,
    /// 2 000 authenticated connections do nothing.
    Idle,
}

/// Who sends how much to whom.
#[derive(Clone, Copy)]
pub(crate) struct Exchange {
    pub(crate) event: Event,
    /// Senders; each has one recipient user, or one session, of its own.
    pub(crate) pairs: u32,
    /// Connections that receive what one sender sends: the recipient's, or those of the session's other members.
    pub(crate) receivers: u32,
    /// Events of one sender that may be unconfirmed or undelivered at a time.
    pub(crate) in_flight: u64,
    /// Characters of ciphertext in each event.
    pub(crate) body: usize,
}

/// Who sends messages that are stored, and to whom.
#[derive(Clone, Copy)]
pub(crate) struct Conversations {
    pub(crate) conversations: u32,
    /// Participants of each, who are all there; each message reaches all of them, its sender too.
    pub(crate) participants: u32,
    /// So many of them send, each one message after the other.
    pub(crate) senders: u32,
    /// Characters of content in each message.
    pub(crate) body: usize,
}

/// Which event carries the payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// `send_message` of the `direct` dialect.
    Message,
    /// `send_file_chunk` of the `direct` dialect.
    FileChunk,
    /// `send-message` of the `session` dialect.
    SessionMessage,
}

/// What the load generator does for a row.
pub(crate) enum Work {
    Exchange(Exchange),
    Stored(Conversations),
    Connect { clients: u32 },
    Idle { warm_up: u32, connections: u32 },
}

/// Members of a session, unless the command line says otherwise.
const SESSION_MEMBERS: u32 = 500;
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

/// Goals of the performance budget; reaching either is enough.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Goal {
    /// In the row's unit.
    pub(crate) absolute: f64,
    /// As a share of Node's figure.
    pub(crate) of_node: f64,
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
            Self::Connect => "connect + authenticate, CPU µs",
            Self::Idle => "resident KiB per idle authenticated connection",
        };
        title.to_owned()
    }

    /// The dialect that the clients speak, the only one the server serves meanwhile.
    pub(crate) fn dialect(self) -> &'static str {
        match self {
            Self::FanOut => "session",
            row if row.wants_a_database() => "conversation",
            _ => "direct",
        }
    }

    /// `None` when no goal was set, or for another size of session.
    pub(crate) fn goal(self, sizes: &Sizes) -> Option<Goal> {
        let (absolute, of_node) = match self {
            Self::Message => (8.5, 0.30),
            Self::ChunkLarge => (1_000.0, 0.14),
            Self::ChunkSmall => (52.0, 0.17),
            Self::FanOut if sizes.members != SESSION_MEMBERS => return None,
            Self::Stored | Self::StoredBusy | Self::StoredMongo | Self::StoredNodes => return None,
            Self::FanOut => (1.8, 0.15),
            Self::Connect => (85.0, 0.09),
            Self::Idle => (12.8, 0.60),
        };
        Some(Goal { absolute, of_node })
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
            Self::Message => exchange(Event::Message, 50, 1, 4, 256),
            Self::ChunkLarge => exchange(Event::FileChunk, 4, 1, 2, base64_len(1 << 20)),
            Self::ChunkSmall => exchange(Event::FileChunk, 8, 1, 4, base64_len(1 << 16)),
            Self::FanOut => exchange(Event::SessionMessage, 1, sizes.members - 1, 64, 256),
            Self::Stored => stored(*sizes, 1),
            Self::StoredBusy => stored(*sizes, sizes.busy_senders()),
            Self::StoredMongo | Self::StoredNodes => stored(sizes.few(), sizes.busy_senders()),
            Self::Connect => Work::Connect { clients: 8 },
            Self::Idle => Work::Idle {
                warm_up: 200,
                connections: 2_000,
            },
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

    /// Whether that is MongoDB, which the relay alone knows.
    pub(crate) fn wants_mongodb(self) -> bool {
        matches!(self, Self::StoredMongo | Self::StoredNodes)
    }

    /// How many processes the server has.
    pub(crate) fn nodes(self) -> usize {
        match self {
            Self::StoredNodes => 2,
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
