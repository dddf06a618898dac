//! What is counted for participants. A change of several documents may end half-way; so each part of
//! it is idempotent, and the next operation that finds it unfinished repeats it.

use mongodb::bson::doc;

use super::collections::execute;
use super::db::{Db, gone};
use super::deletions::passed;
use super::documents::KnownMessage;
use super::filters::this;
use super::members::{Member, member};
use crate::stores::conversations::error::StoreError;

/// How often an update is tried that conflicts with concurrent ones.
const ATTEMPTS: usize = 64;

/// Whether a message counts as unread for a participant who has not read it.
pub(super) fn counts_as_unread(member: &Member, message: &KnownMessage) -> bool {
    message.deleted_at.is_none() && is_counted(member, message)
}

/// Whether a message may still be part of a participant's count. A deleted one may while
/// `uncounted` is set: until `pass_for_all` has run, which skips users who have read or hidden it
/// by then.
fn is_counted(member: &Member, message: &KnownMessage) -> bool {
    message.sender_id != member.user.as_str()
        && message.seq > member.counts.since
        && (message.deleted_at.is_none() || message.uncounted)
        && !message.is_hidden_for(&member.user)
}

/// Counts those of these messages as not unread any more that still count as unread for a
/// participant. To be called before what makes them read or hidden is stored, and with at most
/// [`MAX_COUNTED`](super::deletions::MAX_COUNTED).
pub(super) async fn pass(
    db: &Db,
    member: &mut Member,
    messages: &[KnownMessage],
) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let counted = &member.counts.counted;
        let unread = messages
            .iter()
            .filter(|message| is_counted(member, message));
        let seqs: Vec<_> = unread.map(|message| message.seq).collect();
        let seqs: Vec<_> = seqs
            .into_iter()
            .filter(|seq| !counted.contains(seq))
            .collect();
        if seqs.is_empty() {
            return Ok(());
        }
        let mut filter = this(&member.conversation, &member.user);
        filter.insert("counts.joinedAt", member.counts.joined_at);
        filter.insert("counts.counted", doc! { "$nin": seqs.clone() });
        let write = db.participants.update_one(filter, passed(seqs));
        if execute(write).await?.matched_count == 1 {
            return Ok(());
        }
        // Another device of the user, or a deletion, has changed the counts meanwhile.
        let (conversation, user) = (member.conversation.clone(), member.user.clone());
        *member = self::member(db, &conversation, &user).await?;
    }
    Err(gone("participants"))
}
