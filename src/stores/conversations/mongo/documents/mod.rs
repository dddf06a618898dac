//! The documents of the collections, one file for each. The fields are those of the contract
//! (protocol, `conversation`, "The shared model"); fields that only the store uses say so.
//!
//! What an application may write is read leniently: a missing field has a default, and an unknown
//! status grants nothing. `_id` is the `id` in documents that the store creates; in those of an
//! application it is whatever that chose.

mod block;
mod change;
mod conversation;
mod fields;
mod head;
mod message;
mod participant;
mod reaction;
mod receipt;
mod revocation;
mod user;
mod values;

pub(super) use block::BlockDocument;
pub(super) use change::{ChangeDocument, FirstParticipant, Kind, ParticipantChangeDocument};
pub(super) use conversation::ConversationDocument;
pub(super) use fields::{damaged, date, ms, text_of};
pub(super) use head::{HeadDocument, ShortHeadDocument, TailDocument};
pub(super) use message::{KnownMessage, MessageDocument, sent_again_as, sent_as, temp_id_value};
pub(super) use participant::{
    Counts, ParticipantDocument, State, first_counts, given_key, key_fields,
};
pub(super) use reaction::ReactionDocument;
pub(super) use receipt::ReceiptDocument;
pub(super) use revocation::RevocationDocument;
pub(super) use user::UserDocument;
pub(super) use values::bson_of;
