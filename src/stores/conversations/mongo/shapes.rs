//! What the documents of each collection have, and how they are indexed. It must not know the queries.
//!
//! Every index that is unique begins with what its collection would be sharded by. None is partial:
//! not every server of MongoDB's protocol has those.

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;

use crate::stores::drivers::mongo::Shape;

/// Users are kept whichever dialects are served.
pub(super) fn users() -> Shape {
    Shape {
        name: "users",
        has: ids(&["id"]),
        fields: &[
            "_id",
            "id",
            "name",
            "givenName",
            "username",
            "avatarUrl",
            "status",
            "lastSeenAt",
            "numericId",
        ],
        indexes: vec![
            unique(doc! { "id": 1 }),
            index(doc! { "name": 1 }),
            sparse(doc! { "givenName": 1 }),
            sparse(doc! { "username": 1 }),
            sparse(doc! { "numericId": 1 }),
        ],
    }
}

/// Whom users block, which is kept likewise.
pub(super) fn blocks() -> Shape {
    Shape {
        name: "blocks",
        has: ids(&["userId", "blockedId"]),
        fields: &[],
        indexes: vec![
            unique(doc! { "userId": 1, "blockedId": 1 }),
            index(doc! { "blockedId": 1 }),
        ],
    }
}

/// Tokens that are taken back, which are kept likewise.
pub(super) fn revocations() -> Shape {
    let mut has = ids(&["kind", "subject"]);
    has.insert("changedAt", doc! { "$type": "date" });
    Shape {
        name: "revocations",
        has,
        fields: &[],
        indexes: vec![
            unique(doc! { "kind": 1, "subject": 1 }),
            index(doc! { "id": 1 }),
            index(doc! { "changedAt": 1 }),
            index(doc! { "expiresAt": 1 }),
        ],
    }
}

/// What is kept for stored conversations. The last one says which form the others have.
pub(super) fn of_conversations() -> [Shape; 8] {
    [
        conversations(),
        participants(),
        messages(),
        receipts(),
        reactions(),
        changes(),
        participant_changes(),
        Shape {
            name: "schema",
            has: doc! { "_id": "conversations", "version": { "$type": "number" } },
            fields: &[],
            indexes: Vec::new(),
        },
    ]
}

fn conversations() -> Shape {
    Shape {
        name: "conversations",
        has: ids(&["id"]),
        fields: &[
            "_id",
            "id",
            "title",
            "avatarUrl",
            "createdBy",
            "createdAt",
            "lastMessageAt",
            "messageRetention",
            "changes",
            "tail",
            "messageCount",
            "lastMessageId",
            "lacksMessages",
            "forgotten",
            "making",
            "numericId",
            "history",
        ],
        indexes: vec![
            unique(doc! { "id": 1 }),
            sparse(doc! { "messageRetention": 1 }),
        ],
    }
}

fn participants() -> Shape {
    Shape {
        name: "participants",
        has: ids(&["conversationId", "userId"]),
        fields: &[
            "_id",
            "conversationId",
            "userId",
            "role",
            "status",
            "joinedAt",
            "pending",
            "contentKeyNumber",
            "encryptedContentKey",
            "contentKeys",
            "counts",
            "logged",
            "ignored",
            "invitedBy",
            "endedBy",
        ],
        indexes: vec![
            unique(doc! { "conversationId": 1, "userId": 1 }),
            index(doc! { "userId": 1, "status": 1 }),
        ],
    }
}

fn messages() -> Shape {
    let mut has = ids(&["id", "conversationId", "senderId"]);
    has.extend(doc! { "seq": { "$type": "number" }, "sentAs": { "$exists": true } });
    Shape {
        name: "messages",
        has,
        fields: &[],
        indexes: vec![
            unique(doc! { "conversationId": 1, "seq": 1 }),
            index(doc! { "conversationId": 1, "id": 1 }),
            unique(doc! { "conversationId": 1, "sentAs": 1 }),
            index(doc! { "conversationId": 1, "createdAt": 1 }),
            sparse(doc! { "deletedFor": 1 }),
            sparse(doc! { "uncounted": 1 }),
        ],
    }
}

fn receipts() -> Shape {
    Shape {
        name: "receipts",
        has: ids(&["messageId", "userId", "conversationId"]),
        fields: &[],
        indexes: vec![
            unique(doc! { "messageId": 1, "userId": 1 }),
            index(doc! { "conversationId": 1, "changedAt": 1 }),
        ],
    }
}

fn reactions() -> Shape {
    Shape {
        name: "reactions",
        has: ids(&["messageId", "userId", "emoji"]),
        fields: &[],
        indexes: vec![
            unique(doc! { "messageId": 1, "userId": 1, "emoji": 1 }),
            sparse(doc! { "removedAt": 1 }),
        ],
    }
}

fn changes() -> Shape {
    Shape {
        name: "changes",
        has: numbered(),
        fields: &[],
        indexes: vec![
            once(),
            sparse(doc! { "messageId": 1 }),
            index(doc! { "at": 1 }),
        ],
    }
}

/// The changes of participants of all conversations, in one order.
fn participant_changes() -> Shape {
    Shape {
        name: "participantChanges",
        has: numbered(),
        fields: &[],
        indexes: vec![once()],
    }
}

/// Documents with all of these: texts, or numbers, which an application may write where a text belongs. Those of
/// other programs mostly have none, or an `ObjectId`.
fn ids(fields: &[&str]) -> Document {
    let is_id = doc! { "$type": ["string", "number"] };
    let fields = fields.iter();
    fields
        .map(|field| ((*field).to_owned(), is_id.clone().into()))
        .collect()
}

fn numbered() -> Document {
    let mut has = ids(&["conversationId"]);
    has.insert("number", doc! { "$type": "number" });
    has
}

fn once() -> IndexModel {
    unique(doc! { "conversationId": 1, "number": 1 })
}

fn index(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).build()
}

fn unique(keys: Document) -> IndexModel {
    let options = IndexOptions::builder().unique(true).build();
    IndexModel::builder().keys(keys).options(options).build()
}

fn sparse(keys: Document) -> IndexModel {
    let options = IndexOptions::builder().sparse(true).build();
    IndexModel::builder().keys(keys).options(options).build()
}
