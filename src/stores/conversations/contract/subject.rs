//! A store under test, with shortcuts for what tests do with it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::stored::Stored;
use crate::model::UserId;
use crate::model::clock::{Clock, ManualClock};
use crate::model::conversation::*;
use crate::payload::OwnedValue;
use crate::stores::conversations::*;

/// Who makes a change: this user.
pub(crate) fn by(name: &str) -> ChangedBy {
    ChangedBy::User(user(name))
}

/// How many active participants a conversation may have.
pub(crate) const MAX_ACTIVE: usize = 100;

/// A store, empty at first.
pub(crate) struct Subject {
    pub(crate) stores: ConversationStores,
    /// What the store holds and does not return.
    pub(crate) stored: Arc<dyn Stored>,
    pub(crate) clock: Arc<ManualClock>,
    /// What has to live as long as the store.
    _keep: Box<dyn Any + Send + Sync>,
}

impl Subject {
    pub(crate) fn new(
        stores: ConversationStores,
        stored: Arc<dyn Stored>,
        clock: Arc<ManualClock>,
        keep: impl Any + Send + Sync,
    ) -> Self {
        Self {
            stores,
            stored,
            clock,
            _keep: Box::new(keep),
        }
    }

    /// Advances the clock by a second.
    pub(crate) fn tick(&self) -> u64 {
        self.tick_by(Duration::from_secs(1))
    }

    /// The same for as long as that.
    pub(crate) fn tick_by(&self, time: Duration) -> u64 {
        let time = u64::try_from(time.as_millis()).unwrap();
        self.clock.set(self.clock.now_ms() + time);
        self.clock.now_ms()
    }

    /// Creates a conversation; the first of its participants is its admin.
    pub(crate) async fn with(&self, name: &str, names: &[&str]) {
        let new = new_conversation(name, names);
        let _ = self
            .stores
            .conversations
            .create(&new, &ChangedBy::Admin)
            .await
            .unwrap();
    }

    /// Sends a message.
    pub(crate) async fn send(&self, at: &str, who: &str, what: &str) -> Message {
        let appended = self
            .stores
            .messages
            .append(&new_message(at, who, what))
            .await
            .unwrap();
        assert!(appended.change.is_some());
        appended.value
    }

    /// A present or former participant.
    pub(crate) async fn participant(&self, at: &str, who: &str) -> Option<Participant> {
        let all = self.stores.participants.list(&conversation(at)).await;
        let who = user(who);
        all.unwrap().into_iter().find(|one| one.user == who)
    }

    /// A page of a history, as a user sees it.
    pub(crate) async fn page(&self, at: &str, who: &str, window: Window, most: u64) -> Page {
        let (c, who, messages) = (conversation(at), user(who), &self.stores.messages);
        messages.page(&c, &who, window, limit(most)).await.unwrap()
    }

    /// The same by position.
    pub(crate) async fn slice(&self, at: &str, who: &str, offset: u64, most: u64) -> Slice {
        let (c, who, messages) = (conversation(at), user(who), &self.stores.messages);
        messages.slice(&c, &who, offset, limit(most)).await.unwrap()
    }

    /// What a user sees of the newest messages.
    pub(crate) async fn seen(&self, at: &str, who: &str) -> Vec<String> {
        let page = self.page(at, who, Window::default(), 200).await;
        page.messages.iter().map(text_of).collect()
    }

    /// How many messages of a conversation a user has not read.
    pub(crate) async fn unread(&self, at: &str, who: &str) -> u64 {
        let mut list = self.list(who, 10_000).await.into_iter();
        let id = conversation(at);
        list.find(|listed| listed.conversation.id == id)
            .unwrap()
            .unread
    }

    /// The first conversations of a user's list.
    pub(crate) async fn list(&self, who: &str, limit: usize) -> Vec<Listed> {
        let who = user(who);
        let list = self.stores.conversations.list_for(&who, None, limit);
        list.await.unwrap().conversations
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn conversation(id: &str) -> ConversationId {
    ConversationId::parse(id).unwrap()
}

pub(crate) fn limit(limit: u64) -> PageLimit {
    PageLimit::new(limit).unwrap()
}

pub(crate) fn json(text: &str) -> OwnedValue {
    OwnedValue::from(RawValue::from_string(text.to_owned()).unwrap())
}

/// The JSON text of a value.
pub(crate) fn text(value: &OwnedValue) -> String {
    value.to_parts().0.into_owned()
}

/// The content of a message, or `deleted`.
pub(crate) fn text_of(message: &Message) -> String {
    message.content().map_or("deleted".to_owned(), text)
}

/// Fields that the relay does not know.
pub(crate) fn extra(text: &str) -> Extra {
    Extra::of_parts(text, Vec::new())
}

/// The JSON text of those of a message.
pub(crate) fn extra_of(message: &Message) -> String {
    text(&message.extra().unwrap().to_value().unwrap())
}

pub(crate) fn participant(name: &str, role: Role) -> NewParticipant {
    NewParticipant {
        user: user(name),
        role,
        key: None,
        earlier_keys: Vec::new(),
        pending: false,
        is_invited: false,
        joined_at: None,
    }
}

pub(crate) fn new_conversation(id: &str, names: &[&str]) -> NewConversation {
    let (first, others) = names.split_first().unwrap();
    let others = others.iter().map(|name| participant(name, Role::Member));
    NewConversation {
        id: conversation(id),
        id_type: IdType::Text,
        description: Description::default(),
        created_by: user(first),
        created_at: None,
        history: History::All,
        participants: [participant(first, Role::Admin)]
            .into_iter()
            .chain(others)
            .collect(),
    }
}

/// `what` is JSON.
pub(crate) fn new_message(at: &str, who: &str, what: &str) -> NewMessage {
    NewMessage {
        conversation: conversation(at),
        sender: user(who),
        content: Some(json(what)),
        media: None,
        key_number: None,
        temp_id: None,
        extra: Extra::default(),
    }
}

pub(crate) fn edit(what: &str) -> Edit {
    Edit {
        content: json(what),
        key_number: None,
        extra: Extra::default(),
        max_bytes: usize::MAX,
    }
}

/// Asserts that an operation was rejected with this error.
macro_rules! assert_rejected {
    ($result:expr, $error:ident) => {{
        let result = $result;
        let rejected = matches!(
            result,
            Err($crate::stores::conversations::StoreError::$error { .. })
        );
        assert!(rejected, "{result:?}");
    }};
}
pub(crate) use assert_rejected;

pub(crate) async fn a_closed_store_says_so(subject: Subject) {
    subject.with("c", &["ann"]).await;
    subject.stores.health.check().await.unwrap();
    subject.stores.health.close().await.unwrap();
    assert_rejected!(subject.stores.health.check().await, Closed);
    assert_rejected!(subject.stores.users.find(&user("ann")).await, Closed);
    let late = new_message("c", "ann", "1");
    assert_rejected!(subject.stores.messages.append(&late).await, Closed);
    subject.stores.health.close().await.unwrap();
}
