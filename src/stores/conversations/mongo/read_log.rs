//! Reading the log: which changes a conversation has seen, and who participated after the last one.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::collections::all;
use super::db::{Db, gone};
use super::documents::{ParticipantDocument, ShortHeadDocument};
use super::filters::ACTIVE;
use super::log::{number_of, read_head, settle};
use super::log_range::{Range, change_number};
use super::newcomers;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, ChangePage, ConversationId, LogWindow, MessageId, Participation, Role,
    Snapshot, VisibleChanges,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::log::LogStore;

#[async_trait]
impl LogStore for MongoConversations {
    async fn memberships(
        &self,
        user: &UserId,
    ) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError> {
        self.run(memberships(&self.db, user)).await
    }

    async fn changes(
        &self,
        conversation: &ConversationId,
        after: ChangeNumber,
        limit: usize,
    ) -> Result<ChangePage, StoreError> {
        self.run(changes(&self.db, conversation, after, limit))
            .await
    }

    async fn participations(
        &self,
        user: &UserId,
        only: Option<&ConversationId>,
    ) -> Result<Vec<Participation>, StoreError> {
        self.run(participations(&self.db, user, only)).await
    }

    async fn visible_changes(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: LogWindow,
        limit: usize,
    ) -> Result<VisibleChanges, StoreError> {
        let changes = visible_changes(&self.db, conversation, user, window, limit);
        self.run(changes).await
    }

    async fn newcomers(
        &self,
        conversation: &ConversationId,
    ) -> Result<Vec<(UserId, ChangeNumber)>, StoreError> {
        self.run(newcomers::newcomers(&self.db, conversation)).await
    }

    async fn sent_by(
        &self,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Result<Option<ChangeNumber>, StoreError> {
        self.run(newcomers::sent_by(&self.db, conversation, message))
            .await
    }

    async fn snapshot(&self, conversation: &ConversationId) -> Result<Snapshot, StoreError> {
        self.run(snapshot(&self.db, conversation)).await
    }
}

/// How often a snapshot is tried while participants change.
const ATTEMPTS: usize = 64;

async fn heads(db: &Db, filter: Document) -> Result<Vec<ShortHeadDocument>, StoreError> {
    let heads = db.conversations.clone_with_type::<ShortHeadDocument>();
    all(heads.find(filter).projection(ShortHeadDocument::fields())).await
}

pub(super) async fn last(
    db: &Db,
    conversations: &[ConversationId],
) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError> {
    let ids: Vec<_> = conversations.iter().map(ConversationId::as_str).collect();
    let mut found = Vec::with_capacity(ids.len());
    for head in heads(db, doc! { "id": { "$in": ids } }).await? {
        if let Some(id) = ConversationId::parse(&head.id) {
            let number = number_of(db, &id, &head).await?;
            found.push((id, change_number(number)));
        }
    }
    Ok(found)
}

/// The ends of the logs of the conversations of these participants, by their ids.
async fn heads_of(
    db: &Db,
    participants: Document,
) -> Result<HashMap<String, ShortHeadDocument>, StoreError> {
    let fields = doc! { "conversationId": 1, "userId": 1 };
    let found = all(db.participants.find(participants).projection(fields)).await?;
    let ids: Vec<_> = found.into_iter().map(|one| one.conversation_id).collect();
    let found = heads(db, doc! { "id": { "$in": ids } }).await?.into_iter();
    Ok(found.map(|head| (head.id.clone(), head)).collect())
}

/// The numbers are read before the participations, so these are at least as new.
async fn memberships(
    db: &Db,
    user: &UserId,
) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError> {
    let participations = doc! { "userId": user.as_str(), "status": ACTIVE };
    let heads = heads_of(db, participations.clone()).await?;
    let mut memberships = Vec::new();
    let find = db.participants.find(participations);
    for one in all(find.projection(ParticipantDocument::short_fields())).await? {
        let Some(id) = ConversationId::parse(&one.conversation_id) else {
            continue;
        };
        if active(&one).is_none() {
            continue;
        }
        let since = one.logged.as_ref().map_or(0, |logged| logged.number);
        let mut number = since;
        if let Some(head) = heads.get(&one.conversation_id) {
            let last = number_of(db, &id, head).await?;
            if since < last && head.is_end_of(user) {
                // It is committed, and will be applied.
                continue;
            }
            number = since.max(last);
        }
        memberships.push((id, change_number(number)));
    }
    Ok(memberships)
}

async fn changes(
    db: &Db,
    conversation: &ConversationId,
    after: ChangeNumber,
    limit: usize,
) -> Result<ChangePage, StoreError> {
    let head = heads(db, doc! { "id": conversation.as_str() }).await?.pop();
    let last = match &head {
        Some(head) => change_number(number_of(db, conversation, head).await?),
        None => ChangeNumber::START,
    };
    let window = LogWindow {
        after,
        // They are dense, so a limit is a range.
        until: after.plus(limit).min(last),
        with_sent: true,
    };
    let (changes, _) = read(db, conversation, window).await?;
    Ok(ChangePage { changes, last })
}

/// The changes of a window that fit on a page, and how far they reach.
async fn read(
    db: &Db,
    conversation: &ConversationId,
    window: LogWindow,
) -> Result<(Vec<Change>, ChangeNumber), StoreError> {
    if window.until <= window.after {
        return Ok((Vec::new(), window.after));
    }
    let number = |number: ChangeNumber| i64::try_from(number.get()).unwrap_or(i64::MAX);
    let (after, until) = (number(window.after), number(window.until));
    let range = || Range::read(db, conversation, after, until, window.with_sent);
    let mut range = match range().await? {
        lacking if lacking.lacks(until) => {
            // Another node has left it, or is about to apply it.
            read_head(db, conversation).await?;
            range().await?
        }
        range => range,
    };
    range.read_others(db).await?;
    let (changes, end) = range.into_changes(db, after).await?;
    Ok((changes, change_number(end)))
}

async fn visible_changes(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    window: LogWindow,
    limit: usize,
) -> Result<VisibleChanges, StoreError> {
    let since = newcomers::since(db, conversation, user).await?;
    // What they were told when they were added is the first that they read.
    let first = change_number(since).previous();
    let after = window.after.max(first).min(window.until);
    let window = LogWindow {
        after,
        until: window.until.min(after.plus(limit)),
        ..window
    };
    let (mut changes, end) = read(db, conversation, window).await?;
    let messages: Vec<_> = changes.iter().filter_map(Change::message_id).collect();
    let unseen = newcomers::unseen(db, (user, since), &messages).await?;
    changes.retain(|change| change.message_id().is_none_or(|id| !unseen.contains(&id)));
    Ok(VisibleChanges { changes, end })
}

/// The numbers are read before the participations, so these are at least as new.
async fn participations(
    db: &Db,
    user: &UserId,
    only: Option<&ConversationId>,
) -> Result<Vec<Participation>, StoreError> {
    let mut filter = doc! { "userId": user.as_str() };
    filter.extend(only.map(|only| ("conversationId".to_owned(), only.as_str().into())));
    let heads = heads_of(db, filter.clone()).await?;
    let find = db.participants.find(filter);
    let mut participations = Vec::new();
    for one in all(find.projection(ParticipantDocument::counted_fields())).await? {
        let Some(conversation) = ConversationId::parse(&one.conversation_id) else {
            continue;
        };
        let Some(head) = heads.get(&one.conversation_id) else {
            continue;
        };
        let last = number_of(db, &conversation, head).await?;
        let since = one.logged.as_ref().map_or(0, |logged| logged.number);
        let is_active = one.logged_state().unwrap_or(one.state()).is_active();
        // What an application did counts at once, and is logged soon.
        if is_active && !one.state().is_active() || one.ignored && !is_active {
            continue;
        }
        participations.push(Participation {
            conversation,
            // They may have been given another role since.
            added: change_number(one.counts().map_or(since, |counts| counts.since)),
            ended: (!is_active).then_some(change_number(since)),
            last: change_number(last),
            forgotten: change_number(head.forgotten),
        });
    }
    Ok(participations)
}

/// The participants are those after the settled number if none of their documents says that it was changed
/// later: messages that are sent meanwhile do not matter.
async fn snapshot(db: &Db, conversation: &ConversationId) -> Result<Snapshot, StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(settled) = settle(db, conversation).await? else {
            return Ok(Snapshot::default());
        };
        let filter = doc! { "conversationId": conversation.as_str() };
        let found = all(db
            .participants
            .find(filter)
            .projection(ParticipantDocument::short_fields()))
        .await?;
        let newest = found.iter().filter_map(|one| one.logged.as_ref());
        if newest.map(|logged| logged.number).max() <= Some(settled.number) {
            return Ok(Snapshot {
                number: change_number(settled.number),
                participants: found.iter().filter_map(active).collect(),
            });
        }
    }
    Err(gone("participants"))
}

fn active(document: &ParticipantDocument) -> Option<(UserId, Role)> {
    let state = document.logged_state().unwrap_or(document.state());
    let user = UserId::parse(&document.user_id)?;
    state.is_active().then_some((user, state.role))
}
