//! The TCP side of every connection: the listener, and the guard that bounds what one peer can
//! cost and lets a slow receiver slow its senders down.
//!
//! It owns byte counts, deadlines and the gates between the kernel and the library above. It knows
//! WebSocket frames by their headers only; it must not look at what a message says, know users,
//! rooms or events, or hold a lock while it waits.

mod closer;
mod flow;
mod frames;
mod link;
mod listener;
mod read_ahead;
mod stream;
mod watch;

pub use closer::TransportCloser;
pub use flow::{Flow, FlowLimits, FrameSizes};
pub use frames::is_relayed_packet;
pub use link::{Link, LinkLimits};
pub use listener::{GuardedListener, PeerLink};
pub use stream::BeforeWrite;
pub use watch::Links;

use std::sync::LazyLock;
use std::time::Instant;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the first call in this process, never 0: deadlines keep 0 for "none".
fn now_ms() -> u64 {
    STARTED.elapsed().as_millis() as u64 + 1
}
