//! The roles of participants: who is given another one, and who becomes an admin where there is none any more.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::log::{Entry, Kind, log};
use super::membership::{counted, require_admin};
use super::participant_rows::find;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ConversationId, Logged, Participant, Role,
};
use crate::stores::conversations::error::StoreError;

/// Gives a participant another role. Of who is ignored others are told the same.
pub(super) fn set_role(
    writing: &Writing<'_>,
    id: &ConversationId,
    user: &UserId,
    role: Role,
    by: &ChangedBy,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let db = writing.db;
    let known = find(db, id, user)?.filter(Participant::looks_active);
    let is_own = by.user() == Some(user);
    match &known {
        // An admin who has ceased to be one may not ask for it any more.
        Some(one) if is_own && one.is_active() && one.role == role => {
            return Ok(known.map(Logged::unchanged));
        }
        _ => require_admin(db, id, by)?,
    }
    let (Some((conversation, _)), Some(known)) = (counted(db, id)?, known) else {
        return Ok(None);
    };
    if known.role == role {
        return Ok(Some(Logged::unchanged(known)));
    }
    let is_demoted = known.is_active() && role == Role::Member;
    if is_demoted && !has_other_admin(db, conversation, Some(user))? {
        return Err(StoreError::LastAdmin);
    }
    let change = set(writing, conversation, user.clone(), role, by)?;
    let changed = Participant { role, ..known };
    Ok(Some(Logged::new(changed, change)))
}

/// Makes an admin of the participant who joined first, unless there is one left. Names that nobody has
/// come after all others. `None`: nobody was made one.
pub(super) fn promote_oldest(
    writing: &Writing<'_>,
    conversation: i64,
    by: &ChangedBy,
) -> rusqlite::Result<Option<Change>> {
    const OLDEST: &str = "
        SELECT user FROM participants WHERE conversation = ?1 AND status = 'active'
        ORDER BY pending, joinedAt, user LIMIT 1";
    if has_other_admin(writing.db, conversation, None)? {
        return Ok(None);
    }
    let mut oldest = writing.db.prepare_cached(OLDEST)?;
    let oldest: Option<UserId> = oldest
        .query_row([conversation], |row| row.get(0))
        .optional()?;
    let promoted = oldest.map(|user| set(writing, conversation, user, Role::Admin, by));
    promoted.transpose()
}

/// Whether somebody else than this user is an admin.
fn has_other_admin(
    db: &Connection,
    conversation: i64,
    user: Option<&UserId>,
) -> rusqlite::Result<bool> {
    const ADMINS: &str = "
        SELECT 1 FROM participants
        WHERE conversation = ?1 AND status = 'active' AND role = 'admin' AND user IS NOT ?2";
    db.prepare_cached(ADMINS)?
        .exists(params![conversation, user])
}

fn set(
    writing: &Writing<'_>,
    conversation: i64,
    user: UserId,
    role: Role,
    by: &ChangedBy,
) -> rusqlite::Result<Change> {
    const UPDATE: &str = "UPDATE participants SET role = ?3 WHERE conversation = ?1 AND user = ?2";
    const KEY: &str = "SELECT number FROM contentKeys WHERE conversation = ?1 AND user = ?2";
    let db = writing.db;
    db.prepare_cached(UPDATE)?
        .execute(params![conversation, user, role])?;
    let mut key = db.prepare_cached(KEY)?;
    let key = key.query_row(params![conversation, user], |row| row.get(0));
    let key_number = key.optional()?;
    let entry = Entry {
        subject: Some(user.as_str()),
        detail: Some(role.as_str()),
        key_number,
        ..Entry::new(Kind::Updated, by)
    };
    Ok(Change {
        number: log(writing, conversation, &entry)?,
        at: writing.now,
        by: by.clone(),
        what: Changed::Updated {
            user,
            role,
            key_number,
        },
    })
}
