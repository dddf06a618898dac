//! A conversation as one device sees it: what it is sent while it is subscribed, and what it fetches of what it missed,
//! put together as clients do.

use std::collections::HashSet;

use crate::conversation::{Change, Received, StoredMessage};

#[derive(Default)]
pub(super) struct View {
    /// Under which id, as JSON text; `None` while it is not subscribed.
    subscribed: Option<String>,
    /// All messages that it knows, in its order.
    seen: Vec<String>,
    known: HashSet<String>,
    /// What it was sent since it is subscribed.
    received: HashSet<String>,
    /// What it was sent and did not append, because something may be missing before it.
    waiting: Vec<String>,
    is_whole: bool,
}

impl View {
    pub(super) fn is_subscribed(&self) -> bool {
        self.subscribed.is_some()
    }

    /// What is sent from now on is for this view, with this id. It has to be fetched what was missed.
    pub(super) fn subscribe(&mut self, id: &str) {
        self.subscribed = Some(id.to_owned());
        self.received.clear();
        self.is_whole = false;
    }

    /// Nothing may be sent any more. What waits is lost to it.
    pub(super) fn unsubscribe(&mut self) {
        self.subscribed = None;
        self.waiting.clear();
        self.is_whole = false;
    }

    pub(super) fn last(&self) -> Option<&str> {
        self.seen.last().map(String::as_str)
    }

    pub(super) fn seen(&self) -> &[String] {
        &self.seen
    }

    /// A new message is sent; it is appended when nothing can be missing before it.
    pub(super) fn receive(&mut self, received: &Received) {
        let id = received.change.id();
        let expected = self.subscribed.as_ref();
        assert_eq!(Some(&received.conversation), expected, "{received:?}");
        if matches!(received.change, Change::New { .. }) {
            assert!(
                self.received.insert(id.to_owned()),
                "received twice: {received:?}"
            );
            self.waiting.push(id.to_owned());
            if self.is_whole {
                self.append();
            }
        }
    }

    /// The messages after the last one that it knows were fetched.
    pub(super) fn fetched(&mut self, missed: &[StoredMessage]) {
        for message in missed {
            let new = self.known.insert(message.id.clone());
            assert!(new, "fetched again: {message:?}");
            self.seen.push(message.id.clone());
        }
        self.is_whole = true;
        self.append();
    }

    fn append(&mut self) {
        for id in self.waiting.drain(..) {
            if self.known.insert(id.clone()) {
                let last = self.seen.last();
                assert!(last.is_none_or(|last| *last < id), "{id} after {last:?}");
                self.seen.push(id);
            }
        }
    }

    /// It has all of these.
    pub(super) fn has(&self, due: &[String]) {
        for id in due {
            assert!(self.known.contains(id), "{id} is missing");
        }
    }

    /// It is the history, as far as it goes.
    pub(super) fn check(&self, history: &[StoredMessage]) {
        let history: Vec<_> = history.iter().map(|message| &message.id).collect();
        let seen: Vec<_> = self.seen.iter().collect();
        assert!(history.len() >= seen.len());
        let differ = seen
            .iter()
            .zip(&history)
            .position(|(one, other)| one != other);
        assert_eq!(differ, None, "of {} messages", seen.len());
    }
}
