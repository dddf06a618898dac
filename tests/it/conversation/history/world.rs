//! What all devices together tried, and what they were sent about it: against this the history is held.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

use crate::conversation::{Change, StoredMessage};
use test_support::harness::Relay;

/// A server with some conversations.
pub(super) struct World {
    pub relay: Relay,
    pub rooms: Vec<Room>,
}

/// A conversation.
pub(super) struct Room {
    /// The JSON text of its id.
    pub id: &'static str,
    log: Mutex<Log>,
}

/// What happened in a conversation, as those know who did it. Contents are JSON text, each used once.
#[derive(Default)]
struct Log {
    /// Who tried to send what.
    tried: HashMap<String, Tried>,
    /// What was acknowledged, in this order.
    acknowledged: Vec<String>,
    /// The last content that a message was given by an edit that was acknowledged.
    edited: HashMap<String, String>,
    deleted: HashSet<String>,
    /// Which messages were read, by whom.
    read: HashSet<(String, String)>,
    /// The ids of reactions that were acknowledged.
    reactions: BTreeSet<String>,
}

struct Tried {
    user: String,
    temp_id: Option<String>,
    /// Under which it was acknowledged.
    id: Option<String>,
}

impl Room {
    pub(super) fn new(id: &'static str) -> Self {
        Self {
            id,
            log: Mutex::default(),
        }
    }

    /// Someone is about to send this, perhaps once more.
    pub(super) fn tries(&self, user: &str, content: &str, temp_id: Option<&str>) {
        let new = Tried {
            user: user.to_owned(),
            temp_id: temp_id.map(str::to_owned),
            id: None,
        };
        let mut log = self.log.lock().unwrap();
        log.tried.entry(content.to_owned()).or_insert(new);
    }

    /// It was acknowledged with this id: each time with the same.
    pub(super) fn acknowledged(&self, content: &str, id: &str) {
        let mut log = self.log.lock().unwrap();
        let tried = log.tried.get_mut(content).unwrap();
        match &tried.id {
            Some(first) => assert_eq!(first, id, "{content} has two ids"),
            None => {
                tried.id = Some(id.to_owned());
                log.acknowledged.push(id.to_owned());
            }
        }
    }

    /// All messages that were acknowledged by now.
    pub(super) fn due(&self) -> Vec<String> {
        self.log.lock().unwrap().acknowledged.clone()
    }

    pub(super) fn edited(&self, id: &str, content: &str) {
        let mut log = self.log.lock().unwrap();
        log.edited.insert(id.to_owned(), content.to_owned());
    }

    pub(super) fn deleted(&self, id: &str) {
        self.log.lock().unwrap().deleted.insert(id.to_owned());
    }

    pub(super) fn is_deleted(&self, id: &str) -> bool {
        self.log.lock().unwrap().deleted.contains(id)
    }

    pub(super) fn read(&self, user: &str, ids: &[String]) {
        let mut log = self.log.lock().unwrap();
        let read = ids.iter().map(|id| (user.to_owned(), id.clone()));
        log.read.extend(read);
    }

    pub(super) fn reacted(&self, id: &str) {
        self.log.lock().unwrap().reactions.insert(id.to_owned());
    }

    /// The ids of the reactions that were acknowledged.
    pub(super) fn reactions(&self) -> BTreeSet<String> {
        self.log.lock().unwrap().reactions.clone()
    }

    /// The history has all that was acknowledged once, nothing that nobody sent, and what became of it.
    pub(super) fn check(&self, history: &[StoredMessage]) {
        let log = self.log.lock().unwrap();
        let mut ids = HashSet::new();
        let mut contents = HashSet::new();
        let mut names = HashSet::new();
        let by_id: HashMap<_, _> = log
            .tried
            .iter()
            .filter_map(|entry| Some((entry.1.id.as_deref()?, entry)))
            .collect();
        for message in history {
            assert!(ids.insert(&*message.id), "twice: {message:?}");
            if let Some(temp_id) = &message.temp_id {
                let first = names.insert((&message.sender, temp_id));
                assert!(first, "a second one with the same tempId: {message:?}");
            }
            let (content, tried) = by_id
                .get(&*message.id)
                .copied()
                .or_else(|| log.tried.get_key_value(&message.content))
                .unwrap_or_else(|| panic!("nobody sent {message:?}"));
            assert!(contents.insert(content), "stored twice: {message:?}");
            assert_eq!(message.sender, tried.user);
            assert_eq!(message.temp_id, tried.temp_id);
            let expected = match log.edited.get(&message.id) {
                _ if log.deleted.contains(&message.id) => "null",
                Some(edited) => edited,
                None => content,
            };
            assert_eq!(message.content, expected, "{message:?}");
        }
        for id in &log.acknowledged {
            assert!(ids.contains(&**id), "{id} was acknowledged and is lost");
        }
    }

    /// How many messages of a history a user has not read.
    pub(super) fn unread(&self, user: &str, history: &[StoredMessage]) -> usize {
        let log = self.log.lock().unwrap();
        let is_unread = |message: &&StoredMessage| {
            let read = log.read.contains(&(user.to_owned(), message.id.clone()));
            message.sender != user && !read && !log.deleted.contains(&message.id)
        };
        history.iter().filter(is_unread).count()
    }
}

/// What becomes of a conversation by these facts, one after the other: the ids and contents of its messages.
pub(super) fn outcome(changes: &[Change]) -> Vec<(String, String)> {
    let mut messages: Vec<(String, String)> = Vec::new();
    let mut positions = HashMap::new();
    for change in changes {
        let position = positions.get(change.id()).copied();
        match (change, position) {
            (Change::New { id, content }, None) => {
                positions.insert(id.clone(), messages.len());
                messages.push((id.clone(), content.clone()));
            }
            (Change::Edited { content, .. }, Some(position)) => {
                let before = &mut messages[position].1;
                assert_ne!(before, "null", "edited after it was deleted: {change:?}");
                before.clone_from(content);
            }
            (Change::Deleted { .. }, Some(position)) => {
                let before = std::mem::replace(&mut messages[position].1, "null".to_owned());
                assert_ne!(before, "null", "deleted twice: {change:?}");
            }
            (Change::New { .. }, Some(_)) => panic!("received twice: {change:?}"),
            (_, None) => panic!("changed before it was received: {change:?}"),
        }
    }
    messages
}
