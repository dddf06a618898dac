//! A simple model of a session: who is in it, and what each socket is sent when something is done in it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use super::{SOCKETS, USERS};

/// What a socket was sent, without what the model cannot know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Received {
    Joined(String),
    Left(String),
    History(Vec<String>),
    Metadata,
    /// Members with a key: who, which key, which membership of theirs, and whether it was another before.
    Keys(Vec<(String, String, Membership, bool)>),
    Message(String),
    Sent(String),
    Refused(String),
}

/// Numbers what has one `joinedAt`.
pub(super) type Membership = usize;

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub user: usize,
    sockets: Vec<usize>,
    key: Key,
    pub membership: Membership,
}

/// A key, if there is one, and whether it took the place of another.
#[derive(Debug, Clone, Default)]
struct Key {
    text: Option<String>,
    is_changed: bool,
}

impl Key {
    /// Sets a key; whether another one was known.
    fn set(&mut self, text: String) -> bool {
        let known = self.text.replace(text);
        let is_changed = known.is_some() && known != self.text;
        self.is_changed |= is_changed;
        is_changed
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    exists: bool,
    pub members: Vec<Member>,
    /// Keys of those who were cut off and may come back.
    stored: BTreeMap<usize, Key>,
    /// Who has left, and on which socket, since it was connected.
    left: BTreeSet<usize>,
    pub left_on: [BTreeSet<usize>; SOCKETS],
    /// Messages: id, from, to.
    history: Vec<(String, usize, Option<usize>)>,
    memberships: usize,
    pub keys: usize,
    pub messages: usize,
    /// What each socket is sent by the present step.
    pub received: [Vec<Received>; SOCKETS],
}

impl Model {
    pub(super) fn on(&self, socket: usize) -> Option<&Member> {
        let mut members = self.members.iter();
        members.find(|member| member.sockets.contains(&socket))
    }

    /// Whether the member on this socket is on another one, too.
    pub(super) fn is_on_another(&self, socket: usize) -> bool {
        self.on(socket)
            .is_some_and(|member| member.sockets.len() > 1)
    }

    /// The key that is known of a user.
    pub(super) fn key_of(&self, user: usize) -> Option<String> {
        let member = self.members.iter().find(|member| member.user == user);
        let key = member.map(|member| &member.key);
        key.or(self.stored.get(&user))?.text.clone()
    }

    fn send_to(&mut self, to: impl Fn(usize) -> bool, what: &Received) {
        for &socket in self.members.iter().flat_map(|member| &member.sockets) {
            if to(socket) {
                self.received[socket].push(what.clone());
            }
        }
    }

    fn keys(&self, but: Option<usize>) -> Received {
        let received = self
            .members
            .iter()
            .filter(|member| Some(member.user) != but);
        let entry = |member: &Member| {
            let key = member.key.text.clone()?;
            let user = USERS[member.user].to_owned();
            Some((user, key, member.membership, member.key.is_changed))
        };
        Received::Keys(received.filter_map(entry).collect())
    }

    fn send_keys(&mut self) {
        let keys = self.keys(None);
        self.send_to(|_| true, &keys);
    }

    pub(super) fn join(&mut self, socket: usize, user: usize, creator: bool, key: Option<String>) {
        if !self.exists && !creator {
            self.received[socket].push(Received::Refused("SESSION_NOT_FOUND".to_owned()));
            return;
        }
        self.exists = true;
        let known = self.members.iter().position(|member| member.user == user);
        let before = self.on(socket).map(|member| member.user);
        let at = known.unwrap_or_else(|| {
            self.memberships += 1;
            self.members.push(Member {
                user,
                sockets: Vec::new(),
                key: self.stored.remove(&user).unwrap_or_default(),
                membership: self.memberships,
            });
            self.members.len() - 1
        });
        if !self.members[at].sockets.contains(&socket) {
            self.members[at].sockets.push(socket);
        }
        if let Some(key) = key {
            self.set_key(at, socket, key);
        }
        // A socket is one member: who it was before leaves it, which is sent first.
        if let Some(before) = before.filter(|before| *before != user) {
            self.left_on[socket].insert(before);
            self.leave_socket(before, socket);
        }
        if known.is_none() {
            let joined = Received::Joined(USERS[user].to_owned());
            self.send_to(|other| other != socket, &joined);
        }
        let may_see = |(_, from, to): &&(String, usize, Option<usize>)| {
            to.is_none() || *from == user || *to == Some(user)
        };
        let seen = self.history.iter().filter(may_see);
        let history = Received::History(seen.map(|(id, ..)| id.clone()).collect());
        self.received[socket].extend([history, Received::Metadata]);
        self.send_keys();
    }

    /// Another key takes the place of the member on the other sockets.
    fn set_key(&mut self, at: usize, socket: usize, key: String) {
        let member = &mut self.members[at];
        if member.key.set(key) {
            for displaced in member.sockets.extract_if(.., |other| *other != socket) {
                self.received[displaced].push(Received::Refused("REPLACED".to_owned()));
            }
        }
    }

    /// A member is on a socket no more. It, if it is on none.
    fn leave_socket(&mut self, user: usize, socket: usize) -> Option<Member> {
        let at = self.members.iter().position(|member| member.user == user)?;
        self.members[at].sockets.retain(|other| *other != socket);
        let is_gone = self.members[at].sockets.is_empty();
        let gone = is_gone.then(|| self.members.remove(at))?;
        let left = Received::Left(USERS[user].to_owned());
        self.send_to(|other| other != socket, &left);
        Some(gone)
    }

    /// Who is not there may have left already.
    pub(super) fn leave(&mut self, socket: usize, user: usize) {
        if self.on(socket).is_some() {
            self.note_left(socket, user);
            self.depart(socket, true);
        } else if !self.left.contains(&user) && !self.left_on[socket].contains(&user) {
            self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned()));
        }
    }

    pub(super) fn note_left(&mut self, socket: usize, user: usize) {
        self.left.insert(user);
        self.left_on[socket].insert(user);
    }

    pub(super) fn depart(&mut self, socket: usize, leaves: bool) {
        let Some(user) = self.on(socket).map(|member| member.user) else {
            return;
        };
        let Some(gone) = self.leave_socket(user, socket) else {
            return;
        };
        if leaves && self.members.is_empty() {
            let (memberships, keys, messages) = (self.memberships, self.keys, self.messages);
            let (left, left_on) = (take(&mut self.left), take(&mut self.left_on));
            *self = Self {
                memberships,
                keys,
                messages,
                left,
                left_on,
                ..Self::default()
            };
            return;
        }
        if !leaves {
            self.stored.insert(user, gone.key);
        }
        self.send_keys();
    }

    pub(super) fn send(&mut self, socket: usize, to: Option<usize>, id: &str) {
        let Some(from) = self.on(socket).map(|member| member.user) else {
            self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned()));
            return;
        };
        self.history.push((id.to_owned(), from, to));
        let message = Received::Message(id.to_owned());
        let recipient = self.members.iter().find(|member| Some(member.user) == to);
        let sockets = recipient.map_or_else(Vec::new, |member| member.sockets.clone());
        match to {
            None => self.send_to(|other| other != socket, &message),
            Some(_) => self.send_to(|other| sockets.contains(&other), &message),
        }
        self.received[socket].push(Received::Sent(id.to_owned()));
    }

    pub(super) fn save_key(&mut self, socket: usize, key: &str) {
        let mut members = self.members.iter();
        match members.position(|member| member.sockets.contains(&socket)) {
            Some(at) => {
                self.set_key(at, socket, key.to_owned());
                self.send_keys();
            }
            None => self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned())),
        }
    }

    /// What `get-public-keys` answers.
    pub(super) fn keys_for(&self, socket: usize) -> Received {
        match self.on(socket) {
            Some(member) => self.keys(Some(member.user)),
            None => Received::Keys(Vec::new()),
        }
    }
}
