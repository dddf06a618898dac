//! Who ceases to be a participant of a conversation: they leave, or are removed.

use mongodb::bson::{Document, doc};

use super::collections::one;
use super::db::Db;
use super::documents::{ChangeDocument, Kind, ParticipantDocument, State, TailDocument};
use super::filters::this;
use super::log::Log;
use super::logged::logged;
use super::members::{member, require_admin};
use super::roles;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, Logged, Participant, ParticipantStatus,
};
use crate::stores::conversations::error::StoreError;

/// A former participant whom this one has made one.
fn former(known: Option<&ParticipantDocument>, by: &ChangedBy) -> Option<Participant> {
    let former = known.and_then(ParticipantDocument::participant);
    former.filter(|one| one.was_ended_by(by.user()))
}

/// The fields of one whose participation ends by the change with this number.
fn fields(
    known: &ParticipantDocument,
    status: ParticipantStatus,
    by: &ChangedBy,
    number: i64,
) -> Document {
    let state = State {
        status,
        ..known.state()
    };
    doc! {
        "status": status.as_str(), "logged": state.logged(number),
        "endedBy": by.user().map(UserId::as_str),
    }
}

pub(super) async fn end(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
    by: &ChangedBy,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let is_own = by.user() == Some(user);
    let (kind, status) = match is_own {
        true => (Kind::Left, ParticipantStatus::Left),
        false => (Kind::Removed, ParticipantStatus::Removed),
    };
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        let known = one(db.participants.find_one(this(id, user))).await?;
        let former = former(known.as_ref(), by);
        let known = known.filter(|one| one.state().is_counted());
        match is_own {
            true if former.is_some() => {}
            true if known.as_ref().is_some_and(|one| one.state().is_invited()) => {}
            true => member(db, id, user).await.map(drop)?,
            false => require_admin(db, id, by).await?,
        }
        let Some(known) = known else {
            return Ok(former.map(Logged::unchanged));
        };
        let now = db.now();
        let set = fields(&known, status, by, head.next());
        let ended = ChangeDocument {
            user_id: Some(user.as_str().to_owned()),
            ignored: known.state().status == ParticipantStatus::Ignored,
            invited: known.state().is_invited(),
            ..ChangeDocument::new(id, head.next(), kind, by, now)
        };
        let tail = TailDocument::setting(ended, set);
        let promoted = match known.state().is_admin() {
            true => roles::promote_oldest(db, id, user, tail.behind(Kind::Changed)).await?,
            false => None,
        };
        let tail = tail.followed_by(promoted);
        if log.commit(&head, &tail).await? {
            return logged(db, id, user, &tail).await.map(Some);
        }
    }
}
