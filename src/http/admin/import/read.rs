//! What a line of an import says.

use crate::config::Config;
use crate::dialects::fields::Fields;
use crate::http::admin::{refuse_unknown, time, users};
use crate::http::body;
use crate::http::new_conversation::told_as;
use crate::model::conversation::{
    Import, ImportedConversation, ImportedParticipant, ParticipantStatus, Role,
};
use crate::model::{Refusal, Why};
use crate::payload::Payload;

/// By how much the clock of who imports may be ahead, in milliseconds.
const MAX_AHEAD_MS: u64 = 60_000;

const TYPE: &str = "type";
const ID: &str = "id";
const TITLE: &str = "title";
const CREATED_BY: &str = "createdBy";
const CREATED_AT: &str = "createdAt";
const CONVERSATION_ID: &str = "conversationId";
const USER_ID: &str = "userId";
const ROLE: &str = "role";
const STATUS: &str = "status";
const JOINED_AT: &str = "joinedAt";

/// Reads a line at this time, in milliseconds since the epoch.
pub(super) fn read(text: &[u8], config: &Config, now: u64) -> Result<Import, Refusal> {
    let payload = body::object(text, config).map_err(|refusal| match refusal.why() {
        Why::Missing => refusal.worded("Line is not valid JSON"),
        _ if refusal.field.is_none() => refusal.worded("Line must be an object"),
        _ => refusal,
    })?;
    let fields = Fields::new(&payload, config);
    match payload.text(TYPE).as_deref() {
        Some("user") => user(&payload, &fields),
        Some("conversation") => conversation(&payload, &fields, now).map(Import::Conversation),
        Some("participant") => participant(&payload, &fields, now).map(Import::Participant),
        _ => Err(fields.refuse(TYPE)),
    }
}

fn user(payload: &Payload<'_>, fields: &Fields<'_, '_>) -> Result<Import, Refusal> {
    const OWN: &[&str] = &[TYPE, ID, users::NAME, users::AVATAR, users::STATUS];
    refuse_unknown(payload.besides(OWN))?;
    Ok(Import::User(
        fields.user(ID)?,
        users::change(payload, fields)?,
    ))
}

fn conversation(
    payload: &Payload<'_>,
    fields: &Fields<'_, '_>,
    now: u64,
) -> Result<ImportedConversation, Refusal> {
    const OWN: &[&str] = &[TYPE, ID, TITLE, CREATED_BY, CREATED_AT];
    refuse_unknown(payload.besides(OWN))?;
    let id = fields.conversation(ID)?;
    let created_by = payload.given(CREATED_BY).map(|_| fields.user(CREATED_BY));
    Ok(ImportedConversation {
        id_type: told_as(&id.id, id.id_type),
        id: id.id,
        title: fields.title(TITLE)?,
        created_by: created_by.transpose()?,
        created_at: past(payload, CREATED_AT, now)?,
    })
}

fn participant(
    payload: &Payload<'_>,
    fields: &Fields<'_, '_>,
    now: u64,
) -> Result<ImportedParticipant, Refusal> {
    const OWN: &[&str] = &[TYPE, CONVERSATION_ID, USER_ID, ROLE, STATUS, JOINED_AT];
    refuse_unknown(payload.besides(OWN))?;
    let role = fields.given_label(ROLE)?;
    let role = role.map(|name| Role::parse(&name).ok_or_else(|| fields.refuse(ROLE)));
    let status = fields.given_label(STATUS)?;
    let status = status.map(|name| status_of(&name).ok_or_else(|| fields.refuse(STATUS)));
    Ok(ImportedParticipant {
        conversation: fields.conversation(CONVERSATION_ID)?.id,
        user: fields.user(USER_ID)?,
        role: role.transpose()?,
        status: status.transpose()?.unwrap_or(ParticipantStatus::Active),
        joined_at: past(payload, JOINED_AT, now)?,
    })
}

/// Who is invited or ignored is so by what a user does here.
fn status_of(name: &str) -> Option<ParticipantStatus> {
    use ParticipantStatus::{Active, Left, Removed};
    ParticipantStatus::parse(name).filter(|status| matches!(status, Active | Left | Removed))
}

/// A time that has passed; a clock that is a little ahead means now.
fn past(payload: &Payload<'_>, name: &'static str, now: u64) -> Result<Option<u64>, Refusal> {
    let Some(at) = time(payload, name)? else {
        return Ok(None);
    };
    // A time before the epoch is read as its beginning, and mostly stands for none.
    match at > 0 && at <= now.saturating_add(MAX_AHEAD_MS) {
        true => Ok(Some(at.min(now))),
        false => Err(Refusal::unusable(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    const NOW: u64 = 1_800_000_000_000;

    fn refused(line: &str) -> (ErrorCode, Option<String>) {
        let refusal = read(line.as_bytes(), &Config::default(), NOW).unwrap_err();
        (refusal.code, refusal.field.map(Into::into))
    }

    #[test]
    fn a_line_that_is_of_no_use_is_refused_by_its_field() {
        let deep = format!(
            "{{\"type\":\"user\",\"id\":{}1{}}}",
            "[".repeat(999),
            "]".repeat(999)
        );
        for (line, field) in [
            (r#"{"type":"user""#, None),
            ("[]", None),
            ("null", None),
            ("{}", Some("type")),
            (r#"{"type":"message"}"#, Some("type")),
            (r#"{"type":7}"#, Some("type")),
            (r#"{"type":"user"}"#, Some("id")),
            (r#"{"type":"user","id":{"$gt":""}}"#, Some("id")),
            (r#"{"type":"user","id":"a","name":""}"#, Some("name")),
            (
                r#"{"type":"user","id":"a","status":"gone"}"#,
                Some("status"),
            ),
            (r#"{"type":"user","id":"a","role":"admin"}"#, Some("role")),
            (r#"{"type":"conversation","id":""}"#, Some("id")),
            (
                r#"{"type":"conversation","id":"c","createdBy":""}"#,
                Some("createdBy"),
            ),
            (
                r#"{"type":"conversation","id":"c","createdAt":"soon"}"#,
                Some("createdAt"),
            ),
            (
                r#"{"type":"conversation","id":"c","createdAt":"2999-01-01"}"#,
                Some("createdAt"),
            ),
            (
                r#"{"type":"conversation","id":"c","createdAt":"0001-01-01T00:00:00Z"}"#,
                Some("createdAt"),
            ),
            (
                r#"{"type":"participant","userId":"a"}"#,
                Some("conversationId"),
            ),
            (
                r#"{"type":"participant","conversationId":"c"}"#,
                Some("userId"),
            ),
            (
                r#"{"type":"participant","conversationId":"c","userId":"a","status":"invited"}"#,
                Some("status"),
            ),
            (
                r#"{"type":"participant","conversationId":"c","userId":"a","role":"owner"}"#,
                Some("role"),
            ),
            (&*deep, Some("id")),
        ] {
            let expected = (ErrorCode::InvalidInput, field.map(Into::into));
            assert_eq!(refused(line), expected, "{line}");
        }
        let not_text = read(b"\xff\xfe", &Config::default(), NOW).unwrap_err();
        assert_eq!(not_text.text().unwrap(), "Line is not valid JSON");
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_means_now() {
        let line = r#"{"type":"conversation","id":7,"createdAt":"2027-01-15T08:00:30Z"}"#;
        let Import::Conversation(read) = read(line.as_bytes(), &Config::default(), NOW).unwrap()
        else {
            panic!("{line}");
        };
        assert_eq!((read.created_at, read.id.as_str()), (Some(NOW), "7"));
    }
}
