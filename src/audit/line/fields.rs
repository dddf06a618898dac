//! Reading a line as a whole.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::audit::event_type::EventType;
use crate::audit::read::StoredRecord;
use crate::audit::record::time_of;
use crate::model::clock;

/// The values of a line, borrowed from it where they can be.
#[derive(Debug, Default)]
pub(in crate::audit) struct Fields<'a> {
    pub(in crate::audit) id: Uuid,
    pub(in crate::audit) event_type: Cow<'a, str>,
    pub(in crate::audit) dialect: Option<Cow<'a, str>>,
    pub(in crate::audit) user: Option<Cow<'a, str>>,
    pub(in crate::audit) username: Option<Cow<'a, str>>,
    pub(in crate::audit) session_id: Option<Uuid>,
    pub(in crate::audit) ip_address: Option<Cow<'a, str>>,
    pub(in crate::audit) user_agent: Option<Cow<'a, str>>,
    pub(in crate::audit) node: Cow<'a, str>,
    /// A JSON object.
    pub(in crate::audit) details: Cow<'a, str>,
}

/// What follows from the type of a record.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::audit) struct Texts<'a> {
    pub(in crate::audit) level: &'a str,
    pub(in crate::audit) success: bool,
    pub(in crate::audit) message: &'a str,
}

impl<'a> Texts<'a> {
    /// Those of this version. Of a type that only a later one has, nothing is known.
    pub(in crate::audit) fn of(name: &'a str) -> Self {
        match EventType::parse(name) {
            Some(event_type) => Self {
                level: event_type.level().as_str(),
                success: event_type.success(),
                message: event_type.message(),
            },
            None => Self {
                level: "info",
                success: true,
                message: name,
            },
        }
    }
}

impl<'a> Fields<'a> {
    /// `None`: it is no line, or damaged.
    pub(in crate::audit) fn read(line: &'a [u8]) -> Option<Self> {
        let fields: Self = serde_json::from_slice(line).ok()?;
        fields.details.starts_with('{').then_some(fields)
    }

    /// The record, with what follows from its type. `None`: its id has no time.
    pub(in crate::audit) fn into_record(self, texts: Texts<'_>) -> Option<StoredRecord> {
        let created_at = jiff::Timestamp::from_millisecond(time_of(self.id)).ok()?;
        let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Some(StoredRecord {
            id: self.id,
            event_type: self.event_type.into_owned(),
            level: texts.level.to_owned(),
            dialect: text(self.dialect),
            user: text(self.user),
            username: text(self.username),
            session_id: self.session_id.map(|id| id.to_string()),
            ip_address: text(self.ip_address),
            user_agent: text(self.user_agent),
            node: self.node.into_owned(),
            details: RawValue::from_string(self.details.into_owned()).ok()?,
            success: texts.success,
            message: texts.message.to_owned(),
            created_at: clock::iso(created_at),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(InOrder)
    }
}

struct InOrder;

/// A text, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for InOrder {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the values of an audit record")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Fields<'de>, A::Error> {
        let fields = Fields {
            id: next::<Uuid, _>(&mut values)?,
            event_type: next::<Text<'_>, _>(&mut values)?.0,
            dialect: next_text(&mut values)?,
            user: next_text(&mut values)?,
            username: next_text(&mut values)?,
            session_id: next(&mut values)?,
            ip_address: next_text(&mut values)?,
            user_agent: next_text(&mut values)?,
            node: next::<Text<'_>, _>(&mut values)?.0,
            details: Cow::Borrowed(next::<&RawValue, _>(&mut values)?.get()),
        };
        // A later version may write more.
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(fields)
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(values: &mut A) -> Result<T, A::Error> {
    let value = values.next_element()?;
    value.ok_or_else(|| serde::de::Error::custom("too few values"))
}

fn next_text<'de, A: SeqAccess<'de>>(values: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    let text: Option<Text<'de>> = next(values)?;
    Ok(text.map(|text| text.0))
}
