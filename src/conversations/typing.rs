//! Typing indicators: published, never stored, and ended after a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{ConversationGuard, Conversations};
use crate::cluster::ConversationMessage;
use crate::connection::Connection;
use crate::connection::rooms::To;
use crate::model::Identity;
use crate::model::conversation::{
    ConversationDialect, ConversationEvent, ConversationId, Extra, View,
};
use crate::stores::conversations::StoreError;
use crate::users::Member;

/// How much later than announced another node may say that someone stopped typing.
const TRANSIT_TIME: Duration = Duration::from_secs(1);

/// What a client says of typing.
#[derive(Debug)]
pub(crate) struct Typing {
    /// For how long its user types; `None`: they stopped.
    pub(crate) lasts: Option<Duration>,
    /// What the relay does not know.
    pub(crate) extra: Extra,
}

impl Conversations {
    /// Publishes that a user types, or that they stopped.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]: they are no participant, or the connection is not subscribed
    /// by this dialect. Or the store fails.
    pub(crate) async fn set_typing(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        member: &Member,
        conversation: &ConversationId,
        dialect: ConversationDialect,
        typing: Typing,
    ) -> Result<(), StoreError> {
        let Typing { lasts, extra } = typing;
        let is_subscribed = |view: Option<View>| view.is_some_and(|view| view.dialect == dialect);
        // Whoever is not subscribed does not get as far as the lock.
        if !is_subscribed(self.view_of(connection, conversation)) {
            return Err(StoreError::NotParticipant);
        }
        let mut guard = self.lock_beside_messages(conversation).await;
        guard.role_of(&member.user.id).await?;
        if !is_subscribed(guard.view_of(connection)) {
            return Err(StoreError::NotParticipant);
        }
        let identity = member.identity();
        guard.note_typing(connection.id.uuid(), &identity, lasts);
        let event = ConversationEvent::Typing {
            typist: connection.id.uuid(),
            user: (*identity).clone(),
            lasts,
            extra,
        };
        guard.publish_typing(&event, connection).await;
        Ok(())
    }

    /// Someone types on a connection of another node, or, without a time, stopped. The end is
    /// published here also when that node does not announce it.
    pub(super) async fn set_typing_remote(
        self: &Arc<Self>,
        conversation: &ConversationId,
        typist: Uuid,
        user: Identity,
        typing: Typing,
    ) {
        let Typing { lasts, extra } = typing;
        let mut guard = self.lock_beside_messages(conversation).await;
        // Whoever was told that somebody types is told that they stopped, whatever they are by then.
        let ends = lasts.is_none() && guard.types_until(typist).is_some();
        if !ends && guard.role_of(&user.user).await.is_err() {
            // Sent before the end of their participation, which came first.
            return;
        }
        let local = lasts.map(|lasts| lasts + TRANSIT_TIME);
        guard.note_typing(typist, &user, local);
        let event = ConversationEvent::Typing {
            typist,
            user,
            lasts,
            extra,
        };
        if !guard.still_types(&event) {
            // So small that nobody has to be waited for.
            let _ = guard.publish_local(&event, To::Everyone).await;
        }
    }

    /// Ends the typing on a connection when it was not renewed for long enough.
    async fn end_typing(
        self: Arc<Self>,
        conversation: ConversationId,
        typist: Uuid,
        mut until: Instant,
    ) {
        // With the server, the connections end, and with each the typing on it.
        while self.presence.drain().sleep_until(until).await {
            let mut guard = self.lock_beside_messages(&conversation).await;
            match guard.types_until(typist) {
                Some(later) if later > until => until = later,
                Some(_) => return guard.typing_expired(typist).await,
                None => return,
            }
        }
    }
}

impl ConversationGuard {
    /// Someone types on a connection, for so long, or stopped.
    fn note_typing(&mut self, typist: Uuid, user: &Identity, lasts: Option<Duration>) {
        let Some(lasts) = lasts else {
            self.unset_typing(typist);
            return;
        };
        let until = Instant::now() + lasts;
        if self.set_typing(typist, user, until) {
            let (conversations, id) = (self.conversations().clone(), self.id().clone());
            let drain = conversations.presence.drain().clone();
            drain.spawn(conversations.end_typing(id, typist, until));
        }
    }

    async fn typing_expired(&mut self, typist: Uuid) {
        match self.connection(typist) {
            Some(connection) => self.stop_typing(&connection).await,
            None => {
                let stopped = self.unset_typing(typist).map(|user| stopped(typist, user));
                if let Some(event) = stopped.filter(|event| !self.still_types(event)) {
                    // So small that nobody has to be waited for.
                    let _ = self.publish_local(&event, To::Everyone).await;
                }
            }
        }
    }

    /// Ends the typing on a connection of this node, and publishes that if somebody did.
    pub(super) async fn stop_typing(&mut self, connection: &Connection) {
        if let Some(stopped) = self.end_typing(connection) {
            self.publish_typing(&stopped, connection).await;
        }
    }

    /// Publishes who types on a connection, or does not any more; here, unless they do on another one.
    async fn publish_typing(&mut self, event: &ConversationEvent, on: &Connection) {
        if !self.still_types(event) {
            // So small that nobody has to be waited for.
            let _ = self.publish(event, To::Others(on)).await;
        } else {
            let message = ConversationMessage::Event(event.clone());
            self.conversations().send_to_nodes(self.id(), &message);
        }
    }

    /// Whether it says that somebody types no more who does on another connection.
    fn still_types(&self, event: &ConversationEvent) -> bool {
        match event {
            ConversationEvent::Typing {
                user, lasts: None, ..
            } => self.is_typing(&user.user),
            _ => false,
        }
    }

    /// Ends the typing on a connection of this node; the event to publish, if somebody did.
    pub(super) fn end_typing(&mut self, connection: &Connection) -> Option<ConversationEvent> {
        let typist = connection.id.uuid();
        let user = self.unset_typing(typist)?;
        Some(stopped(typist, user))
    }
}

fn stopped(typist: Uuid, user: Identity) -> ConversationEvent {
    ConversationEvent::Typing {
        typist,
        user,
        lasts: None,
        extra: Extra::default(),
    }
}
