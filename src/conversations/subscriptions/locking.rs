//! Locking a conversation: several may append messages at the same time, which are then stored together, or say what is not
//! stored, and everything else is done alone. In which order messages are published, the log says.
//! It must not know what is done.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::local::LocalState;
use super::turns::Turn;
use super::{ConversationGuard, Local};
use crate::conversations::Conversations;
use crate::model::conversation::ConversationId;

/// A turn in a conversation, which is not locked yet.
#[derive(Debug)]
pub(in crate::conversations) struct Begun {
    conversations: Arc<Conversations>,
    id: ConversationId,
    local: Arc<Mutex<LocalState>>,
    turn: Turn,
}

impl Begun {
    /// Locks the conversation, to publish.
    pub(in crate::conversations) async fn lock(self) -> ConversationGuard {
        let local = self.local.lock_owned().await;
        ConversationGuard::new(self.conversations, self.id, local, self.turn)
    }
}

impl Conversations {
    /// The turn to append a message to a conversation, until it is published: before it is locked, others may append, too,
    /// unless other processes do. Then the store would have to try again.
    pub(in crate::conversations) async fn begin_to_append(
        self: &Arc<Self>,
        id: &ConversationId,
    ) -> Begun {
        let Local { turns, state, .. } = self.local(id);
        let turn = match &self.stores().shared_log {
            None => turns.shared().await,
            Some(_) => turns.alone().await,
        };
        self.begun(id, state, turn)
    }

    /// Locks a conversation for what is not stored, while messages may be appended.
    pub(in crate::conversations) async fn lock_beside_messages(
        self: &Arc<Self>,
        id: &ConversationId,
    ) -> ConversationGuard {
        let Local { turns, state, .. } = self.local(id);
        let turn = turns.shared().await;
        self.begun(id, state, turn).lock().await
    }

    /// Locks a conversation, which need not exist: nothing else is done in it.
    pub(crate) async fn lock(self: &Arc<Self>, id: &ConversationId) -> ConversationGuard {
        let Local { turns, state, .. } = self.local(id);
        let turn = turns.alone().await;
        self.begun(id, state, turn).lock().await
    }

    /// Returns when everything that is being done in a conversation now is done and published.
    pub(crate) async fn settled(&self, id: &ConversationId) {
        let local = self.subscriptions.local.get(id);
        // Who removes the state of a conversation looks at who has it.
        let local = local.map(|local| (local.turns.clone(), local.state.clone()));
        if let Some((turns, _state)) = local {
            drop(turns.alone().await);
        }
    }

    fn begun(
        self: &Arc<Self>,
        id: &ConversationId,
        local: Arc<Mutex<LocalState>>,
        turn: Turn,
    ) -> Begun {
        Begun {
            conversations: self.clone(),
            id: id.clone(),
            local,
            turn,
        }
    }
}
