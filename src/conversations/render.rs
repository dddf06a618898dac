//! What a dialect makes of an event: its name, its payload and the size of its frames. Each dialect
//! that shows conversations has a [`Renderer`]; it knows the words and sends nothing.

use serde::Serialize;
use smallvec::{SmallVec, smallvec};

use crate::model::conversation::{
    ClientId, ConversationDialect, ConversationEvent, UserNotification,
};
use crate::payload::FrameSizes;

/// Renders what happened in the words of one dialect, once for all connections that see the
/// conversation under the same id.
pub(crate) trait Renderer: Sync {
    /// An event for the subscribers.
    fn event<'a>(&self, event: &'a ConversationEvent, id: ClientId<'a>) -> RenderedEvents<'a>;

    /// A notification for the connections of a user that count as this dialect.
    fn notification<'a>(
        &self,
        notification: &'a UserNotification,
        id: ClientId<'a>,
    ) -> RenderedEvents<'a>;

    /// The end of a subscription, for the connection of a former participant.
    fn evicted<'a>(&self, id: ClientId<'a>) -> RenderedEvents<'a>;
}

/// What clients are sent, in this order; nothing where a dialect has no word for it.
pub(crate) type RenderedEvents<'a> = SmallVec<[Rendered<'a>; 1]>;

/// A payload that is written when it is sent.
type AnyPayload<'a> = Box<dyn erased_serde::Serialize + Send + Sync + 'a>;

/// One event as clients receive it.
pub(crate) struct Rendered<'a> {
    /// Its name.
    pub(crate) name: &'static str,
    /// The sizes of the frames that it becomes, in bytes.
    pub(crate) frames: FrameSizes,
    /// Its payload.
    pub(crate) payload: AnyPayload<'a>,
}

impl<'a> Rendered<'a> {
    /// An event with this payload, which becomes frames of these sizes.
    pub(crate) fn new(
        name: &'static str,
        frames: FrameSizes,
        payload: impl Serialize + Send + Sync + 'a,
    ) -> Self {
        Self {
            name,
            frames,
            payload: Box::new(payload),
        }
    }

    /// It alone.
    pub(crate) fn alone(self) -> RenderedEvents<'a> {
        smallvec![self]
    }
}

/// The renderer of each dialect.
#[derive(Clone, Copy)]
pub(crate) struct Renderers {
    /// Of `conversation`.
    pub(crate) conversation: &'static dyn Renderer,
    /// Of `feed`.
    pub(crate) feed: &'static dyn Renderer,
    /// Of `chat`.
    pub(crate) chat: &'static dyn Renderer,
}

impl Renderers {
    pub(super) fn of(&self, dialect: ConversationDialect) -> &'static dyn Renderer {
        match dialect {
            ConversationDialect::Conversation => self.conversation,
            ConversationDialect::Feed => self.feed,
            ConversationDialect::Chat => self.chat,
        }
    }
}
