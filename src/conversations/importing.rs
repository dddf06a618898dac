//! What is brought in from elsewhere: many lines are stored at once, and then told to whomever they concern, as if each
//! had been requested by itself. It must not know how a line is written, nor record it: who imports does.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Conversations, KnownBy};
use crate::model::conversation::{
    Change, ConversationId, Import, Imported, UserChange, UserRecord,
};
use crate::model::{Refusal, UserId, name};
use crate::stores::conversations::StoreError;
use crate::users::Administration;

/// What has to be told of a batch.
#[derive(Default)]
struct Told {
    users: Vec<(UserRecord, UserChange)>,
    /// In the order in which they were changed.
    conversations: Vec<(ConversationId, Vec<Change>)>,
}

impl Told {
    fn add(&mut self, of: Of, imported: Imported) {
        match (of, imported) {
            (Of::User(change), Imported::User(record)) => self.users.push((record, change)),
            (Of::Conversation(id), Imported::Logged(changes)) if !changes.is_empty() => {
                let known = self.conversations.iter_mut();
                match known.rev().find(|(known, _)| *known == id) {
                    Some((_, known)) => known.extend(changes),
                    None => self.conversations.push((id, changes)),
                }
            }
            _ => {}
        }
    }
}

/// The names by which a participant may wait for who is called so.
fn spelled(name: &str) -> impl Iterator<Item = UserId> {
    let spellings = name::spellings(name).into_iter();
    spellings.filter_map(|name| UserId::parse(&name))
}

/// What a line is about.
enum Of {
    User(UserChange),
    Conversation(ConversationId),
}

impl Conversations {
    /// Stores lines and tells of them; of each line whether it is stored. What it says that was said before is not told again.
    ///
    /// # Errors
    /// The store fails; what is stored nevertheless is told soon.
    pub(crate) async fn import(
        self: &Arc<Self>,
        administration: &Administration,
        lines: Vec<Import>,
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        let of = lines.iter().map(|line| match line {
            Import::User(_, change) => Of::User(change.clone()),
            Import::Conversation(line) => Of::Conversation(line.id.clone()),
            Import::Participant(line) => Of::Conversation(line.conversation.clone()),
        });
        let of: Vec<_> = of.collect();
        let max_active = self.config.now().max_participants;
        let imported = self.stores().imports.import(lines, max_active).await;
        let imported = imported.inspect_err(|_| self.check_all_later(&of))?;
        let (mut told, mut done) = (Told::default(), Vec::with_capacity(of.len()));
        for (of, imported) in of.into_iter().zip(imported) {
            done.push(match imported {
                Ok(imported) => {
                    told.add(of, imported);
                    Ok(())
                }
                Err(error) => Err(error.into()),
            });
        }
        administration.imported(&told.users).await;
        self.claim_imported(&told.users).await?;
        self.publish_imported(told.conversations).await;
        Ok(done)
    }

    /// Of some it is not known whether they are stored.
    fn check_all_later(&self, of: &[Of]) {
        for one in of {
            if let Of::Conversation(id) = one {
                self.check_later(id);
            }
        }
    }

    /// Users who are known by a name now take the places that wait for it. Few names are waited for.
    async fn claim_imported(
        self: &Arc<Self>,
        users: &[(UserRecord, UserChange)],
    ) -> Result<(), StoreError> {
        let given = users.iter().filter_map(|(_, change)| change.name.as_ref());
        let names: HashSet<UserId> = given.flat_map(|name| spelled(name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = names.into_iter().collect();
        let pending = self.stores().pending.pending_among(&names).await?;
        for (record, change) in users.iter().filter(|_| !pending.is_empty()) {
            if let Some(name) = &change.name
                && spelled(name).any(|name| pending.contains(&name))
            {
                let user = record.clone().into();
                self.claim_pending(&user, name, KnownBy::Given).await?;
            }
        }
        Ok(())
    }

    /// Publishes changes of participants in the conversations in which somebody is there to be told.
    async fn publish_imported(self: &Arc<Self>, changed: Vec<(ConversationId, Vec<Change>)>) {
        if changed.is_empty() || self.cluster.is_none() && self.users.connected() == 0 {
            return;
        }
        let mut concerned = Vec::new();
        for (id, changes) in changed {
            let users = self.concerned_by(&id, &changes).await;
            concerned.push((id, changes, users));
        }
        let all = concerned.iter().flat_map(|(.., users)| users);
        let all: HashSet<_> = all.cloned().collect();
        let online = self.online_anywhere(all).await;
        for (id, changes, users) in concerned {
            let is_followed = self.subscriptions.is_followed(&id);
            if !is_followed && !users.iter().any(|user| online.contains(user)) {
                continue;
            }
            for change in changes {
                let guard = self.lock(&id).await;
                self.publish_participants(guard, None, Some(change)).await;
            }
        }
    }

    /// The participants, and those who were until these changes.
    async fn concerned_by(&self, id: &ConversationId, changes: &[Change]) -> HashSet<UserId> {
        let subjects = changes.iter().flat_map(|change| change.what.users());
        let mut users: HashSet<_> = subjects.collect();
        match self.stores().log.snapshot(id).await {
            Ok(snapshot) => users.extend(snapshot.participants.into_keys()),
            Err(error) => {
                tracing::warn!(%error, "the participants of a conversation could not be read");
                self.check_later(id);
            }
        }
        users
    }

    /// Those of these users who have a connection to any node, as far as that is known.
    async fn online_anywhere(&self, users: HashSet<UserId>) -> HashSet<UserId> {
        let is_here = |user: &UserId| self.users.connection_count(user.as_str()) > 0;
        let (mut online, others): (HashSet<_>, Vec<_>) = {
            let (here, others): (Vec<_>, Vec<_>) = users.into_iter().partition(is_here);
            (here.into_iter().collect(), others)
        };
        if let Some(cluster) = &self.cluster {
            let elsewhere = cluster.online(&others).await;
            online.extend(elsewhere.into_iter().map(|(user, _)| user));
        }
        online
    }
}
