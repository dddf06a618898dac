//! Properties of any sequence of operations: a store and a plain model of it answer alike.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::properties::check;
use super::subject::*;
use crate::model::UserId;
use crate::model::conversation::*;

const NAMES: [&str; 3] = ["ann", "bo", "cy"];

/// An operation of a user; message indexes wrap around.
#[derive(Debug, Clone)]
enum Step {
    Send,
    Edit(usize),
    Delete(usize),
    Hide(usize),
    Read(Vec<usize>),
    Join(u64),
    Reach(usize, Vec<usize>),
    Leave,
    Add,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let message = 0..12_usize;
    let step = prop_oneof![
        5 => Just(Step::Send),
        1 => message.clone().prop_map(Step::Edit),
        1 => message.clone().prop_map(Step::Delete),
        1 => message.clone().prop_map(Step::Hide),
        2 => prop::collection::vec(message.clone(), 0..4).prop_map(Step::Read),
        2 => (1_u64..4).prop_map(Step::Join),
        2 => (message, prop::collection::vec(0..NAMES.len(), 0..3))
            .prop_map(|(message, users)| Step::Reach(message, users)),
        1 => Just(Step::Leave),
        2 => Just(Step::Add),
    ];
    prop::collection::vec((0..NAMES.len(), step), 1..60)
}

/// The expected state of a store, written down as plainly as can be.
#[derive(Debug, Default)]
struct Model {
    messages: Vec<ModelMessage>,
    /// Since which message each user is an active participant; `None`: they are not.
    since: [Option<usize>; 3],
    admins: BTreeSet<usize>,
}

#[derive(Debug)]
struct ModelMessage {
    id: MessageId,
    sender: usize,
    text: String,
    deleted: bool,
    hidden: BTreeSet<usize>,
    reached: BTreeSet<usize>,
    read: BTreeSet<usize>,
}

impl Model {
    fn counts_as_unread(&self, user: usize, index: usize) -> bool {
        let message = &self.messages[index];
        self.since[user].is_some_and(|since| index >= since)
            && message.sender != user
            && !message.deleted
            && !message.hidden.contains(&user)
    }

    fn unread(&self, user: usize) -> usize {
        let unread = |index: &usize| {
            self.counts_as_unread(user, *index) && !self.messages[*index].read.contains(&user)
        };
        (0..self.messages.len()).filter(unread).count()
    }

    fn seen(&self, user: usize) -> Vec<String> {
        let visible = self.messages.iter();
        let visible = visible.filter(|message| !message.hidden.contains(&user));
        visible.map(|message| message.text.clone()).collect()
    }
}

/// A store and its model.
struct Pair<'a> {
    subject: &'a Subject,
    at: ConversationId,
    model: Model,
}

impl Pair<'_> {
    async fn step(&mut self, who: usize, step: &Step) {
        let is_active = self.model.since[who].is_some();
        let count = self.model.messages.len();
        let position = |index: usize| (count > 0).then(|| index % count);
        match step {
            Step::Add => self.add(who).await,
            Step::Leave => self.leave(who).await,
            Step::Reach(index, users) => {
                if let Some(index) = position(*index) {
                    self.reach(index, users).await;
                }
            }
            // Other tests check that everything else is rejected.
            _ if !is_active => {}
            Step::Send => self.send(who).await,
            Step::Join(most) => self.join(who, *most).await,
            Step::Read(indexes) => {
                let indexes = indexes.iter().filter_map(|index| position(*index));
                self.read(who, indexes.collect()).await;
            }
            Step::Edit(index) | Step::Delete(index) | Step::Hide(index) => {
                if let Some(index) = position(*index) {
                    self.change(who, step, index).await;
                }
            }
        }
    }

    async fn add(&mut self, who: usize) {
        let role = if who == 0 { Role::Admin } else { Role::Member };
        let new = participant(NAMES[who], role);
        let added = self
            .subject
            .stores
            .participants
            .add(&self.at, &new, &ChangedBy::Admin, MAX_ACTIVE)
            .await;
        assert_eq!(
            added.unwrap().change.is_none(),
            self.model.since[who].is_some()
        );
        let count = self.model.messages.len();
        if self.model.since[who].is_none() {
            self.model.since[who] = Some(count);
            self.model
                .admins
                .extend((role == Role::Admin).then_some(who));
        }
    }

    async fn leave(&mut self, who: usize) {
        let (stores, name) = (&self.subject.stores, user(NAMES[who]));
        let ended = stores.participants.end(&self.at, &name, &ChangedBy::Admin);
        let was_active = self.model.since[who].take().is_some();
        // Whoever is no participant was made none by the same administrator.
        let ended = ended.await.unwrap().unwrap();
        assert_eq!(ended.change.is_some(), was_active);
        // All joined at the same time.
        let model = &mut self.model;
        let was_last = model.admins.remove(&who) && model.admins.is_empty();
        let oldest = model.since.iter().position(Option::is_some);
        let promoted = oldest.filter(|_| was_last);
        model.admins.extend(promoted);
        assert_eq!(ended.consequence.is_some(), promoted.is_some());
    }

    async fn send(&mut self, who: usize) {
        let text = self.model.messages.len().to_string();
        let sent = self.subject.send(self.at.as_str(), NAMES[who], &text).await;
        self.model.messages.push(ModelMessage {
            id: sent.id,
            sender: who,
            text,
            deleted: false,
            hidden: BTreeSet::new(),
            reached: BTreeSet::new(),
            read: BTreeSet::new(),
        });
    }

    async fn change(&mut self, who: usize, step: &Step, index: usize) {
        let (stores, name) = (&self.subject.stores, user(NAMES[who]));
        let message = &mut self.model.messages[index];
        match step {
            Step::Edit(_) => {
                let text = format!("[{index},{}]", message.text.len());
                let edited = stores
                    .messages
                    .edit(&self.at, message.id, &name, &edit(&text))
                    .await;
                assert_eq!(edited.is_ok(), message.sender == who && !message.deleted);
                if edited.is_ok() {
                    message.text = text;
                }
            }
            Step::Delete(_) => {
                let deleted = stores.messages.delete(&self.at, message.id, &name).await;
                let may = message.sender == who || self.model.admins.contains(&who);
                assert_eq!(deleted.is_ok(), may);
                if let Ok(deleted) = deleted {
                    assert_eq!(deleted.change.is_none(), message.deleted);
                    message.deleted = true;
                    message.text = "deleted".to_owned();
                }
            }
            _ => {
                let hidden = stores
                    .messages
                    .hide(&self.at, message.id, &name)
                    .await
                    .unwrap();
                assert_eq!(hidden, message.hidden.insert(who));
            }
        }
    }

    async fn read(&mut self, who: usize, indexes: BTreeSet<usize>) {
        let ids: Vec<_> = indexes.iter().map(|i| self.model.messages[*i].id).collect();
        let stores = &self.subject.stores;
        let read = stores
            .receipts
            .mark_read(&self.at, &user(NAMES[who]), &ids)
            .await;
        let mut read: Vec<_> = read.unwrap().messages;
        read.sort();
        let mut expected: Vec<(UserId, Vec<MessageId>)> = Vec::new();
        for (sender, name) in NAMES.iter().enumerate() {
            let mut theirs = Vec::new();
            for index in &indexes {
                let message = &mut self.model.messages[*index];
                if message.sender == sender && sender != who && message.read.insert(who) {
                    message.reached.insert(who);
                    theirs.push(message.id);
                }
            }
            if !theirs.is_empty() {
                expected.push((user(name), theirs));
            }
        }
        assert_eq!(read, expected);
    }

    async fn join(&mut self, who: usize, most: u64) {
        let stores = &self.subject.stores;
        let name = user(NAMES[who]);
        let delivered = stores
            .receipts
            .mark_delivered(&self.at, &name, limit(most))
            .await
            .unwrap();
        let count = self.model.messages.len();
        let mut waiting = (0..count).filter(|index| {
            let reached = self.model.messages[*index].reached.contains(&who);
            self.model.counts_as_unread(who, *index) && !reached
        });
        let now: Vec<_> = waiting.by_ref().take(most as usize).collect();
        assert_eq!(delivered.more, waiting.next().is_some());
        let expected = now.iter().map(|index| {
            let message = &self.model.messages[*index];
            (message.id, user(NAMES[message.sender]))
        });
        assert_eq!(delivered.messages, expected.collect::<Vec<_>>());
        for index in now {
            self.model.messages[index].reached.insert(who);
        }
    }

    async fn reach(&mut self, index: usize, users: &[usize]) {
        let message = &mut self.model.messages[index];
        let names: Vec<_> = users.iter().map(|who| user(NAMES[*who])).collect();
        let sender = user(NAMES[message.sender]);
        let stores = &self.subject.stores;
        let delivered = stores
            .receipts
            .mark_delivered_to(&self.at, message.id, &sender, &names)
            .await;
        let mut expected = Vec::new();
        for who in users {
            let counts = *who != message.sender && self.model.since[*who].is_some();
            if counts && message.reached.insert(*who) {
                expected.push(user(NAMES[*who]));
            }
        }
        assert_eq!(delivered.unwrap(), expected);
    }

    async fn compare(&self) {
        let at = self.at.as_str();
        for (who, name) in NAMES.iter().enumerate() {
            if self.model.since[who].is_none() {
                continue;
            }
            let seen = self.model.seen(who);
            assert_eq!(self.subject.seen(at, name).await, seen);
            assert_eq!(
                self.subject.unread(at, name).await,
                self.model.unread(who) as u64
            );
            let (stores, most) = (&self.subject.stores, limit(200));
            let slice = stores.messages.slice(&self.at, &user(name), 0, most).await;
            assert_eq!(slice.unwrap().total, seen.len() as u64);
        }
    }
}

pub(crate) async fn any_sequence_of_operations_is_as_in_the_model(subject: Subject) {
    check(48, &steps(), async |steps, at| {
        subject.with(&at, &NAMES).await;
        let mut pair = Pair {
            subject: &subject,
            at: conversation(&at),
            model: Model {
                messages: Vec::new(),
                since: [Some(0); 3],
                admins: [0].into(),
            },
        };
        for (who, step) in &steps {
            pair.step(*who, step).await;
            pair.compare().await;
        }
    });
}
