//! The first participants of a conversation, as the column `detail` of its first change has them.

use rusqlite::types::FromSqlError;

use crate::model::UserId;
use crate::model::conversation::{ParticipantStatus, Role};

/// What stands in the column beside a first participant who is ignored.
const IGNORED: &str = ParticipantStatus::Ignored.as_str();
/// The same of one who is invited.
const INVITED: &str = ParticipantStatus::Invited.as_str();

/// The first participants of a conversation, and those of them who are none for all.
#[derive(Debug, Default)]
pub(super) struct FirstParticipants {
    pub(super) all: Vec<(UserId, Role)>,
    pub(super) ignored: Vec<UserId>,
    pub(super) invited: Vec<UserId>,
}

impl FirstParticipants {
    /// As the column has them.
    pub(super) fn column(&self) -> String {
        let all = self.all.iter().map(|(user, role)| {
            let ignored = self.ignored.contains(user).then_some(IGNORED);
            let invited = self.invited.contains(user).then_some(INVITED);
            let fields = [user.as_str(), role.as_str()].into_iter();
            fields.chain(ignored).chain(invited).collect::<Vec<_>>()
        });
        serde_json::to_string(&all.collect::<Vec<_>>()).unwrap_or_default()
    }

    /// What the column says.
    pub(super) fn parse(column: &str) -> Result<Self, FromSqlError> {
        let rows: Vec<Vec<String>> =
            serde_json::from_str(column).map_err(|_| FromSqlError::InvalidType)?;
        let mut first = Self::default();
        for row in &rows {
            let [user, role, marks @ ..] = &row[..] else {
                return Err(FromSqlError::InvalidType);
            };
            let user = UserId::parse(user).ok_or(FromSqlError::InvalidType)?;
            let role = Role::parse(role).ok_or(FromSqlError::InvalidType)?;
            let status = marks.iter().find_map(|mark| ParticipantStatus::parse(mark));
            first.add(user, role, status);
        }
        Ok(first)
    }

    /// One more, of this status if it is not `active`.
    pub(super) fn add(&mut self, user: UserId, role: Role, status: Option<ParticipantStatus>) {
        match status {
            Some(ParticipantStatus::Ignored) => self.ignored.push(user.clone()),
            Some(ParticipantStatus::Invited) => self.invited.push(user.clone()),
            _ => {}
        }
        self.all.push((user, role));
    }
}
