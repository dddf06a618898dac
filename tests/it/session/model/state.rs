//! A simple model of a session: who is in it, and what each socket is sent when something is done in it.

use std::collections::BTreeMap;

use super::{SOCKETS, USERS};

/// What a socket was sent, without what the model cannot know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Received {
    Joined(String),
    Left(String),
    History(Vec<String>),
    Metadata,
    /// Members with a key: who, which key, and which membership of theirs.
    Keys(Vec<(String, String, Membership)>),
    Message(String),
    Sent(String),
    Refused(String),
}

/// Numbers what has one `joinedAt`.
pub(super) type Membership = usize;

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub user: usize,
    socket: usize,
    key: Option<String>,
    pub membership: Membership,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    exists: bool,
    pub members: Vec<Member>,
    /// Keys of those who were cut off and may come back.
    stored: BTreeMap<usize, String>,
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
        self.members.iter().find(|member| member.socket == socket)
    }

    fn send_to(&mut self, to: impl Fn(usize) -> bool, what: &Received) {
        for member in &self.members {
            if to(member.socket) {
                self.received[member.socket].push(what.clone());
            }
        }
    }

    fn keys(&self, but: Option<usize>) -> Received {
        let received = self
            .members
            .iter()
            .filter(|member| Some(member.user) != but);
        let entry = |member: &Member| {
            let key = member.key.clone()?;
            Some((USERS[member.user].to_owned(), key, member.membership))
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
        let stored = self.stored.remove(&user);
        match known {
            Some(at) => {
                let member = &mut self.members[at];
                member.socket = socket;
                member.key = key.or(member.key.take());
            }
            None => {
                self.memberships += 1;
                let membership = self.memberships;
                self.members.push(Member {
                    user,
                    socket,
                    key: key.or(stored),
                    membership,
                });
            }
        }
        // A socket is one member: who it was before is gone, which is sent first.
        let was = |member: &Member| member.socket == socket && member.user != user;
        if let Some(at) = self.members.iter().position(was) {
            let before = self.members.remove(at);
            self.gone(&before);
            let left = Received::Left(USERS[before.user].to_owned());
            self.send_to(|other| other != socket, &left);
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

    /// A member whose connection is not its any more.
    fn gone(&mut self, member: &Member) {
        if let Some(key) = &member.key {
            self.stored.insert(member.user, key.clone());
        }
    }

    pub(super) fn depart(&mut self, socket: usize, leaves: bool) {
        let Some(at) = self
            .members
            .iter()
            .position(|member| member.socket == socket)
        else {
            if leaves {
                self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned()));
            }
            return;
        };
        let member = self.members.remove(at);
        if leaves && self.members.is_empty() {
            let (memberships, keys, messages) = (self.memberships, self.keys, self.messages);
            *self = Self {
                memberships,
                keys,
                messages,
                ..Self::default()
            };
            return;
        }
        if !leaves {
            self.gone(&member);
        }
        self.send_to(|_| true, &Received::Left(USERS[member.user].to_owned()));
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
        let recipient = recipient.map(|member| member.socket);
        match to {
            None => self.send_to(|other| other != socket, &message),
            Some(_) => self.send_to(|other| Some(other) == recipient, &message),
        }
        self.received[socket].push(Received::Sent(id.to_owned()));
    }

    pub(super) fn save_key(&mut self, socket: usize, key: &str) {
        match self
            .members
            .iter_mut()
            .find(|member| member.socket == socket)
        {
            Some(member) => {
                member.key = Some(key.to_owned());
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
