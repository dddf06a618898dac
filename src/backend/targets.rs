//! Whom a backend names, and whom that means.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use uuid::Uuid;

use super::Backend;
use crate::cluster::PublishTarget;
use crate::model::UserId;
use crate::model::conversation::ConversationId;
use crate::model::session::SessionId;
use crate::stores::conversations::StoreError;

/// The most targets of one event.
pub(crate) const MAX_TARGETS: usize = 1_000;
/// How many conversations are looked up at once.
const LOOKED_UP: usize = 16;

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// The connections of a user.
    User,
    /// Those of the participants of a conversation.
    Conversation,
    /// Those of the members of a session.
    Session,
    /// One.
    Connection,
}

impl TargetKind {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 4] = [
        Self::User,
        Self::Conversation,
        Self::Session,
        Self::Connection,
    ];

    /// The word in an answer.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Conversation => "conversation",
            Self::Session => "session",
            Self::Connection => "connection",
        }
    }

    /// The field of a request that names such targets.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Conversation => "conversations",
            Self::Session => "sessions",
            Self::Connection => "connections",
        }
    }
}

/// A target, as a backend names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The connections of a user.
    User(UserId),
    /// Those of the participants of a conversation.
    Conversation(ConversationId),
    /// Those of the members of a session.
    Session(SessionId),
    /// One, by the id that records have.
    Connection(Uuid),
}

impl Target {
    /// The target of this kind with this id. `None`: nothing can have it.
    pub(crate) fn parse(kind: TargetKind, id: &str) -> Option<Self> {
        match kind {
            TargetKind::User => UserId::parse(id).map(Self::User),
            TargetKind::Conversation => ConversationId::parse(id).map(Self::Conversation),
            // A key is for members.
            TargetKind::Session if id.contains(':') => None,
            TargetKind::Session => SessionId::parse(id).map(|(id, _)| Self::Session(id)),
            TargetKind::Connection => Uuid::parse_str(id).ok().map(Self::Connection),
        }
    }

    /// What it is.
    pub(crate) fn kind(&self) -> TargetKind {
        match self {
            Self::User(_) => TargetKind::User,
            Self::Conversation(_) => TargetKind::Conversation,
            Self::Session(_) => TargetKind::Session,
            Self::Connection(_) => TargetKind::Connection,
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::User(id) => id.as_str().to_owned(),
            Self::Conversation(id) => id.as_str().to_owned(),
            Self::Session(id) => id.as_str().to_owned(),
            Self::Connection(id) => id.to_string(),
        }
    }
}

impl Backend {
    /// Whom these targets mean now.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn meant(&self, targets: &[Target]) -> Result<Vec<PublishTarget>, StoreError> {
        let meant = stream::iter(targets.to_vec()).map(|target| {
            let conversations = self.conversations.clone();
            async move {
                Ok(match target {
                    Target::User(id) => PublishTarget::User(id),
                    Target::Session(id) => PublishTarget::Session(id.as_str().to_owned()),
                    Target::Connection(id) => PublishTarget::Connection(id),
                    Target::Conversation(id) => {
                        let (last, participants) = conversations.placed(&id).await?;
                        PublishTarget::Conversation {
                            id,
                            last,
                            participants,
                        }
                    }
                })
            }
        });
        meant.buffered(LOOKED_UP).try_collect().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_the_id_that_it_was_named_by() {
        let uuid = "6a2f41a3-c54c-4ce8-92d9-3c5a1d9d0001";
        for (kind, id) in TargetKind::ALL.into_iter().zip(["a:b", "c_d", "s", uuid]) {
            let target = Target::parse(kind, id).expect("an id");
            assert_eq!((target.kind(), target.id()), (kind, id.to_owned()));
        }
        for kind in TargetKind::ALL {
            for wrong in ["", "a\nb", &"x".repeat(129)] {
                assert_eq!(Target::parse(kind, wrong), None, "{wrong:?}");
            }
        }
        assert_eq!(Target::parse(TargetKind::Session, "s:key"), None);
        assert_eq!(Target::parse(TargetKind::Connection, "not one"), None);
    }
}
