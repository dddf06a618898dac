//! Documents of `participants`, with what is counted for each of them.

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

use super::fields::{damaged, date, ms};
use super::values::{bson_of, read_value};
use crate::model::UserId;
use crate::model::conversation::{
    ContentKey, GivenKey, History, Participant, ParticipantStatus, Role,
};
use crate::stores::conversations::error::StoreError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantDocument {
    pub(crate) conversation_id: String,
    pub(crate) user_id: String,
    pub(crate) role: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) joined_at: Option<DateTime>,
    pub(crate) content_key_number: Option<i64>,
    pub(crate) encrypted_content_key: Option<Bson>,
    /// Only for the store: all that they were given, by their numbers.
    pub(crate) content_keys: Option<Document>,
    pub(crate) counts: Option<Counts>,
    pub(crate) logged: Option<LoggedState>,
    #[serde(default)]
    pub(crate) pending: bool,
    /// Who invited them last.
    pub(crate) invited_by: Option<String>,
    /// Only for the store: they were told of no participation, though others take them for a participant, or did.
    #[serde(default)]
    pub(crate) ignored: bool,
    /// Only for the store: the user who ended their participation last.
    pub(crate) ended_by: Option<String>,
}

/// What a participant is: the role and the number of the content key of an active one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: ParticipantStatus,
    pub(crate) role: Role,
    pub(crate) key_number: Option<i64>,
}

impl State {
    /// Whether they are an active participant.
    pub(crate) fn is_active(&self) -> bool {
        self.status == ParticipantStatus::Active
    }

    /// Whether they are one, and manage the others.
    pub(crate) fn is_admin(&self) -> bool {
        self.is_active() && self.role == Role::Admin
    }

    /// Whether they are one for others.
    pub(crate) fn looks_active(&self) -> bool {
        self.status.shown() == ParticipantStatus::Active
    }

    /// Whether they are one for others, or invited.
    pub(crate) fn is_counted(&self) -> bool {
        self.looks_active() || self.is_invited()
    }

    /// Whether they were asked to become one.
    pub(crate) fn is_invited(&self) -> bool {
        self.status == ParticipantStatus::Invited
    }

    /// Whether nothing is to be done to add them as that. There is no need to invite whom others take for one.
    pub(crate) fn is_added_as(&self, status: ParticipantStatus) -> bool {
        self.is_active()
            || self.status == status
            || status == ParticipantStatus::Invited && self.looks_active()
    }

    /// Whether it is the same for others: of former participants nothing else counts.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        match (self.is_active(), other.is_active()) {
            (true, true) => self == other,
            (one, two) => one == two,
        }
    }

    /// As the log has it from a change on: the field `logged`.
    pub(crate) fn logged(&self, number: i64) -> Document {
        let mut logged = doc! { "status": self.status.as_str(), "role": self.role.as_str() };
        let key = self.key_number;
        logged.extend(key.map(|key| ("keyNumber".to_owned(), key.into())));
        logged.insert("number", number);
        logged
    }
}

/// Only for the store: what the log says of a participant, beside what an application may write.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoggedState {
    status: String,
    role: String,
    key_number: Option<i64>,
    /// The number of the change since which it is so; 0 before the first one.
    pub(crate) number: i64,
}

impl LoggedState {
    fn state(&self) -> State {
        State {
            status: ParticipantStatus::parse(&self.status).unwrap_or(ParticipantStatus::Removed),
            role: Role::parse(&self.role).unwrap_or(Role::Member),
            key_number: self.key_number,
        }
    }
}

/// Only for the store: what is counted for a participant. It is recreated when an application has
/// added them, or added them again: when its `joinedAt` is not that of the participant.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) joined_at: DateTime,
    /// The change after which messages count as unread.
    pub(crate) since: i64,
    /// How many of the conversation's messages do not count as unread.
    pub(crate) passed: i64,
    /// The `seq` of the last message that was examined for deliveries.
    pub(crate) delivered: i64,
    /// The change behind which they see messages; 0 for all.
    #[serde(default)]
    pub(crate) visible_since: i64,
    /// The `seq`s of the last messages of others that `passed` includes, so that none is counted
    /// twice.
    pub(crate) counted: Vec<i64>,
}

impl Counts {
    /// The same for another participant, without messages of their own.
    pub(crate) fn copied(&self) -> Document {
        let mut counts = doc! {
            "joinedAt": self.joined_at, "since": self.since, "passed": self.passed,
            "delivered": self.delivered, "own": self.since, "counted": &self.counted,
        };
        if self.visible_since > 0 {
            counts.insert("visibleSince", self.visible_since);
        }
        counts
    }
}

/// The counts of a participant who is added by the change `since`; `passed` of the messages do not
/// count as unread. `own` is the `seq` of the last message of their own that `passed` includes.
pub(crate) fn first_counts(
    joined_at: DateTime,
    since: i64,
    passed: i64,
    history: History,
) -> Document {
    let mut counts = doc! {
        "joinedAt": joined_at, "since": since, "passed": passed, "delivered": since, "own": since,
        "counted": [],
    };
    if history == History::Joined {
        counts.insert("visibleSince", since);
    }
    counts
}

impl ParticipantDocument {
    /// The projection without the content keys that are kept, which may be many.
    pub(crate) fn without_keys() -> Document {
        doc! { "contentKeys": 0 }
    }

    /// The projection for what the participant is, and what the log says.
    pub(crate) fn short_fields() -> Document {
        doc! {
            "conversationId": 1, "userId": 1, "status": 1, "role": 1, "contentKeyNumber": 1,
            "logged": 1, "ignored": 1,
        }
    }

    /// The same with what is counted for them.
    pub(crate) fn counted_fields() -> Document {
        let mut fields = Self::short_fields();
        fields.extend(doc! { "joinedAt": 1, "counts": 1 });
        fields
    }

    /// The fields that are set when they are removed by a change.
    pub(crate) fn removed(&self, number: i64) -> Document {
        let state = State {
            status: ParticipantStatus::Removed,
            ..self.state()
        };
        doc! { "status": state.status.as_str(), "logged": state.logged(number) }
    }

    pub(crate) fn role(&self) -> Role {
        let role = self.role.as_deref().and_then(Role::parse);
        role.unwrap_or(Role::Member)
    }

    /// The status; that of a former participant, if it is not one of the known ones.
    pub(crate) fn status(&self) -> ParticipantStatus {
        let status = self.status.as_deref().and_then(ParticipantStatus::parse);
        status.unwrap_or(ParticipantStatus::Removed)
    }

    /// What the participant is, as an application may have written it.
    pub(crate) fn state(&self) -> State {
        State {
            status: self.status(),
            role: self.role(),
            key_number: self.content_key_number,
        }
    }

    /// Whether they are a name that somebody is waited for who is known by it.
    pub(crate) fn waits(&self) -> bool {
        self.pending && (self.state().is_active() || self.state().is_invited())
    }

    /// What the log says of the participant.
    pub(crate) fn logged_state(&self) -> Option<State> {
        self.logged.as_ref().map(LoggedState::state)
    }

    /// Whether an application has changed the participant, and the log does not say so.
    pub(crate) fn is_changed(&self) -> bool {
        match self.logged_state() {
            Some(logged) => !self.state().is_as(&logged),
            None => self.state().is_active(),
        }
    }

    /// The counts, unless they have to be recreated.
    pub(crate) fn counts(&self) -> Option<&Counts> {
        let counts = self.counts.as_ref()?;
        (Some(counts.joined_at) == self.joined_at).then_some(counts)
    }

    pub(crate) fn key(&self) -> Result<Option<ContentKey>, StoreError> {
        let encrypted = self.encrypted_content_key.as_ref();
        let (Some(number), Some(encrypted)) = (self.content_key_number, encrypted) else {
            return Ok(None);
        };
        let encrypted = read_value(encrypted).ok_or_else(damaged("participants"))?;
        Ok(Some(ContentKey { number, encrypted }))
    }

    /// The content keys that are kept.
    pub(crate) fn given_keys(&self) -> Document {
        self.content_keys.clone().unwrap_or_default()
    }

    /// All that they were given, by their numbers; that which an application has given is none of those that are kept.
    pub(crate) fn all_keys(&self) -> Result<Vec<GivenKey>, StoreError> {
        let kept = self.content_keys.iter().flatten();
        let kept = kept.map(|(number, given)| {
            let given = given.as_document()?;
            let key = ContentKey {
                number: number.parse().ok()?,
                encrypted: read_value(given.get("key")?)?,
            };
            let at = given.get_datetime("at").map_or(0, |at| ms(*at));
            Some(GivenKey { key, at })
        });
        let mut keys: Vec<_> = kept
            .collect::<Option<_>>()
            .ok_or_else(damaged("participants"))?;
        if let Some(key) = self.key()? {
            let at = self.joined_at.map_or(0, ms);
            if !keys.iter().any(|kept| kept.key.number == key.number) {
                keys.push(GivenKey { key, at });
            }
        }
        keys.sort_by_key(|given| given.key.number);
        Ok(keys)
    }

    /// `None`: its `userId` is not a valid one.
    pub(crate) fn participant(&self) -> Option<Participant> {
        Some(Participant {
            user: UserId::parse(&self.user_id)?,
            role: self.role(),
            status: self.status(),
            joined_at: self.joined_at.map_or(0, ms),
            pending: self.pending,
            ended_by: self.ended_by.as_deref().and_then(UserId::parse),
        })
    }
}

/// A content key as one of those that are kept.
pub(crate) fn given_key(key: &ContentKey, now: u64) -> Document {
    doc! { "key": bson_of(&key.encrypted), "at": date(now) }
}

/// The fields of a content key.
pub(crate) fn key_fields(key: &ContentKey) -> Document {
    doc! { "contentKeyNumber": key.number, "encryptedContentKey": bson_of(&key.encrypted) }
}
