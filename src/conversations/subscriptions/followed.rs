//! How far this node has followed the log of a conversation, and what waits for its turn there. It must
//! not know how a change is stored, published or worded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::watch;

use crate::model::UserId;
use crate::model::conversation::{
    ChangeNumber, ConversationEvent, LoggedEvent, NumberedEvent, Role,
};

/// Maximum number of changes that wait for their turn, and of the bytes of their messages. What comes
/// beyond is dropped, and read from the store when its turn comes.
const MAX_WAITING: usize = 256;
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// Participants who do not see the whole history, each with the change behind which they see it.
pub(in crate::conversations) type Newcomers = Arc<HashMap<UserId, ChangeNumber>>;

/// The log of a conversation, as far as the subscribers on this node have received it.
#[derive(Debug)]
pub(in crate::conversations) struct Followed {
    number: ChangeNumber,
    /// The participants after that change, once somebody had to know them.
    participants: Option<HashMap<UserId, Role>>,
    /// Those of them who do not see the whole history, once somebody had to know them.
    newcomers: Option<Newcomers>,
    /// Changes that came ahead of their turn.
    waiting: BTreeMap<ChangeNumber, LoggedEvent>,
    waiting_bytes: usize,
    /// Tells those who wait how far it is, while there are any.
    progress: Option<watch::Sender<ChangeNumber>>,
    /// A task is about to close a gap.
    pub(in crate::conversations) is_being_closed: bool,
}

impl Followed {
    /// Followed from here on: the subscribers have received everything up to this change.
    pub(in crate::conversations) fn from(number: ChangeNumber) -> Self {
        Self {
            number,
            participants: None,
            newcomers: None,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            progress: None,
            is_being_closed: false,
        }
    }

    /// The last change that the subscribers have received.
    pub(in crate::conversations) fn number(&self) -> ChangeNumber {
        self.number
    }

    /// The participants after that change, if they are known.
    pub(in crate::conversations) fn participants(&self) -> Option<&HashMap<UserId, Role>> {
        self.participants.as_ref()
    }

    /// The participants were read. What happens later changes them.
    pub(in crate::conversations) fn set_participants(&mut self, all: HashMap<UserId, Role>) {
        self.participants = Some(all);
        self.newcomers = None;
    }

    /// Those of the participants who do not see the whole history, if they are known.
    pub(in crate::conversations) fn newcomers(&self) -> Option<Newcomers> {
        self.newcomers.clone()
    }

    /// These were read. Who is added later has to be read again.
    pub(in crate::conversations) fn set_newcomers(&mut self, newcomers: Newcomers) {
        self.newcomers = Some(newcomers);
    }

    /// A change that was published. It is dropped when it was received before, or when too many wait.
    pub(in crate::conversations) fn offer(&mut self, change: NumberedEvent) {
        let NumberedEvent { number, event } = change;
        if number <= self.number || self.waiting.contains_key(&number) {
            return;
        }
        let size = size_of(&event);
        let is_next = number == self.number.next();
        let has_room = self.waiting.len() < MAX_WAITING
            && self.waiting_bytes.saturating_add(size) <= MAX_WAITING_BYTES;
        if is_next || has_room {
            self.waiting_bytes = self.waiting_bytes.saturating_add(size);
            self.waiting.insert(number, event);
        }
    }

    /// The next change, if it is there.
    pub(in crate::conversations) fn next(&self) -> Option<&LoggedEvent> {
        self.waiting.get(&self.number.next())
    }

    /// Takes the next change, if it is there, and follows the participants.
    pub(in crate::conversations) fn take_next(&mut self) -> Option<LoggedEvent> {
        let next = self.number.next();
        let event = self.waiting.remove(&next)?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(size_of(&event));
        self.number = next;
        if let Some(participants) = &mut self.participants {
            apply(&event, participants);
        }
        if matches!(event, LoggedEvent::Added { .. }) {
            self.newcomers = None;
        }
        if let Some(progress) = &self.progress {
            progress.send_replace(next);
        }
        Some(event)
    }

    /// Follows how far it is.
    pub(in crate::conversations) fn progress(&mut self) -> watch::Receiver<ChangeNumber> {
        let number = self.number;
        let progress = self
            .progress
            .get_or_insert_with(|| watch::Sender::new(number));
        progress.subscribe()
    }
}

fn apply(event: &LoggedEvent, participants: &mut HashMap<UserId, Role>) {
    match event {
        LoggedEvent::Created {
            participants: first,
            ..
        } => {
            participants.extend(first.iter().cloned());
        }
        LoggedEvent::Added {
            user,
            role,
            in_place_of,
            is_ignored,
            ..
        } => {
            if let Some(pending) = in_place_of {
                participants.remove(pending);
            }
            if !is_ignored {
                participants.insert(user.clone(), *role);
            }
        }
        LoggedEvent::RoleChanged { user, role } => {
            if let Some(known) = participants.get_mut(user) {
                *known = *role;
            }
        }
        LoggedEvent::Ended { user, .. } => {
            participants.remove(user);
        }
        LoggedEvent::Event(_)
        | LoggedEvent::Invited { .. }
        | LoggedEvent::Uninvited { .. }
        | LoggedEvent::KeyRotated { .. }
        | LoggedEvent::Described(_)
        | LoggedEvent::Nothing => {}
    }
}

/// The approximate size in bytes of what a change holds.
fn size_of(event: &LoggedEvent) -> usize {
    match event {
        LoggedEvent::Event(
            ConversationEvent::Sent { message, .. } | ConversationEvent::Edited(message),
        ) => message.size(),
        LoggedEvent::Created {
            participants,
            invited,
            change,
            ..
        } => (participants.len() + invited.len()) * 64 + change.extra.size(),
        LoggedEvent::Event(
            ConversationEvent::Reacted { extra, .. } | ConversationEvent::Unreacted { extra, .. },
        ) => extra.size(),
        LoggedEvent::Added { change, .. } => change.extra.size(),
        LoggedEvent::Described(described) => described.extra.size(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: u64) -> NumberedEvent {
        NumberedEvent {
            number: ChangeNumber::new(number),
            event: LoggedEvent::Nothing,
        }
    }

    fn taken(followed: &mut Followed) -> u64 {
        let mut count = 0;
        while followed.take_next().is_some() {
            count += 1;
        }
        count
    }

    #[test]
    fn changes_are_taken_in_their_order_each_once() {
        let mut followed = Followed::from(ChangeNumber::new(4));
        for number in [7, 6, 3, 6] {
            followed.offer(change(number));
        }
        assert_eq!(taken(&mut followed), 0, "5 is missing");
        followed.offer(change(5));
        assert_eq!(taken(&mut followed), 3);
        assert_eq!(followed.number(), ChangeNumber::new(7));
        followed.offer(change(7));
        assert_eq!(taken(&mut followed), 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut followed = Followed::from(ChangeNumber::START);
        for number in 2..10_000 {
            followed.offer(change(number));
        }
        followed.offer(change(1));
        assert_eq!(taken(&mut followed), 1 + MAX_WAITING as u64);
        assert!(followed.waiting.is_empty() && followed.waiting_bytes == 0);
    }

    #[test]
    fn the_participants_are_those_after_the_last_change() {
        let user = |name: &str| UserId::parse(name).unwrap();
        let mut followed = Followed::from(ChangeNumber::START);
        let all = [("ann", Role::Admin), ("bo", Role::Member)];
        followed.set_participants(all.map(|(name, role)| (user(name), role)).into());
        // Who is no participant does not become one.
        let roles = [
            ("ann", Role::Member),
            ("bo", Role::Admin),
            ("cy", Role::Admin),
        ];
        for (number, (name, role)) in roles.into_iter().enumerate() {
            let event = LoggedEvent::RoleChanged {
                user: user(name),
                role,
            };
            let number = ChangeNumber::new(number as u64 + 1);
            followed.offer(NumberedEvent { number, event });
        }
        assert_eq!(taken(&mut followed), 3);
        let expected = [(user("ann"), Role::Member), (user("bo"), Role::Admin)];
        assert_eq!(followed.participants(), Some(&expected.into()));
    }
}
