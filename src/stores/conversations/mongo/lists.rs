//! Lists of the conversations of a user, part by part.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::collections::{all, one};
use super::db::Db;
use super::documents::{ConversationDocument, ParticipantDocument, date, ms};
use super::filters::COUNTED;
use super::members::counts_of;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, ListCursor, ListPage, Listed};
use crate::stores::conversations::error::StoreError;

/// How many conversations are asked at a time for their last message of a moment.
const ASKED_AT_ONCE: usize = 8;

/// What decides the place of a conversation in a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    id: String,
    last_message_at: Option<DateTime>,
    created_at: Option<DateTime>,
}

impl Placed {
    fn fields() -> Document {
        doc! { "id": 1, "lastMessageAt": 1, "createdAt": 1 }
    }

    /// What is greater comes earlier.
    fn place(&self) -> (u64, u64, &str) {
        let of = |time: Option<DateTime>| time.map_or(0, ms);
        (of(self.last_message_at), of(self.created_at), &self.id)
    }
}

/// A part of the list of these active participations.
pub(super) async fn page(
    db: &Db,
    theirs: Vec<ParticipantDocument>,
    after: Option<&ListCursor>,
    limit: usize,
) -> Result<ListPage, StoreError> {
    let mut placed = match after {
        Some(after) => behind(db, &theirs, after).await?,
        None => newest(db, &theirs, limit.saturating_add(1)).await?,
    };
    let is_more = placed.len() > limit;
    placed.truncate(limit);
    let first = placed.first().map(|first| first.place().0);
    let as_of = after.map(|after| after.as_of).or(first);
    let last = placed.last().filter(|_| is_more).zip(as_of);
    let next = last.and_then(|(last, as_of)| {
        let (last_message_at, created_at, id) = last.place();
        Some(ListCursor {
            as_of,
            last_message_at,
            created_at,
            id: ConversationId::parse(id)?,
        })
    });
    let ids: Vec<_> = placed.iter().map(|one| &*one.id).collect();
    let conversations = listed(db, theirs, &ids).await?;
    Ok(ListPage {
        conversations,
        next,
    })
}

fn of_them(theirs: &[ParticipantDocument]) -> Document {
    let ids: Vec<_> = theirs.iter().map(|one| &*one.conversation_id).collect();
    doc! { "id": { "$in": ids } }
}

async fn newest(
    db: &Db,
    theirs: &[ParticipantDocument],
    limit: usize,
) -> Result<Vec<Placed>, StoreError> {
    let conversations = db.conversations.clone_with_type::<Placed>();
    let newest_first = doc! { "lastMessageAt": -1, "createdAt": -1, "id": -1 };
    let find = conversations
        .find(of_them(theirs))
        .projection(Placed::fields());
    let find = find.sort(newest_first);
    all(find.limit(i64::try_from(limit).unwrap_or(i64::MAX))).await
}

/// What is behind a cursor, as it was when the list began.
async fn behind(
    db: &Db,
    theirs: &[ParticipantDocument],
    after: &ListCursor,
) -> Result<Vec<Placed>, StoreError> {
    let conversations = db.conversations.clone_with_type::<Placed>();
    let find = conversations
        .find(of_them(theirs))
        .projection(Placed::fields());
    let found = stream::iter(all(find).await?);
    let as_it_was = found.map(|one| as_it_was(db, one, after.as_of));
    let mut found: Vec<_> = as_it_was.buffered(ASKED_AT_ONCE).try_collect().await?;
    let end = (after.last_message_at, after.created_at, after.id.as_str());
    found.retain(|one| one.place() < end);
    found.sort_by(|one, other| other.place().cmp(&one.place()));
    Ok(found)
}

/// A conversation without the messages that were sent later.
async fn as_it_was(db: &Db, conversation: Placed, as_of: u64) -> Result<Placed, StoreError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent {
        created_at: DateTime,
    }
    if conversation.place().0 <= as_of {
        return Ok(conversation);
    }
    let earlier = doc! { "conversationId": &conversation.id, "createdAt": { "$lte": date(as_of) } };
    let messages = db.messages.clone_with_type::<Sent>();
    let find = messages
        .find_one(earlier)
        .sort(doc! { "createdAt": -1 })
        .projection(doc! { "createdAt": 1 });
    let last = one(find).await?.map(|sent| sent.created_at);
    Ok(Placed {
        last_message_at: last.or(conversation.created_at),
        ..conversation
    })
}

/// These conversations, in their order, with what they are to their participants.
pub(super) async fn listed(
    db: &Db,
    theirs: Vec<ParticipantDocument>,
    ids: &[&str],
) -> Result<Vec<Listed>, StoreError> {
    let find = db.conversations.find(doc! { "id": { "$in": ids } });
    let found = all(find.projection(ConversationDocument::fields())).await?;
    let found = found.into_iter();
    let mut found: HashMap<_, _> = found.map(|one| (one.id.clone(), one)).collect();
    let theirs = theirs.iter();
    let theirs: HashMap<_, _> = theirs.map(|one| (&*one.conversation_id, one)).collect();
    let mut listed = Vec::with_capacity(ids.len());
    for id in ids {
        let Some((participant, document)) = theirs.get(id).zip(found.remove(*id)) else {
            continue;
        };
        let counts = counts_of(db, participant).await?;
        // The document of the conversation was read earlier than the counts.
        let unread = u64::try_from(document.message_count - counts.passed).unwrap_or(0);
        if let Some(mut conversation) = document.conversation() {
            if counts.visible_since > 0 {
                let joined_at = ms(counts.joined_at);
                conversation.last_message_at = conversation.last_message_at.max(joined_at);
            }
            listed.push(Listed {
                conversation,
                role: participant.role(),
                unread,
                key: participant.key()?,
            });
        }
    }
    Ok(listed)
}

/// The newest of these conversations of a user that has no title and beside them only the other one.
pub(super) async fn between(
    db: &Db,
    theirs: &[ConversationId],
    user: &UserId,
    other: &UserId,
) -> Result<Option<ConversationId>, StoreError> {
    let fields = || doc! { "conversationId": 1, "userId": 1 };
    let counted = || doc! { "$in": COUNTED.as_slice() };
    let theirs: Vec<_> = theirs.iter().map(ConversationId::as_str).collect();
    let of_other = doc! {
        "userId": other.as_str(), "conversationId": { "$in": theirs }, "status": counted(),
    };
    let shared = all(db.participants.find(of_other).projection(fields())).await?;
    let shared: Vec<_> = shared.iter().map(|one| &*one.conversation_id).collect();
    let of_all = doc! { "conversationId": { "$in": &shared }, "status": counted() };
    let of_all = all(db.participants.find(of_all).projection(fields())).await?;
    let of_others = of_all
        .iter()
        .filter(|one| ![user.as_str(), other.as_str()].contains(&&*one.user_id));
    let others: HashSet<_> = of_others.map(|one| &*one.conversation_id).collect();
    let alone = shared.iter().filter(|id| !others.contains(**id));
    let alone = doc! { "id": { "$in": alone.copied().collect::<Vec<_>>() }, "title": null };
    let found = db.conversations.find_one(alone);
    let found = found.sort(doc! { "lastMessageAt": -1, "createdAt": -1, "id": -1 });
    let found = one(found.projection(ConversationDocument::fields())).await?;
    let found = found.and_then(ConversationDocument::conversation);
    Ok(found.map(|conversation| conversation.id))
}
