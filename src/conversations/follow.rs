//! Follows the log of a conversation on this node: its changes reach the subscribers here in the order
//! of their numbers, each once and none left out, and who may be subscribed is what the log says.
//!
//! What this node or another one publishes is taken when it is its turn. What comes ahead waits; when
//! its turn does not come soon, the log is read from the store. So a message between nodes that is lost
//! or late costs time and nothing else. It must not know how a change is stored or worded.

use super::ConversationGuard;
use super::publish::Delivery;
use super::subscriptions::Followed;
use crate::model::UserId;
use crate::model::conversation::{Change, ChangeNumber, Extra, NumberedEvent, Role, Snapshot};
use crate::stores::conversations::StoreError;

/// Maximum number of changes that are read at once.
const PAGE: usize = 1_000;

impl ConversationGuard {
    /// The role of a participant.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(super) async fn role_of(&mut self, user: &UserId) -> Result<Role, StoreError> {
        self.learn_participants().await?;
        let participants = self
            .local
            .followed
            .as_ref()
            .and_then(Followed::participants);
        let role = participants.and_then(|all| all.get(user)).copied();
        role.ok_or(StoreError::NotParticipant)
    }

    /// Follows the log from its end, or, where it is followed, up to its end: who is subscribed next
    /// receives everything that is not in the history yet.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn follow(&mut self) -> Result<(), StoreError> {
        if !self.has_subscribers() {
            self.local.followed = None;
        }
        if self.local.followed.is_none() {
            return self.learn_participants().await;
        }
        self.follow_to_end().await
    }

    /// Follows the log up to its end, where others write it, too.
    pub(super) async fn follow_to_end(&mut self) -> Result<(), StoreError> {
        if let Some(log) = self.conversations().stores().shared_log.clone() {
            let last = log.last(std::slice::from_ref(self.id())).await?;
            let last = last.first().map_or(ChangeNumber::START, |(_, last)| *last);
            self.catch_up_to(last).await?;
        }
        Ok(())
    }

    /// Follows the log from behind a change, with which the subscription of a user begins who is a
    /// participant then; or, where it is followed, up to that change at least.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]: they are no participant any more. Or the store fails.
    pub(super) async fn follow_from(
        &mut self,
        number: ChangeNumber,
        user: &UserId,
    ) -> Result<(), StoreError> {
        let up_to = if self.local.followed.is_some() {
            number
        } else {
            self.local.followed = Some(Followed::from(number));
            // What was published since, before anybody followed the log.
            let published = self.conversations().subscriptions.last_published(self.id());
            published.map_or(number, |published| published.max(number))
        };
        self.catch_up_to(up_to).await?;
        let followed = self.local.followed.as_ref();
        if followed.is_some_and(|followed| followed.number() > number) {
            // Their participation may have ended in between.
            return self.role_of(user).await.map(drop);
        }
        Ok(())
    }

    /// Follows the log up to the change before this one, though nobody may be subscribed, so that this one
    /// is next and is published to the users here whom it concerns.
    pub(super) async fn observe_from(&mut self, number: ChangeNumber) {
        if self.local.followed.is_none() {
            let from = self.conversations().subscriptions.last_published(self.id());
            let from =
                from.filter(|from| number.get() - from.get().min(number.get()) <= PAGE as u64);
            let from = from.unwrap_or_else(|| number.previous());
            self.local.followed = Some(Followed::from(from));
        }
        let followed = async {
            self.learn_participants().await?;
            self.catch_up_to(number.previous()).await
        };
        if let Err(error) = followed.await {
            tracing::warn!(%error, "the log of a conversation could not be read");
            self.conversations().check_later(self.id());
        }
    }

    /// Takes the next change from the log, with what the client of who made it says beside.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn take_saying(
        &mut self,
        number: ChangeNumber,
        extra: Extra,
    ) -> Result<(), StoreError> {
        let conversations = self.conversations().clone();
        let log = &conversations.stores().log;
        let page = log.changes(self.id(), number.previous(), 1).await?;
        let change = conversations.named(page.changes).await.pop();
        let change = change.filter(|change| change.number == number);
        if let (Some(change), Some(followed)) = (change, &mut self.local.followed) {
            followed.offer(change.saying(extra));
        }
        Ok(())
    }

    /// Follows the log up to this change at least, and to its end if somebody is subscribed by that.
    pub(super) async fn observe_to(&mut self, number: ChangeNumber) -> Result<(), StoreError> {
        self.catch_up_to(number).await?;
        if self.has_subscribers() && self.listen().await {
            // Of what was published until now, nothing may have reached this node.
            self.follow_to_end().await?;
        }
        Ok(())
    }

    /// Knows the participants after the last change that was received: those after the last one of the
    /// log, without what happened in between.
    async fn learn_participants(&mut self) -> Result<(), StoreError> {
        let followed = self.local.followed.as_ref();
        match followed.and_then(Followed::participants) {
            Some(_) => Ok(()),
            None => self.read_participants().await,
        }
    }

    async fn read_participants(&mut self) -> Result<(), StoreError> {
        let log = self.conversations().stores().log.clone();
        let Snapshot {
            number: last,
            mut participants,
        } = log.snapshot(self.id()).await?;
        let id = self.id().clone();
        let followed = self
            .local
            .followed
            .get_or_insert_with(|| Followed::from(last));
        let mut between = Vec::new();
        let mut read = followed.number();
        while read < last {
            let page = log.changes(&id, read, PAGE).await?;
            let Some(end) = page.changes.last() else {
                break;
            };
            read = end.number;
            between.extend(page.changes.into_iter().filter(|one| one.number <= last));
        }
        for change in between.into_iter().rev() {
            change.what.revert(&mut participants);
        }
        followed.set_participants(participants);
        Ok(())
    }

    /// Takes a change that was published, and sends the subscribers here what is its turn.
    pub(super) async fn receive(&mut self, change: NumberedEvent) -> Delivery {
        if let Some(followed) = &mut self.local.followed {
            followed.offer(change);
        }
        self.send_waiting().await
    }

    /// Whether there is a change that the subscribers here have not received.
    pub(super) fn is_behind(&self, number: ChangeNumber) -> bool {
        let followed = self.local.followed.as_ref();
        followed.is_some_and(|followed| followed.number() < number)
    }

    async fn send_waiting(&mut self) -> Delivery {
        let mut delivery = Delivery::default();
        while let Some(next) = self.local.followed.as_ref().and_then(Followed::next) {
            if next.is_of_participants()
                && let Err(error) = self.learn_participants().await
            {
                tracing::warn!(%error, "the participants of a conversation could not be read");
                self.conversations().check_later(self.id());
                break;
            }
            let blind = match self.blind_to_next().await {
                Ok(users) => users,
                Err(error) => {
                    tracing::warn!(%error, "who sees a message could not be read");
                    self.conversations().check_later(self.id());
                    break;
                }
            };
            if let Some(event) = self.local.followed.as_mut().and_then(Followed::take_next) {
                delivery.add(self.send_logged(event, &blind).await);
            }
        }
        delivery
    }

    /// Reads on in the log, and sends what the subscribers here have not received. `true`: there is more.
    pub(super) async fn read_on(&mut self) -> Result<(Delivery, bool), StoreError> {
        let Some(after) = self.local.followed.as_ref().map(Followed::number) else {
            return Ok((Delivery::default(), false));
        };
        let conversations = self.conversations().clone();
        let log = &conversations.stores().log;
        let page = log.changes(self.id(), after, PAGE).await?;
        let end = page.changes.last().map_or(page.last, |last| last.number);
        if page.changes.iter().any(Change::is_forgotten) {
            self.end_forgotten_participations().await?;
        }
        let mut delivery = Delivery::default();
        for change in conversations.named(page.changes).await {
            delivery.add(self.receive(change).await);
        }
        Ok((delivery, end < page.last))
    }

    /// Ends the subscriptions of those who were removed by a change that is not kept any more.
    async fn end_forgotten_participations(&mut self) -> Result<(), StoreError> {
        self.read_participants().await?;
        let participants = self.participants();
        let users = self.users().into_iter();
        let former = users.filter(|user| !participants.contains(user)).cloned();
        for user in former.collect::<Vec<_>>() {
            self.end_chats(&user, &participants).await;
        }
        Ok(())
    }

    /// Reads on until a change has been received, without waiting for anybody.
    async fn catch_up_to(&mut self, number: ChangeNumber) -> Result<(), StoreError> {
        if !self.is_behind(number) {
            return Ok(());
        }
        let mut all = Delivery::default();
        while self.is_behind(number) {
            let (delivery, is_more) = self.read_on().await?;
            all.add(delivery);
            if !is_more {
                break;
            }
        }
        let (conversations, id) = (self.conversations().clone(), self.id().clone());
        let drain = conversations.presence.drain().clone();
        drain.spawn(async move { conversations.finish(&id, all).await });
        Ok(())
    }
}
