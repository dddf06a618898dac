//! Documents of `users`.

use mongodb::bson::DateTime;
use serde::Deserialize;

use super::fields::ms;
use crate::model::conversation::{UserRecord, UserStatus};
use crate::model::{UserId, name};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserDocument {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) given_name: Option<String>,
    /// Empty if a token has another name only.
    pub(crate) username: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) last_seen_at: Option<DateTime>,
    pub(crate) numeric_id: Option<bool>,
}

impl UserDocument {
    /// `None`: its `id` is not a valid one.
    pub(crate) fn record(self) -> Option<UserRecord> {
        let id = UserId::parse(&self.id)?;
        let shown = |name: Option<String>| name.and_then(|name| name::shown(&name));
        let name = shown(self.name);
        // Another program gives a name only.
        let username = self.username.map_or(name.clone(), |name| shown(Some(name)));
        let record = UserRecord {
            given_name: shown(self.given_name),
            username,
            name: name.unwrap_or_else(|| id.as_name()),
            avatar_url: self.avatar_url.map(Into::into),
            status: match self.status.as_deref() {
                None => UserStatus::Active,
                Some(status) => UserStatus::parse(status).unwrap_or(UserStatus::Suspended),
            },
            last_seen_at: self.last_seen_at.map(ms),
            id,
            id_type: None,
        };
        Some(record.with_id_type(self.numeric_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_status_admits_nobody() {
        let status = |status: Option<&str>| {
            let user = UserDocument {
                id: "u".to_owned(),
                name: None,
                given_name: None,
                username: None,
                avatar_url: None,
                status: status.map(str::to_owned),
                last_seen_at: None,
                numeric_id: None,
            };
            user.record().unwrap().status
        };
        assert_eq!(status(None), UserStatus::Active);
        assert_eq!(status(Some("active")), UserStatus::Active);
        assert_eq!(status(Some("banned")), UserStatus::Suspended);
    }
}
