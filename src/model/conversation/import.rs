//! What a backend brings in from elsewhere, line by line, and what each line changes: decided once, for every store and
//! for an import that is only tried. It must not know how lines are written or stored.

use std::sync::Arc;

use super::{
    Change, ConversationId, Description, History, IdType, NewConversation, NewParticipant,
    Participant, ParticipantStatus, Role, UserChange, UserRecord,
};
use crate::model::UserId;

/// Who has made a conversation of which nobody says so.
const UNKNOWN: &str = "unknown";

/// One line.
#[derive(Debug, Clone)]
pub(crate) enum Import {
    /// A user is known, and is called so.
    User(UserId, UserChange),
    /// There is a conversation.
    Conversation(ImportedConversation),
    /// Somebody is or was a participant of one.
    Participant(ImportedParticipant),
}

/// A conversation that was made elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct ImportedConversation {
    /// Its id.
    pub(crate) id: ConversationId,
    /// The JSON type of its id.
    pub(crate) id_type: IdType,
    /// How it is called.
    pub(crate) title: Option<Arc<str>>,
    /// Who made it, if that is said.
    pub(crate) created_by: Option<UserId>,
    /// When, if that is said: milliseconds since the epoch.
    pub(crate) created_at: Option<u64>,
}

impl ImportedConversation {
    /// Itself as one that is made now, with nobody in it. `None`: never, there is a name for who is not known.
    pub(crate) fn new_conversation(&self) -> Option<NewConversation> {
        let unknown = || UserId::parse(UNKNOWN);
        Some(NewConversation {
            id: self.id.clone(),
            id_type: self.id_type,
            description: Description {
                title: self.title.clone(),
                avatar_url: None,
            },
            created_by: self.created_by.clone().or_else(unknown)?,
            created_at: self.created_at,
            history: History::All,
            participants: Vec::new(),
        })
    }

    /// Whether the conversation that is there under its id may be this one: nobody else has made it.
    pub(crate) fn may_be_by(&self, creator: &UserId) -> bool {
        self.created_by.as_ref().is_none_or(|by| by == creator)
    }
}

/// Somebody who is or was a participant.
#[derive(Debug, Clone)]
pub(crate) struct ImportedParticipant {
    /// Of which conversation.
    pub(crate) conversation: ConversationId,
    /// Who.
    pub(crate) user: UserId,
    /// Their role, if it is said.
    pub(crate) role: Option<Role>,
    /// Active, left or removed.
    pub(crate) status: ParticipantStatus,
    /// Since when, if that is said: milliseconds since the epoch.
    pub(crate) joined_at: Option<u64>,
}

/// What a line changes of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: what it says is known.
    Nothing,
    /// They become an active participant; they count already or not.
    Add {
        /// For whether the conversation is full.
        counts: bool,
    },
    /// They get another role.
    SetRole(Role),
    /// Their participation ends, or their invitation.
    End,
    /// They are noted as one who was a participant before.
    Note,
}

impl ImportedParticipant {
    /// What the line changes of somebody of whom this is known.
    pub(crate) fn step(&self, known: Option<&Participant>) -> Step {
        let Some(known) = known else {
            return match self.status {
                ParticipantStatus::Active => Step::Add { counts: false },
                _ => Step::Note,
            };
        };
        let counts = known.looks_active() || known.is_invited();
        match self.status {
            ParticipantStatus::Active if known.is_active() => match self.role {
                Some(role) if role != known.role => Step::SetRole(role),
                _ => Step::Nothing,
            },
            // It is the participation that has ended since, or an earlier one.
            ParticipantStatus::Active
                if !counts && self.joined_at.is_some_and(|at| at <= known.joined_at) =>
            {
                Step::Nothing
            }
            ParticipantStatus::Active => Step::Add { counts },
            _ if counts => Step::End,
            _ => Step::Nothing,
        }
    }

    /// Themselves as one who is added now.
    pub(crate) fn new_participant(&self) -> NewParticipant {
        NewParticipant {
            user: self.user.clone(),
            role: self.role.unwrap_or(Role::Member),
            joined_at: self.joined_at,
            key: None,
            earlier_keys: Vec::new(),
            pending: false,
            is_invited: false,
        }
    }

    /// Who has ended the participation, as far as its status says so.
    pub(crate) fn ended_by(&self) -> Option<&UserId> {
        (self.status == ParticipantStatus::Left).then_some(&self.user)
    }
}

/// What a line has changed.
#[derive(Debug)]
pub(crate) enum Imported {
    /// The user, as they are stored now.
    User(UserRecord),
    /// The changes of the conversation's log: none, or one and what follows from it.
    Logged(Vec<Change>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParticipantStatus::{Active, Ignored, Invited, Left, Removed};

    fn line(status: ParticipantStatus, role: Option<Role>, at: Option<u64>) -> ImportedParticipant {
        ImportedParticipant {
            conversation: ConversationId::parse("c").unwrap(),
            user: UserId::parse("ann").unwrap(),
            role,
            status,
            joined_at: at,
        }
    }

    fn known(status: ParticipantStatus) -> Participant {
        Participant {
            user: UserId::parse("ann").unwrap(),
            role: Role::Member,
            status,
            joined_at: 1_000,
            pending: false,
            ended_by: None,
        }
    }

    #[test]
    fn a_line_changes_what_it_says_and_nothing_twice() {
        let admin = Some(Role::Admin);
        let add = |counts| Step::Add { counts };
        for (wanted, role, at, is, step) in [
            (Active, None, None, None, add(false)),
            (Left, None, None, None, Step::Note),
            (Active, None, None, Some(Active), Step::Nothing),
            (
                Active,
                Some(Role::Member),
                None,
                Some(Active),
                Step::Nothing,
            ),
            (
                Active,
                admin,
                None,
                Some(Active),
                Step::SetRole(Role::Admin),
            ),
            (Active, admin, None, Some(Invited), add(true)),
            (Active, None, Some(1), Some(Ignored), add(true)),
            (Active, None, None, Some(Left), add(false)),
            (Active, None, Some(1_000), Some(Left), Step::Nothing),
            (Active, None, Some(1_001), Some(Removed), add(false)),
            (Left, None, None, Some(Active), Step::End),
            (Removed, None, None, Some(Invited), Step::End),
            (Removed, None, None, Some(Left), Step::Nothing),
        ] {
            let decided = line(wanted, role, at).step(is.map(known).as_ref());
            assert_eq!(decided, step, "{wanted:?} {role:?} {at:?} {is:?}");
        }
    }
}
