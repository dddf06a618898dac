//! Who receives a conversation's events: joining and leaving, being joined on connect, and the end
//! of a connection.

use std::sync::Arc;

use super::{ConversationGuard, Conversations, Stored};
use crate::audit::{AuditText, Event, Record, Room};
use crate::connection::Connection;
use crate::connection::rooms::{To, of_conversation};
use crate::model::conversation::{
    ChangeNumber, ConversationDialect, ConversationEvent, ConversationId, IdType, TypedId, View,
};
use crate::model::{Dialect, UserId};
use crate::stores::conversations::StoreError;
use crate::users::Member;

impl Conversations {
    /// Subscribes a connection to a conversation by one dialect; how many connections are subscribed
    /// in it now. Who is invited accepts by that. An earlier subscription of the connection ends. Others are
    /// notified when it is the first of its user, and it of who is in the room `conversation` when it enters that.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(crate) async fn join(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        member: &Member,
        conversation: &TypedId,
        dialect: ConversationDialect,
    ) -> Result<Stored<usize>, StoreError> {
        let join = || self.join_as_participant(connection, member, conversation, dialect);
        let joined = join().await;
        if matches!(joined, Err(StoreError::NotParticipant)) {
            let identity = member.identity();
            let actor = member.acts(&identity, Some(dialect.as_dialect()));
            if self.accept(actor, &conversation.id).await?.is_some() {
                return join().await;
            }
        }
        joined
    }

    async fn join_as_participant(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        member: &Member,
        conversation: &TypedId,
        dialect: ConversationDialect,
    ) -> Result<Stored<usize>, StoreError> {
        let user = &member.user.id;
        let mut guard = self.lock(&conversation.id).await;
        guard.follow().await?;
        guard.role_of(user).await?;
        if guard.listen().await {
            // Of what was published until now, nothing may have reached this node.
            guard.follow().await?;
            guard.role_of(user).await?;
        }
        connection.send_deferred_of(|| of_conversation(conversation.id.as_str()));
        let earlier = guard.view_of(connection);
        if earlier.is_some_and(|view| view.dialect != dialect) {
            guard
                .unsubscribe_and_publish(connection, user, self.now_ms())
                .await;
        }
        let is_first = !guard.has(user, dialect);
        let view = View {
            dialect,
            id: conversation.id_type,
        };
        guard.subscribe(connection, &member.identity(), view);
        self.record(member, dialect, Event::RoomJoin(room(&conversation.id)));
        let (count, entered) = match dialect {
            ConversationDialect::Conversation => guard.enter(member, is_first).await,
            ConversationDialect::Feed | ConversationDialect::Chat => (guard.count(dialect), None),
        };
        let is_arriving = dialect == ConversationDialect::Conversation
            && earlier.is_none_or(|earlier| earlier.dialect != dialect);
        let arriving = is_arriving.then_some(view);
        let who = (connection.clone(), user.clone());
        let rest = self.clone().finish_join(guard, who, entered, arriving);
        Ok(Stored::new(self.presence.drain(), count, rest))
    }

    /// Ends a connection's subscription by this dialect, if there is one. Others are notified when it
    /// was the last of its user.
    pub(crate) async fn leave(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        member: &Member,
        conversation: &ConversationId,
        dialect: ConversationDialect,
    ) -> Stored<()> {
        let view = self.view_of(connection, conversation);
        if view.is_none_or(|view| view.dialect != dialect) {
            return Stored::unchanged(());
        }
        let mut guard = self.lock(conversation).await;
        connection.send_deferred_of(|| of_conversation(conversation.as_str()));
        self.record(member, dialect, Event::RoomLeave(room(conversation)));
        let (connection, user) = (connection.clone(), member.user.id.clone());
        let conversations = self.clone();
        let rest = async move {
            let at = conversations.now_ms();
            guard.unsubscribe_and_publish(&connection, &user, at).await;
            let id = guard.id().clone();
            drop(guard);
            conversations.unfollowed(&[id], &user, at).await;
        };
        Stored::new(self.presence.drain(), (), rest)
    }

    /// Subscribes a connection of `chat` to every conversation of its user. What changes
    /// meanwhile is followed: the connection is its user's already, so adding them to a conversation
    /// subscribes it, too.
    ///
    /// # Errors
    /// The store fails. The connection may be subscribed to some of them.
    pub(crate) async fn join_all(self: &Arc<Self>, member: &Member) -> Result<(), StoreError> {
        let user = &member.user.id;
        let joined = self.stores().log.memberships(user).await?;
        for (conversation, number) in &joined {
            let mut guard = self.lock(conversation).await;
            match guard.join_chat_from(*number, member).await {
                Ok(()) | Err(StoreError::NotParticipant) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A connection has ended, and so do all its subscriptions. Others are notified that its user left after
    /// the grace, if they have not come back by then.
    pub(crate) async fn disconnected(self: &Arc<Self>, member: &Member) {
        let (connection, user) = (&member.connection, &member.user.id);
        let grace = self.config.now().offline_grace;
        let at = self.now_ms();
        self.listed.end(connection);
        let (followed, mut absent_from) = (self.subscriptions_of(connection), Vec::new());
        for conversation in followed.clone() {
            let mut guard = self.lock(&conversation).await;
            if grace.is_zero() {
                guard.unsubscribe_and_publish(connection, user, at).await;
                continue;
            }
            let view = guard.unsubscribe(connection);
            guard.stop_typing(connection).await;
            if view.is_none_or(|view| view.dialect != ConversationDialect::Conversation) {
                continue;
            }
            if !guard.has(user, ConversationDialect::Conversation) {
                guard.set_absent(user, at);
                absent_from.push(conversation);
            }
            guard.publish_left(user, None).await;
        }
        if !followed.is_empty() {
            let (conversations, user) = (self.clone(), user.clone());
            let drain = self.presence.drain().clone();
            self.presence.drain().spawn(async move {
                drain.sleep(grace).await;
                if drain.has_begun() && conversations.cluster.is_some() {
                    // Other nodes publish it, unless the user has come to them.
                    return;
                }
                conversations.end_absence(absent_from, &user, at).await;
                conversations.unfollowed(&followed, &user, at).await;
            });
        }
    }

    fn record(&self, member: &Member, dialect: ConversationDialect, event: Event) {
        let dialect = Some(dialect.as_dialect());
        let record = Record::new(member.source(), dialect, event);
        self.audit.record(record);
    }

    /// A user who is absent since `at` has not come back in time.
    async fn end_absence(self: &Arc<Self>, from: Vec<ConversationId>, user: &UserId, at: u64) {
        for conversation in from {
            let mut guard = self.lock(&conversation).await;
            // Who came back and left again is absent since another time, which ends later.
            if guard.absent_since(user) == Some(at) {
                guard.unset_absent(user);
                guard.publish_left(user, Some(at)).await;
            }
        }
    }
}

impl ConversationGuard {
    /// A connection is in the room `conversation` now, on this node perhaps the first of its user.
    /// How many connections are in it, and the event for the subscribers here, if they are to be sent
    /// one.
    async fn enter(
        &mut self,
        member: &Member,
        is_first: bool,
    ) -> (usize, Option<ConversationEvent>) {
        let user = &member.user.id;
        self.hand_listed_to_room(&member.connection).await;
        let is_back = self.unset_absent(user).is_some();
        let entered = ConversationEvent::Entered((*member.identity()).clone());
        let (mut count, is_news) = self.entered(&entered, user, is_first && !is_back).await;
        let hidden = self.blockers_of(user).await;
        if !hidden.is_empty() {
            count = self.count_in_room_except(&hidden).await;
        }
        (count, is_news.then_some(entered))
    }

    /// Ends the subscription of a connection, and publishes that at once.
    async fn unsubscribe_and_publish(
        &mut self,
        connection: &Arc<Connection>,
        user: &UserId,
        at: u64,
    ) {
        let view = self.unsubscribe(connection);
        self.stop_typing(connection).await;
        if view.is_some_and(|view| view.dialect == ConversationDialect::Conversation) {
            self.publish_left(user, Some(at)).await;
        }
    }

    /// A connection of this user is not in the room `conversation` any more; without a time, they may
    /// come back.
    async fn publish_left(&mut self, user: &UserId, at: Option<u64>) {
        if let Some(left) = self.exited(user, at).await {
            // So small that nobody has to be waited for.
            let _ = self.publish_local(&left, To::Everyone).await;
        }
    }

    /// Subscribes a connection by `chat` whose user was a participant after this change, unless they
    /// are none any more.
    async fn join_chat_from(
        &mut self,
        number: ChangeNumber,
        member: &Member,
    ) -> Result<(), StoreError> {
        self.follow_from(number, &member.user.id).await?;
        if self.listen().await {
            // Of what was published until now, nothing may have reached this node.
            self.follow_to_end().await?;
            self.role_of(&member.user.id).await?;
        }
        let id_type = self.conversations().id_type(self.id()).await;
        self.auto_join(member, id_type);
        Ok(())
    }

    /// Subscribes the connections of a new participant that are subscribed to all chats of their user.
    pub(super) async fn join_chats(&mut self, user: &UserId) {
        let id_type = self.conversations().id_type(self.id()).await;
        for member in self.conversations().users.members(user.as_str()) {
            if member.connection.dialect() == Dialect::Chat {
                self.auto_join(&member, id_type);
            }
        }
    }

    /// Subscribes a connection by `chat`, unless it is subscribed already.
    fn auto_join(&mut self, member: &Member, id_type: IdType) {
        let view = View {
            dialect: ConversationDialect::Chat,
            id: id_type,
        };
        let connection = &member.connection;
        if self.view_of(connection).is_some() {
            return;
        }
        self.subscribe(connection, &member.identity(), view);
        // Its end came before, and finds it no more.
        if connection.is_closed() {
            self.unsubscribe(connection);
        }
    }
}

fn room(conversation: &ConversationId) -> Room {
    Room::Conversation(AuditText::new(conversation.as_str()))
}
