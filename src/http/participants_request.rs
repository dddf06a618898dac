//! Requests to add participants and to give new content keys, in the form of `feed`. Whether they are allowed is not
//! known here.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::caller::Caller;
use super::new_conversation::{KEY, KEY_NUMBER};
use crate::app::App;
use crate::dialects::fields::Fields;
use crate::model::conversation::{
    ContentKey, ConversationId, Extra, NewMessage, OWN_OF_CONVERSATION, TempId,
};
use crate::model::{Refusal, UserId, name};
use crate::payload::{Opaque, OwnedValue, Payload};
use crate::stores::conversations::MAX_KEYS;

/// The field by which the form is known.
pub(super) const ENTRIES: &str = "entries";
const SHARE_HISTORY: &str = "share_history";
const BROADCAST: &str = "system_broadcast";
const CONTENT: &str = "encrypted_msg_content";
/// The longest content key, in bytes: somebody may have very many of them.
const MAX_KEY_BYTES: usize = 8192;

/// A request, as far as it can be understood by itself.
pub(super) struct ParticipantsRequest {
    pub(super) names: Vec<Arc<str>>,
    /// Of each of them.
    pub(super) keys: Vec<Vec<ContentKey>>,
    /// The number of a new key for all. `None`: those that there are are shared.
    pub(super) rotated: Option<i64>,
    pub(super) broadcast: Option<NewMessage>,
    /// What is said beside, which those are told who take part.
    pub(super) extra: Extra,
}

impl ParticipantsRequest {
    /// Reads one.
    pub(super) fn read(
        app: &App,
        caller: &Caller,
        id: &ConversationId,
        payload: &Payload<'_>,
    ) -> Result<Self, Refusal> {
        let fields = Fields::new(payload, &app.config.now());
        let rotated = match fields.flag(SHARE_HISTORY)? {
            true => None,
            false => {
                let text = "New content_key_number required when not sharing history";
                let number = fields.key_number(KEY_NUMBER)?;
                Some(number.ok_or_else(|| Refusal::invalid(KEY_NUMBER).worded(text))?)
            }
        };
        let json = payload.get(ENTRIES).and_then(Opaque::json);
        let items = json.and_then(|json| serde_json::from_str::<Vec<&RawValue>>(json).ok());
        let fits = |items: &Vec<_>| (1..=app.config.now().max_participants).contains(&items.len());
        let items = items.filter(fits);
        let items = items.ok_or_else(|| refused("Participant entries are required"))?;
        let (mut names, mut keys) = (Vec::new(), Vec::new());
        for item in items {
            let (name, of_name) = entry(app, item.get(), rotated)?;
            if !names.contains(&name) {
                names.push(name);
                keys.push(of_name);
            }
        }
        Ok(Self {
            names,
            keys,
            rotated,
            broadcast: broadcast(app, caller.id(), id, payload)?,
            extra: fields.told(OWN_OF_CONVERSATION)?,
        })
    }
}

/// Something is wrong with the entries.
pub(super) fn refused(text: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::invalid(ENTRIES).worded(text)
}

/// A name with its keys: one with the number of a new key, or those that are shared.
fn entry(
    app: &App,
    text: &str,
    rotated: Option<i64>,
) -> Result<(Arc<str>, Vec<ContentKey>), Refusal> {
    const KEYS: &str = "keys";
    let invalid = || refused("Invalid participant entry");
    let payload = Payload::of_object(text).map_err(|_| invalid())?;
    let fields = Fields::new(&payload, &app.config.now());
    let name = fields
        .label_up_to("username", name::MAX_BYTES)
        .map_err(|_| invalid())?;
    let keys = match rotated {
        Some(number) => {
            let key = key(app, &payload, number);
            vec![key.ok_or_else(|| refused("Encrypted content key required"))?]
        }
        None => {
            let json = payload.get(KEYS).and_then(Opaque::json);
            let items = json.and_then(|json| serde_json::from_str::<Vec<&RawValue>>(json).ok());
            let items = items.filter(|items| (1..=MAX_KEYS).contains(&items.len()));
            let items = items.ok_or_else(|| refused("keys array required when sharing history"))?;
            let keys = items.into_iter().map(|item| shared_key(app, item.get()));
            let keys = keys.collect::<Option<_>>();
            keys.ok_or_else(|| refused("Invalid key entry format"))?
        }
    };
    Ok((name.into(), keys))
}

fn shared_key(app: &App, text: &str) -> Option<ContentKey> {
    let payload = Payload::of_object(text).ok()?;
    let number = Fields::new(&payload, &app.config.now()).key_number(KEY_NUMBER);
    key(app, &payload, number.ok()??)
}

fn key(app: &App, payload: &Payload<'_>, number: i64) -> Option<ContentKey> {
    let max = app.config.now().max_key_bytes.min(MAX_KEY_BYTES);
    let fields = Fields::new(payload, &app.config.now());
    fields.filled_up_to(KEY, max).ok()?;
    Some(ContentKey {
        number,
        encrypted: OwnedValue::from(payload.filled(KEY)?),
    })
}

/// What the client has its user say of it, as any message.
pub(super) fn broadcast(
    app: &App,
    sender: &UserId,
    id: &ConversationId,
    payload: &Payload<'_>,
) -> Result<Option<NewMessage>, Refusal> {
    let unusable = || Refusal::unusable(BROADCAST);
    let Some(given) = payload.given(BROADCAST) else {
        return Ok(None);
    };
    let json = given.json().ok_or_else(unusable)?;
    let message = Payload::of_object(json).map_err(|_| unusable())?;
    let fields = Fields::new(&message, &app.config.now());
    Ok(Some(NewMessage {
        conversation: id.clone(),
        sender: sender.clone(),
        content: Some(fields.content(CONTENT)?.into()),
        media: None,
        key_number: fields.key_number(KEY_NUMBER)?,
        // A request that comes again says it once.
        temp_id: TempId::parse(BROADCAST),
        extra: Extra::default(),
    }))
}
