//! Changes that an application made: it writes participants without a log. Each is noticed by what the
//! log says of a participant, and logged once, by whichever node notices it first.

use std::collections::BTreeSet;

use mongodb::bson::{Document, doc};

use super::collections::{all, one};
use super::db::Db;
use super::documents::{ChangeDocument, Kind, ParticipantDocument, State, TailDocument};
use super::filters::this;
use super::log::Log;
use super::roles;
use crate::model::UserId;
use crate::model::conversation::{Change, ChangedBy, ConversationId, ParticipantStatus};
use crate::stores::conversations::error::StoreError;

/// How many users or conversations one query is about.
const BATCH: usize = 1_000;

/// Logs what applications have changed of participants: in these conversations, and in those of these
/// users. The changes that nobody else has logged.
pub(super) async fn log_applications(
    db: &Db,
    users: &[UserId],
    conversations: &[ConversationId],
) -> Result<Vec<(ConversationId, Change)>, StoreError> {
    let mut all: BTreeSet<_> = conversations.iter().cloned().collect();
    for batch in users.chunks(BATCH) {
        all.extend(conversations_of(db, batch).await?);
    }
    let all: Vec<_> = all.into_iter().collect();
    let mut logged = Vec::new();
    for batch in all.chunks(BATCH) {
        for id in changed_in(db, batch).await? {
            let changes = log_conversation(db, &id).await?.into_iter();
            logged.extend(changes.map(|change| (id.clone(), change)));
        }
    }
    Ok(logged)
}

/// The conversations in which one of these users is or was a participant.
async fn conversations_of(db: &Db, users: &[UserId]) -> Result<Vec<ConversationId>, StoreError> {
    let users: Vec<_> = users.iter().map(UserId::as_str).collect();
    let fields = doc! { "conversationId": 1, "userId": 1 };
    let find = db.participants.find(doc! { "userId": { "$in": users } });
    let found = all(find.projection(fields)).await?;
    let ids = found.iter().map(|one| &one.conversation_id);
    Ok(ids.filter_map(|id| ConversationId::parse(id)).collect())
}

/// Those of these conversations with participants of whom the log does not say what they are.
async fn changed_in(
    db: &Db,
    conversations: &[ConversationId],
) -> Result<BTreeSet<ConversationId>, StoreError> {
    let ids: Vec<_> = conversations.iter().map(ConversationId::as_str).collect();
    let found = changed(db, doc! { "conversationId": { "$in": ids } }).await?;
    let ids = found.iter().map(|one| &one.conversation_id);
    Ok(ids.filter_map(|id| ConversationId::parse(id)).collect())
}

/// The participants that match, and differ from what the log says of them.
async fn changed(db: &Db, mut filter: Document) -> Result<Vec<ParticipantDocument>, StoreError> {
    let differ = |field: &str, logged: &str| doc! { "$ne": [field, logged] };
    let any = doc! { "$or": [
        differ("$status", "$logged.status"),
        differ("$role", "$logged.role"),
        differ("$contentKeyNumber", "$logged.keyNumber"),
    ] };
    filter.insert("$expr", any);
    let mut found = all(db
        .participants
        .find(filter)
        .projection(ParticipantDocument::short_fields()))
    .await?;
    // What the server sees as different may mean the same.
    found.retain(ParticipantDocument::is_changed);
    Ok(found)
}

async fn log_conversation(
    db: &Db,
    conversation: &ConversationId,
) -> Result<Vec<Change>, StoreError> {
    let found = changed(db, doc! { "conversationId": conversation.as_str() }).await?;
    let users = found.iter().filter_map(|one| UserId::parse(&one.user_id));
    let users: BTreeSet<_> = users.collect();
    let mut changes = Vec::new();
    if users.is_empty() {
        return Ok(changes);
    }
    let mut log = Log::open(db, conversation).await;
    for user in users {
        changes.extend(log_one(db, conversation, &user, &mut log).await?);
    }
    Ok(changes)
}

/// Logs what an application has changed of a participant, and what follows from it. Nothing: another node has.
async fn log_one(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    log: &mut Log<'_>,
) -> Result<Vec<Change>, StoreError> {
    loop {
        let head = log.head().await?;
        let found = one(db.participants.find_one(this(conversation, user))).await?;
        let Some(found) = found.filter(ParticipantDocument::is_changed) else {
            return Ok(Vec::new());
        };
        let (state, number) = (found.state(), head.next());
        let logged = found.logged_state().filter(State::is_active);
        let was_active = logged.is_some();
        let kind = match (was_active, state.status) {
            (false, ParticipantStatus::Active) => Kind::Added,
            (true, ParticipantStatus::Active) => Kind::Changed,
            (_, ParticipantStatus::Left) => Kind::Left,
            (
                _,
                ParticipantStatus::Removed
                | ParticipantStatus::Ignored
                | ParticipantStatus::Invited,
            ) => Kind::Removed,
        };
        let by = ChangedBy::Application;
        let mut change = ChangeDocument {
            user_id: Some(user.as_str().to_owned()),
            ..ChangeDocument::new(conversation, number, kind, &by, db.now())
        };
        if state.is_active() {
            change.role = Some(state.role.as_str().to_owned());
            change.key_number = state.key_number;
        }
        let tail = TailDocument::setting(change, doc! { "logged": state.logged(number) });
        let was_admin = logged.is_some_and(|logged| logged.is_admin());
        let promoted = match was_admin && !state.is_active() {
            true => {
                let promotion = tail.behind(Kind::Changed);
                roles::promote_oldest(db, conversation, user, promotion).await?
            }
            false => None,
        };
        let tail = tail.followed_by(promoted);
        if log.commit(&head, &tail).await? {
            return tail.changes().map(|change| change.change(None)).collect();
        }
    }
}
