//! Whose turn it is, of the senders who wait until one receiver has room: that of whoever was given the least, so
//! who sends much waits behind their own, and not others behind them. It must not know how much room there is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::model::UserId;

/// The senders to one receiver who wait, and what those will send whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By how much their sender will have been given with it, and in which order they came.
    waiting: BTreeMap<(u64, u64), Arc<Notify>>,
    /// Those of whom something waits.
    senders: HashMap<UserId, Sender>,
    /// How much those have been given whose turn it is: who comes new begins here.
    given: u64,
    count: u64,
    /// Bytes of those whose turn it is.
    granted: usize,
}

#[derive(Debug, Default)]
struct Sender {
    /// How much they will have been given with all of theirs that waits.
    given: u64,
    events: usize,
    bytes: usize,
}

/// A sender's turn, until it is dropped: by then, what was to be sent is counted as what waits for the receiver.
#[must_use]
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    bytes: usize,
}

impl Turns {
    /// Waits until it is the turn of this sender to send so many bytes. `has_room` says whether there is room when
    /// so many are about to be sent. Whoever changes that calls [`look_again`](Self::look_again) afterwards.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        sender: &UserId,
        bytes: usize,
        has_room: impl Fn(usize) -> bool,
    ) -> Turn {
        let waiting = {
            let mut state = self.0.lock();
            if state.waiting.is_empty() && has_room(state.granted) {
                return self.grant(&mut state, bytes);
            }
            let (place, woken) = state.enqueue(sender, bytes);
            Waiting {
                turns: self,
                sender,
                bytes,
                place,
                woken,
            }
        };
        loop {
            {
                let mut state = self.0.lock();
                if state.is_first(waiting.place) && has_room(state.granted) {
                    state.given = state.given.max(waiting.place.0);
                    return self.grant(&mut state, bytes);
                }
            }
            waiting.woken.notified().await;
        }
    }

    fn grant(self: &Arc<Self>, state: &mut State, bytes: usize) -> Turn {
        state.granted += bytes;
        Turn {
            turns: self.clone(),
            bytes,
        }
    }

    /// Bytes of a sender that wait for their turn.
    pub(crate) fn waiting_of(&self, sender: &UserId) -> usize {
        let state = self.0.lock();
        state.senders.get(sender).map_or(0, |sender| sender.bytes)
    }

    /// There may be room now.
    pub(crate) fn look_again(&self) {
        self.0.lock().wake_first();
    }
}

impl State {
    fn enqueue(&mut self, user: &UserId, bytes: usize) -> ((u64, u64), Arc<Notify>) {
        let now = self.given;
        let sender = self.senders.entry(user.clone()).or_default();
        sender.given = sender.given.max(now) + bytes as u64;
        sender.events += 1;
        sender.bytes += bytes;
        self.count += 1;
        let place = (sender.given, self.count);
        let woken = Arc::new(Notify::new());
        self.waiting.insert(place, woken.clone());
        (place, woken)
    }

    fn is_first(&self, place: (u64, u64)) -> bool {
        let first = self.waiting.first_key_value();
        first.is_some_and(|(first, _)| *first == place)
    }

    fn wake_first(&self) {
        if let Some((_, first)) = self.waiting.first_key_value() {
            first.notify_one();
        }
    }
}

/// Something that waits. It does no longer when it is dropped.
struct Waiting<'a> {
    turns: &'a Turns,
    sender: &'a UserId,
    bytes: usize,
    place: (u64, u64),
    woken: Arc<Notify>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.0.lock();
        state.waiting.remove(&self.place);
        if let Some(sender) = state.senders.get_mut(self.sender) {
            sender.events -= 1;
            sender.bytes -= self.bytes;
            if sender.events == 0 {
                state.senders.remove(self.sender);
            }
        }
        // It may have been woken, or been in the way of another.
        state.wake_first();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.0.lock();
        state.granted -= self.bytes;
        state.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    /// A receiver that has room while less than so many bytes wait for it.
    struct Receiver {
        turns: Arc<Turns>,
        backlog: Arc<AtomicUsize>,
        window: usize,
    }

    impl Receiver {
        fn new(window: usize) -> Self {
            Self {
                turns: Arc::default(),
                backlog: Arc::default(),
                window,
            }
        }

        async fn send(&self, sender: &UserId, bytes: usize) {
            let room = |granted| self.backlog.load(Ordering::SeqCst) + granted < self.window;
            let _turn = self.turns.wait(sender, bytes, room).await;
            self.backlog.fetch_add(bytes, Ordering::SeqCst);
        }

        fn take_all(&self) {
            self.backlog.store(0, Ordering::SeqCst);
            self.turns.look_again();
        }
    }

    /// In which order events come through of which each fills the window: those of the senders with these names
    /// and sizes, who all wait from the beginning.
    async fn order(events: &[(&str, usize)]) -> String {
        let receiver = Receiver::new(1);
        receiver.send(&user("first"), 1).await;
        let order = Mutex::new(String::new());
        let sending = events.iter().map(|(name, bytes)| {
            let (receiver, order) = (&receiver, &order);
            Box::pin(async move {
                receiver.send(&user(name), *bytes).await;
                order.lock().push_str(name);
            })
        });
        let mut sending: Vec<_> = sending.collect();
        for one in &mut sending {
            assert!(one.as_mut().now_or_never().is_none());
        }
        for _ in events {
            receiver.take_all();
            sending.retain_mut(|one| one.as_mut().now_or_never().is_none());
        }
        assert!(sending.is_empty());
        let state = receiver.turns.0.lock();
        assert!(state.waiting.is_empty() && state.senders.is_empty() && state.granted == 0);
        order.lock().clone()
    }

    #[tokio::test]
    async fn who_sends_much_waits_behind_their_own() {
        let much = ("m", 1000);
        let little = ("a", 10);
        let both = [much, much, much, little, little, ("b", 1000), ("b", 1000)];
        assert_eq!(order(&both).await, "aambmbm");
    }

    #[tokio::test]
    async fn the_events_of_one_sender_keep_their_order() {
        let receiver = Receiver::new(1);
        receiver.send(&user("first"), 1).await;
        let mallory = user("m");
        let mut large = pin!(receiver.send(&mallory, 1000));
        assert!(large.as_mut().now_or_never().is_none());
        let mut small = pin!(receiver.send(&mallory, 1));
        assert!(small.as_mut().now_or_never().is_none());
        assert_eq!(receiver.turns.waiting_of(&mallory), 1001);
        receiver.take_all();
        assert!(small.as_mut().now_or_never().is_none());
        assert!(large.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_is_about_to_be_sent_takes_room() {
        let receiver = Receiver::new(100);
        let room = |granted| granted < 100;
        let (ann, bo) = (user("ann"), user("bo"));
        let turn = receiver.turns.wait(&ann, 100, room).await;
        let mut waiting = pin!(receiver.turns.wait(&bo, 1, room));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(turn);
        assert!(waiting.now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_gives_up_is_in_nobodys_way() {
        let receiver = Receiver::new(1);
        receiver.send(&user("first"), 1).await;
        let (ann, bo) = (user("ann"), user("bo"));
        let mut first = Box::pin(receiver.send(&ann, 1));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = pin!(receiver.send(&bo, 2));
        assert!(second.as_mut().now_or_never().is_none());
        receiver.take_all();
        drop(first);
        assert!(second.as_mut().now_or_never().is_some());
    }
}
