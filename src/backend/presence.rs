//! Who is online, as a backend is told.

use std::collections::HashMap;

use super::Backend;
use crate::cluster::{Answer, BackendMessage};
use crate::model::UserId;
use crate::model::conversation::ConversationId;
use crate::stores::conversations::StoreError;

/// A user, and how they are connected.
#[derive(Debug, Clone)]
pub(crate) struct UserPresence {
    /// Who.
    pub(crate) user: UserId,
    /// How many connections they have to all nodes.
    pub(crate) connections: u64,
    /// When the last one ended, in milliseconds since the epoch, if they have none and there was one.
    pub(crate) last_seen: Option<u64>,
}

impl Backend {
    /// How many connections these users have to this node.
    pub(super) fn count_here(&self, users: &[UserId]) -> Vec<u64> {
        let counts = users
            .iter()
            .map(|user| self.users.connection_count(user.as_str()));
        counts.map(|count| count as u64).collect()
    }

    async fn count(&self, users: &[UserId]) -> (Vec<u64>, bool) {
        let mut counts = self.count_here(users);
        let question = BackendMessage::CountConnections(users.to_vec());
        let (answers, is_complete) = self.ask(question).await;
        for answer in answers {
            if let Answer::Counts(there) = answer {
                for (count, more) in counts.iter_mut().zip(there) {
                    *count += more;
                }
            }
        }
        (counts, is_complete)
    }

    /// How these users are connected, in their order; and whether all nodes have said so.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn presence(
        &self,
        users: &[UserId],
    ) -> Result<(Vec<UserPresence>, bool), StoreError> {
        let (counts, is_complete) = self.count(users).await;
        let counted = users.iter().zip(&counts);
        let offline: Vec<_> = counted
            .filter(|(_, count)| **count == 0)
            .map(|(user, _)| user.clone())
            .collect();
        let known = match offline.is_empty() {
            true => Vec::new(),
            false => self.conversations.stores().users.find_all(&offline).await?,
        };
        let stored = known.into_iter().map(|user| (user.id, user.last_seen_at));
        let stored: HashMap<_, _> = stored.collect();
        let present = users.iter().zip(counts).map(|(user, connections)| {
            let stored = stored.get(user).copied().flatten();
            UserPresence {
                user: user.clone(),
                connections,
                last_seen: stored
                    .max(self.left_here(user))
                    .filter(|_| connections == 0),
            }
        });
        Ok((present.collect(), is_complete))
    }

    /// When the last connection of a user to this node ended, in milliseconds since the epoch.
    fn left_here(&self, user: &UserId) -> Option<u64> {
        let seen = self.users.get(user.as_str())?.last_seen()?;
        u64::try_from(seen.as_millisecond()).ok()
    }

    /// The active participants of a conversation who are online, and whether all nodes have said so. `None`: there is no
    /// such conversation.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn presence_in(
        &self,
        id: &ConversationId,
    ) -> Result<Option<(Vec<UserId>, bool)>, StoreError> {
        let stores = self.conversations.stores();
        if stores.conversations.find(id).await?.is_none() {
            return Ok(None);
        }
        let (_, mut users) = self.conversations.placed(id).await?;
        users.sort();
        let (counts, is_complete) = self.count(&users).await;
        let counted = users.into_iter().zip(counts);
        let online = counted.filter(|(_, count)| *count > 0);
        Ok(Some((online.map(|(user, _)| user).collect(), is_complete)))
    }
}
