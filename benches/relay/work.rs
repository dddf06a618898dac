//! The kinds of work that the load generator does, with their sizes. Which row is which is in `row`.

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

/// Who sends at a fixed rate, whatever has become of the messages before.
#[derive(Clone, Copy)]
pub(crate) struct Paced {
    /// They take turns.
    pub(crate) pairs: u32,
    /// Messages of all of them.
    pub(crate) per_second: u32,
    /// Characters of ciphertext in each message.
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
    Paced(Paced),
    Stored(Conversations),
    Connect { clients: u32 },
    Idle { warm_up: u32, connections: u32 },
}
