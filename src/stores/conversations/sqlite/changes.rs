//! Changes of a message: editing, deleting, hiding.

use rusqlite::{Connection, params};

use super::columns::{columns, number, optional_columns};
use super::log::{Entry, Kind, log};
use super::message_rows::{Known, find, pass, visible};
use super::participant_rows::member;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ConversationId, Edit, Extra, Logged, Message, MessageId, Role,
};
use crate::stores::conversations::error::StoreError;

pub(super) fn edit(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    message: MessageId,
    author: &UserId,
    edit: &Edit,
) -> Result<Logged<Message>, StoreError> {
    let db = writing.db;
    let member = member(db, conversation, author)?;
    let conversation_no = member.conversation;
    let known = visible(db, &member, message)?
        .filter(|known| known.sender == *author && !known.is_deleted)
        .ok_or(StoreError::NotFoundOrForbidden)?;
    let before = find(db, message)?.ok_or(StoreError::NotFoundOrForbidden)?;
    let extra = edit.extra_after(&before).ok_or(StoreError::TooLarge)?;
    if edit.leaves_nothing(&before, &extra) {
        return Err(StoreError::NothingSaid);
    }
    if edit.is_done(&before, &extra) {
        return Ok(Logged::unchanged(before));
    }
    write_edit(writing, known.no, edit, &extra)?;
    let by = ChangedBy::User(author.clone());
    let entry = Entry {
        message: Some(known.no),
        ..Entry::new(Kind::Edited, &by)
    };
    let number = log(writing, conversation_no, &entry)?;
    let edited = find(db, message)?.ok_or(StoreError::NotFoundOrForbidden)?;
    let change = Change {
        number,
        at: writing.now,
        by,
        what: Changed::Edited(edited.clone()),
    };
    Ok(Logged::new(edited, change))
}

fn write_edit(
    writing: &Writing<'_>,
    no: i64,
    edit: &Edit,
    extra: &Extra,
) -> Result<(), StoreError> {
    const UPDATE: &str = "
        UPDATE messages
        SET content = ?2, contentAttachments = ?3, keyNumber = coalesce(?4, keyNumber),
            editedAt = max(?5, createdAt), extra = ?6, extraAttachments = ?7
        WHERE no = ?1";
    let content = columns(&edit.content);
    let extra = extra.to_value();
    let (extra, extra_attachments) = optional_columns(extra.as_ref());
    writing.db.prepare_cached(UPDATE)?.execute(params![
        no,
        content.text,
        content.attachments,
        edit.key_number,
        number(writing.now),
        extra,
        extra_attachments,
    ])?;
    Ok(())
}

pub(super) fn delete(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
) -> Result<Logged<Message>, StoreError> {
    const DELETE: &str = "
        UPDATE messages
        SET content = NULL, contentAttachments = NULL, media = NULL, mediaAttachments = NULL,
            extra = NULL, extraAttachments = NULL, deletedAt = max(?2, createdAt)
        WHERE no = ?1";
    let db = writing.db;
    let member = member(db, conversation, user)?;
    let known = visible(db, &member, message)?
        .filter(|known| known.sender == *user || member.role == Role::Admin)
        .ok_or(StoreError::NotFoundOrForbidden)?;
    let left = || find(db, message)?.ok_or(StoreError::NotFoundOrForbidden);
    if known.is_deleted {
        return Ok(Logged::unchanged(left()?));
    }
    pass_for_all(db, member.conversation, &known)?;
    db.prepare_cached(DELETE)?
        .execute(params![known.no, number(writing.now)])?;
    let by = ChangedBy::User(user.clone());
    let entry = Entry {
        message: Some(known.no),
        ..Entry::new(Kind::Deleted, &by)
    };
    let number = log(writing, member.conversation, &entry)?;
    let message = left()?;
    let what = Changed::Deleted(message.clone());
    Ok(Logged::new(
        message,
        Change {
            number,
            at: writing.now,
            by,
            what,
        },
    ))
}

/// Stops counting a message as unread for every active participant for whom it does. For former
/// participants the counts are recreated when they are added again. How many these are.
pub(super) fn pass_for_all(
    db: &Connection,
    conversation: i64,
    message: &Known,
) -> rusqlite::Result<usize> {
    const PASS: &str = "
        UPDATE participants AS p SET passed = passed + 1
        WHERE p.conversation = ?1 AND p.status = 'active' AND p.user <> ?2 AND p.added < ?3
          AND NOT EXISTS (SELECT 1 FROM receipts r
                          WHERE r.message = ?4 AND r.user = p.user AND r.readAt IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM hidden h
                          WHERE h.conversation = ?1 AND h.user = p.user AND h.message = ?4)";
    let values = params![conversation, message.sender, message.number, message.no];
    db.prepare_cached(PASS)?.execute(values)
}

pub(super) fn hide(
    db: &Connection,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
) -> Result<bool, StoreError> {
    const HIDE: &str = "
        INSERT INTO hidden (conversation, user, message) VALUES (?1, ?2, ?3)
        ON CONFLICT (conversation, user, message) DO NOTHING";
    let member = member(db, conversation, user)?;
    let known = visible(db, &member, message)?.ok_or(StoreError::NotFoundOrForbidden)?;
    let values = params![member.conversation, user, known.no];
    if db.prepare_cached(HIDE)?.execute(values)? == 0 {
        return Ok(false);
    }
    let may_be_unread = known.sender != *user && !known.is_deleted && known.number > member.added;
    if may_be_unread && !has_read(db, &known, user)? {
        pass(db, member.conversation, user, 1)?;
    }
    Ok(true)
}

fn has_read(db: &Connection, message: &Known, user: &UserId) -> rusqlite::Result<bool> {
    const SELECT: &str = "
        SELECT 1 FROM receipts WHERE message = ?1 AND user = ?2 AND readAt IS NOT NULL";
    db.prepare_cached(SELECT)?.exists(params![message.no, user])
}

/// Whether a user has hidden a message.
pub(super) fn has_hidden(
    db: &Connection,
    conversation: i64,
    message: &Known,
    user: &UserId,
) -> rusqlite::Result<bool> {
    const SELECT: &str = "
        SELECT 1 FROM hidden WHERE conversation = ?1 AND user = ?2 AND message = ?3";
    db.prepare_cached(SELECT)?
        .exists(params![conversation, user, message.no])
}
