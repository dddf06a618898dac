//! The first participants of a conversation, as the column `detail` of its first change has them.

use rusqlite::types::FromSqlError;

use crate::model::UserId;
use crate::model::conversation::{ParticipantStatus, Role};

/// What stands in the column beside a first participant who is ignored.
const IGNORED: &str = ParticipantStatus::Ignored.as_str();

/// The first participants of a conversation, as the column `detail`.
pub(super) fn column(participants: &[(UserId, Role)], ignored: &[UserId]) -> String {
    let participants: Vec<_> = participants
        .iter()
        .map(|(user, role)| {
            let mark = ignored.contains(user).then_some(IGNORED);
            let fields = [user.as_str(), role.as_str()].into_iter();
            fields.chain(mark).collect::<Vec<_>>()
        })
        .collect();
    serde_json::to_string(&participants).unwrap_or_default()
}

/// The first participants of a conversation, and those of them who are ignored.
pub(super) type FirstParticipants = (Vec<(UserId, Role)>, Vec<UserId>);

/// What the column says.
pub(super) fn parse(column: &str) -> Result<FirstParticipants, FromSqlError> {
    let rows: Vec<Vec<String>> =
        serde_json::from_str(column).map_err(|_| FromSqlError::InvalidType)?;
    let (mut participants, mut ignored) = (Vec::new(), Vec::new());
    for row in &rows {
        let [user, role, marks @ ..] = &row[..] else {
            return Err(FromSqlError::InvalidType);
        };
        let user = UserId::parse(user).ok_or(FromSqlError::InvalidType)?;
        let role = Role::parse(role).ok_or(FromSqlError::InvalidType)?;
        if marks.iter().any(|mark| mark == IGNORED) {
            ignored.push(user.clone());
        }
        participants.push((user, role));
    }
    Ok((participants, ignored))
}
