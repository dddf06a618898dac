//! What is returned of a participant whom a change concerned.

use super::collections::one;
use super::db::{Db, gone};
use super::documents::TailDocument;
use super::filters::this;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Logged, Participant};
use crate::stores::conversations::error::StoreError;

/// What is logged and returned of a change once it is committed.
pub(super) async fn logged(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
    tail: &TailDocument,
) -> Result<Logged<Participant>, StoreError> {
    let document = one(db.participants.find_one(this(id, user))).await?;
    let participant = document.and_then(|one| one.participant());
    let participant = participant.ok_or_else(|| gone("participants"))?;
    let then = tail.then.as_ref().map(|then| then.change.change(None));
    let logged = Logged::new(participant, tail.change.change(None)?);
    Ok(logged.with_consequence(then.transpose()?))
}
