//! What users do in stored conversations: each operation once, whether it comes over a socket or over
//! REST. It is stored, recorded, and published to everybody it concerns, in this order. How an
//! operation is asked for and answered is for the dialects and `http`; here is no event and no route.

mod actor;
mod joining;
mod messages;
mod participants;
mod reactions;
mod receipts;
mod remote;
mod subscriptions;
mod typing;

pub use actor::Actor;
pub use joining::{disconnected, join, join_all, leave, online, require_participant};
pub use messages::{delete, edit, hide, send, sent_elsewhere, tell_here};
pub use participants::{By, NotManaged, add_participant, create, end_participation, put_in};
pub use reactions::{add_reaction, remove_reaction};
pub use receipts::mark_read;
pub(crate) use remote::heard;
pub use subscriptions::{
    ConversationEvent, ConversationGuard, Conversations, Participation, Teller, Unsaid,
    UserNotification,
};
pub use typing::{typing, typing_elsewhere};
