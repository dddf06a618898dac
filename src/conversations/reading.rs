//! What users read of logs when they come back: of one conversation, or of all of theirs. It must not
//! know how a change is worded.

use std::sync::Arc;

use super::Conversations;
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, ConversationId, Cursor, LogWindow, Message, Page, PageLimit,
    Participation, VisibleChanges,
};
use crate::stores::conversations::StoreError;

/// How many changes a page of a history comes with at most, besides messages.
const MAX_BESIDE_PAGE: usize = 1_000;

/// What a user reads of the logs of all their conversations.
#[derive(Debug)]
pub(crate) struct AllChanges {
    /// The changes of each conversation in the order of their numbers.
    pub(crate) changes: Vec<(ConversationId, Change)>,
    /// How far they reach.
    pub(crate) cursor: Cursor,
    /// There are more behind it.
    pub(crate) more: bool,
}

impl Conversations {
    /// What an active participant reads behind a change; without one nothing, but where the log ends.
    /// And the last number of the log.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::CursorExpired`], or the store fails.
    pub(crate) async fn changes_in(
        &self,
        user: &UserId,
        id: &ConversationId,
        after: Option<ChangeNumber>,
        limit: usize,
    ) -> Result<(VisibleChanges, ChangeNumber), StoreError> {
        let found = self.stores().log.participations(user, Some(id)).await?;
        let participation = found.into_iter().find(|one| one.ended.is_none());
        let participation = participation.ok_or(StoreError::NotParticipant)?;
        let last = participation.last;
        let Some(after) = after else {
            let changes = Vec::new();
            return Ok((VisibleChanges { changes, end: last }, last));
        };
        participation.require(after)?;
        let window = LogWindow {
            after,
            until: last,
            with_sent: true,
        };
        let log = &self.stores().log;
        let read = log.visible_changes(id, user, window, limit).await?;
        Ok((read, last))
    }

    /// What happened besides messages from where a page of a history begins to where it ends. `None`:
    /// it is too much, or not kept any more.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn changes_beside(
        &self,
        user: &UserId,
        id: &ConversationId,
        page: &Page,
    ) -> Result<Option<Vec<Change>>, StoreError> {
        if page.after < page.forgotten {
            return Ok(None);
        }
        let window = LogWindow {
            after: page.after,
            until: page.end,
            with_sent: false,
        };
        let log = &self.stores().log;
        let read = log.visible_changes(id, user, window, MAX_BESIDE_PAGE);
        let VisibleChanges { changes, end } = read.await?;
        Ok((end >= page.end).then_some(changes))
    }

    /// What a user reads of all conversations of which they are a participant, or were one, up to the end
    /// of that; without a cursor nothing, but where the logs end. At most `limit` changes, and twice
    /// [`PageLimit::MAX_BYTES`].
    ///
    /// # Errors
    /// [`StoreError::CursorExpired`], or the store fails.
    pub(crate) async fn changes_of_all(
        self: &Arc<Self>,
        user: &UserId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<AllChanges, StoreError> {
        let mut all = AllChanges {
            changes: Vec::new(),
            cursor: Cursor::default(),
            more: false,
        };
        let (mut room, mut bytes) = (limit, 0);
        for one in self.stores().log.participations(user, None).await? {
            let end = one.end();
            let read = match &cursor {
                // Who was added since begins there, or where the log begins.
                Some(cursor) => {
                    let read = cursor.get(user, &one.conversation);
                    read.unwrap_or(one.added.previous().max(one.forgotten))
                }
                None => end,
            };
            let mut reached = read.min(end);
            if read < end && room > 0 {
                one.require(read)?;
                let window = LogWindow {
                    after: read,
                    until: end,
                    with_sent: true,
                };
                let log = &self.stores().log;
                let page = log.visible_changes(&one.conversation, user, window, room);
                let page = page.await?;
                reached = page.end;
                let messages = page.changes.iter().filter_map(Change::message);
                bytes += messages.map(Message::size).sum::<usize>();
                room = match bytes < PageLimit::MAX_BYTES {
                    true => room.saturating_sub(page.changes.len()),
                    false => 0,
                };
                let changes = page.changes.into_iter();
                all.changes
                    .extend(changes.map(|change| (one.conversation.clone(), change)));
            }
            all.more |= reached < end;
            all.cursor.set(user, &one.conversation, reached);
        }
        Ok(all)
    }
}

impl Participation {
    /// The last change that the user may read.
    fn end(&self) -> ChangeNumber {
        self.ended.unwrap_or(self.last)
    }

    /// Fails unless the log has all that is behind a change.
    fn require(&self, after: ChangeNumber) -> Result<(), StoreError> {
        match (self.forgotten..=self.last).contains(&after) {
            true => Ok(()),
            false => Err(StoreError::CursorExpired),
        }
    }
}
