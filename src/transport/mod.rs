//! The TCP side of every connection: the listener, and the guard that bounds the resources of one
//! peer and applies the backpressure of a slow receiver to its senders.
//!
//! It owns byte counts, deadlines and the gates between the kernel and the library above. It reads
//! WebSocket frames by their headers only; it must not look into a message, know events, or rooms
//! and users by more than the names by which they take turns, or hold a lock while it waits.

mod accepted;
mod attach;
mod bare_answers;
pub(crate) mod base64;
mod before_write;
mod body;
mod carrier;
mod clock;
mod controls;
mod endings;
mod entry;
mod flow;
mod flusher;
mod frame_head;
mod frames;
mod incoming;
mod linger;
mod link;
mod links;
mod listener;
mod output;
mod proxy_header;
mod receive;
mod serve;
mod stream;
mod tls;
mod turns;
mod unsaid;
mod upgraded;
mod watch;
mod window;
mod wire;

pub(crate) use accepted::Front;
pub(crate) use attach::Attach;
pub(crate) use before_write::BeforeWrite;
pub(crate) use body::{Pace, TooSlow};
pub(crate) use carrier::Carrier;
pub(crate) use clock::Moment;
pub(crate) use entry::{ENTER, ENTRY_PAUSE, Entry, PREFIX};
pub(crate) use flow::{Flow, FlowLimits, LiveFlowLimits};
pub(crate) use flusher::written_together;
pub(crate) use frame_head::{FrameHead, put_frame_head};
pub(crate) use frames::is_relayed_packet;
pub(crate) use link::{Link, LinkLimits};
pub(crate) use links::Links;
pub(crate) use listener::GuardedListener;
pub(crate) use receive::{Receive, Receiver};
pub(crate) use serve::{Answers, PeerLink, RequestLimits, serve};
pub(crate) use stream::GuardedStream;
pub(crate) use turns::{Origin, Place, Turn, Turns};
pub(crate) use upgraded::upgraded;
