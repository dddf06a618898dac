//! Whom a name means, and who takes the place of a pending participant. What a token says of its user may
//! never redirect what is addressed to another.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Actor, Conversations, Initiator};
use crate::audit::{Encoded, Source};
use crate::model::conversation::{ConversationId, UserRecord};
use crate::model::{Identity, UserId, name};
use crate::stores::conversations::StoreError;

/// Whom a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Addressee {
    /// A user; where names are ids, perhaps one who was not here yet.
    User(UserId),
    /// Nobody yet: the name as an id.
    Pending(UserId),
}

impl Addressee {
    /// As which they participate.
    pub(crate) fn id(&self) -> &UserId {
        match self {
            Self::User(id) | Self::Pending(id) => id,
        }
    }
}

/// By what a user is known by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownBy {
    /// An administrator has given it.
    Given,
    /// Their token says so.
    Token,
}

impl Conversations {
    /// Whom names mean that a user gives; `None` for one that can mean nobody. Of users with the same name
    /// none is meant.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn addressees(
        &self,
        by: &Identity,
        names: &[Arc<str>],
    ) -> Result<Vec<Option<Addressee>>, StoreError> {
        let known = self.known_by(names).await?;
        let are_ids = *by.name == *by.user.as_str();
        let names = names.iter();
        Ok(names.map(|name| meant(name, &known, are_ids)).collect())
    }

    /// A user is known by a name now, and takes the place of the pending participants with it, unless the
    /// name means another.
    ///
    /// # Errors
    /// The store fails. What is left is done when this is repeated.
    pub(crate) async fn claim_pending(
        self: &Arc<Self>,
        user: &Identity,
        name: &Arc<str>,
        by: KnownBy,
    ) -> Result<(), StoreError> {
        let mut waiting = Vec::new();
        for pending in name::spellings(name)
            .iter()
            .filter_map(|name| UserId::parse(name))
        {
            let is_new = !waiting.iter().any(|(known, _)| *known == pending);
            if is_new && pending != user.user {
                let conversations = self.stores().pending.pending_in(&pending).await?;
                waiting.push((pending, conversations));
            }
        }
        if waiting
            .iter()
            .all(|(_, conversations)| conversations.is_empty())
        {
            return Ok(());
        }
        let known = self.known_by(std::slice::from_ref(name)).await?;
        let mut others = known.iter().filter(|known| known.id != user.user);
        if others.any(|other| precedes(other, name, by)) {
            return Ok(());
        }
        let (conversations, user) = (self.clone(), user.clone());
        // To its end, whoever waits for it: what is stored must be published.
        let claiming = self.presence.drain().spawn(async move {
            for (pending, ids) in waiting {
                for id in ids {
                    conversations.claim(&id, &pending, &user).await?;
                }
            }
            Ok(())
        });
        claiming
            .await
            .unwrap_or_else(|error| Err(StoreError::Failed(Arc::new(error))))
    }

    /// Whoever became known by the names of new pending participants while these were added takes their place.
    pub(super) async fn claim_missed(
        self: &Arc<Self>,
        pending: impl Iterator<Item = &UserId>,
    ) -> Result<(), StoreError> {
        let names: Vec<_> = pending.map(|name| name.shared().clone()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let known = self.known_by(&names).await?;
        for name in &names {
            if let Some(Addressee::User(id)) = meant(name, &known, false)
                && let Some(record) = known.iter().find(|known| known.id == id)
            {
                let by = match is_called(record.given_name.as_ref(), name) {
                    true => KnownBy::Given,
                    false => KnownBy::Token,
                };
                let user = record.clone().into();
                self.claim_pending(&user, name, by).await?;
            }
        }
        Ok(())
    }

    /// All whom one of these names may mean, however it is spelled.
    async fn known_by(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
        let spelled = names.iter().flat_map(|name| name::spellings(name));
        let spelled: BTreeSet<Arc<str>> = spelled.map(Into::into).collect();
        let spelled: Vec<_> = spelled.into_iter().collect();
        self.stores().users.addressed(&spelled).await
    }

    async fn claim(
        self: &Arc<Self>,
        id: &ConversationId,
        pending: &UserId,
        user: &Identity,
    ) -> Result<(), StoreError> {
        let guard = self.lock(id).await;
        let claimed = self.stores().pending.claim(id, pending, &user.user);
        let claimed = self.noted(id, claimed.await)?;
        let Some(logged) = claimed else {
            return Ok(());
        };
        let source = Arc::new(Source {
            user: Some(user.user.shared().clone()),
            username: Some(user.name.clone()),
            session_id: None,
            ip: None,
            user_agent: None,
            node: self.config.now().node_name.as_str().into(),
            encoded: Encoded::default(),
        });
        let actor = Initiator::Participant(Actor {
            identity: user,
            source: &source,
            dialect: None,
        });
        actor.record_added(&self.audit, id, &user.user);
        self.publish_participants(guard, Some(user), logged.change)
            .await;
        Ok(())
    }
}

/// Whom a name means: the only user whom an administrator gave it; the user whose id it is; the only one
/// whose token says so, unless the names of this deployment are ids.
fn meant(name: &Arc<str>, known: &[UserRecord], are_ids: bool) -> Option<Addressee> {
    let given = only(known, |user| is_called(user.given_name.as_ref(), name));
    let user = given.or_else(|| only(known, |user| *user.id.as_str() == **name));
    let user = user.or_else(|| {
        let by_token = only(known, |user| is_called(user.username.as_ref(), name));
        by_token.filter(|_| !are_ids)
    });
    match user {
        Some(user) => Some(Addressee::User(user.id.clone())),
        None if are_ids => UserId::parse(name).map(Addressee::User),
        None => UserId::parse(name).map(Addressee::Pending),
    }
}

/// Whether a name means another user, or is not theirs alone.
fn precedes(other: &UserRecord, name: &Arc<str>, by: KnownBy) -> bool {
    let has = |known: Option<&Arc<str>>| is_called(known, name);
    has(other.given_name.as_ref())
        || by == KnownBy::Token && (has(Some(other.id.shared())) || has(other.username.as_ref()))
}

fn is_called(known: Option<&Arc<str>>, name: &str) -> bool {
    known.is_some_and(|known| name::are_same(known, name))
}

fn only(known: &[UserRecord], is_meant: impl Fn(&UserRecord) -> bool) -> Option<&UserRecord> {
    let mut meant = known.iter().filter(|user| is_meant(user));
    match (meant.next(), meant.next()) {
        (Some(user), None) => Some(user),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::UserStatus;

    fn user(id: &str, given_name: Option<&str>, username: Option<&str>) -> UserRecord {
        UserRecord {
            id: UserId::parse(id).unwrap(),
            name: username.or(given_name).unwrap_or(id).into(),
            given_name: given_name.map(Into::into),
            username: username.map(Into::into),
            avatar_url: None,
            status: UserStatus::Active,
            last_seen_at: None,
            id_type: None,
        }
    }

    #[test]
    fn a_token_redirects_nothing_that_is_addressed_to_another() {
        let bob = Arc::from("bob");
        let id = |id: &str| UserId::parse(id).unwrap();
        let is_user = |known: &[UserRecord], expected: &str| {
            for are_ids in [false, true] {
                let meant = meant(&bob, known, are_ids);
                assert_eq!(meant, Some(Addressee::User(id(expected))), "{are_ids}");
            }
        };
        let mallory = user("mallory", None, Some("bob"));
        let real = user("bob", None, None);
        let given = user("42", Some("bob"), None);
        is_user(&[mallory.clone(), real.clone()], "bob");
        is_user(&[mallory.clone(), given.clone()], "42");
        is_user(&[real.clone(), given.clone(), mallory.clone()], "42");
        is_user(&[real, given.clone(), user("43", Some("bob"), None)], "bob");
        let token_only = std::slice::from_ref(&mallory);
        let by_token = Some(Addressee::User(id("mallory")));
        assert_eq!(meant(&bob, token_only, false), by_token);
        let by_id = Some(Addressee::User(id("bob")));
        assert_eq!(meant(&bob, token_only, true), by_id);
        let nobody = Some(Addressee::Pending(id("bob")));
        assert_eq!(meant(&bob, &[], false), nobody);
        let two = [mallory, user("eve", None, Some("bob"))];
        assert_eq!(meant(&bob, &two, false), nobody);
        assert_eq!(meant(&Arc::from("a\nb"), &[], false), None);
    }
}
