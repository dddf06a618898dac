//! Who ceases to be a participant of a conversation: they leave, or are removed.

use rusqlite::{Connection, params};

use super::log::{Entry, Kind, log};
use super::membership::{counted, require_admin};
use super::participant_rows::{find, member};
use super::roles;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ConversationId, Logged, Participant, ParticipantStatus, Role,
};
use crate::stores::conversations::error::StoreError;

pub(super) fn end(
    writing: &Writing<'_>,
    id: &ConversationId,
    user: &UserId,
    by: ChangedBy,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let (db, is_own) = (writing.db, by.user() == Some(user));
    let known = find(db, id, user)?;
    let done = |one: &Participant| one.was_ended_by(by.user());
    let is_done = known.as_ref().is_some_and(done);
    match is_own {
        true if is_done => {}
        true if known.as_ref().is_some_and(Participant::is_invited) => {}
        true => member(db, id, user).map(drop)?,
        false => require_admin(db, id, &by)?,
    }
    let (Some((conversation, _)), Some(known)) = (counted(db, id)?, known) else {
        return Ok(None);
    };
    if is_done {
        return Ok(Some(Logged::unchanged(known)));
    }
    let was_admin = known.is_active() && known.role == Role::Admin;
    let Some((kind, what)) = ended(known, is_own) else {
        return Ok(None);
    };
    let status = match is_own {
        true => ParticipantStatus::Left,
        false => ParticipantStatus::Removed,
    };
    set_ended(db, conversation, user, status, &by)?;
    let entry = Entry {
        subject: Some(user.as_str()),
        ..Entry::new(kind, &by)
    };
    let number = log(writing, conversation, &entry)?;
    let participant = find(db, id, user)?.ok_or(StoreError::NotParticipant)?;
    let promoted = match was_admin {
        true => roles::promote_oldest(writing, conversation, &by)?,
        false => None,
    };
    let change = Change {
        number,
        at: writing.now,
        by,
        what,
    };
    let ended = Logged::new(participant, change).with_consequence(promoted);
    Ok(Some(ended))
}

/// Ends a participation with the next change.
fn set_ended(
    db: &Connection,
    conversation: i64,
    user: &UserId,
    status: ParticipantStatus,
    by: &ChangedBy,
) -> rusqlite::Result<()> {
    // Who is ignored or invited had no participation that could end.
    const UPDATE: &str = "
        UPDATE participants
        SET status = ?3, endedBy = ?4, ended = iif(
            status = 'active', (SELECT changes + 1 FROM conversations WHERE no = ?1), 0)
        WHERE conversation = ?1 AND user = ?2";
    let values = params![conversation, user, status, by.user()];
    db.prepare_cached(UPDATE)?.execute(values).map(drop)
}

/// What the end of somebody's participation is, by themselves or others. `None`: they have none.
fn ended(known: Participant, is_own: bool) -> Option<(Kind, Changed)> {
    let who = known.user;
    match known.status {
        ParticipantStatus::Active if is_own => Some((Kind::Left, Changed::Left(who))),
        ParticipantStatus::Active => Some((Kind::Removed, Changed::Removed(who))),
        ParticipantStatus::Ignored => Some((Kind::Dismissed, Changed::Dismissed(who))),
        ParticipantStatus::Invited => Some((Kind::Uninvited, Changed::Uninvited(who))),
        ParticipantStatus::Left | ParticipantStatus::Removed => None,
    }
}
