//! The roles of participants: who is given another one, and who becomes an admin where there is none any more.

use mongodb::bson::doc;

use super::collections::one;
use super::db::Db;
use super::documents::{ChangeDocument, Kind, ParticipantDocument, State, TailDocument};
use super::filters::{ACTIVE, this};
use super::log::Log;
use super::logged::logged;
use super::members::require_admin;
use crate::model::UserId;
use crate::model::conversation::{ChangedBy, ConversationId, Logged, Participant, Role};
use crate::stores::conversations::error::StoreError;

/// Gives a participant another role. Of who is ignored others are told the same.
pub(super) async fn set_role(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
    role: Role,
    by: &ChangedBy,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        let known = one(db.participants.find_one(this(id, user))).await?;
        let known = known.filter(|one| one.state().looks_active());
        let is_own = by.user() == Some(user);
        let is_as_asked = |one: &ParticipantDocument| one.state().is_active() && one.role() == role;
        // An admin who has ceased to be one may not ask for it any more.
        if !(is_own && known.as_ref().is_some_and(is_as_asked)) {
            require_admin(db, id, by).await?;
        }
        let Some(known) = known else {
            return Ok(None);
        };
        if known.role() == role {
            return Ok(known.participant().map(Logged::unchanged));
        }
        let is_demoted = known.state().is_active() && role == Role::Member;
        if is_demoted && !has_other_admin(db, id, user).await? {
            return Err(StoreError::LastAdmin);
        }
        let change = ChangeDocument::new(id, head.next(), Kind::Changed, by, db.now());
        let tail = with_role(&known, role, change);
        if log.commit(&head, &tail).await? {
            return logged(db, id, user, &tail).await.map(Some);
        }
    }
}

/// What makes an admin of the participant who joined first when this one goes, by this change. Names that
/// nobody has come after all others. `None`: there is another admin, or nobody else.
pub(super) async fn promote_oldest(
    db: &Db,
    id: &ConversationId,
    admin: &UserId,
    change: ChangeDocument,
) -> Result<Option<TailDocument>, StoreError> {
    if has_other_admin(db, id, admin).await? {
        return Ok(None);
    }
    let oldest = async |pending| {
        let filter = doc! {
            "conversationId": id.as_str(), "userId": { "$ne": admin.as_str() },
            "status": ACTIVE, "pending": pending, "logged.status": ACTIVE,
        };
        let oldest = db.participants.find_one(filter);
        one(oldest.sort(doc! { "joinedAt": 1, "userId": 1 })).await
    };
    let oldest = match oldest(doc! { "$ne": true }).await? {
        None => oldest(doc! { "$eq": true }).await?,
        oldest => oldest,
    };
    Ok(oldest.map(|oldest| with_role(&oldest, Role::Admin, change)))
}

/// Whether somebody else than this user is an admin.
async fn has_other_admin(db: &Db, id: &ConversationId, user: &UserId) -> Result<bool, StoreError> {
    let filter = doc! {
        "conversationId": id.as_str(), "userId": { "$ne": user.as_str() },
        "status": ACTIVE, "role": Role::Admin.as_str(),
    };
    Ok(one(db.participants.find_one(filter)).await?.is_some())
}

/// What gives a participant another role, by this change.
fn with_role(
    participant: &ParticipantDocument,
    role: Role,
    change: ChangeDocument,
) -> TailDocument {
    let state = State {
        role,
        ..participant.state()
    };
    let set = doc! { "role": role.as_str(), "logged": state.logged(change.number) };
    let change = ChangeDocument {
        user_id: Some(participant.user_id.clone()),
        role: Some(role.as_str().to_owned()),
        key_number: state.key_number,
        ..change
    };
    TailDocument::setting(change, set)
}
