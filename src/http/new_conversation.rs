//! Requests to create a conversation, in the two forms that clients use.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::caller::Caller;
use crate::app::App;
use crate::conversations::Addressee;
use crate::dialects::fields::Fields;
use crate::model::conversation::{
    ContentKey, ConversationId, Description, DescriptionChange, Extra, History, IdType,
    NewConversation, NewParticipant, OWN_OF_CONVERSATION, Role,
};
use crate::model::{Refusal, UserId, name};
use crate::payload::{Opaque, OwnedValue, Payload};
use crate::stores::conversations::StoreError;

const ID: &str = "id";
const PARTICIPANTS: &str = "participantIds";
const ENTRIES: &str = "conversation_entries";
const TITLE: &str = "title";
const AVATAR_URL: &str = "avatarUrl";
const CREATED_BY: &str = "createdBy";
const ADMINS: &str = "admins";
pub(super) const HISTORY: &str = "history";
/// A content key, and its number, in the form of `feed`.
pub(super) const KEY: &str = "encrypted_content_key";
pub(super) const KEY_NUMBER: &str = "content_key_number";
/// The fields of a request of an administrator.
pub(super) const OF_ADMINS: &[&str] = &[
    ID,
    PARTICIPANTS,
    TITLE,
    AVATAR_URL,
    CREATED_BY,
    ADMINS,
    HISTORY,
];

/// A request to create a conversation.
#[derive(Debug)]
pub(super) struct ConversationRequest {
    pub(super) new: NewConversation,
    /// Its id is the client's own.
    pub(super) is_named: bool,
    /// The JSON type of its id for the caller.
    pub(super) id_type: IdType,
    /// In the form of `feed`: the caller's key.
    pub(super) key: Option<ContentKey>,
    /// What is said beside, which is told and not kept.
    pub(super) extra: Extra,
}

/// The request of a user, who becomes its admin.
pub(super) async fn by_user(
    app: &App,
    caller: &Caller,
    payload: &Payload<'_>,
) -> Result<ConversationRequest, Refusal> {
    if payload.get(ENTRIES).is_some() {
        return by_entries(app, caller, payload).await;
    }
    let fields = Fields::new(payload, &app.config.now());
    let mut users = others(&fields, app.config.now().max_participants)?;
    users.retain(|user| user != caller.id());
    let admin = participant(caller.id(), Role::Admin, None);
    let others = users
        .iter()
        .map(|user| participant(user, Role::Member, None));
    let participants = [admin].into_iter().chain(others).collect();
    request(app, payload, caller.id().clone(), participants)
}

/// Whom a user names, in one of the fields that clients have for it.
fn others(fields: &Fields<'_, '_>, max: usize) -> Result<Vec<UserId>, Refusal> {
    const SHORT: &str = "participants";
    const ONE: &str = "participantId";
    match () {
        () if fields.is_given(PARTICIPANTS) => fields.users(PARTICIPANTS, max),
        () if fields.is_given(SHORT) => fields.users(SHORT, max),
        () if fields.is_given(ONE) => Ok(vec![fields.user(ONE)?]),
        () => Err(fields.refuse(PARTICIPANTS)),
    }
}

/// The request of an administrator. Its creator is the first of `participantIds`, unless named.
pub(super) fn by_admin(app: &App, payload: &Payload<'_>) -> Result<ConversationRequest, Refusal> {
    let fields = Fields::new(payload, &app.config.now());
    let users = fields.users(PARTICIPANTS, app.config.now().max_participants)?;
    let named = payload.given(CREATED_BY).map(|_| fields.user(CREATED_BY));
    let named = named.transpose()?;
    let first = users.first().cloned();
    let created_by = named.or(first).ok_or_else(|| fields.refuse(PARTICIPANTS))?;
    let admins = match payload.given(ADMINS) {
        Some(_) => fields.users(ADMINS, app.config.now().max_participants)?,
        None => vec![created_by.clone()],
    };
    let role = |user: &UserId| match admins.contains(user) {
        true => Role::Admin,
        false => Role::Member,
    };
    let participants = users.iter().map(|user| participant(user, role(user), None));
    request(app, payload, created_by, participants.collect())
}

fn request(
    app: &App,
    payload: &Payload<'_>,
    created_by: UserId,
    participants: Vec<NewParticipant>,
) -> Result<ConversationRequest, Refusal> {
    let fields = Fields::new(payload, &app.config.now());
    let named = payload.given(ID).map(|_| fields.conversation(ID));
    let named = named.transpose()?;
    let is_named = named.is_some();
    let id_type = named.as_ref().map_or(IdType::Text, |named| named.id_type);
    let id = named.map_or_else(ConversationId::random, |named| named.id);
    Ok(ConversationRequest {
        is_named,
        new: NewConversation {
            id_type: told_as(&id, id_type),
            id,
            description: description(&fields)?.of(&Description::default()),
            created_by,
            created_at: None,
            history: history(&fields)?.unwrap_or(History::All),
            participants,
        },
        id_type,
        key: None,
        extra: fields.told(OWN_OF_CONVERSATION)?,
    })
}

/// How a conversation is to be called and shown, as far as it is said. `null` says that it is not.
pub(super) fn description(fields: &Fields<'_, '_>) -> Result<DescriptionChange, Refusal> {
    let is_there = |name| fields.is_there(name);
    let title = fields.title(TITLE)?;
    let avatar_url = fields.address(AVATAR_URL)?;
    Ok(DescriptionChange {
        title: is_there(TITLE).then_some(title),
        avatar_url: is_there(AVATAR_URL).then_some(avatar_url),
    })
}

/// What those see who are added, if it is said.
pub(super) fn history(fields: &Fields<'_, '_>) -> Result<Option<History>, Refusal> {
    let name = fields.given_label(HISTORY)?;
    let history = name.map(|name| History::parse(&name).ok_or_else(|| fields.refuse(HISTORY)));
    history.transpose()
}

/// The type in which others are told the id.
pub(super) fn told_as(id: &ConversationId, given: IdType) -> IdType {
    match id.is_number() {
        true => given,
        false => IdType::Text,
    }
}

fn participant(user: &UserId, role: Role, key: Option<ContentKey>) -> NewParticipant {
    NewParticipant {
        user: user.clone(),
        role,
        key,
        earlier_keys: Vec::new(),
        pending: false,
        is_invited: false,
        joined_at: None,
    }
}

/// One entry of the form of `feed`.
struct Entry {
    id: ConversationId,
    id_type: IdType,
    username: Arc<str>,
    key: ContentKey,
}

/// The form of `feed`. The deployed client names the conversation in each entry, and the
/// participants by name; where the entries' ids differ, they are those of users.
async fn by_entries(
    app: &App,
    caller: &Caller,
    payload: &Payload<'_>,
) -> Result<ConversationRequest, Refusal> {
    let fields = Fields::new(payload, &app.config.now());
    let entries = entries(app, payload)?;
    let Some(first) = entries.first() else {
        return Err(no_entries());
    };
    let same = entries.iter().all(|entry| entry.id == first.id);
    let are_users = !same || entries.len() == 1 && first.id.as_str() == caller.id().as_str();
    let users: Vec<_> = match are_users {
        true => entries.iter().map(user_of).collect::<Result<_, _>>()?,
        false => named(app, caller, &entries).await?,
    };
    let is_caller = |user: &Addressee| *user == Addressee::User(caller.id().clone());
    if !users.iter().any(is_caller) {
        let text = "User must be a participant in the conversation";
        return Err(Refusal::not_participant().worded(text));
    }
    let (id, id_type) = match are_users {
        true => (ConversationId::random(), IdType::Text),
        false => (first.id.clone(), first.id_type),
    };
    let all = users.iter().zip(&entries);
    let own = all.clone().find(|(user, _)| is_caller(user));
    let participants = all.map(|(user, entry)| {
        let role = match is_caller(user) {
            true => Role::Admin,
            false => Role::Member,
        };
        addressed(user, role, entry.key.clone())
    });
    Ok(ConversationRequest {
        is_named: !are_users,
        new: NewConversation {
            id_type: told_as(&id, id_type),
            id,
            description: description(&fields)?.of(&Description::default()),
            created_by: caller.id().clone(),
            created_at: None,
            history: history(&fields)?.unwrap_or(History::All),
            participants: participants.collect(),
        },
        id_type,
        key: own.map(|(_, entry)| entry.key.clone()),
        extra: fields.told(OWN_OF_CONVERSATION)?,
    })
}

async fn named(app: &App, caller: &Caller, entries: &[Entry]) -> Result<Vec<Addressee>, Refusal> {
    let names: Vec<_> = entries.iter().map(|entry| entry.username.clone()).collect();
    let named = addressees(app, caller, &names).await?;
    named.ok_or_else(invalid_entry)
}

fn addressed(addressee: &Addressee, role: Role, key: ContentKey) -> NewParticipant {
    match addressee {
        Addressee::User(user) => participant(user, role, Some(key)),
        Addressee::Pending(name) => NewParticipant {
            pending: true,
            ..participant(name, role, Some(key))
        },
    }
}

fn no_entries() -> Refusal {
    Refusal::invalid(ENTRIES).worded("Conversation entries array is required")
}

fn invalid_entry() -> Refusal {
    Refusal::invalid(ENTRIES).worded("Invalid conversation entry format")
}

fn entries(app: &App, payload: &Payload<'_>) -> Result<Vec<Entry>, Refusal> {
    let json = payload.get(ENTRIES).and_then(Opaque::json);
    let items = json.and_then(|json| serde_json::from_str::<Vec<&RawValue>>(json).ok());
    let items =
        items.filter(|items| !items.is_empty() && items.len() <= app.config.now().max_participants);
    let items = items.ok_or_else(no_entries)?;
    let parsed = items.into_iter().map(|raw| entry(app, raw.get()));
    parsed.collect::<Option<_>>().ok_or_else(invalid_entry)
}

fn entry(app: &App, text: &str) -> Option<Entry> {
    let payload = Payload::of_object(text).ok()?;
    let fields = Fields::new(&payload, &app.config.now());
    fields
        .filled_up_to(KEY, app.config.now().max_key_bytes)
        .ok()?;
    let number = match payload.filled(KEY_NUMBER) {
        Some(number) => number.json()?.parse().ok()?,
        None => 1,
    };
    let id = fields.conversation(ID).ok()?;
    Some(Entry {
        id: id.id,
        id_type: id.id_type,
        username: fields.label_up_to("username", name::MAX_BYTES).ok()?.into(),
        key: ContentKey {
            number,
            encrypted: OwnedValue::from(payload.filled(KEY)?),
        },
    })
}

fn user_of(entry: &Entry) -> Result<Addressee, Refusal> {
    let user = UserId::parse(entry.id.as_str()).ok_or_else(invalid_entry)?;
    Ok(Addressee::User(user))
}

/// Whom these names mean: the caller by the name in their token, others as
/// [`addressees`](crate::conversations::Conversations::addressees) says. `None`: one can mean nobody.
pub(super) async fn addressees(
    app: &App,
    caller: &Caller,
    names: &[Arc<str>],
) -> Result<Option<Vec<Addressee>>, StoreError> {
    let by = &caller.identity;
    let addressees = app.conversations.addressees(by, names).await?;
    let addressees = names.iter().zip(addressees);
    let addressees = addressees.map(|(name, addressee)| match name::are_same(name, &by.name) {
        true => Some(Addressee::User(by.user.clone())),
        false => addressee,
    });
    Ok(addressees.collect())
}
