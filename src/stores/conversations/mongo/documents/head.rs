//! The end of a log, in documents of `conversations`: the last number, and the change that has it.

use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::change::{ChangeDocument, Kind};
use crate::model::UserId;

/// Only for the store: the last change of a conversation, with everything that applying it takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TailDocument {
    pub(crate) change: ChangeDocument,
    /// The documents that it inserts: a message, or first participants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) insert: Vec<Document>,
    /// The fields that it sets in the document that it concerns.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub(crate) set: Document,
}

impl TailDocument {
    /// A change that inserts these documents.
    pub(crate) fn inserting(change: ChangeDocument, insert: Vec<Document>) -> Self {
        let set = Document::new();
        Self {
            change,
            insert,
            set,
        }
    }

    /// A change that sets these fields.
    pub(crate) fn setting(change: ChangeDocument, set: Document) -> Self {
        let insert = Vec::new();
        Self {
            change,
            insert,
            set,
        }
    }
}

/// What a commit has to know of a conversation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeadDocument {
    /// The last number. `None`: another program has inserted the document.
    pub(crate) changes: Option<i64>,
    pub(crate) message_count: Option<i64>,
    pub(crate) last_message_id: Option<String>,
    pub(crate) tail: Option<TailDocument>,
}

impl HeadDocument {
    /// The projection.
    pub(crate) fn fields() -> Document {
        doc! { "changes": 1, "messageCount": 1, "lastMessageId": 1, "tail": 1 }
    }
}

/// The same without what the last change says.
#[derive(Debug, Deserialize)]
pub(crate) struct ShortHeadDocument {
    /// Of which conversation.
    pub(crate) id: String,
    pub(crate) changes: Option<i64>,
    /// Up to this change something may be gone.
    #[serde(default)]
    pub(crate) forgotten: i64,
    tail: Option<ShortTail>,
}

#[derive(Debug, Deserialize)]
struct ShortTail {
    change: ShortChange,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShortChange {
    kind: Kind,
    user_id: Option<String>,
}

impl ShortHeadDocument {
    /// The projection.
    pub(crate) fn fields() -> Document {
        doc! {
            "id": 1, "changes": 1, "forgotten": 1, "tail.change.kind": 1, "tail.change.userId": 1,
        }
    }

    /// What the last change is.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.tail.as_ref().map(|tail| tail.change.kind)
    }

    /// Whether the last change is the end of a user's participation.
    pub(crate) fn is_end_of(&self, user: &UserId) -> bool {
        let last = self.tail.as_ref().map(|tail| &tail.change);
        last.is_some_and(|change| {
            matches!(change.kind, Kind::Left | Kind::Removed)
                && change.user_id.as_deref() == Some(user.as_str())
        })
    }
}
