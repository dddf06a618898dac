//! Who becomes a participant of a conversation.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::blocks;
use super::columns::number;
use super::keys;
use super::log::{Entry, Kind, log};
use super::participant_rows::{find, member};
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ConversationId, Logged, NewParticipant, Participant,
    ParticipantStatus, Role,
};
use crate::stores::conversations::error::StoreError;

/// What a user becomes whom somebody adds.
pub(super) fn status_of(
    db: &Connection,
    user: &UserId,
    by: &ChangedBy,
) -> Result<ParticipantStatus, StoreError> {
    let blocked = match by.user() {
        Some(by) => blocks::find(db, user, by)?,
        None => None,
    };
    Ok(ParticipantStatus::of_added(blocked.is_some()))
}

/// The same of one who may be invited only.
pub(super) fn status_of_new(
    db: &Connection,
    new: &NewParticipant,
    by: &ChangedBy,
) -> Result<ParticipantStatus, StoreError> {
    match new.is_invited {
        true => Ok(ParticipantStatus::Invited),
        false => status_of(db, &new.user, by),
    }
}

fn inviter(status: ParticipantStatus, by: &ChangedBy) -> Option<&UserId> {
    by.user().filter(|_| status == ParticipantStatus::Invited)
}

/// Adds a participant to a conversation that is being created. `false`: they were added already.
pub(super) fn insert_first(
    writing: &Writing<'_>,
    conversation: i64,
    new: &NewParticipant,
    status: ParticipantStatus,
    by: &ChangedBy,
) -> Result<bool, StoreError> {
    const INSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, added, delivered, passed, pending, invitedBy)
        VALUES (?1, ?2, ?3, ?6, ?4, 1, 1, 0, ?5, ?7)
        ON CONFLICT (conversation, user) DO NOTHING";
    let values = params![
        conversation,
        new.user,
        new.role,
        number(new.joined_at.unwrap_or(writing.now)),
        new.pending,
        status,
        inviter(status, by),
    ];
    let is_new = writing.db.prepare_cached(INSERT)?.execute(values)? == 1;
    if is_new {
        keys::give(writing, conversation, new)?;
    }
    Ok(is_new)
}

pub(super) fn add(
    writing: &Writing<'_>,
    id: &ConversationId,
    new: &NewParticipant,
    by: ChangedBy,
    max_active: usize,
) -> Result<Logged<Participant>, StoreError> {
    let db = writing.db;
    require_admin(db, id, &by)?;
    let known = find(db, id, &new.user)?;
    let known = known.filter(|known| known.looks_active() || known.is_invited());
    let status = status_of_new(db, new, &by)?;
    let (conversation, messages) = counted(db, id)?.ok_or(StoreError::NoConversation)?;
    match known {
        // To others there is no need to invite whom only others take for one.
        Some(known)
            if known.is_active()
                || known.status == status
                || new.is_invited && known.looks_active() =>
        {
            return Ok(Logged::unchanged(known));
        }
        // They count already.
        Some(_) => {}
        None if is_full(db, conversation, max_active)? => {
            return Err(StoreError::ConversationFull);
        }
        None => {}
    }
    keys::give(writing, conversation, new)?;
    let change = put(writing, (conversation, messages), new, status, by)?;
    let participant = find(db, id, &new.user)?.ok_or(StoreError::NoConversation)?;
    Ok(Logged::new(participant, change))
}

fn log_added(
    writing: &Writing<'_>,
    conversation: i64,
    new: &NewParticipant,
    status: ParticipantStatus,
    by: ChangedBy,
) -> rusqlite::Result<Change> {
    let is_ignored = status == ParticipantStatus::Ignored;
    let kind = match status {
        ParticipantStatus::Ignored => Kind::Ignored,
        ParticipantStatus::Invited => Kind::Invited,
        _ => Kind::Added,
    };
    let key_number = new.key.as_ref().map(|key| key.number);
    let entry = Entry {
        subject: Some(new.user.as_str()),
        detail: Some(new.role.as_str()),
        key_number,
        ..Entry::new(kind, &by)
    };
    let number = log(writing, conversation, &entry)?;
    let (user, role) = (new.user.clone(), new.role);
    let what = match kind {
        Kind::Invited => Changed::Invited {
            user,
            role,
            key_number,
            in_place_of: None,
        },
        _ => Changed::Added {
            user,
            role,
            key_number,
            in_place_of: None,
            is_ignored,
        },
    };
    let at = writing.now;
    Ok(Change {
        number,
        at,
        by,
        what,
    })
}

/// Whether a conversation has so many participants who look active, or are invited.
fn is_full(db: &Connection, conversation: i64, max_active: usize) -> rusqlite::Result<bool> {
    const COUNT: &str = "SELECT count(*) FROM participants
         WHERE conversation = ?1 AND status IN ('active', 'ignored', 'invited')";
    let mut count = db.prepare_cached(COUNT)?;
    let active: i64 = count.query_row([conversation], |row| row.get(0))?;
    Ok(usize::try_from(active).is_ok_and(|active| active >= max_active))
}

/// Fails if a user wants to manage the participants of a conversation who may not.
pub(super) fn require_admin(
    db: &Connection,
    id: &ConversationId,
    by: &ChangedBy,
) -> Result<(), StoreError> {
    let ChangedBy::User(user) = by else {
        return Ok(());
    };
    match member(db, id, user)?.role {
        Role::Admin => Ok(()),
        Role::Member => Err(StoreError::NotAdmin),
    }
}

/// The number of a conversation, and how many messages it has.
pub(super) fn counted(
    db: &Connection,
    id: &ConversationId,
) -> rusqlite::Result<Option<(i64, i64)>> {
    db.prepare_cached("SELECT no, messages FROM conversations WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Puts somebody into a conversation with so many messages, and logs it.
pub(super) fn put(
    writing: &Writing<'_>,
    (conversation, messages): (i64, i64),
    new: &NewParticipant,
    status: ParticipantStatus,
    by: ChangedBy,
) -> Result<Change, StoreError> {
    const UPSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, added, delivered, passed, pending, invitedBy,
             since)
        SELECT no, ?2, ?3, ?8, ?4, ?5, ?5, ?6, ?7, ?9, iif(history = 'joined', ?5, 0)
        FROM conversations WHERE no = ?1
        ON CONFLICT (conversation, user) DO UPDATE
        SET role = ?3, status = ?8, joinedAt = ?4, added = ?5, delivered = ?5, passed = ?6,
            pending = ?7, ended = 0, invitedBy = ?9, since = excluded.since";
    let change = log_added(writing, conversation, new, status, by)?;
    writing.db.prepare_cached(UPSERT)?.execute(params![
        conversation,
        new.user,
        new.role,
        number(new.joined_at.unwrap_or(writing.now)),
        number(change.number.get()),
        messages,
        new.pending,
        status,
        inviter(status, &change.by),
    ])?;
    Ok(change)
}
