//! Changes of the log with the names that clients see. It must not know who receives them.

use std::collections::HashMap;
use std::sync::Arc;

use super::Conversations;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ConversationEvent, Described, Extra, LoggedEvent, NumberedEvent,
    ParticipantsChange,
};
use crate::model::{Identity, UserId};
use crate::stores::conversations::MAX_NAMES;

/// The name of an administrator, as clients see it.
const ADMIN: &str = "admin";
/// The name of another program that changed the database.
const APPLICATION: &str = "application";

/// Users as clients see them. Of one who is not known, only the id is at hand.
pub(super) struct Names(HashMap<UserId, Identity>);

impl Names {
    /// Only one user.
    pub(super) fn of(identity: &Identity) -> Self {
        Self([(identity.user.clone(), identity.clone())].into())
    }

    fn identity(&self, user: &UserId) -> Identity {
        self.0.get(user).cloned().unwrap_or_else(|| Identity {
            user: user.clone(),
            name: user.as_name(),
            avatar_url: None,
        })
    }

    fn name(&self, user: &UserId) -> Arc<str> {
        let known = self.0.get(user).map(|identity| &identity.name);
        known.cloned().unwrap_or_else(|| user.as_name())
    }

    fn author(&self, by: &ChangedBy) -> Arc<str> {
        match by {
            ChangedBy::User(user) => self.name(user),
            ChangedBy::Admin => ADMIN.into(),
            ChangedBy::Application => APPLICATION.into(),
        }
    }

    /// A change with these names.
    pub(super) fn name_change(&self, change: Change) -> NumberedEvent {
        let Change {
            number, by, what, ..
        } = change;
        let of = |users: &[&UserId], key_number| ParticipantsChange {
            names: users.iter().map(|user| self.name(user)).collect(),
            by: self.author(&by),
            key_number,
            extra: Extra::default(),
        };
        let event = match what {
            // What it said is gone, and its deletion follows.
            Changed::Sent(message) | Changed::Edited(message) if message.deleted_at().is_some() => {
                LoggedEvent::Nothing
            }
            Changed::Sent(message) => {
                let sender = self.identity(&message.sender);
                LoggedEvent::Event(ConversationEvent::Sent { message, sender })
            }
            Changed::Edited(message) => LoggedEvent::Event(ConversationEvent::Edited(message)),
            Changed::Deleted(message) => LoggedEvent::Event(ConversationEvent::Deleted(message)),
            Changed::Reacted(reaction) => {
                let user = self.identity(&reaction.user);
                LoggedEvent::Event(ConversationEvent::Reacted {
                    reaction,
                    user,
                    extra: Extra::default(),
                })
            }
            Changed::Unreacted(reaction) => {
                let extra = Extra::default();
                LoggedEvent::Event(ConversationEvent::Unreacted { reaction, extra })
            }
            Changed::Created {
                mut participants,
                ignored,
                invited,
                key_number,
            } => {
                participants.retain(|(user, _)| !invited.contains(user));
                let mut users: Vec<_> = participants.iter().map(|(user, _)| user).collect();
                users.sort();
                users.truncate(MAX_NAMES as usize);
                let change = of(&users, key_number);
                participants.retain(|(user, _)| !ignored.contains(user));
                let invited = invited.into_iter().map(|user| {
                    let name = self.name(&user);
                    (user, name)
                });
                LoggedEvent::Created {
                    participants,
                    change,
                    invited: invited.collect(),
                    by: by.user().cloned(),
                }
            }
            Changed::Added {
                user,
                role,
                key_number,
                in_place_of,
                is_ignored,
            } => LoggedEvent::Added {
                change: of(&[&user], key_number),
                user,
                role,
                in_place_of,
                is_ignored,
            },
            Changed::Updated { user, role, .. } => LoggedEvent::RoleChanged { user, role },
            Changed::KeyRotated { key_number } => LoggedEvent::KeyRotated { key_number },
            Changed::Described(now) => LoggedEvent::Described(Described {
                now,
                extra: Extra::default(),
            }),
            Changed::Left(user) | Changed::Removed(user) => LoggedEvent::Ended {
                change: of(&[&user], None),
                user,
                is_ignored: false,
            },
            Changed::Dismissed(user) => LoggedEvent::Ended {
                change: of(&[&user], None),
                user,
                is_ignored: true,
            },
            Changed::Invited {
                user, key_number, ..
            } => LoggedEvent::Invited {
                change: of(&[&user], key_number),
                user,
                by: by.user().cloned(),
            },
            Changed::Uninvited(user) => LoggedEvent::Uninvited {
                change: of(&[&user], None),
                user,
                by: by.user().cloned(),
            },
            Changed::Forgotten => LoggedEvent::Nothing,
        };
        NumberedEvent { number, event }
    }
}

impl Conversations {
    /// Changes with the names that clients see. A failure of the store must not keep anybody from
    /// receiving them.
    pub(super) async fn named(&self, changes: Vec<Change>) -> Vec<NumberedEvent> {
        let mut users: Vec<UserId> = changes.iter().flat_map(users_of).cloned().collect();
        users.sort_unstable();
        users.dedup();
        let names = self.names(&users).await;
        let changes = changes.into_iter();
        changes.map(|change| names.name_change(change)).collect()
    }

    /// A change that this user has made, of whom more may be known here than in the store.
    pub(super) async fn named_by(&self, by: Option<&Identity>, change: Change) -> NumberedEvent {
        let users: Vec<UserId> = users_of(&change).into_iter().cloned().collect();
        let mut names = self.names(&users).await;
        names.0.extend(by.map(|by| (by.user.clone(), by.clone())));
        names.name_change(change)
    }

    async fn names(&self, users: &[UserId]) -> Names {
        if users.is_empty() {
            return Names(HashMap::new());
        }
        let known = self.stores().users.find_all(users).await;
        let known = known.unwrap_or_else(|error| {
            tracing::warn!(%error, "the names of users could not be read");
            Vec::new()
        });
        let known = known.into_iter().map(|user| (user.id.clone(), user.into()));
        Names(known.collect())
    }
}

/// The users whose names those see who receive a change.
fn users_of(change: &Change) -> Vec<&UserId> {
    match &change.what {
        Changed::Sent(message) => vec![&message.sender],
        Changed::Reacted(reaction) => vec![&reaction.user],
        Changed::Created { participants, .. } => {
            let first = participants.iter().map(|(user, _)| user);
            first.chain(change.by.user()).collect()
        }
        Changed::Added { user, .. }
        | Changed::Left(user)
        | Changed::Removed(user)
        | Changed::Dismissed(user)
        | Changed::Invited { user, .. }
        | Changed::Uninvited(user) => [user].into_iter().chain(change.by.user()).collect(),
        Changed::Edited(_)
        | Changed::Deleted(_)
        | Changed::Unreacted(_)
        | Changed::Updated { .. }
        | Changed::KeyRotated { .. }
        | Changed::Described(_)
        | Changed::Forgotten => Vec::new(),
    }
}
