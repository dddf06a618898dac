//! Which records are bounded, and whose they are.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::event::Event;
use crate::audit::event_type::EventType;
use crate::audit::record::Record;

/// Who caused a record.
#[derive(Debug)]
pub(super) enum Actor<'a> {
    /// Somebody who named no user, at this address.
    Address(Option<IpAddr>),
    /// A user, whom a token has proved.
    User(&'a Arc<str>),
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// What was refused, limited, or failed, and who was expelled.
    Refusal,
    /// What was done.
    Event,
    /// A part of a file.
    FilePart,
}

/// `None`: the record is not bounded.
pub(super) fn of(record: &Record) -> Option<(Actor<'_>, Class)> {
    use EventType as T;
    let user = record.source().user.as_ref();
    let actor = user.map_or(Actor::Address(record.source().ip), Actor::User);
    if let Event::SocketDisconnect { reason } = record.event()
        && reason.is_expulsion()
    {
        return Some((actor, Class::Refusal));
    }
    let class = match record.event().event_type() {
        T::AuthFailed | T::Refused | T::RateLimited | T::SlowConsumer | T::Error => Class::Refusal,
        // Only the administrator's token, or who may do it in a conversation, can cause it.
        T::Admin | T::ConversationCreated | T::ParticipantAdded | T::ParticipantRemoved => {
            return None;
        }
        T::SocketConnect
        | T::SocketDisconnect
        | T::UserOnline
        | T::UserOffline
        | T::RoomJoin
        | T::RoomLeave
        | T::SessionReserved
        | T::SessionJoined
        | T::SessionLeft => Class::Event,
        // They are limited by their bytes, so there may be any number of small ones.
        T::FileUpload => Class::FilePart,
        T::MessageUndelivered
        | T::MessageSent
        | T::MessageUpdated
        | T::MessageDeleted
        | T::MessageRead
        | T::FileDownload
        | T::KeyExchangeRelay
        | T::UserBlocked
        | T::UserUnblocked
        | T::Reaction => match user {
            // The user's rates bound it.
            Some(_) => return None,
            // A guest has as many rates as connections.
            None => Class::Event,
        },
    };
    Some((actor, class))
}
