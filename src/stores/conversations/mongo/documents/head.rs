//! The end of a log, in documents of `conversations`: the last number, and the change that has it.

use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::change::{ChangeDocument, Kind};
use crate::model::UserId;

/// Only for the store: the last change of a conversation, or the last two if they were committed at once,
/// with everything that applying it takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TailDocument {
    pub(crate) change: ChangeDocument,
    /// The documents that it inserts: a message, or first participants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) insert: Vec<Document>,
    /// The content keys that it gives whom it concerns, by their numbers.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub(crate) keys: Document,
    /// The fields that it sets in the document that it concerns.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub(crate) set: Document,
    /// The change behind it that was committed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<Box<Self>>,
}

impl TailDocument {
    /// A change that inserts these documents.
    pub(crate) fn inserting(change: ChangeDocument, insert: Vec<Document>) -> Self {
        Self {
            change,
            insert,
            keys: Document::new(),
            set: Document::new(),
            then: None,
        }
    }

    /// A change that sets these fields.
    pub(crate) fn setting(change: ChangeDocument, set: Document) -> Self {
        Self {
            change,
            insert: Vec::new(),
            keys: Document::new(),
            set,
            then: None,
        }
    }

    /// One that gives these content keys, too.
    pub(crate) fn giving(self, keys: Document) -> Self {
        Self { keys, ..self }
    }

    /// The same with the change behind it.
    pub(crate) fn followed_by(self, then: Option<Self>) -> Self {
        Self {
            then: then.map(Box::new),
            ..self
        }
    }

    /// A change of this kind that is made with it, behind it.
    pub(crate) fn behind(&self, kind: Kind) -> ChangeDocument {
        ChangeDocument {
            number: self.change.number + 1,
            kind,
            user_id: None,
            ignored: false,
            invited: false,
            ..self.change.clone()
        }
    }

    /// The changes that it commits.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &ChangeDocument> {
        let then = self.then.as_deref().map(|then| &then.change);
        [&self.change].into_iter().chain(then)
    }

    /// The last one of them.
    pub(crate) fn last(&self) -> &ChangeDocument {
        self.then
            .as_deref()
            .map_or(&self.change, |then| &then.change)
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
