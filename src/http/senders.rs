//! Who sent the messages of an answer, as clients see them.

use std::collections::{HashMap, HashSet};

use crate::app::App;
use crate::dialects::chat::PersonJson;
use crate::dialects::conversation::UserJson;
use crate::model::UserId;
use crate::model::conversation::{Message, UserRecord};
use crate::stores::conversations::StoreError;

/// The senders of some messages, as far as they are known.
pub(super) struct Senders(HashMap<UserId, UserRecord>);

impl Senders {
    pub(super) async fn read<'a>(
        app: &App,
        messages: impl IntoIterator<Item = &'a Message>,
    ) -> Result<Self, StoreError> {
        let messages = messages.into_iter();
        let senders: HashSet<_> = messages.map(|one| one.sender.clone()).collect();
        let senders: Vec<_> = senders.into_iter().collect();
        let known = app.conversations.stores().users.find_all(&senders).await?;
        Ok(Self(
            known
                .into_iter()
                .map(|user| (user.id.clone(), user))
                .collect(),
        ))
    }

    pub(super) fn of<'a>(&'a self, message: &'a Message) -> UserJson<'a> {
        UserJson::new(&message.sender, self.0.get(&message.sender))
    }

    /// The same in the form of `chat`.
    pub(super) fn person_of<'a>(&'a self, message: &'a Message) -> PersonJson<'a> {
        let known = self.0.get(&message.sender);
        let avatar_url = known.and_then(|known| known.avatar_url.as_deref());
        PersonJson::new(&message.sender, known.map(|known| &*known.name), avatar_url)
    }

    pub(super) fn name_of<'a>(&'a self, message: &'a Message) -> &'a str {
        let sender = self.0.get(&message.sender);
        sender.map_or(message.sender.as_str(), |sender| &sender.name)
    }
}
